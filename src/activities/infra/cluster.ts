import { KINDS } from '../../api/types/kinds.js';
import type { ObjectKey } from '../../api/types/meta.js';
import { notYet, PerdureError } from '../../domain/errors.js';
import { ANNOTATION } from '../../domain/names.js';
import { wishOf } from '../../domain/user-spec.js';
import type { ActivityDeps } from '../deps.js';
import type { InfraGraph } from '../interfaces.js';
import { unlessGone } from '../kube/write.js';
import type { Change, EnsureTask } from '../providers/port.js';
import { classifiedFor } from './about.js';
import { clusterContext, type FoundCluster, requireCluster } from './context.js';

/** The provider's graph for this cluster, without effects; empty when the infra object is gone. */
export async function infraGraph(deps: ActivityDeps, key: ObjectKey): Promise<InfraGraph> {
  const found = await clusterContext(deps, key);
  if (!found) return { tasks: [] };
  return {
    wish: wishOf(found.ctx.infraCluster),
    tasks: found.provider
      .clusterTasks(found.ctx.infraCluster)
      .map(({ id, title, dependsOn }) => ({ id, title, dependsOn })),
  };
}

/** Of no object: generations begin at 1. */
const NO_GENERATION = '0';

const describe = (c: Change): string =>
  `${c.action} ${c.resource} ${c.name}${c.detail ? `: ${c.detail}` : ''}`.slice(0, 200);

type Found = FoundCluster & { readonly task: EnsureTask };

function withTask(found: FoundCluster, id: string): Found {
  const task = found.provider.clusterTasks(found.ctx.infraCluster).find((t) => t.id === id);
  if (!task) throw new PerdureError('Bug', `infrastructure task ${id} is unknown to provider ${found.provider.name}`);
  return { ...found, task };
}

/** What `work` throws as the provider classifies it, with the infra object in front. */
export async function classified<T>({ provider, ctx }: FoundCluster, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw ctx.signal.aborted ? error : classifiedFor(provider, ctx.infraCluster, error);
  }
}

/** Observe → plan → apply of one task inside one call. Idempotent; answers what it changed, for people. */
export async function infraEnsure(
  deps: ActivityDeps,
  key: ObjectKey,
  id: string,
): Promise<{ changes: readonly string[] }> {
  const found = withTask(await requireCluster(deps, key), id);
  const { task, ctx } = found;
  return classified(found, async () => {
    const observed = await task.observe(ctx);
    const changes = task.plan(ctx, observed);
    await task.apply(ctx, observed, changes);
    return { changes: changes.slice(0, 50).map(describe) };
  });
}

/**
 * Endpoint, failure domains and ready flags; remembers which generation of the infra spec the cloud now matches. `wish` is what was wished when the graph
 * was made: if that is not what is wished now, a part of the graph may not know yet, and none is remembered as matched.
 */
export async function infraFinish(deps: ActivityDeps, key: ObjectKey, wish?: string): Promise<void> {
  const found = await clusterContext(deps, key);
  if (!found) return;
  const { provider, ctx } = found;
  const usable = await classified(found, () => provider.finishCluster(ctx));
  if (!usable) throw notYet(`the infrastructure of Cluster ${key.namespace}/${key.name} is not usable yet`, 1_000);
  const { name, uid } = ctx.infraCluster.metadata;
  await deps.kube.modify(
    provider.clusterKind,
    { namespace: key.namespace, name },
    (current) => {
      const { annotations, generation } = current.metadata;
      const applied = wish === undefined || wish === wishOf(current) ? String(generation ?? 0) : NO_GENERATION;
      if (current.metadata.uid !== uid || annotations?.[ANNOTATION.appliedGeneration] === applied) return undefined;
      const marked = { ...annotations, [ANNOTATION.appliedGeneration]: applied };
      return { ...current, metadata: { ...current.metadata, annotations: marked } };
    },
    { signal: ctx.signal },
  );
  if (ctx.cluster.metadata.annotations?.[ANNOTATION.drift] === undefined) return;
  const patch = { metadata: { annotations: { [ANNOTATION.drift]: null } } };
  const ref = { namespace: key.namespace, name: key.name };
  await unlessGone(deps.kube.mergePatch(KINDS.Cluster, ref, patch, { signal: ctx.signal }));
}

/** Removes one task's resources and resolves when they are observed absent. */
export async function infraRemove(deps: ActivityDeps, key: ObjectKey, id: string): Promise<void> {
  const context = await clusterContext(deps, key);
  if (!context) return;
  const found = withTask(context, id);
  await classified(found, () => found.task.remove(found.ctx));
}
