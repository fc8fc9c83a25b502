import type { MachinePool } from '../types/index.js';
import type { AdmissionContext } from './context.js';
import { type FieldError, forbidden, invalid, type Verdict, verdict } from './field-errors.js';
import { ensureObject } from './json.js';
import { checkBootstrap, labelWithCluster, NODE_DELETION_TIMEOUT_SECONDS } from './machine.js';
import { defaultReplicas } from './machine-group.js';
import { checkTemplateMetadata, checkVersion, withVersionPrefix } from './object-fields.js';

/** A copy with the cluster label, replicas, the version in normal form and the node deletion timeout. */
export function defaultMachinePool(pool: MachinePool, old: MachinePool | undefined): MachinePool {
  const out = structuredClone(pool);
  const spec = ensureObject(out, 'spec');
  if (typeof spec.clusterName === 'string') labelWithCluster(out);
  spec.replicas = defaultReplicas(out, old);
  const machine = ensureObject(ensureObject(spec, 'template'), 'spec');
  if (typeof machine.version === 'string') machine.version = withVersionPrefix(machine.version);
  ensureObject(machine, 'deletion').nodeDeletionTimeoutSeconds ??= NODE_DELETION_TIMEOUT_SECONDS;
  return out;
}

/** Rules for one MachinePool, and with `old` for the change. Source: cluster-api core/webhooks/admission/machinepool.go. */
export function validateMachinePool(pool: MachinePool, old: MachinePool | undefined, _ctx: AdmissionContext): Verdict {
  const { spec } = pool;
  const path = 'spec.template.spec';
  const machine = spec.template.spec;
  const errors: FieldError[] = [
    ...checkBootstrap(machine.bootstrap, path),
    ...checkTemplateMetadata(spec.template.metadata, 'spec.template.metadata'),
  ];
  if (old && old.spec.clusterName !== spec.clusterName) {
    errors.push(
      forbidden('spec.clusterName', `cannot be changed from ${old.spec.clusterName}: make another MachinePool`),
    );
  }
  if (spec.clusterName !== machine.clusterName) {
    const message = `must be the same as ${path}.clusterName (${machine.clusterName})`;
    errors.push(invalid('spec.clusterName', spec.clusterName, message));
  }
  if (machine.version) errors.push(...checkVersion(machine.version, `${path}.version`));
  if ((machine.taints ?? []).length > 0) {
    errors.push(
      forbidden(`${path}.taints`, 'a MachinePool takes no taints: set them in joinConfiguration.nodeRegistration'),
    );
  }
  if (spec.replicas !== undefined && spec.replicas < 0) {
    errors.push(invalid('spec.replicas', spec.replicas, 'must be 0 or more'));
  }
  return verdict(errors);
}
