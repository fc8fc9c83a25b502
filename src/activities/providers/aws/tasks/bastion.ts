import type { Image, Instance } from '@aws-sdk/client-ec2';
import type { AWSCluster, AWSInstance, AWSTags } from '../../../../api/types/aws.js';
import { notYet, PerdureError } from '../../../../domain/errors.js';
import type { Change, EnsureTask } from '../../port.js';
import type { Cloud } from '../cloud.js';
import { sameJson } from '../equal.js';
import { isAbsent } from '../errors.js';
import { groupIds } from '../groups.js';
import { addressesOf } from '../machine-status.js';
import { clientToken, resourceName } from '../names.js';
import { type ClusterScope, type ClusterView, requireVpcId, subnetIdOf, subnetsOf, vpcOf } from '../scope.js';
import { addTags, isEmpty, tagsToAdd } from '../tagging.js';
import { ownedTags, ownershipOf, TAG, tagList, tagMap } from '../tags.js';
import { defineTask } from '../task.js';
import { pollUntil } from '../wait.js';

const IMAGES_TTL_MS = 15 * 60_000;
/** Canonical, who publishes Ubuntu. */
const UBUNTU = { owner: '099720109477', govCloudOwner: '513442679011' } as const;
const UBUNTU_NAME = 'ubuntu/images/hvm-ssd*/ubuntu-noble-24.04-amd64-server-*';
const LIVE = ['pending', 'running', 'stopping', 'stopped'];
/** Keys alone log in, and nobody as root. */
const USER_DATA = '#cloud-config\nssh_pwauth: false\ndisable_root: true\n';

interface Observed {
  readonly bastion: Instance | undefined;
}

/** True when there is, or may be, a bastion. */
export function wantsBastion({ spec, status }: AWSCluster): boolean {
  return spec.bastion !== undefined || status?.bastion !== undefined;
}

/** The host through which people reach machines in private subnets. Source: capa pkg/cloud/services/ec2/bastion.go. */
export function bastionTask(cloud: Cloud): EnsureTask<AWSCluster, Observed> {
  return defineTask<Observed>(cloud, {
    id: 'bastion',
    title: 'Ensure bastion',
    dependsOn: ['subnets', 'security-groups', 'route-tables'],
    condition: 'BastionHostReady',
    observe: async (scope) => ({ bastion: await find(scope) }),
    plan,
    apply,
    remove,
  });
}

const isWanted = ({ object }: ClusterView): boolean => object.spec.bastion?.enabled === true;

async function find(scope: ClusterScope): Promise<Instance | undefined> {
  const { id } = vpcOf(scope);
  if (!id) return undefined;
  const { Reservations = [] } = await scope.aws.ec2.describeInstances({
    Filters: [
      { Name: 'vpc-id', Values: [id] },
      { Name: `tag:${TAG.role}`, Values: ['bastion'] },
      { Name: 'instance-state-name', Values: LIVE },
    ],
  });
  return Reservations.flatMap((one) => one.Instances ?? []).find((instance) =>
    ['ours', 'upstream'].includes(ownershipOf(tagMap(instance.Tags), scope)),
  );
}

function wantedTags(view: ClusterView): AWSTags {
  const additional = view.object.spec.additionalTags;
  const name = resourceName.bastion(view.clusterName);
  return ownedTags({ ...view, name, role: 'bastion', key: 'bastion', additional });
}

function plan(view: ClusterView, { bastion }: Observed): Change[] {
  const name = resourceName.bastion(view.clusterName);
  const change = (action: Change['action'], detail: string): Change => ({ action, resource: 'bastion', name, detail });
  if (!isWanted(view)) {
    if (bastion) return [change('delete', `instance ${bastion.InstanceId}`)];
    return view.object.status?.bastion ? [change('update', 'remove from status')] : [];
  }
  if (!bastion) return [change('create', typeOf(view))];
  if (bastion.State?.Name === 'pending') return [change('update', 'wait until running')];
  return [
    ...(isEmpty(tagsToAdd(wantedTags(view), bastion)) ? [] : [change('update', 'tags')]),
    ...(sameJson(view.object.status?.bastion, statusOf(view, bastion)) ? [] : [change('update', 'status')]),
  ];
}

function typeOf({ object, region }: ClusterView): string {
  return object.spec.bastion?.instanceType || (region === 'us-east-1' ? 't2.micro' : 't3.micro');
}

async function apply(scope: ClusterScope, { bastion }: Observed): Promise<void> {
  if (!isWanted(scope)) {
    await remove(scope);
    return;
  }
  const id = bastion?.InstanceId ?? (await launch(scope));
  if (bastion) await addTags(scope.aws, id, tagsToAdd(wantedTags(scope), bastion));
  const live = await pollUntil(scope.ctx, `bastion ${id} to run`, async () => {
    const found = await find(scope);
    return found && found.State?.Name !== 'pending' ? found : undefined;
  });
  await scope.recordStatus((status) => {
    status.bastion = statusOf(scope, live);
  });
}

/** The token names the predecessor: a new bastion after one that was ended is another instance, a second attempt the same. */
async function launch(scope: ClusterScope): Promise<string> {
  const { object, aws } = scope;
  const subnet = subnetsOf(scope).find((one) => one.isPublic && subnetIdOf(one));
  const where = `AWSCluster ${scope.namespace}/${object.metadata.name}`;
  if (!subnet) {
    throw new PerdureError(
      'InvalidConfiguration',
      `${where}: spec.bastion is enabled, which needs a public subnet in spec.network.subnets; add one or disable it`,
      { details: { field: 'spec.bastion.enabled' } },
    );
  }
  const ImageId = object.spec.bastion?.ami || (await newestImage(scope));
  const key = object.spec.sshKeyName ?? 'default';
  const groups = await groupIds(scope, ['bastion']);
  const before = object.status?.bastion?.id ?? '';
  const { Instances } = await aws.ec2.runInstances({
    ClientToken: clientToken(scope.clusterId, 'bastion', requireVpcId(scope), before, ImageId, typeOf(scope), key),
    MinCount: 1,
    MaxCount: 1,
    ImageId,
    InstanceType: typeOf(scope) as never,
    UserData: Buffer.from(USER_DATA).toString('base64'),
    NetworkInterfaces: [
      {
        DeviceIndex: 0,
        DeleteOnTermination: true,
        SubnetId: subnetIdOf(subnet) ?? '',
        Groups: groups,
        ...(subnet.cidrBlock ? { AssociatePublicIpAddress: true } : {}),
        ...(subnet.ipv6CidrBlock ? { Ipv6AddressCount: 1 } : {}),
      },
    ],
    MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 1 },
    ...(key ? { KeyName: key } : {}),
    TagSpecifications: (['instance', 'volume', 'network-interface'] as const).map((ResourceType) => ({
      ResourceType,
      Tags: tagList(wantedTags(scope)),
    })),
  });
  const id = Instances?.[0]?.InstanceId;
  if (!id) throw notYet(`${where}: EC2 has not given the bastion an id yet`);
  return id;
}

async function newestImage({ cloud, aws, region }: ClusterScope): Promise<string> {
  const owner = region.startsWith('us-gov-') ? UBUNTU.govCloudOwner : UBUNTU.owner;
  const images = await cloud.cached<Image[]>(`bastion-image/${aws.account}`, IMAGES_TTL_MS, async () => {
    const filter = (Name: string, value: string) => ({ Name, Values: [value] });
    const { Images = [] } = await aws.shared(AbortSignal.timeout(30_000)).ec2.describeImages({
      Filters: [
        filter('owner-id', owner),
        filter('name', UBUNTU_NAME),
        filter('architecture', 'x86_64'),
        filter('state', 'available'),
        filter('virtualization-type', 'hvm'),
      ],
    });
    return Images;
  });
  const newest = [...images].sort((a, b) => (b.CreationDate ?? '').localeCompare(a.CreationDate ?? ''))[0]?.ImageId;
  if (newest) return newest;
  throw new PerdureError(
    'InvalidConfiguration',
    `no image ${UBUNTU_NAME} of owner ${owner} in ${region} for the bastion; set spec.bastion.ami`,
    { details: { field: 'spec.bastion.ami' } },
  );
}

/** The bastion as upstream mirrors it. */
function statusOf(view: ClusterView, instance: Instance): AWSInstance {
  const { InstanceId = '', InstanceType, SubnetId, ImageId, PrivateIpAddress, PublicIpAddress, Ipv6Address } = instance;
  const zone = instance.Placement?.AvailabilityZone;
  return {
    id: InstanceId,
    instanceState: instance.State?.Name as NonNullable<AWSInstance['instanceState']>,
    addresses: addressesOf(instance),
    securityGroupIds: (instance.SecurityGroups ?? []).flatMap((group) => group.GroupId ?? []).sort(),
    sshKeyName: view.object.spec.sshKeyName ?? 'default',
    ...(InstanceType ? { type: InstanceType } : {}),
    ...(SubnetId ? { subnetId: SubnetId } : {}),
    ...(ImageId ? { imageId: ImageId } : {}),
    ...(PrivateIpAddress ? { privateIp: PrivateIpAddress } : {}),
    ...(PublicIpAddress ? { publicIp: PublicIpAddress } : {}),
    ...(Ipv6Address ? { ipv6Address: Ipv6Address } : {}),
    ...(zone ? { availabilityZone: zone } : {}),
  };
}

async function remove(scope: ClusterScope): Promise<void> {
  const { aws, ctx } = scope;
  const bastion = await find(scope);
  if (bastion?.InstanceId) {
    try {
      await aws.ec2.terminateInstances({ InstanceIds: [bastion.InstanceId] });
    } catch (error) {
      if (!isAbsent(error)) throw error;
    }
  }
  // Not only asked for: its interface and groups are held until it is gone.
  await pollUntil(ctx, 'bastion to be terminated', async () => ((await ending(scope)) ? undefined : true));
  await scope.recordStatus((status) => {
    delete status.bastion;
  });
}

async function ending(scope: ClusterScope): Promise<boolean> {
  const { id } = vpcOf(scope);
  if (!id) return false;
  const { Reservations = [] } = await scope.aws.ec2.describeInstances({
    Filters: [
      { Name: 'vpc-id', Values: [id] },
      { Name: `tag:${TAG.key}`, Values: ['bastion'] },
      { Name: `tag:${TAG.id}`, Values: [scope.clusterId] },
      { Name: 'instance-state-name', Values: [...LIVE, 'shutting-down'] },
    ],
  });
  return Reservations.some(({ Instances = [] }) => Instances.length > 0);
}
