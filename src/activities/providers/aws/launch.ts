import type {
  BlockDeviceMapping,
  InstanceMetadataOptionsRequest,
  InstanceNetworkInterfaceSpecification,
  RunInstancesRequest,
  TagSpecification,
} from '@aws-sdk/client-ec2';
import type { AWSMachineSpec, AWSTags, AWSVolume } from '../../../api/types/aws.js';
import { PerdureError } from '../../../domain/errors.js';
import type { ChosenImage } from './ami.js';
import { tagList } from './tags.js';

const DEFAULT_KEY = 'default';

export interface LaunchInput {
  /** `AWSMachine namespace/name`, for messages. */
  readonly what: string;
  readonly spec: AWSMachineSpec;
  readonly image: ChosenImage;
  readonly subnetId: string;
  readonly groups: readonly string[];
  /** Base64. Secret. */
  readonly userData: string;
  readonly tags: AWSTags;
  readonly clusterSshKey: string | undefined;
  readonly token: string;
  /** The interface gets an IPv6 address that stays its first one, by which load balancers may reach it. */
  readonly primaryIPv6?: boolean;
  /** A dedicated host made for the machine. */
  readonly hostId?: string | undefined;
}

/** The RunInstances request of one machine: a pure function, so that a second attempt asks for exactly the same. */
export function launchRequest(input: LaunchInput): RunInstancesRequest {
  const { spec, image, tags, token, hostId } = input;
  const key = spec.sshKeyName ?? input.clusterSshKey ?? DEFAULT_KEY;
  const devices = blockDevices(input);
  const dns = spec.privateDnsName;
  return {
    ClientToken: token,
    MinCount: 1,
    MaxCount: 1,
    ImageId: image.id,
    InstanceType: spec.instanceType as NonNullable<RunInstancesRequest['InstanceType']>,
    UserData: input.userData,
    NetworkInterfaces: interfaces(input),
    MetadataOptions: metadataOptions(spec),
    ...(key ? { KeyName: key } : {}),
    ...(spec.iamInstanceProfile ? { IamInstanceProfile: { Name: spec.iamInstanceProfile } } : {}),
    ...(devices.length > 0 ? { BlockDeviceMappings: devices } : {}),
    ...market(spec),
    ...reservation(spec),
    ...placement(hostId ? { ...spec, hostID: hostId } : spec),
    ...cpu(spec),
    ...(dns
      ? {
          PrivateDnsNameOptions: {
            ...(dns.hostnameType ? { HostnameType: dns.hostnameType } : {}),
            ...(dns.enableResourceNameDnsARecord === undefined
              ? {}
              : { EnableResourceNameDnsARecord: dns.enableResourceNameDnsARecord }),
            ...(dns.enableResourceNameDnsAAAARecord === undefined
              ? {}
              : { EnableResourceNameDnsAAAARecord: dns.enableResourceNameDnsAAAARecord }),
          },
        }
      : {}),
    TagSpecifications: (['instance', 'volume', 'network-interface'] as const).map(
      (ResourceType): TagSpecification => ({ ResourceType, Tags: tagList(tags) }),
    ),
  };
}

/** Network interfaces of the user are attached in order and keep their own subnet and groups; else one is made. */
function interfaces({ spec, subnetId, groups, primaryIPv6 }: LaunchInput): InstanceNetworkInterfaceSpecification[] {
  if (spec.networkInterfaces?.length) {
    return spec.networkInterfaces.map((NetworkInterfaceId, DeviceIndex) => ({ NetworkInterfaceId, DeviceIndex }));
  }
  return [
    {
      DeviceIndex: 0,
      DeleteOnTermination: true,
      SubnetId: subnetId,
      Groups: [...groups],
      // An address of the user's pool is associated later; until then one of Amazon's would cost.
      ...(spec.publicIP === undefined ? {} : { AssociatePublicIpAddress: spec.publicIP && !spec.elasticIpPool }),
      ...(primaryIPv6 ? { Ipv6AddressCount: 1, PrimaryIpv6: true } : {}),
      ...(spec.networkInterfaceType === 'efa' ? { InterfaceType: 'efa' } : {}),
    },
  ];
}

/** Instance metadata options with upstream's defaults. */
export function metadataOptions({ instanceMetadataOptions: wished }: AWSMachineSpec): InstanceMetadataOptionsRequest {
  return {
    HttpEndpoint: wished?.httpEndpoint ?? 'enabled',
    HttpProtocolIpv6: wished?.httpProtocolIpv6 ?? 'disabled',
    HttpPutResponseHopLimit: wished?.httpPutResponseHopLimit ?? 1,
    HttpTokens: wished?.httpTokens ?? 'optional',
    InstanceMetadataTags: wished?.instanceMetadataTags ?? 'disabled',
  };
}

function blockDevices({ spec, image, what }: LaunchInput): BlockDeviceMapping[] {
  const devices: BlockDeviceMapping[] = [];
  if (spec.rootVolume) {
    if (!image.rootDeviceName) {
      throw new PerdureError(
        'InvalidConfiguration',
        `${what}: image ${image.id} names no root device, so spec.rootVolume cannot be applied; remove it`,
      );
    }
    if (image.rootSize !== undefined && spec.rootVolume.size < image.rootSize) {
      throw new PerdureError(
        'InvalidConfiguration',
        `${what}: spec.rootVolume.size ${spec.rootVolume.size} is below the image's ${image.rootSize} GiB; enlarge it`,
        { details: { field: 'spec.rootVolume.size', value: spec.rootVolume.size } },
      );
    }
    devices.push({ DeviceName: image.rootDeviceName, Ebs: volume(spec.rootVolume) });
  }
  for (const extra of spec.nonRootVolumes ?? []) {
    devices.push({ ...(extra.deviceName ? { DeviceName: extra.deviceName } : {}), Ebs: volume(extra) });
  }
  return devices;
}

function volume({
  size,
  type,
  iops,
  throughput,
  encrypted,
  encryptionKey,
}: AWSVolume): NonNullable<BlockDeviceMapping['Ebs']> {
  return {
    DeleteOnTermination: true,
    VolumeSize: size,
    ...(type ? { VolumeType: type as NonNullable<NonNullable<BlockDeviceMapping['Ebs']>['VolumeType']> } : {}),
    ...(iops ? { Iops: iops } : {}),
    ...(throughput ? { Throughput: throughput } : {}),
    ...(encrypted === undefined ? {} : { Encrypted: encrypted }),
    ...(encryptionKey ? { Encrypted: true, KmsKeyId: encryptionKey } : {}),
  };
}

/** True when the instance may be taken back by AWS. */
export function isSpot({ marketType, spotMarketOptions }: AWSMachineSpec): boolean {
  return marketType === 'Spot' || spotMarketOptions !== undefined;
}

function market(spec: AWSMachineSpec): Pick<RunInstancesRequest, 'InstanceMarketOptions'> {
  if (spec.marketType === 'CapacityBlock') return { InstanceMarketOptions: { MarketType: 'capacity-block' } };
  if (!isSpot(spec)) return {};
  const MaxPrice = spec.spotMarketOptions?.maxPrice;
  return {
    InstanceMarketOptions: {
      MarketType: 'spot',
      SpotOptions: {
        SpotInstanceType: 'one-time',
        InstanceInterruptionBehavior: 'terminate',
        ...(MaxPrice ? { MaxPrice } : {}),
      },
    },
  };
}

function reservation({
  capacityReservationId: id,
  capacityReservationPreference: wished,
}: AWSMachineSpec): Pick<RunInstancesRequest, 'CapacityReservationSpecification'> {
  const preferences = { None: 'none', CapacityReservationsOnly: 'capacity-reservations-only', Open: 'open' } as const;
  if (!id && !wished) return {};
  return {
    CapacityReservationSpecification: {
      ...(wished ? { CapacityReservationPreference: preferences[wished] } : {}),
      ...(id ? { CapacityReservationTarget: { CapacityReservationId: id } } : {}),
    },
  };
}

/** Host and placement group together, where upstream's host id overwrote the group. */
function placement(spec: AWSMachineSpec): Pick<RunInstancesRequest, 'Placement'> {
  const { tenancy, placementGroupName, placementGroupPartition, hostID, hostAffinity } = spec;
  const found = {
    ...(tenancy ? { Tenancy: tenancy } : {}),
    ...(placementGroupName ? { GroupName: placementGroupName } : {}),
    ...(placementGroupPartition ? { PartitionNumber: placementGroupPartition } : {}),
    ...(hostID ? { HostId: hostID, Tenancy: 'host' as const, Affinity: hostAffinity ?? 'default' } : {}),
  };
  return Object.keys(found).length > 0 ? { Placement: found } : {};
}

/** What upstream's names of CPU features are to EC2; nothing where the type's own default is wished. */
function cpu({ cpuOptions }: AWSMachineSpec): Pick<RunInstancesRequest, 'CpuOptions'> {
  const confidential = cpuOptions?.confidentialCompute;
  const nested = cpuOptions?.nestedVirtualization;
  if (!confidential && !nested) return {};
  return {
    CpuOptions: {
      ...(confidential
        ? { AmdSevSnp: confidential === 'Disabled' ? ('disabled' as const) : ('enabled' as const) }
        : {}),
      ...(nested ? { NestedVirtualization: nested } : {}),
    },
  };
}
