import { CreateLogGroupCommand } from '@aws-sdk/client-cloudwatch-logs';
import {
  AllocateAddressCommand,
  AuthorizeSecurityGroupIngressCommand,
  CreateNetworkInterfaceCommand,
  CreateSecurityGroupCommand,
  CreateSnapshotCommand,
  CreateSubnetCommand,
  CreateVolumeCommand,
  CreateVpcCommand,
  DescribeSecurityGroupsCommand,
  type ResourceType,
} from '@aws-sdk/client-ec2';
import { CreateLoadBalancerCommand as CreateClassic } from '@aws-sdk/client-elastic-load-balancing';
import {
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  CreateTargetGroupCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import {
  ChangeResourceRecordSetsCommand,
  CreateHostedZoneCommand,
  type ResourceRecordSet,
} from '@aws-sdk/client-route-53';
import type { TestClients } from '../../src/sandbox/moto/testing.js';

type Tags = Readonly<Record<string, string>>;
const list = (tags: Tags) => Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
const specified = (ResourceType: ResourceType, tags: Tags) => [{ ResourceType, Tags: list(tags) }];

export interface Place {
  readonly vpc: string;
  /** Two subnets in two zones. */
  readonly subnets: readonly [string, string];
}

/** A VPC with two subnets that nobody owns, for clusters that share it. */
export async function sharedVpc({ ec2 }: TestClients): Promise<Place> {
  const { Vpc } = await ec2.send(new CreateVpcCommand({ CidrBlock: '10.20.0.0/16' }));
  const vpc = Vpc?.VpcId ?? '';
  const subnet = async (zone: string, n: number): Promise<string> => {
    const made = await ec2.send(
      new CreateSubnetCommand({ VpcId: vpc, CidrBlock: `10.20.${n}.0/24`, AvailabilityZone: zone }),
    );
    return made.Subnet?.SubnetId ?? '';
  };
  return { vpc, subnets: [await subnet('us-east-1a', 1), await subnet('us-east-1b', 2)] };
}

/** Lets `from` into `group`. */
export async function allow({ ec2 }: TestClients, group: string, from: string): Promise<void> {
  const pairs = [{ GroupId: from }];
  const IpPermissions = [{ IpProtocol: 'tcp', FromPort: 30000, ToPort: 32767, UserIdGroupPairs: pairs }];
  await ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId: group, IpPermissions }));
}

export async function defaultGroup({ ec2 }: TestClients, vpc: string): Promise<string> {
  const Filters = [
    { Name: 'vpc-id', Values: [vpc] },
    { Name: 'group-name', Values: ['default'] },
  ];
  const { SecurityGroups } = await ec2.send(new DescribeSecurityGroupsCommand({ Filters }));
  return SecurityGroups?.[0]?.GroupId ?? '';
}

export async function securityGroup({ ec2 }: TestClients, vpc: string, name: string, tags: Tags): Promise<string> {
  const made = await ec2.send(
    new CreateSecurityGroupCommand({
      VpcId: vpc,
      GroupName: name,
      Description: name,
      TagSpecifications: specified('security-group', tags),
    }),
  );
  return made.GroupId ?? '';
}

export interface Made {
  /** Ids by what they are, e.g. `lbc/balancer`. */
  readonly ids: Readonly<Record<string, string>>;
}

/**
 * What the in-tree provider or the cloud controller manager makes for two Services: a classic load balancer with its security group, and a network load balancer
 * with its target group. Source: cloud-provider-aws pkg/providers/v1.
 */
export async function ccmResources(clients: TestClients, place: Place, cluster: string): Promise<Made> {
  const owned = { [`kubernetes.io/cluster/${cluster}`]: 'owned' };
  const tags = { ...owned, 'kubernetes.io/service-name': 'default/web' };
  const name = `a${cluster.replaceAll('-', '')}0123456789abcdef`.slice(0, 32);
  const group = await securityGroup(clients, place.vpc, `k8s-elb-${name}`, owned);
  await clients.elb.send(
    new CreateClassic({
      LoadBalancerName: name,
      Listeners: [{ Protocol: 'TCP', LoadBalancerPort: 80, InstanceProtocol: 'TCP', InstancePort: 30080 }],
      Scheme: 'internal',
      Subnets: [place.subnets[0]],
      SecurityGroups: [group],
      Tags: list(tags),
    }),
  );
  const balanced = await balancer(clients, place, { name: `n${name}`.slice(0, 32), type: 'network', tags });
  return { ids: { 'ccm/classic': `classic/${name}`, 'ccm/group': group, ...prefixed('ccm', balanced) } };
}

/**
 * What the AWS Load Balancer Controller makes for an Ingress: an application load balancer, target group, its own security group and the one that all its
 * balancers share, which refer to each other. Source: aws-load-balancer-controller docs/deploy/… (tags), capa reference.
 */
export async function lbcResources(clients: TestClients, place: Place, cluster: string): Promise<Made> {
  const mine = { 'elbv2.k8s.aws/cluster': cluster };
  const tags = { ...mine, 'ingress.k8s.aws/stack': 'shop/site', 'ingress.k8s.aws/resource': 'LoadBalancer' };
  const managed = await securityGroup(clients, place.vpc, `k8s-shop-site-${cluster}`, {
    ...mine,
    'ingress.k8s.aws/stack': 'shop/site',
    'ingress.k8s.aws/resource': 'ManagedLBSecurityGroup',
  });
  const backend = await securityGroup(clients, place.vpc, `k8s-traffic-${cluster}-0123456789`, {
    ...mine,
    'elbv2.k8s.aws/resource': 'backend-sg',
  });
  await allow(clients, managed, backend);
  await allow(clients, backend, managed);
  await allow(clients, await defaultGroup(clients, place.vpc), backend);
  const balanced = await balancer(clients, place, {
    name: `k8s-shop-site-${cluster}`.slice(0, 32),
    type: 'application',
    tags,
    groups: [managed, backend],
  });
  return { ids: { 'lbc/managed': managed, 'lbc/backend': backend, ...prefixed('lbc', balanced) } };
}

/** What a CSI driver with a cluster id makes for two claims, one of which was snapshotted; and an elastic address of the cluster. */
export async function dataResources({ ec2 }: TestClients, cluster: string): Promise<Made> {
  const owned = { [`kubernetes.io/cluster/${cluster}`]: 'owned', 'ebs.csi.aws.com/cluster': 'true' };
  const volume = await ec2.send(
    new CreateVolumeCommand({
      AvailabilityZone: 'us-east-1a',
      Size: 1,
      TagSpecifications: specified('volume', {
        ...owned,
        CSIVolumeName: 'pvc-1',
        'ebs.csi.aws.com/cluster-name': cluster,
        'kubernetes.io/created-for/pvc/name': 'data',
        'kubernetes.io/created-for/pvc/namespace': 'default',
        'kubernetes.io/created-for/pv/name': 'pvc-1',
      }),
    }),
  );
  const snapshot = await ec2.send(
    new CreateSnapshotCommand({
      VolumeId: volume.VolumeId,
      TagSpecifications: specified('snapshot', { ...owned, CSIVolumeSnapshotName: 'snapshot-1' }),
    }),
  );
  const address = await ec2.send(
    new AllocateAddressCommand({ Domain: 'vpc', TagSpecifications: specified('elastic-ip', owned) }),
  );
  return {
    ids: {
      'data/volume': volume.VolumeId ?? '',
      'data/snapshot': snapshot.SnapshotId ?? '',
      address: address.AllocationId ?? '',
    },
  };
}

/** A network interface of the VPC's network plug-in that its node left behind. */
export async function cniInterface({ ec2 }: TestClients, place: Place, cluster: string): Promise<string> {
  const made = await ec2.send(
    new CreateNetworkInterfaceCommand({
      SubnetId: place.subnets[0],
      Description: 'aws-K8S-i-0123456789abcdef0',
      TagSpecifications: specified('network-interface', {
        'cluster.k8s.amazonaws.com/name': cluster,
        'node.k8s.amazonaws.com/instance_id': 'i-0123456789abcdef0',
      }),
    }),
  );
  return made.NetworkInterface?.NetworkInterfaceId ?? '';
}

interface BalancerWish {
  readonly name: string;
  readonly type: 'network' | 'application';
  readonly tags: Tags;
  readonly groups?: readonly string[];
}

async function balancer({ elbv2 }: TestClients, place: Place, wish: BalancerWish): Promise<Record<string, string>> {
  const network = wish.type === 'network';
  const made = await elbv2.send(
    new CreateLoadBalancerCommand({
      Name: wish.name,
      Type: wish.type,
      Scheme: 'internal',
      Subnets: [...place.subnets],
      Tags: list(wish.tags),
      ...(wish.groups ? { SecurityGroups: [...wish.groups] } : {}),
    }),
  );
  const LoadBalancerArn = made.LoadBalancers?.[0]?.LoadBalancerArn ?? '';
  const Protocol = network ? 'TCP' : 'HTTP';
  const target = await elbv2.send(
    new CreateTargetGroupCommand({
      Name: `${network ? 't' : 'h'}-${wish.name}`.slice(0, 32).replace(/-+$/, ''),
      Protocol,
      Port: 30080,
      VpcId: place.vpc,
      TargetType: 'instance',
      Tags: list(wish.tags),
    }),
  );
  const TargetGroupArn = target.TargetGroups?.[0]?.TargetGroupArn ?? '';
  await elbv2.send(
    new CreateListenerCommand({
      LoadBalancerArn,
      Protocol,
      Port: 80,
      DefaultActions: [{ Type: 'forward', TargetGroupArn }],
    }),
  );
  return { balancer: LoadBalancerArn, targets: TargetGroupArn };
}

const prefixed = (prefix: string, ids: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(ids).map(([key, id]) => [`${prefix}/${key}`, id]));

/** A zone of the user's. */
export async function hostedZone({ route53 }: TestClients, name: string): Promise<string> {
  const { HostedZone } = await route53.send(new CreateHostedZoneCommand({ Name: name, CallerReference: name }));
  return (HostedZone?.Id ?? '').replace('/hostedzone/', '');
}

/** An alias to a load balancer, as somebody makes it by hand. */
export const alias = (Name: string, host: string): ResourceRecordSet => ({
  Name,
  Type: 'A',
  AliasTarget: { HostedZoneId: 'Z35SXDOTRQ7X7K', DNSName: `dualstack.${host}.`, EvaluateTargetHealth: true },
});

/** The same with the mark that external-dns makes beside it. Source: external-dns docs/registry/txt.md. */
export const marked = (Name: string, host: string, owner: string): ResourceRecordSet[] => [
  alias(Name, host),
  {
    Name: `a-${Name}`,
    Type: 'TXT',
    TTL: 300,
    ResourceRecords: [
      { Value: `"heritage=external-dns,external-dns/owner=${owner},external-dns/resource=service/default/web"` },
    ],
  },
];

export async function putRecords({ route53 }: TestClients, zone: string, sets: ResourceRecordSet[]): Promise<void> {
  const Changes = sets.map((ResourceRecordSet) => ({ Action: 'UPSERT' as const, ResourceRecordSet }));
  await route53.send(new ChangeResourceRecordSetsCommand({ HostedZoneId: zone, ChangeBatch: { Changes } }));
}

/** A log group as an agent makes it that tags what it makes. */
export async function logGroup({ logs }: TestClients, cluster: string): Promise<string> {
  const logGroupName = `/aws/containerinsights/${cluster}/application`;
  await logs.send(new CreateLogGroupCommand({ logGroupName, tags: { [`kubernetes.io/cluster/${cluster}`]: 'owned' } }));
  return logGroupName;
}
