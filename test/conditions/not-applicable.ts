/** Rows of the reference that Perdure does not say, and why. A part that is left out stands for all. */
export interface Exception {
  readonly kind?: string | readonly string[];
  readonly type?: string | readonly string[];
  readonly reason?: string | readonly string[];
  /** Why it cannot be; or, of what is `later`, what it waits for. */
  readonly why: string;
  /** It applies, but is not there yet. */
  readonly later?: true;
}

const OWNERS = ['MachineSet', 'MachineDeployment'];

export const NOT_APPLICABLE: readonly Exception[] = [
  { kind: 'Cluster', type: 'TopologyReconciled', why: 'ClusterClass', later: true },
  { kind: 'Cluster', reason: 'WaitingForBeforeDeleteHook', why: 'hooks of runtime extensions', later: true },
  {
    kind: 'Machine',
    reason: ['Updating', 'InPlaceUpdating', 'InPlaceUpdateFailed'],
    why: 'updates in place by runtime extensions',
    later: true,
  },
  {
    reason: 'InternalError',
    why: 'a read that fails is tried again and shown in the operation; the condition of the last look stays',
  },
  {
    kind: OWNERS,
    reason: ['WaitingForReplicasSet', 'WaitingForAvailableReplicasSet'],
    why: 'replicas are defaulted before an object is stored, and counted before its conditions are written',
  },
  {
    kind: 'MachinePool',
    reason: ['ReadyUnknown', 'UpToDateUnknown'],
    why: 'Nodes are counted; while they cannot be read the counts of the last look stay',
  },
  {
    kind: 'KubeadmConfig',
    reason: 'ReadyUnknown',
    why: 'without certificates there is no data secret either, so Ready is False',
  },
  {
    kind: 'AWSCluster',
    reason: 'CredentialProviderBuildFailed',
    why: 'credentials are only looked for by the first call, which fails with Unauthorized; the Cluster shows that',
  },
  {
    kind: 'AWSCluster',
    reason: 'SourcePrincipalUsageUnauthorized',
    why: 'a source identity is asked as every other is; the message names it',
  },
  {
    kind: ['AWSCluster', 'AWSMachine', 'AWSMachinePool'],
    type: 'Paused',
    why: 'said by the Cluster, Machine or MachinePool only, whose lane leaves the infrastructure alone',
    later: true,
  },
  {
    kind: 'AWSCluster',
    type: [
      'CarrierGatewayReady',
      'EgressOnlyInternetGatewayReady',
      'SecondaryCidrsReady',
      'VpcEndpointsReadyCondition',
    ],
    why: 'carrier gateways, IPv6, secondary CIDR blocks, VPC endpoints; a spec that asks for them is refused',
    later: true,
  },
  {
    kind: 'AWSCluster',
    type: 'BastionHostReady',
    why: 'bastion hosts; a spec that asks for one is refused',
    later: true,
  },
  {
    kind: 'AWSCluster',
    type: 'S3BucketCreated',
    why: 'Ignition with S3; a spec that asks for a bucket is refused',
    later: true,
  },
  {
    kind: 'AWSMachine',
    reason: ['WaitingForClusterInfrastructure', 'WaitingForBootstrapData'],
    why: 'the operation of the Machine waits for both before it asks for an instance; the Machine says so',
  },
  {
    kind: 'AWSMachinePool',
    type: 'LifecycleHookReady',
    reason: ['LifecycleHookCreationFailed', 'LifecycleHookUpdateFailed', 'LifecycleHookDeletionFailed'],
    why: 'hooks are part of the group, so ASGProvisionFailed says what failed',
  },
  {
    kind: 'AWSMachine',
    reason: 'InstanceProvisionStarted',
    why: 'the launch is one call; the operation tells that it runs, and InstanceNotReady what came of it',
  },
  { kind: 'AWSMachine', type: 'DedicatedHostRelease', why: 'dedicated hosts of dynamic allocation', later: true },
];
