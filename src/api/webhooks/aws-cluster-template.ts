import type { AWSClusterTemplate } from '../types/aws.js';
import { checkBastion, defaultAWSClusterSpec } from './aws-cluster.js';
import { checkSSHKeyName } from './aws-fields.js';
import { type AdmissionContext, isTopologyDryRun } from './context.js';
import { forbidden, type Verdict, verdict } from './field-errors.js';
import { ensureObject, sameJson, withoutEmpties } from './json.js';

/** A copy with the defaults of AWSCluster in the template. */
export function defaultAWSClusterTemplate(template: AWSClusterTemplate): AWSClusterTemplate {
  const out = structuredClone(template);
  defaultAWSClusterSpec(ensureObject(ensureObject(ensureObject(out, 'spec'), 'template'), 'spec'));
  return out;
}

const MEANINGFUL = new Set(['ipv6', 'sshKeyName', 'cni']);

/** Little is checked on creation, since variables may be patched in later; afterwards the spec cannot change. */
export function validateAWSClusterTemplate(
  template: AWSClusterTemplate,
  old: AWSClusterTemplate | undefined,
  ctx: AdmissionContext,
): Verdict {
  if (!old) {
    const spec = template.spec.template.spec;
    const path = 'spec.template.spec';
    return verdict([
      ...checkBastion(spec.bastion, `${path}.bastion`),
      ...checkSSHKeyName(spec.sshKeyName, `${path}.sshKeyName`),
    ]);
  }
  // The stored object may be older than a default that the new one has just got.
  const before = withoutEmpties(defaultAWSClusterTemplate(old).spec, MEANINGFUL);
  const same = sameJson(before, withoutEmpties(template.spec, MEANINGFUL));
  if (same || isTopologyDryRun(ctx, template)) return verdict([]);
  return verdict([forbidden('spec', 'cannot be changed: make a new AWSClusterTemplate and refer to it')]);
}
