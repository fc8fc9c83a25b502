import type { Cluster, Machine, MachineSet } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject } from '../../api/types/meta.js';
import { isDeleting } from '../../domain/contract.js';
import { LABEL } from '../../domain/names.js';
import { setPreflight } from '../../domain/plan/set-preflight.js';
import { type InPlaceMetadata, type InPlaceSpec, withInPlace, withMetadata } from '../../domain/rollout/in-place.js';
import { nameLabel } from '../../domain/selectors.js';
import type { ActivityDeps } from '../deps.js';
import { modifyWhen } from './control-plane-machines.js';
import { inParallel } from './parallel.js';
import { type ContractRef, readRef, resolveKind } from './refs.js';

const WRITES_AT_ONCE = 10;

/** Labels and annotations of a set's machines and of what they are made of. Source: capi machineset_controller.go machineLabelsFromMachineSet. */
export function setMetadata(set: MachineSet): InPlaceMetadata {
  const { labels, annotations } = set.spec.template.metadata ?? {};
  const deployment = set.metadata.labels?.[LABEL.deploymentName];
  return {
    labels,
    annotations,
    system: {
      [LABEL.clusterName]: set.spec.clusterName,
      [LABEL.setName]: nameLabel(set.metadata.name),
      ...(deployment === undefined ? {} : { [LABEL.deploymentName]: deployment }),
    },
  };
}

function setSpec({ spec }: MachineSet): InPlaceSpec {
  const { deletion, readinessGates, taints, minReadySeconds } = spec.template.spec;
  return {
    minReadySeconds,
    ...(deletion ? { deletion } : {}),
    ...(readinessGates ? { readinessGates } : {}),
    ...(taints ? { taints } : {}),
  };
}

/**
 * Brings what is changed without new machines to a set's machines: labels, annotations, time-outs, minReadySeconds, readiness gates, taints. What a machine
 * is made of comes first, so that a machine that is as wished says that all is: nothing more is read then. Source: capi machineset syncMachines.
 */
export async function syncSetMachines(
  deps: ActivityDeps,
  set: MachineSet,
  machines: readonly Machine[],
): Promise<Machine[]> {
  const wish = setMetadata(set);
  const synced = (m: Machine): Machine | undefined => withInPlace(m, wish, setSpec(set), { gatesUntilGone: true });
  await inParallel(machines, WRITES_AT_ONCE, async (machine) => {
    const { namespace = '' } = machine.metadata;
    if (!isDeleting(machine) && withMetadata(machine, wish)) {
      for (const ref of [machine.spec.bootstrap.configRef, machine.spec.infrastructureRef])
        await relabel(deps, ref, namespace, wish);
    }
    await modifyWhen(deps, KINDS.Machine, machine, synced);
  });
  return machines.map((machine) => synced(machine) ?? machine);
}

async function relabel(
  deps: ActivityDeps,
  ref: ContractRef | undefined,
  namespace: string,
  wish: InPlaceMetadata,
): Promise<void> {
  const { signal } = deps.scope();
  const object = await readRef<KubeObject>(deps.kube, ref, namespace, signal);
  if (!ref || !object || isDeleting(object)) return;
  await modifyWhen(deps, await resolveKind(deps.kube, ref, signal), object, (o) => withMetadata(o, wish));
}

/** The preflight checks that fail, and whether somebody tells when that changes: the bridge does for control planes of ours. */
export async function runPreflight(
  deps: ActivityDeps,
  set: MachineSet,
  cluster: Cluster | undefined,
  bootstrapTemplate: KubeObject | undefined,
): Promise<{ readonly failed: readonly string[]; readonly again: boolean }> {
  const ref = cluster?.spec.controlPlaneRef as ContractRef | undefined;
  if (!cluster || !ref) return { failed: [], again: false };
  const { namespace = '' } = set.metadata;
  const controlPlane = await readRef<KubeObject>(deps.kube, ref, namespace, deps.scope().signal);
  const failed = setPreflight({ set, cluster, controlPlane, bootstrapTemplate });
  return { failed, again: ref.kind !== KINDS.KubeadmControlPlane.kind };
}
