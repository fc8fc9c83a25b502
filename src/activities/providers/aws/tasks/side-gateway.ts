import type { AWSCluster, AWSTags, VPCSpec } from '../../../../api/types/aws.js';
import { isWavelength } from '../../../../domain/aws/subnets.js';
import type { Change, EnsureTask } from '../../port.js';
import type { Cloud } from '../cloud.js';
import { isAbsent } from '../errors.js';
import { clientToken, resourceName } from '../names.js';
import { type ClusterScope, type ClusterView, isManagedVpc, requireVpcId, subnetsOf, vpcOf } from '../scope.js';
import { addTags, isEmpty, tagsToAdd } from '../tagging.js';
import { ownedTags, ownershipOf, tagList, tagMap } from '../tags.js';
import { defineTask } from '../task.js';
import { pollUntil } from '../wait.js';

type Tags = readonly { Key?: string | undefined; Value?: string | undefined }[] | undefined;

interface Gateway {
  readonly id: string;
  readonly Tags: Tags;
}

interface Observed {
  readonly gateway: Gateway | undefined;
}

/** What sets the carrier gateway and the egress-only internet gateway apart; both belong to one VPC and are made with a token. */
interface Kind {
  readonly id: string;
  readonly title: string;
  readonly condition: 'CarrierGatewayReady' | 'EgressOnlyInternetGatewayReady';
  readonly dependsOn: readonly string[];
  /** AWS's resource type, for tags. */
  readonly type: 'carrier-gateway' | 'egress-only-internet-gateway';
  readonly name: (cluster: string) => string;
  readonly needed: (view: ClusterView) => boolean;
  readonly recorded: (vpc: VPCSpec) => string | undefined;
  readonly record: (vpc: VPCSpec, id: string) => void;
  readonly list: (scope: ClusterScope, vpcId: string) => Promise<Gateway[]>;
  readonly create: (scope: ClusterScope, vpcId: string, token: string, tags: AWSTags) => Promise<string>;
  readonly delete: (scope: ClusterScope, id: string) => Promise<unknown>;
}

const CARRIER: Kind = {
  id: 'carrier-gateway',
  title: 'Ensure carrier gateway',
  condition: 'CarrierGatewayReady',
  dependsOn: ['subnets'],
  type: 'carrier-gateway',
  name: resourceName.carrierGateway,
  needed: (view) => subnetsOf(view).some((subnet) => isWavelength(subnet) && subnet.isPublic),
  recorded: (vpc) => vpc.carrierGatewayId,
  record: (vpc, id) => {
    vpc.carrierGatewayId = id;
  },
  list: async ({ aws }, vpcId) => {
    const { CarrierGateways = [] } = await aws.ec2.describeCarrierGateways({
      Filters: [{ Name: 'vpc-id', Values: [vpcId] }],
    });
    return CarrierGateways.filter(({ State }) => State !== 'deleted').map(({ CarrierGatewayId = '', Tags }) => ({
      id: CarrierGatewayId,
      Tags,
    }));
  },
  create: async ({ aws }, VpcId, ClientToken, tags) => {
    const { CarrierGateway } = await aws.ec2.createCarrierGateway({
      VpcId,
      ClientToken,
      TagSpecifications: [{ ResourceType: 'carrier-gateway', Tags: tagList(tags) }],
    });
    return CarrierGateway?.CarrierGatewayId ?? '';
  },
  delete: ({ aws }, CarrierGatewayId) => aws.ec2.deleteCarrierGateway({ CarrierGatewayId }),
};

const EGRESS_ONLY: Kind = {
  id: 'egress-only-internet-gateway',
  title: 'Ensure egress-only internet gateway',
  condition: 'EgressOnlyInternetGatewayReady',
  dependsOn: ['vpc'],
  type: 'egress-only-internet-gateway',
  name: resourceName.egressOnlyInternetGateway,
  needed: (view) => vpcOf(view).ipv6 !== undefined,
  recorded: (vpc) => vpc.ipv6?.egressOnlyInternetGatewayId,
  record: (vpc, id) => {
    vpc.ipv6 = { ...vpc.ipv6, egressOnlyInternetGatewayId: id };
  },
  list: async ({ aws }, vpcId) => {
    // The call takes no filter by VPC.
    const found: Gateway[] = [];
    let token: string | undefined;
    do {
      const page = await aws.ec2.describeEgressOnlyInternetGateways(token ? { NextToken: token } : {});
      for (const { EgressOnlyInternetGatewayId = '', Attachments = [], Tags } of page.EgressOnlyInternetGateways ??
        []) {
        if (Attachments.some((one) => one.VpcId === vpcId)) found.push({ id: EgressOnlyInternetGatewayId, Tags });
      }
      token = page.NextToken;
    } while (token);
    return found;
  },
  create: async ({ aws }, VpcId, ClientToken, tags) => {
    const { EgressOnlyInternetGateway } = await aws.ec2.createEgressOnlyInternetGateway({
      VpcId,
      ClientToken,
      TagSpecifications: [{ ResourceType: 'egress-only-internet-gateway', Tags: tagList(tags) }],
    });
    return EgressOnlyInternetGateway?.EgressOnlyInternetGatewayId ?? '';
  },
  delete: ({ aws }, EgressOnlyInternetGatewayId) =>
    aws.ec2.deleteEgressOnlyInternetGateway({ EgressOnlyInternetGatewayId }),
};

/** The way into the carrier's network for public subnets in wavelength zones. */
export function carrierGatewayTask(cloud: Cloud): EnsureTask<AWSCluster, Observed> {
  return gatewayTask(cloud, CARRIER);
}

/** The way out over IPv6 for private subnets. */
export function egressOnlyInternetGatewayTask(cloud: Cloud): EnsureTask<AWSCluster, Observed> {
  return gatewayTask(cloud, EGRESS_ONLY);
}

function gatewayTask(cloud: Cloud, kind: Kind): EnsureTask<AWSCluster, Observed> {
  const { id, title, dependsOn, condition } = kind;
  return defineTask<Observed>(cloud, {
    id,
    title,
    dependsOn,
    condition,
    observe: async (scope) => ({ gateway: kind.needed(scope) ? await find(scope, kind) : undefined }),
    plan: (view, observed) => plan(view, kind, observed),
    apply: (scope, observed) => apply(scope, kind, observed),
    remove: (scope) => remove(scope, kind),
  });
}

async function find(scope: ClusterScope, kind: Kind): Promise<Gateway | undefined> {
  const { id } = vpcOf(scope);
  return id ? (await kind.list(scope, id))[0] : undefined;
}

function wantedTags(view: ClusterView, kind: Kind): AWSTags {
  const additional = view.object.spec.additionalTags;
  return ownedTags({ ...view, name: kind.name(view.clusterName), role: 'common', key: kind.id, additional });
}

/** A gateway that others put into our VPC serves as well as ours, and stays theirs. */
function isOurs(view: ClusterView, gateway: Gateway): boolean {
  return ['ours', 'upstream'].includes(ownershipOf(tagMap(gateway.Tags), view));
}

function plan(view: ClusterView, kind: Kind, { gateway }: Observed): Change[] {
  if (!kind.needed(view)) return [];
  const change = (action: Change['action'], detail: string): Change => ({
    action,
    resource: kind.id,
    name: kind.name(view.clusterName),
    detail,
  });
  if (!gateway) return [change('create', `in ${vpcOf(view).id ?? 'the new VPC'}`)];
  return [
    ...(isOurs(view, gateway) && !isEmpty(tagsToAdd(wantedTags(view, kind), gateway))
      ? [change('update', 'tags')]
      : []),
    ...(kind.recorded(vpcOf(view)) === gateway.id ? [] : [change('update', 'record id')]),
  ];
}

async function apply(scope: ClusterScope, kind: Kind, { gateway }: Observed): Promise<void> {
  const vpcId = requireVpcId(scope);
  const tags = wantedTags(scope, kind);
  // The token names the predecessor: a replacement is another gateway, a second attempt the same.
  const token = clientToken(scope.clusterId, kind.id, vpcId, kind.recorded(vpcOf(scope)) ?? '');
  const id = gateway?.id ?? (await kind.create(scope, vpcId, token, tags));
  await scope.record((spec) => {
    if (spec.network?.vpc) kind.record(spec.network.vpc, id);
  });
  if (gateway && isOurs(scope, gateway)) await addTags(scope.aws, id, tagsToAdd(tags, gateway));
}

async function remove(scope: ClusterScope, kind: Kind): Promise<void> {
  const { id } = vpcOf(scope);
  if (!isManagedVpc(scope) || !id) return;
  const ours = async (): Promise<Gateway[]> => (await kind.list(scope, id)).filter((one) => isOurs(scope, one));
  for (const gateway of await ours()) {
    try {
      await kind.delete(scope, gateway.id);
    } catch (error) {
      if (!isAbsent(error)) throw error;
    }
  }
  await pollUntil(scope.ctx, `${kind.id} to be gone`, async () => ((await ours()).length === 0 ? true : undefined));
}
