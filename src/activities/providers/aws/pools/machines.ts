import type { AutoScalingGroup } from '@aws-sdk/client-auto-scaling';
import type { Instance as Ec2Instance } from '@aws-sdk/client-ec2';
import type { AWSMachine, AWSMachinePool } from '../../../../api/types/aws.js';
import type { Machine } from '../../../../api/types/core.js';
import { apiVersionOf, KINDS } from '../../../../api/types/kinds.js';
import type { KubeObject } from '../../../../api/types/meta.js';
import { controllerOf, isDeleting, ownerReference } from '../../../../domain/contract.js';
import { isFailure, PerdureError } from '../../../../domain/errors.js';
import { ANNOTATION, FINALIZER, LABEL, suffixed } from '../../../../domain/names.js';
import { type InstanceFate, planInfraMachines } from '../../../../domain/plan/pool-machines.js';
import { nameLabel } from '../../../../domain/selectors.js';
import { DEFAULT_IDENTITY } from '../identity.js';
import { IDENTITY_ANNOTATION, instanceIdOf, LAUNCHED_ANNOTATION, REGION_ANNOTATION } from '../machine-scope.js';
import { providerIdOf } from '../machine-status.js';
import type { PoolScope } from './scope.js';
import { staying } from './state.js';

/** Younger than this, an instance that EC2 does not show may be one that it does not show yet. */
const GRACE_MS = 2 * 60_000;
const LIVING = ['pending', 'running'];
const ENDED = ['shutting-down', 'terminated'];

/**
 * Whether each instance is to have an AWSMachine, and so a Machine: asked for on the pool. What was begun, by us or by upstream's provider, goes on: without
 * their objects instances could not be told from lost ones.
 */
export function wantsMachines({ metadata, status }: AWSMachinePool): boolean {
  const asked = metadata.annotations?.[ANNOTATION.poolMachines];
  return (asked !== undefined && asked !== 'false') || Boolean(status?.infrastructureMachineKind);
}

const labelsOf = ({ ctx: { pool } }: PoolScope) => ({
  [LABEL.poolName]: nameLabel(pool.metadata.name),
  [LABEL.clusterName]: pool.spec.clusterName,
});

/** The AWSMachines of a pool; none where it has none. To be read before the group: one that is listed is older than what the group tells then. */
export async function listMachines(scope: PoolScope): Promise<readonly AWSMachine[]> {
  const { kube, signal, infraPool } = scope.ctx;
  if (!wantsMachines(scope.object)) return [];
  const labelSelector = Object.entries(labelsOf(scope))
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  const namespace = infraPool.metadata.namespace ?? '';
  return kube.list<AWSMachine>(KINDS.AWSMachine, { namespace, labelSelector }, signal);
}

/** What was seen of the group's instances, and of those that AWSMachines name, by instance id. Pure. */
export function instanceFates(
  group: AutoScalingGroup | undefined,
  instances: ReadonlyMap<string, Ec2Instance>,
  machines: readonly AWSMachine[],
  nowMs: number,
): ReadonlyMap<string, InstanceFate> {
  const fates = new Map<string, InstanceFate>();
  const stays = new Set(group ? staying(group) : []);
  const inGroup = new Set((group?.Instances ?? []).map((one) => one.InstanceId ?? ''));
  for (const one of group?.Instances ?? []) {
    const id = one.InstanceId ?? '';
    // whoever detaches an instance wants to keep it: it goes only when it is seen to have ended
    const kept = one.LifecycleState?.startsWith('Detach') === true;
    fates.set(id, fateOf(instances.get(id)?.State?.Name, stays.has(one), kept));
  }
  for (const machine of machines) {
    const id = instanceIdOf(machine);
    if (id === undefined || inGroup.has(id)) continue;
    const state = instances.get(id)?.State?.Name;
    const old = nowMs - Date.parse(machine.metadata.creationTimestamp ?? '') > GRACE_MS;
    const gone = state === undefined ? old : ENDED.includes(state);
    fates.set(id, gone ? 'going' : 'unclear');
  }
  return fates;
}

/** Of an instance in the group; the group may learn last that it ended. */
function fateOf(state: string | undefined, stays: boolean, kept: boolean): InstanceFate {
  if (ENDED.includes(state ?? '')) return 'going';
  if (kept) return 'unclear';
  if (!stays) return 'going';
  return LIVING.includes(state ?? '') ? 'member' : 'unclear';
}

/**
 * Makes an AWSMachine for each instance that has none, and asks the Machine of each instance that goes to go too. `machines` were read before `group`.
 * Idempotent by name; no call to the cloud. Source: capa exp/controllers/awsmachinepool_machines.go.
 */
export async function syncMachines(
  scope: PoolScope,
  machines: readonly AWSMachine[],
  group: AutoScalingGroup | undefined,
  instances: ReadonlyMap<string, Ec2Instance>,
): Promise<void> {
  const fates = instanceFates(group, instances, machines, scope.cloud.deps.now().getTime());
  const views = machines.map((machine) => {
    const instance = instanceIdOf(machine);
    return { name: machine.metadata.name, deleting: isDeleting(machine), ...(instance ? { instance } : {}) };
  });
  const plan = planInfraMachines(fates, views);
  for (const id of plan.create) {
    const instance = instances.get(id);
    if (instance) await createMachine(scope, machineFor(scope, instance));
  }
  for (const name of plan.retire) {
    const machine = machines.find((m) => m.metadata.name === name);
    if (machine) await retire(scope, machine);
  }
}

/** The AWSMachine of an instance. What it tells of the instance beside its ids is for people. */
function machineFor(scope: PoolScope, instance: Ec2Instance): AWSMachine {
  const { object, ctx, aws, cluster } = scope;
  const id = instance.InstanceId ?? '';
  const { kind, name } = cluster.object.spec.identityRef ?? DEFAULT_IDENTITY;
  const groups = (instance.SecurityGroups ?? []).flatMap(({ GroupId }) => (GroupId ? [{ id: GroupId }] : []));
  const providerID = providerIdOf(instance);
  return {
    apiVersion: apiVersionOf(KINDS.AWSMachine),
    kind: KINDS.AWSMachine.kind,
    metadata: {
      namespace: object.metadata.namespace ?? '',
      name: suffixed(ctx.pool.metadata.name, id.replace(/^i-/, '')),
      labels: labelsOf(scope),
      annotations: {
        [REGION_ANNOTATION]: aws.region,
        [IDENTITY_ANNOTATION]: `${kind}/${name}`,
        ...(instance.LaunchTime ? { [LAUNCHED_ANNOTATION]: instance.LaunchTime.toISOString() } : {}),
      },
      ownerReferences: [{ ...ownerReference(object, { controller: false }), blockOwnerDeletion: true }],
    },
    spec: {
      instanceID: id,
      ...(providerID ? { providerID } : {}),
      instanceType: instance.InstanceType ?? '',
      ...(instance.ImageId ? { ami: { id: instance.ImageId } } : {}),
      ...(instance.SubnetId ? { subnet: { id: instance.SubnetId } } : {}),
      ...(groups.length > 0 ? { additionalSecurityGroups: groups } : {}),
      ...(instance.InstanceLifecycle === 'spot' ? { spotMarketOptions: {} } : {}),
    },
  };
}

async function createMachine({ ctx }: PoolScope, machine: AWSMachine): Promise<void> {
  const { kube, signal } = ctx;
  const { name, namespace = '', labels } = machine.metadata;
  try {
    await kube.create(KINDS.AWSMachine, machine, { fieldManager: 'perdure', signal });
  } catch (error) {
    if (!isFailure(error, 'Conflict')) throw error;
    const found = await kube.get<AWSMachine>(KINDS.AWSMachine, { name, namespace }, signal);
    if (!found) throw error;
    if (instanceIdOf(found) !== machine.spec.instanceID)
      throw new PerdureError(
        'OwnershipConflict',
        `AWSMachine ${namespace}/${name} exists and is not that of instance ${machine.spec.instanceID}; rename or delete it`,
        { cause: error },
      );
    // made by an earlier run, or its labels were edited away
    await kube.mergePatch(KINDS.AWSMachine, { name, namespace }, { metadata: { labels } }, { signal });
  }
}

/** Deletes the Machine of an instance that goes, which takes its AWSMachine along; the AWSMachine itself where it has no Machine. */
async function retire({ ctx }: PoolScope, awsMachine: AWSMachine): Promise<void> {
  const { kube, signal } = ctx;
  const { name, namespace = '' } = awsMachine.metadata;
  const owner = controllerOf(awsMachine);
  const machine = await kube.get<Machine>(KINDS.Machine, { namespace, name: owner?.name ?? name }, signal);
  const ref = machine?.spec.infrastructureRef;
  if (machine && ref?.kind === KINDS.AWSMachine.kind && ref.name === name) {
    if (!isDeleting(machine)) await deleteObject(ctx, KINDS.Machine, machine);
    return;
  }
  await deleteObject(ctx, KINDS.AWSMachine, awsMachine);
  await kube.modify<AWSMachine>(
    KINDS.AWSMachine,
    { namespace, name },
    ({ metadata, ...rest }) => {
      const { finalizers = [], uid } = metadata;
      if (uid !== awsMachine.metadata.uid || !finalizers.includes(FINALIZER.AWSMachine)) return undefined;
      return { ...rest, metadata: { ...metadata, finalizers: finalizers.filter((f) => f !== FINALIZER.AWSMachine) } };
    },
    { signal },
  );
}

async function deleteObject(
  { kube, signal }: Pick<PoolScope['ctx'], 'kube' | 'signal'>,
  kind: (typeof KINDS)['Machine'],
  { metadata: { name, namespace = '', uid } }: KubeObject,
): Promise<void> {
  await kube.delete(kind, { namespace, name }, { ...(uid ? { uid } : {}), signal });
}
