import type { AWSCluster, AWSIdentityReference, AWSMachine, AWSMachineStatus } from '../../../api/types/aws.js';
import { KINDS } from '../../../api/types/kinds.js';
import { PerdureError } from '../../../domain/errors.js';
import { LABEL } from '../../../domain/names.js';
import type { MachineContext } from '../port.js';
import type { AwsCall, Cloud } from './cloud.js';
import { sameJson } from './equal.js';
import { DEFAULT_IDENTITY } from './identity.js';
import { regionOfZone } from './names.js';
import { type ClusterScope, FIELD_MANAGER, openScope } from './scope.js';

/** What deletion needs when the AWSCluster went first (capa#5107). */
export const REGION_ANNOTATION = 'perdure.dev/aws-region';
export const IDENTITY_ANNOTATION = 'perdure.dev/aws-identity';
/** When the instance was requested, RFC 3339: before EC2 shows it everywhere, "not found" means "not yet". */
export const LAUNCHED_ANNOTATION = 'perdure.dev/aws-launched-at';

export type AwsMachineContext = MachineContext<AWSCluster, AWSMachine>;

export interface MachineScope {
  readonly cloud: Cloud;
  readonly ctx: AwsMachineContext;
  readonly aws: AwsCall;
  /** Absent when the AWSCluster is gone, which happens while deleting only. */
  readonly cluster: ClusterScope | undefined;
  /** `namespace/name` of the AWSMachine. */
  readonly label: string;
  readonly isControlPlane: boolean;
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
  let object = infraMachine;

  const store = async (change: (copy: AWSMachine) => void, subresource?: 'status'): Promise<void> => {
    const known = structuredClone(object);
    change(known);
    if (sameJson(known, object)) return;
    const stored = await kube.modify<AWSMachine>(
      KINDS.AWSMachine,
      { namespace, name },
      (current) => {
        const copy = structuredClone(current);
        change(copy);
        if (!sameJson(copy, current)) return copy;
        object = current;
        return undefined;
      },
      { fieldManager: FIELD_MANAGER, signal, ...(subresource ? { subresource } : {}) },
    );
    if (stored) object = stored;
  };

  return {
    cloud,
    ctx,
    aws,
    cluster,
    label: `${namespace}/${name}`,
    isControlPlane: ctx.machine.metadata.labels?.[LABEL.controlPlane] !== undefined,
    get object() {
      return object;
    },
    record: (change) => store(change),
    recordStatus: (change) =>
      store((copy) => {
        copy.status ??= {};
        change(copy.status);
      }, 'status'),
  };
}

/** The cluster scope, where none means that the caller has an order of things wrong. */
export function requireCluster({ cluster, label }: MachineScope): ClusterScope {
  if (!cluster)
    throw new PerdureError(
      'NotFound',
      `AWSMachine ${label}: the AWSCluster of its cluster does not exist; create it or delete the machine`,
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
