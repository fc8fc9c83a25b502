import { condition } from '@temporalio/workflow';
import type { TaskNode } from '../../activities/interfaces.js';
import { cloud, kube, wait } from '../lib/activities.js';
import type { ProgressBoard } from '../lib/progress.js';
import type { OperationInput } from '../types.js';

/** Runs `work` for every task as soon as all it depends on is done; the first failure is thrown once nothing runs any more. */
export async function runGraph(tasks: readonly TaskNode[], work: (task: TaskNode) => Promise<void>): Promise<void> {
  const done = new Set<string>();
  const started = new Set<string>();
  let active = 0;
  let failure: { error: unknown } | undefined;
  const launch = (): void => {
    if (failure) return;
    for (const task of tasks) {
      if (started.has(task.id) || !task.dependsOn.every((d) => done.has(d))) continue;
      started.add(task.id);
      active++;
      work(task)
        .then(
          () => {
            done.add(task.id);
          },
          (error: unknown) => {
            failure ??= { error };
          },
        )
        .finally(() => {
          active--;
          launch();
        });
    }
  };
  launch();
  await condition(() => active === 0);
  if (failure) throw failure.error;
  const stuck = tasks.filter((t) => !done.has(t.id)).map((t) => t.id);
  if (stuck.length > 0)
    throw new Error(`the infrastructure graph has a cycle or an unknown dependency at ${stuck.join(', ')}`);
}

/** The graph upside down: what was made last goes first. */
export function reversed(tasks: readonly TaskNode[]): TaskNode[] {
  return [...tasks]
    .reverse()
    .map((t) => ({ ...t, dependsOn: tasks.filter((o) => o.dependsOn.includes(t.id)).map((o) => o.id) }));
}

/** Makes or repairs the infra cluster: the provider's tasks in waves, then the endpoint and the ready flags. */
export async function ensureInfrastructure(input: OperationInput, board: ProgressBoard): Promise<void> {
  if (!input.provider) {
    await board.step('Infrastructure', "the infrastructure provider's object to be provisioned", () =>
      wait.awaitContract.executeWithOptions({ summary: 'Wait for the infra cluster' }, [
        { key: input.key, what: 'infraCluster' },
      ]),
    );
    return;
  }
  const account = cloud(input.cloudQueue);
  const { tasks, wish } = await kube.infraGraph.executeWithOptions({ summary: 'Infrastructure graph' }, [
    { key: input.key },
  ]);
  await runGraph(tasks, (task) =>
    board.step(task.title, `the cloud to finish: ${task.title}`, async () => {
      await account.infraEnsure.executeWithOptions({ summary: task.title }, [{ key: input.key, task: task.id }]);
    }),
  );
  await board.step('Publish the endpoint', undefined, () =>
    account.infraFinish.executeWithOptions({ summary: 'Write endpoint and ready flags' }, [
      { key: input.key, ...(wish === undefined ? {} : { wish }) },
    ]),
  );
}

/** Removes the infra cluster: the tasks in reverse order, each verified absent. */
export async function removeInfrastructure(input: OperationInput, board: ProgressBoard): Promise<void> {
  if (!input.provider) return;
  const account = cloud(input.cloudQueue);
  const { tasks } = await kube.infraGraph.executeWithOptions({ summary: 'Infrastructure graph' }, [{ key: input.key }]);
  await runGraph(reversed(tasks), (task) =>
    board.step(task.title.replace(/^Ensure/, 'Remove'), `the cloud to finish: ${task.title}`, async () => {
      await account.infraRemove.executeWithOptions({ summary: task.title.replace(/^Ensure/, 'Remove') }, [
        { key: input.key, task: task.id },
      ]);
    }),
  );
}
