import type { KubeadmControlPlane, Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { Condition, KubeObject } from '../../api/types/meta.js';
import { type ConditionInput, mergeConditions } from '../../domain/conditions.js';
import { isDeleting } from '../../domain/contract.js';
import { ANNOTATION } from '../../domain/names.js';
import type { ActivityDeps } from '../deps.js';
import type { Inspection } from '../workload/health.js';
import { findKind } from './refs.js';
import { applyStatus } from './write.js';

/** Component conditions and UpToDate of each machine, as the control plane's field manager. */
export async function writeMachineConditions(
  deps: ActivityDeps,
  controlPlane: KubeadmControlPlane,
  machines: readonly Machine[],
  seen: Inspection,
): Promise<void> {
  const templates = await templatesOf(deps, controlPlane);
  for (const machine of machines) {
    if (isDeleting(machine)) continue;
    const conditions = mergeConditions(
      machine.status?.conditions as Condition[] | undefined,
      [...(seen.conditions.get(machine.metadata.name) ?? []), upToDate(controlPlane, machine, templates)],
      machine.metadata.generation ?? 1,
      deps.now(),
    );
    await applyStatus(
      deps.kube,
      KINDS.Machine,
      machine,
      { conditions },
      'perdure-kubeadmcontrolplane',
      deps.scope().signal,
    );
  }
}

/** Version and infra template are compared; a rollout itself is another operation. Source: capi kcp UpToDate. */
export function upToDate(
  controlPlane: KubeadmControlPlane,
  machine: Machine,
  templates: ReadonlyMap<string, string>,
): ConditionInput {
  const { version, machineTemplate } = controlPlane.spec;
  const { infrastructureRef } = machine.spec;
  const template = templates.get(infrastructureRef.name);
  const differences = [
    ...(machine.spec.version === version ? [] : [`* Version ${machine.spec.version ?? ''}, ${version} required`]),
    // of a machine made by hand nobody knows what it was made from
    ...(template === undefined || template === machineTemplate.spec.infrastructureRef.name
      ? []
      : [`* ${infrastructureRef.kind} is not up-to-date`]),
  ];
  return differences.length === 0
    ? { type: 'UpToDate', status: 'True', reason: 'UpToDate' }
    : { type: 'UpToDate', status: 'False', reason: 'NotUpToDate', message: differences.join('\n') };
}

/** Template by infra machine, as the annotation says that cloning leaves. */
async function templatesOf(deps: ActivityDeps, controlPlane: KubeadmControlPlane): Promise<Map<string, string>> {
  const { apiGroup, kind } = controlPlane.spec.machineTemplate.spec.infrastructureRef;
  const { signal } = deps.scope();
  const found = await findKind(deps.kube, { apiGroup, kind: kind.replace(/Template$/, '') }, signal);
  const { namespace = '' } = controlPlane.metadata;
  const all = found ? await deps.kube.list<KubeObject>(found, { namespace }, signal) : [];
  return new Map(
    all.flatMap(({ metadata }) => {
      const template = metadata.annotations?.[ANNOTATION.clonedFromName];
      return template === undefined ? [] : [[metadata.name, template] as const];
    }),
  );
}
