import type { MachineDeployment, MachineSet } from '../../api/types/index.js';
import { skippedChecks } from '../plan/set-preflight.js';
import { templateOf } from './cloud.js';
import type { ManifestWorld } from './types.js';

/**
 * Tells which preflight checks a group of workers makes its machines without: those that its annotation names, else its bootstrap template's, as the lane
 * of its set looks at them.
 */
export function skipsOf(world: ManifestWorld, group: MachineDeployment | MachineSet): (check: string) => boolean {
  const { configRef } = group.spec.template.spec.bootstrap;
  const template = configRef && templateOf(world, group.metadata.namespace ?? '', configRef);
  const skipped = skippedChecks(group, template);
  return (check) => skipped.has(check) || skipped.has('All');
}
