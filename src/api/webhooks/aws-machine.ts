import type { AWSMachine, AWSMachineSpec } from '../types/aws.js';
import { checkElasticIpPool, checkSSHKeyName, checkTags } from './aws-fields.js';
import {
  checkCloudInit,
  checkHost,
  checkIgnition,
  checkMarket,
  checkPlacement,
  checkReferences,
  checkVolumes,
  comparableMachineSpec,
} from './aws-machine-spec.js';
import type { AdmissionContext } from './context.js';
import { type FieldError, forbidden, required, type Verdict, verdict } from './field-errors.js';
import { changedPaths, ensureObject, optionalObject } from './json.js';

/** A copy with the secret store chosen, or Ignition's version and storage. Source: capa webhooks/awsmachine_webhook.go. */
export function defaultAWSMachine(machine: AWSMachine): AWSMachine {
  const out = structuredClone(machine);
  const spec = ensureObject(out, 'spec');
  const ignition = optionalObject(spec, 'ignition');
  if (!ignition) {
    const cloudInit = ensureObject(spec, 'cloudInit');
    if (!cloudInit.insecureSkipSecretsManager) cloudInit.secureSecretsBackend ||= 'secrets-manager';
    return out;
  }
  ignition.storageType ||= 'ClusterObjectStore';
  // User data that is stored as it is names its version itself.
  if (ignition.storageType !== 'UnencryptedUserData') ignition.version ||= '2.3';
  return out;
}

/** Rules for one AWSMachine, and with `old` for the change: an instance cannot be changed in place, but for a few fields. */
export function validateAWSMachine(machine: AWSMachine, old: AWSMachine | undefined, ctx: AdmissionContext): Verdict {
  const { spec } = machine;
  const always = [
    ...checkCloudInit(spec, 'spec'),
    ...checkReferences(spec, 'spec'),
    ...checkTags(spec.additionalTags, 'spec.additionalTags'),
    ...checkHost(spec, 'spec', old?.spec),
  ];
  if (old) return verdict([...always, ...checkUnchanged(old.spec, spec)]);
  return verdict([
    ...always,
    ...checkIgnition(spec, 'spec', ctx),
    ...checkVolumes(spec, 'spec'),
    ...checkSSHKeyName(spec.sshKeyName, 'spec.sshKeyName'),
    ...checkPublicPool(spec),
    ...checkMarket(spec, 'spec'),
    ...checkPlacement(spec, 'spec'),
  ]);
}

function checkPublicPool(spec: AWSMachineSpec): FieldError[] {
  const errors = checkElasticIpPool(spec.elasticIpPool, 'spec.elasticIpPool');
  if (spec.elasticIpPool && spec.publicIP !== true) {
    errors.push(required('spec.publicIP', 'must be true when elasticIpPool is set'));
  }
  return errors;
}

/** Fields the controller writes, and those that can be changed on a running instance. */
const MUTABLE = [
  ['providerID'],
  ['instanceID'],
  ['additionalTags'],
  ['additionalSecurityGroups'],
  ['cloudInit', 'secretPrefix'],
  ['cloudInit', 'secretCount'],
  ['cloudInit', 'secureSecretsBackend'],
  ['privateDnsName', 'enableResourceNameDnsAAAARecord'],
  ['privateDnsName', 'enableResourceNameDnsARecord'],
];

function checkUnchanged(old: AWSMachineSpec, spec: AWSMachineSpec): FieldError[] {
  const changed = changedPaths(comparableMachineSpec(old), comparableMachineSpec(spec))
    .filter((path) => !MUTABLE.some((allowed) => allowed.every((part, i) => path[i] === part)))
    .map((path) => path.join('.'));
  if (changed.length === 0) return [];
  return [forbidden('spec', `cannot be modified (${changed.join(', ')}): replace the Machine to get another instance`)];
}
