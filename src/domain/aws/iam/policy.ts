import { actionsOf } from './calls.js';

/** A statement of an IAM policy. */
export interface Statement {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
  readonly Condition?: Readonly<Record<string, unknown>>;
}

export interface PolicyDocument {
  readonly Version: '2012-10-17';
  readonly Statement: readonly Statement[];
}

export interface IamOptions {
  /** In front of the names of roles. */
  readonly namePrefix: string;
  /** Behind the names of roles; upstream's default is what its templates of machines name. */
  readonly nameSuffix: string;
  /** `aws`, `aws-cn`, `aws-us-gov`… */
  readonly partition: string;
  /** Perdure may assume the roles of AWSClusterRoleIdentities. */
  readonly allowAssumeRole: boolean;
  /** Where bootstrap data waits for machines. */
  readonly secretBackends: readonly SecretBackend[];
  /** Beginning of the names of buckets for Ignition; absent: no permission for any. */
  readonly bucketPrefix?: string | undefined;
  /** Perdure may make queues and rules that tell of instances that change. */
  readonly eventBridge?: boolean | undefined;
  readonly roles?: Partial<Readonly<Record<Document, RoleExtras>>>;
}

/** What the owner of the account adds to a role. */
export interface RoleExtras {
  /** Nothing is made for it. */
  readonly disable?: boolean;
  /** ARNs. */
  readonly extraPolicyAttachments?: readonly string[];
  readonly extraStatements?: readonly Statement[];
  readonly trustStatements?: readonly Statement[];
  readonly path?: string;
  /** ARN. */
  readonly permissionsBoundary?: string;
  readonly tags?: Readonly<Record<string, string>>;
}

export const SECRET_BACKENDS = ['secrets-manager', 'ssm-parameter-store'] as const;
export type SecretBackend = (typeof SECRET_BACKENDS)[number];
/** Upstream's beginning of the names of buckets. */
export const BUCKET_PREFIX = 'cluster-api-provider-aws-';

export const DEFAULT_IAM: IamOptions = {
  namePrefix: '',
  nameSuffix: '.cluster-api-provider-aws.sigs.k8s.io',
  partition: 'aws',
  allowAssumeRole: false,
  secretBackends: ['secrets-manager'],
};

/** Who gets a policy. */
export const DOCUMENTS = ['controllers', 'control-plane', 'nodes'] as const;
export type Document = (typeof DOCUMENTS)[number];

const document = (...statements: Statement[]): PolicyDocument => ({ Version: '2012-10-17', Statement: statements });
const everything = (Sid: string, Action: readonly string[]): Statement => ({
  Sid,
  Effect: 'Allow',
  Action,
  Resource: ['*'],
});
/** Calls to a secret store, allowed on bootstrap data only. */
function bootstrapData(
  { partition, secretBackends }: IamOptions,
  actions: Readonly<Record<SecretBackend, readonly string[]>>,
): Statement[] {
  const resources: Readonly<Record<SecretBackend, string[]>> = {
    'secrets-manager': secretsOf(partition),
    'ssm-parameter-store': [`arn:${partition}:ssm:*:*:parameter/cluster.x-k8s.io/*`],
  };
  const sids = { 'secrets-manager': 'BootstrapData', 'ssm-parameter-store': 'BootstrapParameters' };
  return secretBackends.map((backend) => ({
    Sid: sids[backend],
    Effect: 'Allow',
    Action: [...actions[backend]].sort(),
    Resource: resources[backend],
  }));
}

const secretsOf = (partition: string): string[] => [
  `arn:${partition}:secretsmanager:*:*:secret:aws.cluster.x-k8s.io/*`,
];

/** A service-linked role that AWS makes for an account the first time that a service is used. */
const linkedRole = (partition: string, Sid: string, service: string, role: string): Statement => ({
  Sid,
  Effect: 'Allow',
  Action: ['iam:CreateServiceLinkedRole'],
  Resource: [`arn:${partition}:iam::*:role/aws-service-role/${service}/${role}`],
  Condition: { StringLike: { 'iam:AWSServiceName': service } },
});

/** The policy of a role, as small as what is done in it, with what its owner adds. */
export function policyOf(name: Document, options: IamOptions = DEFAULT_IAM): PolicyDocument {
  const own = documentOf(name, options);
  return { ...own, Statement: [...own.Statement, ...(options.roles?.[name]?.extraStatements ?? [])] };
}

function documentOf(name: Document, options: IamOptions): PolicyDocument {
  switch (name) {
    case 'controllers':
      return controllers(options);
    case 'control-plane':
      return document(everything('CloudController', CONTROL_PLANE));
    case 'nodes':
      return nodes(options);
  }
}

/** Of Perdure's workers: what they call, no more. Instances get the profiles of machines, so their roles may be passed on. */
function controllers(options: IamOptions): PolicyDocument {
  const { namePrefix, nameSuffix, partition, allowAssumeRole, bucketPrefix, eventBridge } = options;
  const images: readonly string[] = actionsOf('ssm').filter((action) => action === 'ssm:GetParameter');
  return document(
    everything('Machines', actionsOf('ec2')),
    everything('LoadBalancers', actionsOf('elb', 'elbv2')),
    everything('Pools', actionsOf('autoscaling')),
    everything('Tags', actionsOf('tagging')),
    everything('MadeByClusters', actionsOf('logs', 'route53')),
    ...bootstrapData(options, {
      // both are tagged as they are made
      'secrets-manager': [...actionsOf('secrets'), 'secretsmanager:TagResource'],
      'ssm-parameter-store': [
        ...actionsOf('ssm').filter((action) => !images.includes(action)),
        'ssm:AddTagsToResource',
      ],
    }),
    {
      Sid: 'PublishedImages',
      Effect: 'Allow',
      Action: images,
      Resource: [`arn:${partition}:ssm:*:*:parameter/aws/service/eks/optimized-ami/*`],
    },
    ...(bucketPrefix === undefined
      ? []
      : [
          {
            Sid: 'Buckets',
            Effect: 'Allow' as const,
            Action: actionsOf('s3'),
            Resource: [`arn:${partition}:s3:::${bucketPrefix}*`],
          },
        ]),
    ...(eventBridge ? [everything('InstanceEvents', actionsOf('eventbridge', 'sqs'))] : []),
    {
      Sid: 'InstanceProfiles',
      Effect: 'Allow',
      Action: ['iam:PassRole'],
      Resource: [`arn:${partition}:iam::*:role/${namePrefix}*${nameSuffix}`],
    },
    linkedRole(
      partition,
      'LoadBalancersOfTheAccount',
      'elasticloadbalancing.amazonaws.com',
      'AWSServiceRoleForElasticLoadBalancing',
    ),
    linkedRole(partition, 'PoolsOfTheAccount', 'autoscaling.amazonaws.com', 'AWSServiceRoleForAutoScaling'),
    linkedRole(partition, 'SpotOfTheAccount', 'spot.amazonaws.com', 'AWSServiceRoleForEC2Spot'),
    ...(allowAssumeRole
      ? [
          {
            Sid: 'RoleIdentities',
            Effect: 'Allow' as const,
            Action: actionsOf('sts'),
            Resource: [`arn:${partition}:iam::*:role/*`],
          },
        ]
      : []),
  );
}

/** Of control plane machines: what the cloud controller manager and volume drivers of a workload cluster need. Source: cloud-provider-aws docs/prerequisites. */
const CONTROL_PLANE: readonly string[] = [
  ...['AttachVolume', 'AuthorizeSecurityGroupIngress', 'CreateRoute', 'CreateSecurityGroup', 'CreateSnapshot'],
  ...['CreateTags', 'CreateVolume', 'DeleteRoute', 'DeleteSecurityGroup', 'DeleteSnapshot', 'DeleteTags'],
  ...['DeleteVolume', 'DescribeAvailabilityZones', 'DescribeImages', 'DescribeInstanceTopology', 'DescribeInstances'],
  ...['DescribeRegions', 'DescribeRouteTables', 'DescribeSecurityGroups', 'DescribeSnapshots', 'DescribeSubnets'],
  ...['DescribeTags', 'DescribeVolumes', 'DescribeVolumesModifications', 'DescribeVpcs', 'DetachVolume'],
  ...['ModifyInstanceAttribute', 'ModifyVolume', 'RevokeSecurityGroupIngress'],
]
  .map((action) => `ec2:${action}`)
  .concat(
    [
      ...['AddTags', 'ApplySecurityGroupsToLoadBalancer', 'AttachLoadBalancerToSubnets', 'ConfigureHealthCheck'],
      ...['CreateListener', 'CreateLoadBalancer', 'CreateLoadBalancerListeners', 'CreateLoadBalancerPolicy'],
      ...['CreateTargetGroup', 'DeleteListener', 'DeleteLoadBalancer', 'DeleteLoadBalancerListeners'],
      ...['DeleteTargetGroup', 'DeregisterInstancesFromLoadBalancer', 'DeregisterTargets', 'DescribeListeners'],
      ...['DescribeLoadBalancerAttributes', 'DescribeLoadBalancerPolicies', 'DescribeLoadBalancers', 'DescribeTags'],
      ...['DescribeTargetGroupAttributes', 'DescribeTargetGroups', 'DescribeTargetHealth'],
      ...['DetachLoadBalancerFromSubnets', 'ModifyListener', 'ModifyLoadBalancerAttributes', 'ModifyTargetGroup'],
      ...['ModifyTargetGroupAttributes', 'RegisterInstancesWithLoadBalancer', 'RegisterTargets'],
      ...['SetLoadBalancerPoliciesForBackendServer', 'SetLoadBalancerPoliciesOfListener', 'SetSecurityGroups'],
    ].map((action) => `elasticloadbalancing:${action}`),
    ['autoscaling:DescribeAutoScalingGroups', 'autoscaling:DescribeLaunchConfigurations', 'autoscaling:DescribeTags'],
    ['iam:CreateServiceLinkedRole', 'kms:DescribeKey'],
  );

/** Of every machine: fetching its bootstrap data, which it deletes, and images; the network plug-in's interfaces and sessions. */
function nodes(options: IamOptions): PolicyDocument {
  const { partition } = options;
  return document(
    everything(
      'Node',
      [
        ...['AssignIpv6Addresses', 'AssignPrivateIpAddresses', 'AttachNetworkInterface', 'CreateNetworkInterface'],
        ...['DeleteNetworkInterface', 'DescribeInstanceTypes', 'DescribeInstances', 'DescribeNetworkInterfaces'],
        ...['DescribeRegions', 'DescribeSubnets', 'DescribeTags', 'DetachNetworkInterface'],
        ...['ModifyNetworkInterfaceAttribute', 'UnassignPrivateIpAddresses'],
      ].map((action) => `ec2:${action}`),
    ),
    {
      Sid: 'NetworkInterfaceTags',
      Effect: 'Allow',
      Action: ['ec2:CreateTags'],
      Resource: [`arn:${partition}:ec2:*:*:network-interface/*`],
    },
    everything(
      'Images',
      [
        ...['BatchCheckLayerAvailability', 'BatchGetImage', 'DescribeRepositories', 'GetAuthorizationToken'],
        ...['GetDownloadUrlForLayer', 'GetRepositoryPolicy', 'ListImages'],
      ].map((action) => `ecr:${action}`),
    ),
    ...bootstrapData(options, {
      'secrets-manager': ['secretsmanager:DeleteSecret', 'secretsmanager:GetSecretValue'],
      'ssm-parameter-store': ['ssm:DeleteParameter', 'ssm:GetParameter'],
    }),
    everything('Sessions', [
      'ssm:UpdateInstanceInformation',
      ...['CreateControlChannel', 'CreateDataChannel', 'OpenControlChannel', 'OpenDataChannel'].map(
        (action) => `ssmmessages:${action}`,
      ),
    ]),
  );
}
