import type { SecurityGroup } from '@aws-sdk/client-ec2';
import type { ExternalResource } from '../../../../domain/collect/external.js';
import { isFailure, type PerdureError } from '../../../../domain/errors.js';
import type { ExternalRemoval } from '../../port.js';
import { dependents } from '../blockers.js';
import { classify, hasCode, isAbsent } from '../errors.js';
import type { ClusterScope } from '../scope.js';
import { mapLimited } from '../wait.js';
import { classicName, isClassic } from './balancers.js';
import { removeRecords } from './records.js';
import { freeGroups } from './references.js';
import type { Search } from './scope.js';

const WIDTH = 4;

type Remove = (scope: ClusterScope, id: string) => Promise<unknown>;

/** The request that removes a resource of each kind; security groups and records have their own way. */
const REMOVE: Readonly<Record<string, Remove>> = {
  'load-balancer': ({ aws }, id) =>
    isClassic(id)
      ? aws.elb.deleteLoadBalancer({ LoadBalancerName: classicName(id) })
      : aws.elbv2.deleteLoadBalancer({ LoadBalancerArn: id }),
  'target-group': ({ aws }, id) => aws.elbv2.deleteTargetGroup({ TargetGroupArn: id }),
  'network-interface': ({ aws }, id) => aws.ec2.deleteNetworkInterface({ NetworkInterfaceId: id }),
  'elastic-ip': ({ aws }, id) => aws.ec2.releaseAddress({ AllocationId: id }),
  'ebs-volume': ({ aws }, id) => aws.ec2.deleteVolume({ VolumeId: id }),
  'ebs-snapshot': ({ aws }, id) => aws.ec2.deleteSnapshot({ SnapshotId: id }),
  'log-group': ({ aws }, id) => aws.logs.deleteLogGroup({ logGroupName: id }),
};

/** Requests the removal of each; what the cloud refuses for a reason of its own keeps no other from being tried. */
export async function removeExternal(
  search: Search,
  resources: readonly ExternalResource[],
): Promise<ExternalRemoval[]> {
  const groups = resources.filter((r) => r.kind === 'security-group');
  const records = resources.filter((r) => r.kind === 'dns-record');
  const rest = resources.filter((r) => !groups.includes(r) && !records.includes(r));
  return [
    ...(await removeRecords(search.scope, records, (resource, work) => refused(search.scope, resource, work))),
    ...(await mapLimited(rest, WIDTH, (resource) => attempt(search.scope, resource))),
    ...(groups.length > 0 ? await removeGroups(search, groups) : []),
  ];
}

async function attempt(scope: ClusterScope, { kind, id }: ExternalResource): Promise<ExternalRemoval> {
  const remove = REMOVE[kind];
  if (!remove) return { kind, id, blocked: `nobody knows how to remove a ${kind}` };
  return refused(scope, { kind, id }, () => remove(scope, id));
}

/** Errors that are about the account or this call, not about the resource, go on as errors. */
async function refused(
  scope: ClusterScope,
  { kind, id }: { readonly kind: string; readonly id: string },
  work: () => Promise<unknown>,
): Promise<ExternalRemoval> {
  try {
    await work();
    return { kind, id };
  } catch (error) {
    scope.ctx.signal.throwIfAborted();
    if (isAbsent(error)) return { kind, id };
    // a load balancer that is protected from deletion is refused like that
    if (hasCode(error, 'OperationNotPermitted')) return { kind, id, blocked: (error as Error).message };
    const known = classify(error);
    if (isAboutAccount(known)) throw known;
    return { kind, id, blocked: known.message };
  }
}

const isAboutAccount = (error: PerdureError): boolean =>
  isFailure(error, 'Throttled') || isFailure(error, 'Unauthorized') || isFailure(error, 'Bug');

/** The rules that refer to the groups first, wherever they may be touched; then the groups. */
async function removeGroups(search: Search, resources: readonly ExternalResource[]): Promise<ExternalRemoval[]> {
  const { scope } = search;
  const ids = new Set(resources.map((r) => r.id));
  const around: readonly SecurityGroup[] = await search.groups();
  const held = await freeGroups(scope, around, ids);
  return mapLimited(resources, WIDTH, async ({ kind, id, name }) => {
    const holder = held.get(id);
    if (holder) return { kind, id, blocked: holder };
    return refused(scope, { kind, id }, async () => {
      try {
        await scope.aws.ec2.deleteSecurityGroup({ GroupId: id });
      } catch (error) {
        if (!hasCode(error, 'DependencyViolation', 'InvalidGroup.InUse')) throw error;
        throw await dependents(
          scope,
          `security group ${id} (${name})`,
          [{ Name: 'group-id', Values: [id] }],
          error,
          id,
        );
      }
    });
  });
}
