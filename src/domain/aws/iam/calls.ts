/**
 * Every call that Perdure makes to AWS, by service. The policies are made of it; a test compares it with the source, so that no call lacks a permission, and no permission a
 * call. A new call is a new word here.
 */
export const CALLS = {
  ec2: [
    ...['allocateAddress', 'allocateHosts', 'associateAddress', 'associateRouteTable', 'associateVpcCidrBlock'],
    ...['attachInternetGateway', 'authorizeSecurityGroupIngress', 'createCarrierGateway'],
    ...['createEgressOnlyInternetGateway', 'createInternetGateway', 'createLaunchTemplate'],
    ...['createLaunchTemplateVersion', 'createNatGateway', 'createRoute', 'createRouteTable', 'createSecurityGroup'],
    ...['createSubnet', 'createTags', 'createVpc', 'createVpcEndpoint', 'deleteCarrierGateway'],
    ...['deleteEgressOnlyInternetGateway', 'deleteInternetGateway', 'deleteLaunchTemplate'],
    ...['deleteLaunchTemplateVersions', 'deleteNatGateway', 'deleteNetworkInterface', 'deleteRouteTable'],
    ...['deleteSecurityGroup', 'deleteSnapshot', 'deleteSubnet', 'deleteTags', 'deleteVolume', 'deleteVpc'],
    ...['deleteVpcEndpoints', 'describeAddresses', 'describeAvailabilityZones', 'describeCarrierGateways'],
    ...['describeEgressOnlyInternetGateways', 'describeHosts', 'describeImages', 'describeInstanceTypes'],
    ...['describeInstances', 'describeInternetGateways', 'describeIpamPools', 'describeLaunchTemplateVersions'],
    ...['describeLaunchTemplates', 'describeNatGateways', 'describeNetworkInterfaces', 'describeRouteTables'],
    ...['describeSecurityGroups', 'describeSnapshots', 'describeSubnets', 'describeTags', 'describeVolumes'],
    ...['describeVpcAttribute', 'describeVpcEndpoints', 'describeVpcs', 'detachInternetGateway'],
    ...['disassociateAddress', 'disassociateRouteTable', 'disassociateVpcCidrBlock', 'getConsoleOutput'],
    ...['modifyInstanceMetadataOptions', 'modifyNetworkInterfaceAttribute', 'modifySubnetAttribute'],
    ...['modifyVpcAttribute', 'modifyVpcEndpoint', 'releaseAddress', 'releaseHosts', 'replaceRoute'],
    ...['replaceRouteTableAssociation', 'revokeSecurityGroupEgress', 'revokeSecurityGroupIngress', 'runInstances'],
    ...['terminateInstances'],
  ],
  elb: [
    ...['addTags', 'applySecurityGroupsToLoadBalancer', 'attachLoadBalancerToSubnets', 'configureHealthCheck'],
    ...['createLoadBalancer', 'createLoadBalancerListeners', 'deleteLoadBalancer', 'deleteLoadBalancerListeners'],
    ...['deregisterInstancesFromLoadBalancer', 'describeLoadBalancerAttributes', 'describeLoadBalancers'],
    ...['describeTags', 'detachLoadBalancerFromSubnets', 'modifyLoadBalancerAttributes'],
    ...['registerInstancesWithLoadBalancer'],
  ],
  elbv2: [
    ...['addTags', 'createListener', 'createLoadBalancer', 'createTargetGroup', 'deleteListener'],
    ...['deleteLoadBalancer', 'deleteTargetGroup', 'deregisterTargets', 'describeListeners'],
    ...['describeLoadBalancerAttributes', 'describeLoadBalancers', 'describeTags', 'describeTargetGroupAttributes'],
    ...['describeTargetGroups', 'describeTargetHealth', 'modifyListener', 'modifyLoadBalancerAttributes'],
    ...['modifyTargetGroup', 'modifyTargetGroupAttributes', 'registerTargets', 'setSecurityGroups', 'setSubnets'],
  ],
  autoscaling: [
    ...['cancelInstanceRefresh', 'createAutoScalingGroup', 'createOrUpdateTags', 'deleteAutoScalingGroup'],
    ...['deleteLifecycleHook', 'describeAutoScalingGroups', 'describeInstanceRefreshes', 'describeLifecycleHooks'],
    ...['putLifecycleHook', 'resumeProcesses', 'startInstanceRefresh', 'suspendProcesses'],
    ...['terminateInstanceInAutoScalingGroup', 'updateAutoScalingGroup'],
  ],
  s3: [
    ...['createBucket', 'deleteBucket', 'deleteObject', 'deleteObjects', 'getBucketLifecycleConfiguration'],
    ...['getBucketPolicy', 'getBucketTagging', 'headBucket', 'listObjectVersions', 'putBucketLifecycleConfiguration'],
    ...['putBucketPolicy', 'putBucketTagging', 'putObject'],
  ],
  eventbridge: [
    ...['deleteRule', 'describeRule', 'listTagsForResource', 'listTargetsByRule', 'putRule', 'putTargets'],
    ...['removeTargets'],
  ],
  logs: ['deleteLogGroup', 'describeLogGroups', 'listTagsForResource'],
  route53: ['changeResourceRecordSets', 'listHostedZones', 'listResourceRecordSets', 'listTagsForResources'],
  secrets: ['createSecret', 'deleteSecret', 'putSecretValue'],
  sqs: [
    ...['createQueue', 'deleteMessageBatch', 'deleteQueue', 'getQueueAttributes', 'getQueueUrl', 'listQueueTags'],
    ...['receiveMessage', 'setQueueAttributes', 'tagQueue'],
  ],
  ssm: ['deleteParameter', 'getParameter', 'putParameter'],
  tagging: ['getResources'],
  sts: ['assumeRole', 'getCallerIdentity'],
} as const satisfies Record<string, readonly string[]>;

export type Service = keyof typeof CALLS;

/** What IAM calls the services. */
const PREFIX: Readonly<Record<Service, string>> = {
  ec2: 'ec2',
  elb: 'elasticloadbalancing',
  elbv2: 'elasticloadbalancing',
  autoscaling: 'autoscaling',
  eventbridge: 'events',
  logs: 'logs',
  route53: 'route53',
  s3: 's3',
  secrets: 'secretsmanager',
  sqs: 'sqs',
  ssm: 'ssm',
  tagging: 'tag',
  sts: 'sts',
};

/** Calls whose permission has another name. Source: AWS service authorization reference, Amazon S3. */
const PERMISSIONS: Readonly<Record<string, readonly string[]>> = {
  's3.deleteObjects': ['DeleteObject', 'DeleteObjectVersion'],
  's3.getBucketLifecycleConfiguration': ['GetLifecycleConfiguration'],
  's3.headBucket': ['ListBucket'],
  's3.listObjectVersions': ['ListBucketVersions'],
  // a rule is tagged as it is made
  'eventbridge.putRule': ['PutRule', 'TagResource'],
  'sqs.deleteMessageBatch': ['DeleteMessage'],
  // anyone may ask who he is
  'sts.getCallerIdentity': [],
  's3.putBucketLifecycleConfiguration': ['PutLifecycleConfiguration'],
};

/** The actions of IAM that calls of a service need, sorted. */
export function actionsOf(...services: readonly Service[]): string[] {
  const actions = services.flatMap((service) =>
    CALLS[service].flatMap((call) =>
      (PERMISSIONS[`${service}.${call}`] ?? [`${call.charAt(0).toUpperCase()}${call.slice(1)}`]).map(
        (action) => `${PREFIX[service]}:${action}`,
      ),
    ),
  );
  return [...new Set(actions)].sort();
}
