import { flag, int32, int64, list, obj, oneOf, stringMap, text } from '../lib.js';
import { addresses, elasticIpPool, names, resourceReference, tags } from './aws-common.js';

const TOGGLE = ['enabled', 'disabled'] as const;

function volume(description: string) {
  return obj(
    description,
    { size: int64('Size in GiB; at least that of the image snapshot.', { minimum: 8 }) },
    {
      deviceName: text('Device name, e.g. /dev/sdb; required for volumes that are not the root.'),
      type: text('Volume type, e.g. gp3 or io2.'),
      iops: int64('Provisioned operations a second; required for io1 and io2.'),
      throughput: int64('Throughput in MiB/s; only for gp3.'),
      encrypted: flag('Whether the volume is encrypted.'),
      encryptionKey: text('Id or ARN of the KMS key; default the key of AWS.'),
    },
  );
}

function instanceMetadataOptions() {
  return obj(
    'Options of the instance metadata service.',
    {},
    {
      httpEndpoint: oneOf('Whether the metadata endpoint answers.', TOGGLE, { default: 'enabled' }),
      httpProtocolIpv6: oneOf('Whether the metadata endpoint answers over IPv6.', TOGGLE, { default: 'disabled' }),
      httpPutResponseHopLimit: int64('Network hops a metadata answer may travel.', {
        default: 1,
        minimum: 1,
        maximum: 64,
      }),
      httpTokens: oneOf('Whether session tokens (IMDSv2) are required.', ['optional', 'required'], {
        default: 'optional',
      }),
      instanceMetadataTags: oneOf('Whether the tags of the instance can be read from its metadata.', TOGGLE, {
        default: 'disabled',
      }),
    },
  );
}

/** What an AWSMachine's spec and the mirrored bastion have in common. */
function sharedInstanceFields() {
  return {
    instanceMetadataOptions: instanceMetadataOptions(),
    cpuOptions: obj(
      'CPU settings.',
      {},
      {
        confidentialCompute: oneOf('Confidential computing technology.', [
          'Disabled',
          'AMDEncryptedVirtualizationNestedPaging',
        ]),
        nestedVirtualization: oneOf('Whether the instance may run virtual machines.', TOGGLE),
      },
      { minProperties: 1 },
    ),
    sshKeyName: text('SSH key pair; empty for none, absent for the default one.'),
    rootVolume: volume('The root volume.'),
    nonRootVolumes: list('Further volumes.', volume('A further volume.')),
    spotMarketOptions: obj(
      'Makes the instance a spot instance; often empty.',
      {},
      { maxPrice: text('Highest price an hour in US dollars; default the on-demand price.') },
    ),
    placementGroupName: text('Placement group to start in.'),
    placementGroupPartition: int64('Partition within the placement group.', { minimum: 1, maximum: 7 }),
    privateDnsName: obj(
      'Host name of the instance.',
      {},
      {
        enableResourceNameDnsAAAARecord: flag('Whether the resource name resolves to IPv6 addresses.'),
        enableResourceNameDnsARecord: flag('Whether the resource name resolves to IPv4 addresses.'),
        hostnameType: oneOf('Host name type.', ['ip-name', 'resource-name']),
      },
    ),
    capacityReservationId: text('Capacity reservation to start in.'),
    marketType: oneOf('Purchasing option; default OnDemand, or Spot with spotMarketOptions.', [
      'OnDemand',
      'Spot',
      'CapacityBlock',
    ]),
    dynamicHostAllocation: obj(
      'Allocates one dedicated host for this instance; excludes hostID.',
      {},
      { tags: stringMap('Tags of the dedicated host.') },
    ),
    capacityReservationPreference: oneOf('Which capacity reservations may be used.', [
      '',
      'None',
      'CapacityReservationsOnly',
      'Open',
    ]),
  };
}

function cloudInit() {
  return obj(
    'How cloud-init gets the bootstrap data.',
    {},
    {
      insecureSkipSecretsManager: flag(
        'Puts the bootstrap data into user data in the clear instead of a secret store.',
      ),
      secretCount: int32('Number of secrets. Filled in by the controller.'),
      secretPrefix: text('Name prefix of the secrets. Filled in by the controller.'),
      secureSecretsBackend: oneOf('Where the bootstrap data is kept.', ['secrets-manager', 'ssm-parameter-store']),
    },
  );
}

export function ignition(storageType: 'ClusterObjectStore' | 'UnencryptedUserData') {
  const proxy = obj(
    'Proxies for Ignition; needs version 3.1.',
    {},
    {
      httpProxy: text('Proxy for HTTP.'),
      httpsProxy: text('Proxy for HTTPS.'),
      noProxy: list('Hosts that are reached without a proxy.', text('Host, address or block.', { maxLength: 2048 }), {
        maxItems: 64,
      }),
    },
  );
  const authority = text('URL of a PEM bundle; data URLs hold base64.', { maxLength: 65_536 });
  return obj(
    'How Ignition gets the bootstrap data; excludes cloudInit.',
    {},
    {
      version: oneOf('Ignition version; default 2.3.', ['2.3', '3.0', '3.1', '3.2', '3.3', '3.4']),
      storageType: oneOf('Where the bootstrap data is kept.', ['ClusterObjectStore', 'UnencryptedUserData'], {
        default: storageType,
      }),
      proxy,
      tls: obj(
        'TLS settings for Ignition; needs version 3.1.',
        {},
        { certificateAuthorities: list('Certificate authorities to trust.', authority, { maxItems: 64 }) },
      ),
    },
  );
}

/** Every field of AWSMachineSpec but `instanceType`. */
export function machineSpecFields() {
  return {
    providerID: text('Identity of the instance, aws:///<zone>/<instance id>. Filled in by the controller.'),
    instanceID: text('Id of the instance. Filled in by the controller.'),
    ami: obj(
      'Image of the instance; default is looked up by Kubernetes version.',
      {},
      {
        id: text('Id of the image.'),
        eksLookupType: oneOf('Finds the EKS image of this type.', [
          'AmazonLinux',
          'AmazonLinuxGPU',
          'AmazonLinux2023',
          'AmazonLinux2023GPU',
        ]),
      },
    ),
    imageLookupFormat: text('Name pattern for the image lookup; knows {{.BaseOS}} and {{.K8sVersion}}.'),
    imageLookupOrg: text('Account that owns the images.'),
    imageLookupBaseOS: text('Value of {{.BaseOS}}.'),
    additionalTags: tags('Tags of the instance besides those of the cluster; wins over them.'),
    iamInstanceProfile: text('IAM instance profile.'),
    publicIP: flag('Whether the instance gets a public address; default what the subnet says.'),
    elasticIpPool: elasticIpPool('Pool the public address is taken from; needs publicIP.'),
    additionalSecurityGroups: list(
      'Security groups besides those of the cluster.',
      resourceReference('A security group.'),
    ),
    subnet: resourceReference('Subnet of the instance; default chosen by failure domain.'),
    securityGroupOverrides: stringMap('Security groups to use instead of those of the cluster, by role.'),
    networkInterfaces: list('Existing network interfaces to attach.', text('Network interface id.'), { maxItems: 2 }),
    networkInterfaceType: oneOf('Type of the primary network interface.', ['interface', 'efa']),
    assignPrimaryIPv6: oneOf('Whether the primary network interface gets a primary IPv6 address.', TOGGLE),
    uncompressedUserData: flag('Leaves user data uncompressed; default gzip.'),
    cloudInit: cloudInit(),
    ignition: ignition('ClusterObjectStore'),
    tenancy: oneOf('Hardware the instance shares; host is a dedicated host.', ['default', 'dedicated', 'host']),
    hostID: text('Dedicated host to start on; needs tenancy host.', { maxLength: 19, pattern: '^h-[0-9a-f]{17}$' }),
    hostAffinity: oneOf('Whether the instance comes back to the same host after a stop.', ['default', 'host'], {
      default: 'default',
    }),
    ...sharedInstanceFields(),
  };
}

/** An instance as mirrored into a status: the bastion. */
export function instanceStatus(description: string) {
  return obj(
    description,
    { id: text('Id of the instance.') },
    {
      ...sharedInstanceFields(),
      instanceState: text('State of the instance.'),
      type: text('Instance type.'),
      subnetId: text('Subnet.'),
      imageId: text('Image.'),
      securityGroupIds: names('Security groups.'),
      userData: text('User data.'),
      iamProfile: text('IAM instance profile.'),
      addresses: addresses(),
      privateIp: text('Private IPv4 address.'),
      publicIp: text('Public IPv4 address.'),
      ipv6Address: text('IPv6 address.'),
      enaSupport: flag('Whether enhanced networking is on.'),
      ebsOptimized: flag('Whether the instance is optimised for EBS.'),
      networkInterfaces: names('Network interfaces.'),
      networkInterfaceType: text('Type of the primary network interface.'),
      assignPrimaryIPv6: text('Whether a primary IPv6 address was assigned.'),
      tags: tags('Tags.'),
      availabilityZone: text('Zone.'),
      tenancy: text('Tenancy.'),
      volumeIDs: names('Volumes.'),
      publicIPOnLaunch: flag('Whether a public address was given at launch.'),
      hostID: text('Dedicated host.'),
      hostAffinity: oneOf('Affinity to the dedicated host.', ['default', 'host']),
    },
  );
}
