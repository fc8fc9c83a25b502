import { KINDS } from '../../api/types/kinds.js';
import type { ObjectKey } from '../../api/types/meta.js';
import { notYet, PerdureError } from '../../domain/errors.js';
import { ANNOTATION } from '../../domain/names.js';
import type { ActivityDeps } from '../deps.js';
import type { TaskNode } from '../interfaces.js';
import type { Change, EnsureTask } from '../providers/port.js';
import { clusterContext } from './context.js';

/** The provider's graph for this cluster, without effects; empty when the infra object is gone. */
export async function infraGraph(deps: ActivityDeps, key: ObjectKey): Promise<{ tasks: readonly TaskNode[] }> {
  const found = await clusterContext(deps, key);
  if (!found) return { tasks: [] };
  return {
    tasks: found.provider
      .clusterTasks(found.ctx.infraCluster)
      .map(({ id, title, dependsOn }) => ({ id, title, dependsOn })),
  };
}

const describe = (c: Change): string =>
  `${c.action} ${c.resource} ${c.name}${c.detail ? `: ${c.detail}` : ''}`.slice(0, 200);

async function taskOf(deps: ActivityDeps, key: ObjectKey, id: string) {
  const found = await clusterContext(deps, key);
  if (!found) return undefined;
  const task: EnsureTask | undefined = found.provider.clusterTasks(found.ctx.infraCluster).find((t) => t.id === id);
  if (!task) throw new PerdureError('Bug', `infrastructure task ${id} is unknown to provider ${found.provider.name}`);
  return { ...found, task };
}

/** Observe → plan → apply of one task inside one call. Idempotent; answers what it changed, for people. */
export async function infraEnsure(
  deps: ActivityDeps,
  key: ObjectKey,
  id: string,
): Promise<{ changes: readonly string[] }> {
  const found = await taskOf(deps, key, id);
  if (!found)
    throw new PerdureError(
      'NotFound',
      `the infrastructure object of Cluster ${key.namespace}/${key.name} does not exist; create it or correct spec.infrastructureRef`,
    );
  const { task, ctx, provider } = found;
  try {
    const observed = await task.observe(ctx);
    const changes = task.plan(ctx, observed);
    await task.apply(ctx, observed, changes);
    return { changes: changes.slice(0, 50).map(describe) };
  } catch (error) {
    throw ctx.signal.aborted ? error : provider.classify(error);
  }
}

/** Endpoint, failure domains and ready flags; remembers which generation of the infra spec the cloud now matches. */
export async function infraFinish(deps: ActivityDeps, key: ObjectKey): Promise<void> {
  const found = await clusterContext(deps, key);
  if (!found) return;
  const { provider, ctx } = found;
  let usable: boolean;
  try {
    usable = await provider.finishCluster(ctx);
  } catch (error) {
    throw ctx.signal.aborted ? error : provider.classify(error);
  }
  if (!usable) throw notYet(`the infrastructure of Cluster ${key.namespace}/${key.name} is not usable yet`, 1_000);
  await deps.kube.modify(
    provider.clusterKind,
    { namespace: key.namespace, name: ctx.infraCluster.metadata.name },
    (current) => {
      const generation = String(current.metadata.generation ?? 0);
      if (current.metadata.annotations?.[ANNOTATION.appliedGeneration] === generation) return undefined;
      return {
        ...current,
        metadata: {
          ...current.metadata,
          annotations: { ...current.metadata.annotations, [ANNOTATION.appliedGeneration]: generation },
        },
      };
    },
    { signal: ctx.signal },
  );
  if (ctx.cluster.metadata.annotations?.[ANNOTATION.drift] !== undefined) {
    await deps.kube.mergePatch(
      KINDS.Cluster,
      { namespace: key.namespace, name: key.name },
      { metadata: { annotations: { [ANNOTATION.drift]: null } } },
      { signal: ctx.signal },
    );
  }
}

/** Removes one task's resources and resolves when they are observed absent. */
export async function infraRemove(deps: ActivityDeps, key: ObjectKey, id: string): Promise<void> {
  const found = await taskOf(deps, key, id);
  if (!found) return;
  try {
    await found.task.remove(found.ctx);
  } catch (error) {
    throw found.ctx.signal.aborted ? error : found.provider.classify(error);
  }
}
