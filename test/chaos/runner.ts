import { copyFile, cp, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { KINDS } from '../../src/api/types/kinds.js';
import { untilTrue } from '../../src/cli/demo/wait.js';
import type { Point } from '../../src/sandbox/chaos/points.js';
import type { InventoryItem } from '../../src/sandbox/moto/types.js';
import type { Arena } from './arena.js';
import type { Course } from './course.js';
import { type Life, type Lived, live, type Reference } from './life.js';
import { allOpenWorkflows, gone, inventoryChanges, openWorkflows, schedules } from './look.js';
import type { Options } from './options.js';
import type { Report } from './report.js';

/** A life that left something behind which could not be cleaned: nothing after it means anything. */
export class Spoiled extends Error {}

export interface Run {
  readonly arena: Arena;
  readonly options: Options;
  readonly report: Report;
  readonly reference: Reference;
  /** The cloud before anything was done. */
  readonly before: readonly InventoryItem[];
  /** Waits for a signal with everything running, when asked to. */
  readonly hold: (why: string) => Promise<void>;
}

let serial = 0;

/** A new life in a namespace of its own. */
export function newLife(arena: Arena, kind: string, course: Course, more: Partial<Life> = {}): Life {
  const name = `${kind}${++serial}`;
  return {
    target: { namespace: `chaos-${name}`, name },
    course,
    kills: [],
    say: (line) => arena.say(`[${name}] ${line}`),
    ...more,
  };
}

/** Lives one life to its end; a failure becomes a problem, its traces are kept, and the cluster is removed so that others can go on. */
export async function attempt(
  run: Run,
  life: Life,
): Promise<Lived & { readonly claimed: readonly Point[]; readonly pending: readonly Point[] }> {
  const { arena, report } = run;
  const { namespace, name } = life.target;
  let lived: Lived;
  try {
    lived = await live(arena, life, run.reference);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    lived = { seconds: {}, problems: [problem] };
    life.say(`FAILED: ${problem}`);
    await keepTraces(run, life);
    await run.hold(`${name}: ${problem}`);
  }
  const claimed = arena.control.claimed(namespace);
  const pending = arena.control.pending(namespace);
  arena.control.arm(namespace, []);
  report.life(name, lived);
  if (lived.problems.length > 0) await remove(arena, life);
  return { ...lived, claimed, pending };
}

/** Brings a failed life to its end undisturbed. */
async function remove(arena: Arena, life: Life): Promise<void> {
  try {
    await arena.cloud.clearFaults();
    await arena.kube.delete(KINDS.Cluster, life.target);
    await gone(arena, life.target, (line) => life.say(`cleaning: ${line}`));
  } catch (error) {
    throw new Spoiled(
      `${life.target.name} cannot be removed: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** When no life is under way: the cloud must be as before and nothing may run in Temporal. */
export async function aftermath(run: Run): Promise<string[]> {
  const { arena, before } = run;
  const problems: string[] = [];
  await untilTrue('the end of all workflows', 120_000, arena.say, async () => {
    const open = [...(await allOpenWorkflows(arena)), ...(await schedules(arena))];
    return open.length === 0 ? { done: true, note: '' } : { note: `still open: ${open.join(', ')}` };
  }).catch((error: unknown) => problems.push(error instanceof Error ? error.message : String(error)));
  problems.push(...inventoryChanges(before, await arena.cloud.inventory()));
  return problems;
}

/** Logs, objects and histories of a failed life, below the state directory. */
async function keepTraces(run: Run, life: Life): Promise<void> {
  const { arena } = run;
  const dir = path.join(arena.layout.root, 'failures', life.target.name);
  await mkdir(dir, { recursive: true });
  const save = (file: string, value: unknown): Promise<void> =>
    writeFile(path.join(dir, file), JSON.stringify(value, null, 2));
  const quietly = async (work: Promise<unknown>): Promise<void> => {
    await work.catch((error: unknown) =>
      arena.say(`could not keep a trace: ${error instanceof Error ? error.message : String(error)}`),
    );
  };
  for (const kind of Object.values(KINDS))
    if (kind.namespaced && kind !== KINDS.Secret)
      await quietly(
        arena.kube.list(kind, { namespace: life.target.namespace }).then(
          (list) => (list.length > 0 ? save(`${kind.plural}.json`, list) : undefined),
          () => undefined,
        ),
      );
  for (const open of await openWorkflows(arena, life.target).catch(() => [])) {
    const id = open.slice(open.indexOf(' ') + 1);
    await quietly(
      arena.temporal.workflow
        .getHandle(id)
        .describe()
        .then((d) => save(`workflow-${encodeURIComponent(id)}.json`, d.raw)),
    );
    await quietly(
      arena.temporal.workflow
        .getHandle(id)
        .fetchHistory()
        .then((h) => save(`history-${encodeURIComponent(id)}.json`, h)),
    );
  }
  await quietly(arena.cloud.journal({ limit: 2_000 }).then((calls) => save('cloud-calls.json', calls)));
  await quietly(save('journal.json', arena.control.journal(life.target.namespace)));
  await quietly(cp(arena.layout.logs, path.join(dir, 'logs'), { recursive: true }));
  await quietly(copyFile(path.join(arena.layout.machines, 'host.json'), path.join(dir, 'host.json')));
}
