import { describe, expect, test } from '@jest/globals';
import type { AWSMachine, AWSMachineSpec } from '../types/aws.js';
import { defaultAWSMachine, validateAWSMachine } from './aws-machine.js';
import { DEFAULT_GATES } from './context.js';

const ctx = { dryRun: false, gates: DEFAULT_GATES };
const gate = { dryRun: false, gates: { ...DEFAULT_GATES, BootstrapFormatIgnition: true } };

function machine(spec: Partial<AWSMachineSpec> = {}): AWSMachine {
  return {
    apiVersion: 'infrastructure.cluster.x-k8s.io/v1beta2',
    kind: 'AWSMachine',
    metadata: { name: 'm', namespace: 'ns' },
    spec: { instanceType: 'm5.large', ...spec },
  };
}

describe('defaults of AWSMachine', () => {
  test.each<[string, Partial<AWSMachineSpec>, Partial<AWSMachineSpec>]>([
    ['the secret store', {}, { cloudInit: { secureSecretsBackend: 'secrets-manager' } }],
    [
      'an empty secret store',
      { cloudInit: { secretCount: 0 } },
      { cloudInit: { secretCount: 0, secureSecretsBackend: 'secrets-manager' } },
    ],
    [
      'a given secret store',
      { cloudInit: { secureSecretsBackend: 'ssm-parameter-store' } },
      { cloudInit: { secureSecretsBackend: 'ssm-parameter-store' } },
    ],
    [
      'no secret store',
      { cloudInit: { insecureSkipSecretsManager: true } },
      { cloudInit: { insecureSkipSecretsManager: true } },
    ],
    ['Ignition', { ignition: {} }, { ignition: { storageType: 'ClusterObjectStore', version: '2.3' } }],
    [
      'Ignition in user data',
      { ignition: { storageType: 'UnencryptedUserData' } },
      { ignition: { storageType: 'UnencryptedUserData' } },
    ],
    [
      'a given Ignition version',
      { ignition: { version: '3.4' } },
      { ignition: { storageType: 'ClusterObjectStore', version: '3.4' } },
    ],
  ])('choose %s', (_, given, expected) => {
    expect(defaultAWSMachine(machine(given)).spec).toEqual({ instanceType: 'm5.large', ...expected });
  });
});

const HOST: Partial<AWSMachineSpec> = { tenancy: 'host', hostAffinity: 'host' };
const POOL = { publicIpv4Pool: 'ipv4pool-ec2-1', publicIpv4PoolFallbackOrder: 'none' } as const;

const ACCEPTED: [string, Partial<AWSMachineSpec>][] = [
  ['the least', {}],
  ['an io2 root volume with iops', { rootVolume: { size: 8, type: 'io2', iops: 100 } }],
  [
    'a gp3 volume with throughput',
    {
      rootVolume: { size: 8, type: 'gp3', throughput: 125 },
      nonRootVolumes: [{ size: 8, deviceName: '/dev/sdb', type: 'gp3', throughput: 2000 }],
    },
  ],
  [
    'a root volume with a device name, as clusterctl move leaves it',
    { rootVolume: { size: 8, deviceName: '/dev/sda1' } },
  ],
  ['a spot instance', { spotMarketOptions: {} }],
  [
    'a capacity block',
    {
      marketType: 'CapacityBlock',
      capacityReservationId: 'cr-1',
      capacityReservationPreference: 'CapacityReservationsOnly',
    },
  ],
  ['a placement group and partition', { placementGroupName: 'g', placementGroupPartition: 2 }],
  ['a host by id', { ...HOST, hostID: 'h-0123456789abcdef0' }],
  ['a host of its own', { ...HOST, dynamicHostAllocation: {} }],
  ['an address pool', { publicIP: true, elasticIpPool: POOL }],
  [
    'a group by filters',
    { additionalSecurityGroups: [{ filters: [{ name: 'tag:a', values: ['b'] }] }, { id: 'sg-1' }] },
  ],
  ['no key', { sshKeyName: '' }],
];

const REFUSED: [string, Partial<AWSMachineSpec>, string[]][] = [
  ['an io1 volume without iops', { rootVolume: { size: 8, type: 'io1' } }, ['rootVolume.iops']],
  ['throughput of another type', { rootVolume: { size: 8, type: 'gp2', throughput: 200 } }, ['rootVolume.throughput']],
  [
    'too little throughput',
    { nonRootVolumes: [{ size: 8, deviceName: 'd', type: 'gp3', throughput: 124 }] },
    ['nonRootVolumes[0].throughput'],
  ],
  ['too much throughput', { rootVolume: { size: 8, type: 'gp3', throughput: 2001 } }, ['rootVolume.throughput']],
  ['a volume without device name', { nonRootVolumes: [{ size: 8 }] }, ['nonRootVolumes[0].deviceName']],
  [
    'a group by id and filters',
    { additionalSecurityGroups: [{ id: 'sg-1', filters: [{ name: 'n', values: [] }] }] },
    ['additionalSecurityGroups[0]'],
  ],
  [
    'secret names without a secret store',
    {
      cloudInit: {
        insecureSkipSecretsManager: true,
        secretPrefix: 'p',
        secretCount: 1,
        secureSecretsBackend: 'secrets-manager',
      },
    },
    ['cloudInit.secretPrefix', 'cloudInit.secretCount', 'cloudInit.secureSecretsBackend'],
  ],
  ['a secret prefix without count', { cloudInit: { secretPrefix: 'p' } }, ['cloudInit.secretCount']],
  [
    'a capacity block with spot options',
    { marketType: 'CapacityBlock', capacityReservationId: 'cr', spotMarketOptions: {} },
    ['marketType'],
  ],
  ['on demand with spot options', { marketType: 'OnDemand', spotMarketOptions: {} }, ['marketType']],
  ['a capacity block without reservation', { marketType: 'CapacityBlock' }, ['capacityReservationId']],
  [
    'a reservation that may be ignored',
    { capacityReservationId: 'cr', capacityReservationPreference: 'Open' },
    ['capacityReservationPreference'],
  ],
  [
    'spot in reservations only',
    { marketType: 'Spot', capacityReservationPreference: 'CapacityReservationsOnly' },
    ['capacityReservationPreference'],
  ],
  ['a partition without its group', { placementGroupPartition: 1 }, ['placementGroupName']],
  [
    'a host by id and of its own',
    { ...HOST, hostID: 'h-0', dynamicHostAllocation: {} },
    ['hostID', 'dynamicHostAllocation'],
  ],
  ['a host without host tenancy', { hostID: 'h-0' }, ['hostID']],
  ['host affinity without host tenancy', { hostAffinity: 'host' }, ['hostAffinity']],
  ['a host of its own without affinity', { tenancy: 'host', dynamicHostAllocation: {} }, ['dynamicHostAllocation']],
  ['an address pool without public address', { elasticIpPool: POOL }, ['publicIP']],
  ['a bad key name', { sshKeyName: 'a ' }, ['sshKeyName']],
  ['a bad tag', { additionalTags: { 'aws:a': 'b' } }, ['additionalTags']],
  ['Ignition without the gate', { ignition: { version: '3.4' } }, ['ignition']],
];

describe('admission of a new AWSMachine', () => {
  test.each(ACCEPTED)('accepts %s', (_, spec) => {
    expect(validateAWSMachine(defaultAWSMachine(machine(spec)), undefined, ctx).errors).toEqual([]);
  });

  test.each(REFUSED)('refuses %s', (_, spec, paths) => {
    const { errors } = validateAWSMachine(machine(spec), undefined, ctx);
    expect(errors.map((e) => e.path)).toEqual(paths.map((path) => `spec.${path}`));
  });

  test.each<[string, Partial<AWSMachineSpec>, string[]]>([
    [
      'proxies',
      {
        ignition: {
          version: '3.1',
          proxy: { httpProxy: 'http://p', noProxy: ['*', '10.0.0.1', '10.0.0.0/8', '.a.b', 'h:80', '[::1]:80'] },
        },
      },
      [],
    ],
    [
      'authorities',
      {
        ignition: {
          version: '3.1',
          tls: { certificateAuthorities: ['https://a/b', 'data:text/plain;base64,QQ==', 's3://b/k'] },
        },
      },
      [],
    ],
    ['cloud-init beside', { ignition: {}, cloudInit: { secureSecretsBackend: 'secrets-manager' } }, ['cloudInit']],
    [
      'proxies in an old version',
      { ignition: { version: '3.0', proxy: {}, tls: {} } },
      ['ignition.proxy', 'ignition.tls'],
    ],
    [
      'bad proxies',
      { ignition: { version: '3.4', proxy: { httpProxy: 'nowhere', noProxy: ['a b'] } } },
      ['ignition.proxy.httpProxy', 'ignition.proxy.noProxy[0]'],
    ],
    [
      'bad authorities',
      { ignition: { version: '3.4', tls: { certificateAuthorities: ['ftp://a', 'data:abc', 'data:,!'] } } },
      [
        'ignition.tls.certificateAuthorities[0]',
        'ignition.tls.certificateAuthorities[1]',
        'ignition.tls.certificateAuthorities[2]',
      ],
    ],
  ])('with the gate judges Ignition with %s', (_, spec, paths) => {
    const { errors } = validateAWSMachine(machine(spec), undefined, gate);
    expect(errors.map((e) => e.path)).toEqual(paths.map((path) => `spec.${path}`));
  });
});

const MUTABLE: [string, Partial<AWSMachineSpec>, Partial<AWSMachineSpec>][] = [
  ['providerID', {}, { providerID: 'aws:///a/i-1' }],
  ['instanceID', {}, { instanceID: 'i-1' }],
  ['tags', { additionalTags: { a: 'b' } }, {}],
  ['security groups', {}, { additionalSecurityGroups: [{ id: 'sg' }] }],
  [
    'secret names',
    { cloudInit: {} },
    { cloudInit: { secretPrefix: 'p', secretCount: 2, secureSecretsBackend: 'secrets-manager' } },
  ],
  [
    'resource name records',
    { privateDnsName: { hostnameType: 'ip-name' } },
    { privateDnsName: { hostnameType: 'ip-name', enableResourceNameDnsARecord: true } },
  ],
  ['empty values', { imageLookupOrg: '', cloudInit: {}, ami: {}, networkInterfaces: [] }, {}],
  ['zeros that Go clients write', { cloudInit: { insecureSkipSecretsManager: false } }, {}],
];

const IMMUTABLE: [string, Partial<AWSMachineSpec>, Partial<AWSMachineSpec>, string][] = [
  ['the instance type', {}, { instanceType: 'c5.large' }, 'instanceType'],
  ['the image', { ami: { id: 'a' } }, { ami: { id: 'b' } }, 'ami.id'],
  ['spot', {}, { spotMarketOptions: {} }, 'spotMarketOptions'],
  ['the key from default to none', {}, { sshKeyName: '' }, 'sshKeyName'],
  [
    'the secret store being skipped',
    {},
    { cloudInit: { insecureSkipSecretsManager: true } },
    'cloudInit.insecureSkipSecretsManager',
  ],
  [
    'the host name type',
    { privateDnsName: { hostnameType: 'ip-name' } },
    { privateDnsName: { hostnameType: 'resource-name' } },
    'privateDnsName.hostnameType',
  ],
  ['a volume', { rootVolume: { size: 8 } }, { rootVolume: { size: 9 } }, 'rootVolume.size'],
];

describe('change of an AWSMachine', () => {
  test.each(MUTABLE)('accepts %s', (_, from, to) => {
    expect(validateAWSMachine(machine(to), machine(from), ctx).errors).toEqual([]);
  });

  test.each(IMMUTABLE)('refuses %s', (_, from, to, field) => {
    const { errors } = validateAWSMachine(machine(to), machine(from), ctx);
    expect(errors).toHaveLength(1);
    expect(errors[0]?.path).toBe('spec');
    expect(errors[0]?.message).toContain(`cannot be modified (${field})`);
  });

  test('defaults of an older object are no change', () => {
    const old = machine();
    expect(validateAWSMachine(defaultAWSMachine(old), old, ctx).errors).toEqual([]);
  });

  test('a machine with affinity and without host, as upstream 2.10.0 defaulted it, stays editable', () => {
    const old = machine({ hostAffinity: 'host' });
    expect(validateAWSMachine(machine({ hostAffinity: 'host', providerID: 'p' }), old, ctx).errors).toEqual([]);
  });
});
