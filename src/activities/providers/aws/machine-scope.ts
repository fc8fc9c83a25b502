import type { AWSCluster, AWSIdentityReference, AWSMachine, AWSMachineStatus } from '../../../api/types/aws.js';
import { KINDS } from '../../../api/types/kinds.js';
import { PerdureError } from '../../../domain/errors.js';
import { LABEL } from '../../../domain/names.js';
import type { MachineContext } from '../port.js';
import type { AwsCall, Cloud } from './cloud.js';
import { DEFAULT_IDENTITY } from './identity.js';
import { regionOfZone } from './names.js';
import { recorder } from './record.js';
import { type ClusterScope, openScope } from './scope.js';

/** What deletion needs when the AWSCluster went first (capa#5107). */
export const REGION_ANNOTATION = 'perdure.dev/aws-region';
export const IDENTITY_ANNOTATION = 'perdure.dev/aws-identity';
/** When the instance was requested, RFC 3339: before EC2 shows it everywhere, "not found" means "not yet". */
export const LAUNCHED_ANNOTATION = 'perdure.dev/aws-launched-at';

export type AwsMachineContext = MachineContext<AWSCluster, AWSMachine>;

/** What choosing an image, a subnet or groups goes by: of a machine, or of a pool whose launch template is the machine's spec. */
export interface LaunchScope {
  readonly cloud: Cloud;
  readonly ctx: Pick<AwsMachineContext, 'machine' | 'signal'>;
  readonly aws: AwsCall;
  /** Absent when the AWSCluster is gone, which happens while deleting only. */
  readonly cluster: ClusterScope | undefined;
  /** `AWSMachine namespace/name`, for messages. */
  readonly what: string;
  readonly isControlPlane: boolean;
  readonly object: Pick<AWSMachine, 'spec'>;
}

export interface MachineScope extends LaunchScope {
  readonly ctx: AwsMachineContext;
  /** `namespace/name` of the AWSMachine. */
  readonly label: string;
  /** Newest stored state this process has seen. */
  readonly object: AWSMachine;
  /** Changes spec and metadata of the AWSMachine with an optimistic lock; writes only when something differs. */
  record(change: (copy: AWSMachine) => void): Promise<void>;
  recordStatus(change: (status: AWSMachineStatus) => void): Promise<void>;
}

/** Opens clients for a machine, from its cluster or from what its own annotations remember. */
export async function openMachine(cloud: Cloud, ctx: AwsMachineContext): Promise<MachineScope> {
  const { kube, signal, infraMachine, infraCluster } = ctx;
  const { name, namespace = '' } = infraMachine.metadata;
  const cluster = infraCluster ? await openScope(cloud, { ...ctx, infraCluster }) : undefined;
  const aws =
    cluster?.aws ??
    (await cloud.open({
      kube,
      signal,
      namespace,
      region: rememberedRegion(infraMachine),
      identity: rememberedIdentity(infraMachine),
    }));
  const recorded = recorder<AWSMachine>(kube, KINDS.AWSMachine, infraMachine, signal);

  return {
    cloud,
    ctx,
    aws,
    cluster,
    label: `${namespace}/${name}`,
    what: `AWSMachine ${namespace}/${name}`,
    isControlPlane: ctx.machine.metadata.labels?.[LABEL.controlPlane] !== undefined,
    get object() {
      return recorded.object;
    },
    record: (change) => recorded.store(change),
    recordStatus: (change) =>
      recorded.store((copy) => {
        copy.status ??= {};
        change(copy.status);
      }, 'status'),
  };
}

/** The cluster scope, where none means that the caller has an order of things wrong. */
export function requireCluster({ cluster, what }: Pick<LaunchScope, 'cluster' | 'what'>): ClusterScope {
  if (!cluster)
    throw new PerdureError(
      'NotFound',
      `${what}: the AWSCluster of its cluster does not exist; create it or delete the machine`,
    );
  return cluster;
}

/** `i-…` from spec.instanceID, else from spec.providerID `aws:///<zone>/<id>`. */
export function instanceIdOf({ spec }: AWSMachine): string | undefined {
  return spec.instanceID || /\/(i-[0-9a-f]+)$/.exec(spec.providerID ?? '')?.[1];
}

function zoneOf({ spec }: AWSMachine): string | undefined {
  return /^aws:\/\/\/([^/]+)\//.exec(spec.providerID ?? '')?.[1];
}

export function isDeleting(ctx: AwsMachineContext): boolean {
  return [ctx.machine, ctx.infraMachine].some((object) => object.metadata.deletionTimestamp !== undefined);
}

/**
 * Whether the instance belongs to the Auto Scaling group of a machine pool: it is never launched here, and what it is made like is the business of the pool's
 * launch template. Source: capa MachineScope.IsMachinePoolMachine.
 */
export function isPoolMachine({ machine, infraMachine }: Pick<AwsMachineContext, 'machine' | 'infraMachine'>): boolean {
  return [machine, infraMachine].some(
    ({ metadata }) =>
      metadata.labels?.[LABEL.poolName] !== undefined ||
      metadata.ownerReferences?.some((o) => o.kind === 'MachinePool' || o.kind === 'AWSMachinePool') === true,
  );
}

function rememberedRegion(machine: AWSMachine): string {
  const { name, namespace, annotations } = machine.metadata;
  const region = annotations?.[REGION_ANNOTATION] ?? regionOfZone(zoneOf(machine) ?? '');
  if (region) return region;
  throw new PerdureError(
    'NotFound',
    `AWSMachine ${namespace}/${name}: its AWSCluster is gone and its region unknown; set annotation ${REGION_ANNOTATION}`,
  );
}

function rememberedIdentity({ metadata }: AWSMachine): AWSIdentityReference {
  const [kind, name] = (metadata.annotations?.[IDENTITY_ANNOTATION] ?? '').split('/');
  return kind && name ? { kind: kind as AWSIdentityReference['kind'], name } : DEFAULT_IDENTITY;
}
