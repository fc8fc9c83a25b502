import type { Machine, MachineDeployment, MachineSet } from '../../api/types/index.js';
import type { KubeObject } from '../../api/types/meta.js';
import { ANNOTATION, LABEL } from '../names.js';

/** The revision that is written on a MachineDeployment or MachineSet; 0 when none is. */
export const revisionNumber = (object: KubeObject): number =>
  Number.parseInt(object.metadata.annotations?.[ANNOTATION.revision] ?? '0', 10) || 0;

/**
 * Whether a Machine is of an older revision than its deployment, so that new Pods rather go elsewhere. Undefined when its set or deployment is not there:
 * then nobody can tell. Pure. Source: capi machine_controller_noderef.go shouldNodeHaveOutdatedTaint.
 */
export function isOutdatedRevision(
  machine: Machine,
  set: MachineSet | undefined,
  deployment: MachineDeployment | undefined,
): boolean | undefined {
  if (machine.metadata.labels?.[LABEL.deploymentName] === undefined) return false;
  if (!set || !deployment) return undefined;
  return revisionNumber(set) < revisionNumber(deployment);
}
