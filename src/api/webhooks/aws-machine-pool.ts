import { parseSeconds } from '../conversion/duration.js';
import type { AWSLifecycleHook, AWSMachinePool, AWSMachinePoolSpec } from '../types/aws.js';
import { checkReference, checkSSHKeyName, checkTags } from './aws-fields.js';
import { checkIgnition, checkMarket, checkReferences, checkVolumes } from './aws-machine-spec.js';
import type { AdmissionContext } from './context.js';
import { duplicate, type FieldError, forbidden, invalid, required, type Verdict, verdict } from './field-errors.js';
import { ensureObject, optionalObject } from './json.js';

const DEFAULT_DURATION = '300s';
const TEMPLATE = 'spec.awsLaunchTemplate';
const SHORTEST_HEARTBEAT_SECONDS = 30;
const LONGEST_HEARTBEAT_SECONDS = 172_800;

/** A copy with cool-down, warm-up and Ignition's version. Source: capa exp/api/v1beta2/awsmachinepool_webhook.go. */
export function defaultAWSMachinePool(pool: AWSMachinePool): AWSMachinePool {
  const out = structuredClone(pool);
  const spec = ensureObject(out, 'spec');
  spec.defaultCoolDown ||= DEFAULT_DURATION;
  spec.defaultInstanceWarmup ||= DEFAULT_DURATION;
  const ignition = optionalObject(spec, 'ignition');
  if (ignition) ignition.storageType ||= 'UnencryptedUserData';
  return out;
}

/** Rules for one AWSMachinePool; what an Auto Scaling group can change, the spec may change. */
export function validateAWSMachinePool(
  { spec }: AWSMachinePool,
  _old: AWSMachinePool | undefined,
  ctx: AdmissionContext,
): Verdict {
  const template = spec.awsLaunchTemplate;
  return verdict([
    ...checkSizes(spec),
    ...checkInstanceTypes(spec),
    ...checkVolumes(template, TEMPLATE),
    ...checkReferences(template, TEMPLATE),
    ...checkSSHKeyName(template.sshKeyName, `${TEMPLATE}.sshKeyName`),
    ...checkMarket(template, TEMPLATE),
    ...(spec.subnets ?? []).flatMap((subnet, i) => checkReference(subnet, `spec.subnets[${i}]`)),
    ...checkTags(spec.additionalTags, 'spec.additionalTags'),
    ...checkDuration(spec.defaultCoolDown, 'spec.defaultCoolDown'),
    ...checkDuration(spec.defaultInstanceWarmup, 'spec.defaultInstanceWarmup'),
    ...checkRefresh(spec),
    ...checkHooks(spec.lifecycleHooks ?? []),
    ...(spec.ignition ? checkIgnition({ ignition: spec.ignition }, 'spec', ctx) : []),
  ]);
}

function checkSizes({ minSize, maxSize }: AWSMachinePoolSpec): FieldError[] {
  if (minSize <= maxSize) return [];
  return [invalid('spec.minSize', minSize, `must not be above spec.maxSize (${maxSize}): lower it or raise maxSize`)];
}

function checkInstanceTypes({ awsLaunchTemplate, mixedInstancesPolicy }: AWSMachinePoolSpec): FieldError[] {
  const errors: FieldError[] = [];
  if (mixedInstancesPolicy && awsLaunchTemplate.spotMarketOptions) {
    const message = 'excludes spec.mixedInstancesPolicy, which says itself how many instances are spot';
    errors.push(forbidden(`${TEMPLATE}.spotMarketOptions`, message));
  }
  const overrides = mixedInstancesPolicy?.overrides ?? [];
  overrides.forEach(({ instanceType }, i) => {
    if (overrides.findIndex((o) => o.instanceType === instanceType) < i)
      errors.push(duplicate(`spec.mixedInstancesPolicy.overrides[${i}].instanceType`, instanceType, 'name it once'));
  });
  if (!awsLaunchTemplate.instanceType && overrides.length === 0) {
    errors.push(
      required(`${TEMPLATE}.instanceType`, 'set it, or instance types in spec.mixedInstancesPolicy.overrides'),
    );
  }
  return errors;
}

function checkDuration(text: string | undefined, path: string): FieldError[] {
  if (!text) return [];
  if (parseSeconds(text) === undefined) return [invalid(path, text, 'must be a duration, e.g. 300s or 5m')];
  return text.startsWith('-') ? [invalid(path, text, 'must not be negative')] : [];
}

function checkRefresh({ refreshPreferences }: AWSMachinePoolSpec): FieldError[] {
  const { maxHealthyPercentage: most, minHealthyPercentage: least } = refreshPreferences ?? {};
  if (most === undefined) return [];
  const path = 'spec.refreshPreferences';
  if (least === undefined)
    return [required(`${path}.minHealthyPercentage`, 'has to be set when maxHealthyPercentage is')];
  if (most - least <= 100) return [];
  return [invalid(`${path}.maxHealthyPercentage`, most, `may be at most 100 above minHealthyPercentage (${least})`)];
}

function checkHooks(hooks: readonly AWSLifecycleHook[]): FieldError[] {
  return hooks.flatMap((hook, i) => {
    const path = `spec.lifecycleHooks[${i}]`;
    const errors: FieldError[] = [];
    if (hook.name === '') errors.push(required(`${path}.name`, 'a hook needs a name'));
    if (hooks.findIndex(({ name }) => name === hook.name) < i)
      errors.push(duplicate(`${path}.name`, hook.name, 'names of hooks are unique in a pool'));
    if (hook.notificationTargetARN && !hook.roleARN)
      errors.push(required(`${path}.roleARN`, 'notificationTargetARN needs a role that may send to it'));
    if (hook.roleARN && !hook.notificationTargetARN)
      errors.push(required(`${path}.notificationTargetARN`, 'roleARN is only for sending notifications: say where to'));
    return [...errors, ...checkHeartbeat(hook.heartbeatTimeout, `${path}.heartbeatTimeout`)];
  });
}

function checkHeartbeat(text: string | undefined, path: string): FieldError[] {
  if (text === undefined) return [];
  const seconds = parseSeconds(text);
  if (seconds !== undefined && seconds >= SHORTEST_HEARTBEAT_SECONDS && seconds <= LONGEST_HEARTBEAT_SECONDS) return [];
  return [invalid(path, text, `must be between ${SHORTEST_HEARTBEAT_SECONDS}s and ${LONGEST_HEARTBEAT_SECONDS}s`)];
}
