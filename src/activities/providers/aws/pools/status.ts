import type { Instance as Ec2Instance } from '@aws-sdk/client-ec2';
import type { AWSMachinePoolStatus } from '../../../../api/types/aws.js';
import { KINDS } from '../../../../api/types/kinds.js';
import { mergeV1Beta1Conditions, type V1Beta1Input } from '../../../../domain/conditions.js';
import type { PerdureError } from '../../../../domain/errors.js';
import { ANNOTATION } from '../../../../domain/names.js';
import { classify } from '../errors.js';
import { observationOf, providerIdOf } from '../machine-status.js';
import { wantsMachines } from './machines.js';
import { outdatedOf } from './plan.js';
import type { RefreshStep } from './refresh.js';
import type { PoolScope } from './scope.js';
import { type PoolState, staying } from './state.js';

const good = (type: string): V1Beta1Input => ({ type, status: 'True' });
const bad = (
  type: string,
  reason: string,
  message: string,
  severity: 'Error' | 'Warning' | 'Info' = 'Error',
): V1Beta1Input => ({ type, status: 'False', severity, reason, message });

/** Conditions of a pool by what was seen. Source: capa exp/api/v1beta2/conditions_consts.go. Pure. */
export function poolConditions(
  { template, group, hooks }: PoolState,
  refresh: RefreshStep,
  { deleting, outdated }: { readonly deleting: boolean; readonly outdated: number },
): V1Beta1Input[] {
  if (deleting) {
    const state = group ? 'the group is being deleted' : '';
    return [bad('ASGReady', 'ASGDeletionInProgress', state, 'Info')];
  }
  const list = [
    template ? good('LaunchTemplateReady') : bad('LaunchTemplateReady', 'LaunchTemplateNotFound', ''),
    group ? good('ASGReady') : bad('ASGReady', 'ASGNotFound', ''),
    ...(hooks.length > 0 ? [good('LifecycleHookReady')] : []),
    ...refreshConditions(refresh, outdated),
  ];
  return list;
}

function refreshConditions(step: RefreshStep, outdated: number): V1Beta1Input[] {
  const [started, before, after] = [
    'InstanceRefreshStarted',
    'PreLaunchTemplateUpdateCheckSuccess',
    'PostLaunchTemplateUpdateOperationSuccess',
  ] as const;
  const open = `${outdated} instances are not made from the launch template of today`;
  switch (step.kind) {
    case 'none':
      return outdated === 0
        ? [good(before), good(after)]
        : [good(before), bad(after, 'PostLaunchTemplateUpdateOperationFailed', open, 'Info')];
    case 'start':
      return [bad(started, 'InstanceRefreshNotReady', open, 'Info'), good(before)];
    case 'cancel':
      return [
        bad(
          started,
          'InstanceRefreshNotReady',
          'a refresh for an earlier launch template is cancelled first',
          'Warning',
        ),
        bad(before, 'PreLaunchTemplateUpdateCheckFailed', 'an instance refresh is in progress', 'Warning'),
      ];
    case 'wait':
      return [good(started), good(before), good(after)];
    case 'failed':
      return [
        bad(started, 'InstanceRefreshFailed', step.text),
        good(before),
        bad(after, 'PostLaunchTemplateUpdateOperationFailed', step.text),
      ];
  }
}

/** What is written of a look. */
export interface Seen {
  readonly state: PoolState;
  readonly instances: ReadonlyMap<string, Ec2Instance>;
  /** Digest of the wished template; undefined when the wish could not be read. */
  readonly spec: string | undefined;
  readonly refresh: RefreshStep;
  readonly deleting?: boolean;
}

/** Writes the AWSMachinePool's spec (ids) and status (both contracts' ready flags, instances, conditions). */
export async function writePool(scope: PoolScope, { state, spec, refresh, deleting = false }: Seen): Promise<void> {
  const { group, template, versions } = state;
  const members = group ? staying(group) : [];
  const ids = members.map((one) => `aws:///${one.AvailabilityZone}/${one.InstanceId}`);
  const outdated = spec === undefined ? undefined : outdatedOf(state, spec);
  await scope.record((copy) => {
    if (group?.AutoScalingGroupARN) copy.spec.providerID = group.AutoScalingGroupARN;
    if (group || copy.spec.providerIDList) copy.spec.providerIDList = ids.sort();
    if (outdated === undefined) return;
    const { [ANNOTATION.outdatedInstances]: _, ...others } = copy.metadata.annotations ?? {};
    copy.metadata.annotations =
      outdated.length > 0 ? { ...others, [ANNOTATION.outdatedInstances]: outdated.join(',') } : others;
  });
  const conditions = poolConditions(state, refresh, { deleting, outdated: outdated?.length ?? 0 });
  await writePoolConditions(scope, conditions, (status) => {
    status.ready = group !== undefined && !deleting;
    if (status.ready) status.initialization = { provisioned: true };
    status.replicas = members.length;
    if (wantsMachines(scope.object)) status.infrastructureMachineKind = KINDS.AWSMachine.kind;
    status.instances = members.map((one) => ({
      ...(one.InstanceId ? { instanceID: one.InstanceId } : {}),
      ...(one.LaunchTemplate?.Version ? { version: one.LaunchTemplate.Version } : {}),
    }));
    if (template?.LaunchTemplateId) status.launchTemplateID = template.LaunchTemplateId;
    const latest = versions.at(-1)?.VersionNumber;
    if (latest !== undefined) status.launchTemplateVersion = String(latest);
    if (group?.Status) status.asgStatus = group.Status;
    else delete status.asgStatus;
  });
}

/** Says on the pool what failed, by the part that failed. */
export async function writeFailure(scope: PoolScope, part: 'template' | 'group', error: unknown): Promise<void> {
  const { message, type }: PerdureError = classify(error);
  if (type === 'Throttled' || type === 'NotYet') return;
  const condition =
    part === 'template'
      ? bad(
          'LaunchTemplateReady',
          scope.object.status?.launchTemplateID ? 'LaunchTemplateReconcileFailed' : 'LaunchTemplateCreateFailed',
          message,
        )
      : bad('ASGReady', 'ASGProvisionFailed', message);
  await writePoolConditions(scope, [condition], () => undefined);
}

/** Merges conditions by type and sums them up as Ready. */
async function writePoolConditions(
  scope: PoolScope,
  wanted: readonly V1Beta1Input[],
  more: (status: AWSMachinePoolStatus) => void,
): Promise<void> {
  const now = scope.cloud.deps
    .now()
    .toISOString()
    .replace(/\.\d+Z$/, 'Z');
  await scope.recordStatus((status) => {
    more(status);
    const types = new Set([...wanted.map((c) => c.type), 'Ready']);
    const kept = ((status.conditions ?? []) as V1Beta1Input[]).filter(
      // what did not start does not count any more once nothing is to be replaced
      (c) => !types.has(c.type) && (c.type !== 'InstanceRefreshStarted' || c.status === 'True'),
    );
    const all = [...kept, ...wanted];
    const worst =
      all.find((c) => c.status !== 'True' && c.severity === 'Error') ??
      all.find((c) => c.status !== 'True' && c.type === 'ASGReady');
    const ready: V1Beta1Input = worst ? { ...worst, type: 'Ready' } : good('Ready');
    status.conditions = mergeV1Beta1Conditions(status.conditions, [...all, ready], now);
  });
}

/** What the port tells about the instances that stay. */
export function portInstances({ state, instances }: Pick<Seen, 'state' | 'instances'>) {
  const { group } = state;
  return (group ? staying(group) : []).map((one) => {
    const instance = instances.get(one.InstanceId ?? '');
    return {
      providerID: (instance && providerIdOf(instance)) ?? `aws:///${one.AvailabilityZone}/${one.InstanceId}`,
      addresses: observationOf(instance).addresses,
      ...(instance?.InstanceLifecycle === 'spot' ? { interruptible: true } : {}),
    };
  });
}
