import type { AWSMachineSpec, AWSMachineTemplate } from '../types/aws.js';
import { checkSSHKeyName, checkTags } from './aws-fields.js';
import {
  checkCloudInit,
  checkHost,
  checkIgnition,
  checkReferences,
  checkVolumes,
  comparableMachineSpec,
} from './aws-machine-spec.js';
import { type AdmissionContext, isTopologyDryRun } from './context.js';
import { type FieldError, forbidden, required, type Verdict, verdict } from './field-errors.js';
import { changedPaths } from './json.js';

const PATH = 'spec.template.spec';

/** Rules for one AWSMachineTemplate; its spec cannot change, except in a topology controller's dry run. */
export function validateAWSMachineTemplate(
  template: AWSMachineTemplate,
  old: AWSMachineTemplate | undefined,
  ctx: AdmissionContext,
): Verdict {
  const { spec } = template.spec.template;
  if (old) return verdict(isTopologyDryRun(ctx, template) ? [] : checkUnchanged(old.spec.template.spec, spec));
  return verdict([
    ...checkControllerFields(spec),
    ...checkCloudInit(spec, PATH),
    ...checkIgnition(spec, PATH, ctx),
    ...checkVolumes(spec, PATH),
    ...checkSSHKeyName(spec.sshKeyName, `${PATH}.sshKeyName`),
    ...checkReferences(spec, PATH),
    ...checkTags(spec.additionalTags, `${PATH}.additionalTags`),
    ...checkHost(spec, PATH),
    ...checkHostChoice(spec),
  ]);
}

function checkControllerFields(spec: AWSMachineSpec): FieldError[] {
  const errors: FieldError[] = [];
  const message = 'cannot be set in a template: the controller writes it for each machine';
  if (spec.cloudInit?.secretPrefix) errors.push(forbidden(`${PATH}.cloudInit.secretPrefix`, message));
  if (spec.cloudInit?.secretCount) errors.push(forbidden(`${PATH}.cloudInit.secretCount`, message));
  if (spec.providerID !== undefined) errors.push(forbidden(`${PATH}.providerID`, message));
  return errors;
}

function checkHostChoice(spec: AWSMachineSpec): FieldError[] {
  if (spec.hostAffinity !== 'host' || spec.hostID || spec.dynamicHostAllocation) return [];
  return [required(`${PATH}.hostID`, 'hostAffinity host needs hostID or dynamicHostAllocation')];
}

function checkUnchanged(old: AWSMachineSpec, spec: AWSMachineSpec): FieldError[] {
  const before = comparableMachineSpec(old);
  const after = comparableMachineSpec(spec);
  // Templates older than these options get them from clients that default them; that changes nothing.
  if (before['instanceMetadataOptions'] === undefined) delete after['instanceMetadataOptions'];
  const changed = changedPaths(before, after).map((path) => path.join('.'));
  if (changed.length === 0) return [];
  const message = `cannot be modified (${changed.join(', ')}): make a new AWSMachineTemplate and refer to it`;
  return [forbidden(PATH, message)];
}
