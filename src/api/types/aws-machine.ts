import type { AWSTags, ElasticIPPool, SecurityGroupRole } from './aws-network.js';
import type { Condition, KubeObject, V1Beta1Condition } from './meta.js';

/** AWSMachine and what describes an instance. Source: capa api/v1beta2/awsmachine_types.go. */

export type MarketType = 'OnDemand' | 'Spot' | 'CapacityBlock';
export type InstanceStateName = 'pending' | 'running' | 'shutting-down' | 'terminated' | 'stopping' | 'stopped';
export type Toggle = 'enabled' | 'disabled';

export interface AWSMachineAddress {
  type: 'Hostname' | 'ExternalIP' | 'InternalIP' | 'ExternalDNS' | 'InternalDNS';
  address: string;
}

/** What both contracts and both condition systems need, on every AWS kind that has a status. */
export interface AWSCommonStatus {
  ready?: boolean;
  /** Contract v1beta2. */
  initialization?: { provisioned?: boolean };
  conditions?: V1Beta1Condition[];
  v1beta2?: { conditions?: Condition[] };
}

export interface AMIReference {
  id?: string;
  eksLookupType?: 'AmazonLinux' | 'AmazonLinuxGPU' | 'AmazonLinux2023' | 'AmazonLinux2023GPU';
}

/** A cloud resource named by id, or found by filters; never both. */
export interface AWSResourceReference {
  id?: string;
  filters?: { name: string; values: string[] }[];
}

export interface AWSVolume {
  deviceName?: string;
  /** GiB. */
  size: number;
  type?: string;
  iops?: number;
  /** MiB/s. */
  throughput?: number;
  encrypted?: boolean;
  encryptionKey?: string;
}

export interface InstanceMetadataOptions {
  httpEndpoint?: Toggle;
  httpProtocolIpv6?: Toggle;
  httpPutResponseHopLimit?: number;
  httpTokens?: 'optional' | 'required';
  instanceMetadataTags?: Toggle;
}

export interface CPUOptions {
  confidentialCompute?: 'Disabled' | 'AMDEncryptedVirtualizationNestedPaging';
  nestedVirtualization?: Toggle;
}

export interface CloudInitSpec {
  insecureSkipSecretsManager?: boolean;
  /** Written by the controller. */
  secretCount?: number;
  /** Written by the controller. */
  secretPrefix?: string;
  secureSecretsBackend?: 'secrets-manager' | 'ssm-parameter-store';
}

export interface IgnitionSpec {
  version?: '2.3' | '3.0' | '3.1' | '3.2' | '3.3' | '3.4';
  storageType?: 'ClusterObjectStore' | 'UnencryptedUserData';
  proxy?: { httpProxy?: string; httpsProxy?: string; noProxy?: string[] };
  tls?: { certificateAuthorities?: string[] };
}

export interface PrivateDNSName {
  enableResourceNameDnsAAAARecord?: boolean;
  enableResourceNameDnsARecord?: boolean;
  hostnameType?: 'ip-name' | 'resource-name';
}

export interface AWSMachineSpec {
  /** `aws:///<zone>/<instance id>`, written by the controller. */
  providerID?: string;
  /** Written by the controller. */
  instanceID?: string;
  instanceMetadataOptions?: InstanceMetadataOptions;
  ami?: AMIReference;
  imageLookupFormat?: string;
  imageLookupOrg?: string;
  imageLookupBaseOS?: string;
  instanceType: string;
  cpuOptions?: CPUOptions;
  additionalTags?: AWSTags;
  iamInstanceProfile?: string;
  publicIP?: boolean;
  elasticIpPool?: ElasticIPPool;
  additionalSecurityGroups?: AWSResourceReference[];
  subnet?: AWSResourceReference;
  securityGroupOverrides?: Partial<Record<SecurityGroupRole, string>>;
  sshKeyName?: string;
  rootVolume?: AWSVolume;
  nonRootVolumes?: AWSVolume[];
  networkInterfaces?: string[];
  networkInterfaceType?: 'interface' | 'efa';
  assignPrimaryIPv6?: Toggle;
  uncompressedUserData?: boolean;
  cloudInit?: CloudInitSpec;
  ignition?: IgnitionSpec;
  spotMarketOptions?: { maxPrice?: string };
  placementGroupName?: string;
  placementGroupPartition?: number;
  tenancy?: 'default' | 'dedicated' | 'host';
  privateDnsName?: PrivateDNSName;
  capacityReservationId?: string;
  marketType?: MarketType;
  hostID?: string;
  hostAffinity?: 'default' | 'host';
  dynamicHostAllocation?: { tags?: AWSTags };
  capacityReservationPreference?: '' | 'None' | 'CapacityReservationsOnly' | 'Open';
}

export interface AWSMachineStatus extends AWSCommonStatus {
  interruptible?: boolean;
  addresses?: AWSMachineAddress[];
  instanceState?: InstanceStateName;
  dedicatedHost?: { id?: string };
  /** Contract v1beta2: the zone the instance really runs in. */
  failureDomain?: string;
  failureReason?: string;
  failureMessage?: string;
}

export interface AWSMachine extends KubeObject {
  spec: AWSMachineSpec;
  status?: AWSMachineStatus;
}

/** The bastion as upstream mirrors it into the cluster's status. */
export interface AWSInstance
  extends Pick<
    AWSMachineSpec,
    | 'instanceMetadataOptions'
    | 'cpuOptions'
    | 'sshKeyName'
    | 'rootVolume'
    | 'nonRootVolumes'
    | 'networkInterfaces'
    | 'networkInterfaceType'
    | 'assignPrimaryIPv6'
    | 'spotMarketOptions'
    | 'placementGroupName'
    | 'placementGroupPartition'
    | 'privateDnsName'
    | 'capacityReservationId'
    | 'capacityReservationPreference'
    | 'marketType'
    | 'hostID'
    | 'hostAffinity'
    | 'dynamicHostAllocation'
  > {
  id: string;
  instanceState?: InstanceStateName;
  type?: string;
  subnetId?: string;
  imageId?: string;
  securityGroupIds?: string[];
  userData?: string;
  iamProfile?: string;
  addresses?: AWSMachineAddress[];
  privateIp?: string;
  publicIp?: string;
  ipv6Address?: string;
  enaSupport?: boolean;
  ebsOptimized?: boolean;
  tags?: AWSTags;
  availabilityZone?: string;
  tenancy?: string;
  volumeIDs?: string[];
  publicIPOnLaunch?: boolean;
}
