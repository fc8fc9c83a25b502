import type { VpcEndpoint } from '@aws-sdk/client-ec2';
import type { AWSCluster, AWSTags } from '../../../../api/types/aws.js';
import { PerdureError } from '../../../../domain/errors.js';
import type { Change, EnsureTask } from '../../port.js';
import type { Cloud } from '../cloud.js';
import { classify } from '../errors.js';
import { clientToken, resourceName } from '../names.js';
import { type ClusterScope, type ClusterView, isManagedVpc, requireVpcId, subnetsOf, vpcOf } from '../scope.js';
import { sameSet } from '../sets.js';
import { addTags, isEmpty, tagsToAdd } from '../tagging.js';
import { ownedTags, ownershipOf, tagList, tagMap } from '../tags.js';
import { defineTask } from '../task.js';
import { pollUntil } from '../wait.js';

interface Observed {
  readonly endpoint: VpcEndpoint | undefined;
}

/** The gateway endpoint for S3 of a cluster with a bucket: machines fetch their bootstrap data without leaving the VPC. Source: capa vpc.go. */
export function vpcEndpointsTask(cloud: Cloud): EnsureTask<AWSCluster, Observed> {
  return defineTask<Observed>(cloud, {
    id: 'vpc-endpoints',
    title: 'Ensure VPC endpoints',
    dependsOn: ['route-tables'],
    condition: 'VpcEndpointsReadyCondition',
    observe: async (scope) => ({ endpoint: (await endpoints(scope))[0] }),
    plan,
    apply,
    remove,
  });
}

const serviceOf = ({ region }: ClusterView): string => `com.amazonaws.${region}.s3`;

/** Those of ours in the VPC that are not on their way out. */
async function endpoints(scope: ClusterScope): Promise<VpcEndpoint[]> {
  const { id } = vpcOf(scope);
  if (!id) return [];
  const { VpcEndpoints = [] } = await scope.aws.ec2.describeVpcEndpoints({
    Filters: [
      { Name: 'vpc-id', Values: [id] },
      { Name: 'service-name', Values: [serviceOf(scope)] },
    ],
  });
  return VpcEndpoints.filter(
    ({ Tags, State = '' }) =>
      ['ours', 'upstream'].includes(ownershipOf(tagMap(Tags), scope)) && !/^(deleting|deleted)$/i.test(State),
  );
}

function wantedTags(view: ClusterView): AWSTags {
  const additional = view.object.spec.additionalTags;
  const name = resourceName.vpcEndpoint(view.clusterName);
  return ownedTags({ ...view, name, role: 'common', key: 'vpce/s3', additional });
}

const tablesOf = (view: ClusterView): string[] =>
  [...new Set(subnetsOf(view).flatMap((one) => one.routeTableId ?? []))].sort();

function plan(view: ClusterView, { endpoint }: Observed): Change[] {
  const name = resourceName.vpcEndpoint(view.clusterName);
  const change = (action: Change['action'], detail: string): Change => ({
    action,
    resource: 'vpc-endpoint',
    name,
    detail,
  });
  if (!endpoint) return [change('create', serviceOf(view))];
  return [
    ...(sameSet(endpoint.RouteTableIds, tablesOf(view)) ? [] : [change('update', 'route tables')]),
    ...(isEmpty(tagsToAdd(wantedTags(view), endpoint)) ? [] : [change('update', 'tags')]),
  ];
}

async function apply(scope: ClusterScope, { endpoint }: Observed): Promise<void> {
  const { ec2 } = scope.aws;
  const wanted = tablesOf(scope);
  if (!endpoint) {
    const VpcId = requireVpcId(scope);
    await ec2.createVpcEndpoint({
      VpcId,
      ServiceName: serviceOf(scope),
      VpcEndpointType: 'Gateway',
      RouteTableIds: wanted,
      ClientToken: clientToken(scope.clusterId, 'vpce/s3', VpcId, ...wanted),
      TagSpecifications: [{ ResourceType: 'vpc-endpoint', Tags: tagList(wantedTags(scope)) }],
    });
    return;
  }
  const VpcEndpointId = endpoint.VpcEndpointId ?? '';
  const current = endpoint.RouteTableIds ?? [];
  const add = wanted.filter((id) => !current.includes(id));
  const drop = current.filter((id) => !wanted.includes(id));
  if (add.length + drop.length > 0)
    await ec2.modifyVpcEndpoint({ VpcEndpointId, AddRouteTableIds: add, RemoveRouteTableIds: drop });
  await addTags(scope.aws, VpcEndpointId, tagsToAdd(wantedTags(scope), endpoint));
}

async function remove(scope: ClusterScope): Promise<void> {
  if (!isManagedVpc(scope)) return;
  const ids = (await endpoints(scope)).map(({ VpcEndpointId = '' }) => VpcEndpointId);
  if (ids.length > 0) {
    const { Unsuccessful = [] } = await scope.aws.ec2.deleteVpcEndpoints({ VpcEndpointIds: ids });
    const failed = Unsuccessful.find(({ Error: error }) => !/NotFound$/.test(error?.Code ?? ''));
    if (failed) throw failure(failed.ResourceId ?? '', failed.Error?.Code, failed.Error?.Message);
  }
  await pollUntil(scope.ctx, 'VPC endpoints to be gone', async () =>
    (await endpoints(scope)).length === 0 ? true : undefined,
  );
}

/** The call succeeds as a whole and tells of each endpoint. */
function failure(id: string, code = 'InternalError', text = 'no reason given'): PerdureError {
  const { type } = classify(Object.assign(new Error(text), { Code: code }));
  return new PerdureError(type, `VPC endpoint ${id} cannot be deleted: ${code}: ${text}`, { details: { code } });
}
