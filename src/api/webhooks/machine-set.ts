import { nameLabel } from '../../domain/selectors.js';
import type { MachineSet } from '../types/index.js';
import type { AdmissionContext } from './context.js';
import { type Verdict, verdict } from './field-errors.js';
import { ensureObject } from './json.js';
import { labelWithCluster } from './machine.js';
import { checkGroup, defaultReplicas, selectorName } from './machine-group.js';
import { withVersionPrefix } from './object-fields.js';

const SET_NAME = 'cluster.x-k8s.io/set-name';

/** A copy with the cluster label, replicas, a selector by set name when there is none, and the version in normal form. */
export function defaultMachineSet(set: MachineSet, old: MachineSet | undefined): MachineSet {
  const out = structuredClone(set);
  const spec = ensureObject(out, 'spec');
  const template = ensureObject(spec, 'template');
  if (typeof spec.clusterName === 'string') labelWithCluster(out);
  spec.replicas = defaultReplicas(out, old);
  const selector = ensureObject(spec, 'selector');
  if (Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0) {
    const label = nameLabel(selectorName(out));
    ensureObject(selector, 'matchLabels')[SET_NAME] = label;
    ensureObject(ensureObject(template, 'metadata'), 'labels')[SET_NAME] = label;
  }
  const machine = ensureObject(template, 'spec');
  if (typeof machine.version === 'string') machine.version = withVersionPrefix(machine.version);
  return out;
}

export function validateMachineSet(set: MachineSet, old: MachineSet | undefined, ctx: AdmissionContext): Verdict {
  return verdict(checkGroup(set, old, ctx));
}
