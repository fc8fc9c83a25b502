import type { Cluster, KubeadmConfig, Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { ObjectKey, ResourceKind } from '../../api/types/meta.js';
import { PerdureError } from '../../domain/errors.js';
import type { MachineFacts } from '../../domain/facts.js';
import { keepBootstrapToken } from '../bootstrap/index.js';
import type { ActivityDeps } from '../deps.js';
import { classifiedFor } from '../infra/about.js';
import { machineContext } from '../infra/context.js';
import { assessMachine } from '../kube/assess-machine.js';
import { revisionOf } from '../kube/revision.js';
import { clusterNamed, readKey } from '../kube/world.js';
import { machineEar, type NodeWait } from '../waits/ears.js';
import { Pace } from '../waits/pause.js';
import { nodeTopics } from '../workload/node-changes.js';
import { syncNode } from '../workload/nodes.js';

/** After this long without a Node the machine's console is looked at, and again every so often. */
const LOOK_AFTER_MS = 90_000;
const LOOK_EVERY_MS = 60_000;
/** Characters of console that a recorded failure has room for. */
const RECORDED = 1_000;
/** A third of a bootstrap token's life. */
const KEEP_TOKEN_EVERY_MS = 5 * 60_000;

/**
 * Waits for the machine's Node, labels it, and stays until it is Ready. A machine that does not join is explained on the Machine with the end of
 * its console; one whose instance died ends the operation. Reads only; safe to run again.
 */
export async function awaitMachineNode(deps: ActivityDeps, key: ObjectKey): Promise<MachineFacts> {
  const { signal } = deps.scope();
  const begun = Date.now();
  let looked = begun + LOOK_AFTER_MS - LOOK_EVERY_MS;
  let hint = '';
  let tokenKept = begun;
  const nodeWait: NodeWait = { topics: [] };
  let pace: Pace | undefined;
  // once: a rollout that begins meanwhile is told to the lane afterwards
  let revision: Awaited<ReturnType<typeof revisionOf>> | undefined;
  for (;;) {
    const machine = await readKey<Machine>(deps.kube, KINDS.Machine, key, signal);
    if (!machine) return assessMachine(deps, key);
    const cluster = await clusterNamed(deps.kube, key.namespace, machine.spec.clusterName, signal);
    if (!cluster) return assessMachine(deps, key);
    let waiting = 'waiting for the node to join';
    nodeWait.topics = [];
    pace ??= new Pace(deps.pollMs, signal, machineEar(deps, key, childKinds(deps, machine), nodeWait));
    try {
      if (Date.now() - tokenKept > KEEP_TOKEN_EVERY_MS) {
        tokenKept = Date.now();
        await keepToken(deps, cluster, machine);
      }
      const workload = await deps.workload(cluster, signal);
      if (machine.spec.providerID && deps.nodeChanges?.heard(cluster, workload))
        nodeWait.topics = nodeTopics(cluster, machine.spec.providerID);
      revision ??= await revisionOf(deps, machine);
      const node = await syncNode(workload, machine, deps.initializeNodes, signal, {
        syncTaints: true,
        ...(deps.alsoSynced ? { alsoSynced: deps.alsoSynced } : {}),
        ...revision,
      });
      if (node) waiting = `waiting for node ${node.metadata.name} and the machine's readiness gates to be Ready`;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof PerdureError && error.type === 'InvalidConfiguration') throw error;
      waiting = error instanceof Error ? error.message : String(error);
    }
    const facts = await assessMachine(deps, key, undefined, hint);
    // A deletion or a pause cancels this call; returning would show the operation as done.
    if (!facts.exists || (facts.hasNode && facts.nodeReady && facts.ready)) return facts;
    deps.scope().heartbeat(hint === '' ? waiting : `${waiting}; ${hint}`);
    if (!facts.hasNode && Date.now() - looked > LOOK_EVERY_MS) {
      looked = Date.now();
      hint = await lookAtInstance(deps, key, Math.round((Date.now() - begun) / 1000));
    }
    await pace.rest([facts, waiting, hint]);
  }
}

/** Kinds of a machine's own objects, as far as they are ours: others are looked at now and then. */
const childKinds = (deps: ActivityDeps, machine: Machine): ResourceKind[] => {
  const infra = deps.providers.forMachine(machine.spec.infrastructureRef)?.machineKind;
  return infra ? [infra, KINDS.KubeadmConfig] : [];
};

/** A slow start must not find its join token expired. */
async function keepToken(deps: ActivityDeps, cluster: Cluster, machine: Machine): Promise<void> {
  const ref = machine.spec.bootstrap.configRef;
  if (ref?.kind !== 'KubeadmConfig' || ref.apiGroup !== KINDS.KubeadmConfig.group) return;
  const config = await deps.kube.get<KubeadmConfig>(
    KINDS.KubeadmConfig,
    { namespace: machine.metadata.namespace ?? '', name: ref.name },
    deps.scope().signal,
  );
  if (config) await keepBootstrapToken(deps, { cluster, machine, config });
}

/** The last lines of a console, in a sentence. */
const consoleEnd = (text: string | undefined, length = Number.POSITIVE_INFINITY): string =>
  text ? `; its console ends: ${text.slice(-length)}` : '';

/** What the instance says of itself; throws `BootstrapFailed` when it is not running any more. */
async function lookAtInstance(deps: ActivityDeps, key: ObjectKey, seconds: number): Promise<string> {
  const found = await machineContext(deps, key).catch(() => undefined);
  if (!found) return '';
  const { provider, ctx } = found;
  const seen = await provider.observeInstance(ctx, true).catch((error: unknown) => {
    throw ctx.signal.aborted ? error : classifiedFor(provider, ctx.infraMachine, error);
  });
  if (seen.state !== 'running' && seen.state !== 'pending') {
    throw new PerdureError(
      'BootstrapFailed',
      `instance ${seen.providerID ?? ''} of Machine ${key.namespace}/${key.name} is ${seen.state} and never became a node; delete the Machine to replace it${consoleEnd(seen.console, RECORDED)}`,
    );
  }
  const text = `no node ${seconds} s after the instance started${consoleEnd(seen.console)}`;
  deps.event(ctx.machine, 'Warning', 'NodeNotJoined', text.slice(0, 1_000));
  return text;
}
