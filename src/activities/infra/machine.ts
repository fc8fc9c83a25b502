import type { Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject, ObjectKey } from '../../api/types/meta.js';
import { isDeleting } from '../../domain/contract.js';
import { PerdureError } from '../../domain/errors.js';
import { ANNOTATION, FINALIZER } from '../../domain/names.js';
import type { ActivityDeps } from '../deps.js';
import { assessMachine } from '../kube/assess-machine.js';
import { unlessGone } from '../kube/write.js';
import type { InfraProvider, InstanceObservation, MachineContext } from '../providers/port.js';
import { pause } from '../waits/pause.js';
import { classifiedFor } from './about.js';
import { machineContext, requireMachine } from './context.js';

async function call<T>(provider: InfraProvider, ctx: MachineContext, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw ctx.signal.aborted ? error : classifiedFor(provider, ctx.infraMachine, error);
  }
}

/** Requests the instance; finds its own from an earlier run by token and tag. Does not wait for it to run. */
export async function machineCreateInstance(deps: ActivityDeps, key: ObjectKey): Promise<{ providerID: string }> {
  const { provider, ctx } = await requireMachine(deps, key);
  const seen = await call(provider, ctx, () => provider.createInstance(ctx));
  return { providerID: seen.providerID ?? '' };
}

/** Polls until the instance runs; each look also repairs tags, groups and load balancer registration and writes the infra status. */
export async function machineAwaitInstance(
  deps: ActivityDeps,
  key: ObjectKey,
): Promise<{ providerID: string; state: string }> {
  for (let wait = deps.pollMs; ; wait = Math.min(wait * 1.5, 5_000)) {
    const { provider, ctx } = await requireMachine(deps, key);
    const seen = await call(provider, ctx, () => provider.observeInstance(ctx));
    ctx.heartbeat(`instance ${seen.providerID ?? ''} is ${seen.state}`);
    if (seen.state === 'running') {
      await forgetDrift(deps, ctx.machine);
      await assessMachine(deps, key);
      return { providerID: seen.providerID ?? '', state: seen.state };
    }
    if (seen.state !== 'pending') throw gone(key, seen);
    await pause(wait, ctx.signal);
  }
}

/** The instance was looked at and repaired: what a sweep found earlier is settled. */
async function forgetDrift(deps: ActivityDeps, machine: Machine): Promise<void> {
  if (machine.metadata.annotations?.[ANNOTATION.drift] === undefined) return;
  const { name, namespace = '' } = machine.metadata;
  const patch = { metadata: { annotations: { [ANNOTATION.drift]: null } } };
  await unlessGone(deps.kube.mergePatch(KINDS.Machine, { namespace, name }, patch, { signal: deps.scope().signal }));
}

function gone(key: ObjectKey, seen: InstanceObservation): PerdureError {
  const tail = seen.console ? `; its console ends: ${seen.console.slice(-800)}` : '';
  return new PerdureError(
    'BootstrapFailed',
    `instance ${seen.providerID ?? ''} of Machine ${key.namespace}/${key.name} is ${seen.state} instead of running; delete the Machine to replace it${tail}`,
  );
}

/** Without our finalizer it would be gone at once, and with it the way to the instance. */
async function markDeleted(deps: ActivityDeps, { machineKind }: InfraProvider, infra: KubeObject): Promise<void> {
  const { name, namespace = '', uid, finalizers = [] } = infra.metadata;
  const finalizer = (FINALIZER as Record<string, string>)[infra.kind];
  if (isDeleting(infra) || !finalizer || !finalizers.includes(finalizer)) return;
  const { signal } = deps.scope();
  await deps.kube.delete(machineKind, { namespace, name }, { ...(uid ? { uid } : {}), signal });
}

/**
 * Deregisters, terminates, and resolves when the instance is observed gone. The infra machine is marked as going first: from then on its Node is not
 * drained again, whoever goes on.
 */
export async function machineDeleteInstance(deps: ActivityDeps, key: ObjectKey): Promise<void> {
  for (let wait = deps.pollMs; ; wait = Math.min(wait * 1.5, 5_000)) {
    const found = await machineContext(deps, key);
    if (!found) return;
    const { provider, ctx } = found;
    await markDeleted(deps, provider, ctx.infraMachine);
    const seen = await call(provider, ctx, () => provider.deleteInstance(ctx));
    if (seen.state === 'absent' || seen.state === 'terminated') return;
    const message = `instance ${seen.providerID ?? ''} is ${seen.state}`;
    ctx.heartbeat(message);
    await assessMachine(deps, key, { reason: 'WaitingForInfrastructureDeletion', message });
    await pause(wait, ctx.signal);
  }
}
