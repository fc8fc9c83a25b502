import type { AWSCommonStatus, AWSMachineSpec, AWSResourceReference, IgnitionSpec } from './aws-machine.js';
import type { AWSTags } from './aws-network.js';
import type { KubeObject } from './meta.js';

/** AWSMachinePool: an Auto Scaling group. Source: capa exp/api/v1beta2/awsmachinepool_types.go. */

/** What the instances of a pool are made from. */
export interface AWSLaunchTemplate
  extends Pick<
    AWSMachineSpec,
    | 'ami'
    | 'imageLookupFormat'
    | 'imageLookupOrg'
    | 'imageLookupBaseOS'
    | 'iamInstanceProfile'
    | 'additionalSecurityGroups'
    | 'sshKeyName'
    | 'rootVolume'
    | 'nonRootVolumes'
    | 'spotMarketOptions'
    | 'instanceMetadataOptions'
    | 'privateDnsName'
    | 'capacityReservationId'
    | 'marketType'
    | 'capacityReservationPreference'
  > {
  name?: string;
  instanceType?: string;
  /** Written by the controller. */
  versionNumber?: number;
  enclaveOptions?: { enabled?: boolean };
}

export interface MixedInstancesPolicy {
  instancesDistribution?: {
    onDemandAllocationStrategy?: 'prioritized' | 'lowest-price';
    spotAllocationStrategy?:
      | 'lowest-price'
      | 'capacity-optimized'
      | 'capacity-optimized-prioritized'
      | 'price-capacity-optimized';
    onDemandBaseCapacity?: number;
    onDemandPercentageAboveBaseCapacity?: number;
  };
  overrides?: { instanceType: string }[];
}

/** Seconds and percentages. */
export interface RefreshPreferences {
  disable?: boolean;
  strategy?: string;
  instanceWarmup?: number;
  minHealthyPercentage?: number;
  maxHealthyPercentage?: number;
}

export interface SuspendProcesses {
  all?: boolean;
  processes?: {
    launch?: boolean;
    terminate?: boolean;
    addToLoadBalancer?: boolean;
    alarmNotification?: boolean;
    azRebalance?: boolean;
    healthCheck?: boolean;
    instanceRefresh?: boolean;
    replaceUnhealthy?: boolean;
    scheduledActions?: boolean;
  };
}

export interface AWSLifecycleHook {
  name: string;
  notificationTargetARN?: string;
  roleARN?: string;
  lifecycleTransition: 'autoscaling:EC2_INSTANCE_LAUNCHING' | 'autoscaling:EC2_INSTANCE_TERMINATING';
  /** metav1.Duration. */
  heartbeatTimeout?: string;
  defaultResult?: 'CONTINUE' | 'ABANDON';
  notificationMetadata?: string;
}

export interface AWSMachinePoolSpec {
  /** ARN of the Auto Scaling group, written by the controller. */
  providerID?: string;
  minSize: number;
  maxSize: number;
  availabilityZones?: string[];
  availabilityZoneSubnetType?: 'public' | 'private' | 'all';
  subnets?: AWSResourceReference[];
  additionalTags?: AWSTags;
  awsLaunchTemplate: AWSLaunchTemplate;
  mixedInstancesPolicy?: MixedInstancesPolicy;
  /** Written by the controller. */
  providerIDList?: string[];
  /** metav1.Duration. */
  defaultCoolDown?: string;
  /** metav1.Duration. */
  defaultInstanceWarmup?: string;
  refreshPreferences?: RefreshPreferences;
  capacityRebalance?: boolean;
  suspendProcesses?: SuspendProcesses;
  ignition?: IgnitionSpec;
  lifecycleHooks?: AWSLifecycleHook[];
}

export interface AWSMachinePoolStatus extends AWSCommonStatus {
  replicas?: number;
  instances?: { instanceID?: string; version?: string }[];
  launchTemplateID?: string;
  launchTemplateVersion?: string;
  infrastructureMachineKind?: string;
  asgStatus?: string;
  failureReason?: string;
  failureMessage?: string;
}

export interface AWSMachinePool extends KubeObject {
  spec: AWSMachinePoolSpec;
  status?: AWSMachinePoolStatus;
}
