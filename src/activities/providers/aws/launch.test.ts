import { describe, expect, test } from '@jest/globals';
import type { AWSMachineSpec } from '../../../api/types/aws.js';
import { imageName } from './ami.js';
import { type LaunchInput, launchRequest } from './launch.js';

const request = (spec: Partial<AWSMachineSpec> = {}, over: Partial<LaunchInput> = {}) =>
  launchRequest({
    what: 'AWSMachine default/m',
    spec: { instanceType: 't3.large', ...spec },
    image: { id: 'ami-1', rootDeviceName: '/dev/sda1', rootSize: 8 },
    subnetId: 'subnet-1',
    groups: ['sg-1', 'sg-2'],
    userData: 'ZGF0YQ==',
    tags: { Name: 'm' },
    clusterSshKey: undefined,
    token: 'token',
    ...over,
  });

describe('launchRequest', () => {
  test('asks for exactly one instance, by token, with tags at launch and upstream defaults', () => {
    expect(request()).toEqual({
      ClientToken: 'token',
      MinCount: 1,
      MaxCount: 1,
      ImageId: 'ami-1',
      InstanceType: 't3.large',
      UserData: 'ZGF0YQ==',
      KeyName: 'default',
      NetworkInterfaces: [
        { DeviceIndex: 0, DeleteOnTermination: true, SubnetId: 'subnet-1', Groups: ['sg-1', 'sg-2'] },
      ],
      MetadataOptions: {
        HttpEndpoint: 'enabled',
        HttpProtocolIpv6: 'disabled',
        HttpPutResponseHopLimit: 1,
        HttpTokens: 'optional',
        InstanceMetadataTags: 'disabled',
      },
      TagSpecifications: ['instance', 'volume', 'network-interface'].map((ResourceType) => ({
        ResourceType,
        Tags: [{ Key: 'Name', Value: 'm' }],
      })),
    });
  });

  test.each<[string, Partial<AWSMachineSpec>, object]>([
    [
      'a public address',
      { publicIP: true },
      { NetworkInterfaces: [expect.objectContaining({ AssociatePublicIpAddress: true })] },
    ],
    [
      'own interfaces',
      { networkInterfaces: ['eni-1', 'eni-2'] },
      {
        NetworkInterfaces: [
          { NetworkInterfaceId: 'eni-1', DeviceIndex: 0 },
          { NetworkInterfaceId: 'eni-2', DeviceIndex: 1 },
        ],
      },
    ],
    ['a profile', { iamInstanceProfile: 'nodes' }, { IamInstanceProfile: { Name: 'nodes' } }],
    [
      'volumes',
      {
        rootVolume: { size: 20, type: 'gp3', iops: 4000, throughput: 200, encryptionKey: 'arn:key' },
        nonRootVolumes: [{ deviceName: '/dev/sdb', size: 10, encrypted: true }],
      },
      {
        BlockDeviceMappings: [
          {
            DeviceName: '/dev/sda1',
            Ebs: {
              DeleteOnTermination: true,
              VolumeSize: 20,
              VolumeType: 'gp3',
              Iops: 4000,
              Throughput: 200,
              Encrypted: true,
              KmsKeyId: 'arn:key',
            },
          },
          { DeviceName: '/dev/sdb', Ebs: { DeleteOnTermination: true, VolumeSize: 10, Encrypted: true } },
        ],
      },
    ],
    [
      'spot',
      { spotMarketOptions: { maxPrice: '0.1' } },
      {
        InstanceMarketOptions: {
          MarketType: 'spot',
          SpotOptions: { SpotInstanceType: 'one-time', InstanceInterruptionBehavior: 'terminate', MaxPrice: '0.1' },
        },
      },
    ],
    ['a capacity block', { marketType: 'CapacityBlock' }, { InstanceMarketOptions: { MarketType: 'capacity-block' } }],
    [
      'a reservation',
      { capacityReservationId: 'cr-1', capacityReservationPreference: 'CapacityReservationsOnly' },
      {
        CapacityReservationSpecification: {
          CapacityReservationPreference: 'capacity-reservations-only',
          CapacityReservationTarget: { CapacityReservationId: 'cr-1' },
        },
      },
    ],
    [
      'host and placement group together',
      { hostID: 'h-1', placementGroupName: 'pg', placementGroupPartition: 2, tenancy: 'host' },
      { Placement: { Tenancy: 'host', GroupName: 'pg', PartitionNumber: 2, HostId: 'h-1', Affinity: 'default' } },
    ],
    [
      'metadata options',
      { instanceMetadataOptions: { httpTokens: 'required' } },
      { MetadataOptions: expect.objectContaining({ HttpTokens: 'required' }) },
    ],
    [
      'a host name type',
      { privateDnsName: { hostnameType: 'resource-name' } },
      { PrivateDnsNameOptions: { HostnameType: 'resource-name' } },
    ],
  ])('passes on %s', (_, spec, expected) => {
    expect(request(spec)).toMatchObject(expected);
  });

  test('the key of the cluster counts when the machine names none', () => {
    expect(request({}, { clusterSshKey: 'ours' }).KeyName).toBe('ours');
    expect(request({ sshKeyName: 'mine' }, { clusterSshKey: 'ours' }).KeyName).toBe('mine');
    expect(request({ sshKeyName: '' }, { clusterSshKey: 'ours' })).not.toHaveProperty('KeyName');
  });

  test('a root volume below the size of the image is refused', () => {
    const image = { id: 'ami-1', rootDeviceName: '/dev/sda1', rootSize: 30 };
    expect(() => request({ rootVolume: { size: 20 } }, { image })).toThrow(
      expect.objectContaining({ type: 'InvalidConfiguration' }),
    );
  });
});

test.each([
  ['capa-ami-{{.BaseOS}}-?{{.K8sVersion}}-*', 'capa-ami-ubuntu-24.04-?1.34.0-*'],
  ['x-{{ .K8sVersion }}', 'x-1.34.0'],
])('the image name %s becomes %s', (format, name) => {
  expect(imageName(format, 'ubuntu-24.04', 'v1.34.0')).toBe(name);
});
