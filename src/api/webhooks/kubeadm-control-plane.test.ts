import { describe, expect, test } from '@jest/globals';
import type {
  ClusterConfiguration,
  KubeadmConfigSpec,
  KubeadmControlPlane,
  KubeadmControlPlaneSpec,
  KubeadmControlPlaneTemplate,
} from '../types/index.js';
import { DEFAULT_GATES } from './context.js';
import { defaultKubeadmControlPlane, validateKubeadmControlPlane } from './kubeadm-control-plane.js';
import { validateKubeadmControlPlaneTemplate } from './kubeadm-control-plane-template.js';

const ctx = { dryRun: false, gates: DEFAULT_GATES };
const apiVersion = 'controlplane.cluster.x-k8s.io/v1beta2';
const infrastructureRef = { apiGroup: 'infrastructure.cluster.x-k8s.io', kind: 'AWSMachineTemplate', name: 't' };

function controlPlane(
  spec: Partial<KubeadmControlPlaneSpec> = {},
  annotations: Record<string, string> = {},
): KubeadmControlPlane {
  return {
    apiVersion,
    kind: 'KubeadmControlPlane',
    metadata: { name: 'k', namespace: 'ns', annotations },
    spec: { version: 'v1.34.0', machineTemplate: { spec: { infrastructureRef } }, ...spec },
  };
}

const config = (spec: KubeadmConfigSpec): Partial<KubeadmControlPlaneSpec> => ({ kubeadmConfigSpec: spec });
const configuration = (clusterConfiguration: ClusterConfiguration) => config({ clusterConfiguration });
const external = { etcd: { external: { endpoints: ['https://e'], caFile: 'a', certFile: 'b', keyFile: 'c' } } };
const surge = (maxSurge: number | string): Partial<KubeadmControlPlaneSpec> => ({
  rollout: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge } } },
});

test('defaults are one replica, the v of the version and a surge of one', () => {
  const out = defaultKubeadmControlPlane(controlPlane({ version: '1.34.0' }));
  expect(out.spec).toMatchObject({
    replicas: 1,
    version: 'v1.34.0',
    rollout: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } },
  });
  expect(defaultKubeadmControlPlane(controlPlane({ replicas: 3, ...surge(0) })).spec).toMatchObject({
    replicas: 3,
    ...surge(0),
  });
});

const CASES: [string, Partial<KubeadmControlPlaneSpec>, string[]][] = [
  ['the least', {}, []],
  ['three replicas', { replicas: 3 }, []],
  ['an even number with an etcd elsewhere', { replicas: 2, ...configuration(external) }, []],
  ['an even number', { replicas: 2 }, ['replicas']],
  ['no replicas', { replicas: 0 }, ['replicas']],
  ['fewer than none', { replicas: -1 }, ['replicas']],
  ['half a version', { version: 'v1.34' }, ['version']],
  ['a surge of two', surge(2), ['rollout.strategy.rollingUpdate.maxSurge']],
  ['a surge in per cent', surge('50%'), ['rollout.strategy.rollingUpdate.maxSurge']],
  ['a surge of one as text', surge('1'), []],
  ['no surge with three', { replicas: 3, ...surge(0) }, []],
  ['no surge with one', surge(0), ['rollout.strategy.rollingUpdate.maxSurge']],
  [
    'certificates that outlive their authority',
    configuration({ certificateValidityPeriodDays: 100, caCertificateValidityPeriodDays: 99 }),
    ['kubeadmConfigSpec.clusterConfiguration.certificateValidityPeriodDays'],
  ],
  [
    'a rollout long before expiry',
    { ...configuration({ certificateValidityPeriodDays: 100 }), rollout: { before: { certificatesExpiryDays: 100 } } },
    ['rollout.before.certificatesExpiryDays'],
  ],
  [
    'a rollout before expiry',
    { ...configuration({ certificateValidityPeriodDays: 100 }), rollout: { before: { certificatesExpiryDays: 30 } } },
    [],
  ],
  [
    'both kinds of etcd',
    configuration({ etcd: { ...external.etcd, local: { imageTag: 'a' } } }),
    ['kubeadmConfigSpec.clusterConfiguration.etcd.local'],
  ],
  [
    'a tag that is none',
    configuration({ dns: { imageTag: 'v1.12.0+x' }, etcd: { local: { imageTag: 'a:b' } } }),
    [
      'kubeadmConfigSpec.clusterConfiguration.dns.imageTag',
      'kubeadmConfigSpec.clusterConfiguration.etcd.local.imageTag',
    ],
  ],
  [
    'a CoreDNS tag without version',
    configuration({ dns: { imageTag: 'latest' } }),
    ['kubeadmConfigSpec.clusterConfiguration.dns.imageTag'],
  ],
  ['a patched CoreDNS tag', configuration({ dns: { imageTag: 'v1.12.0_patch.1' } }), []],
  [
    'timeouts that differ',
    config({ initConfiguration: { timeouts: { controlPlaneComponentHealthCheckSeconds: 1 } } }),
    [
      'kubeadmConfigSpec.initConfiguration.timeouts.controlPlaneComponentHealthCheckSeconds',
      'kubeadmConfigSpec.joinConfiguration.timeouts.controlPlaneComponentHealthCheckSeconds',
    ],
  ],
  ['files of one path', config({ files: [{ path: '/a' }, { path: '/a' }] }), ['kubeadmConfigSpec.files[1].path']],
  ['names', { machineNaming: { template: '{{ .kubeadmControlPlane.name }}-{{ .random }}' } }, []],
  [
    'names of a MachineSet',
    { machineNaming: { template: '{{ .machineSet.name }}-{{ .random }}' } },
    ['machineNaming.template'],
  ],
  [
    'taints without the gate',
    {
      machineTemplate: {
        spec: { infrastructureRef, taints: [{ key: 'a', effect: 'NoExecute', propagation: 'Always' }] },
      },
    },
    ['machineTemplate.spec.taints'],
  ],
  [
    'bad labels',
    { machineTemplate: { metadata: { labels: { a: ' ' } }, spec: { infrastructureRef } } },
    ['machineTemplate.metadata.labels'],
  ],
];

describe('admission of a new KubeadmControlPlane', () => {
  test.each(CASES)('judges %s', (_, spec, paths) => {
    const { errors } = validateKubeadmControlPlane(defaultKubeadmControlPlane(controlPlane(spec)), undefined, ctx);
    expect(errors.map((e) => e.path)).toEqual(paths.map((path) => `spec.${path}`));
  });
});

function changeErrors(
  from: Partial<KubeadmControlPlaneSpec>,
  to: Partial<KubeadmControlPlaneSpec>,
  annotations = {},
): string[] {
  const old = defaultKubeadmControlPlane(controlPlane(from));
  const made = defaultKubeadmControlPlane(controlPlane(to, annotations));
  return validateKubeadmControlPlane(made, old, ctx).errors.map((e) => e.path.replace('spec.', ''));
}

const ALLOWED: [string, Partial<KubeadmControlPlaneSpec>, Partial<KubeadmControlPlaneSpec>][] = [
  ['replicas', {}, { replicas: 3 }],
  [
    'the infrastructure template',
    {},
    { machineTemplate: { spec: { infrastructureRef: { ...infrastructureRef, name: 'u' } } } },
  ],
  ['labels of machines', {}, { machineTemplate: { metadata: { labels: { a: 'b' } }, spec: { infrastructureRef } } }],
  [
    'remediation, naming and rollout',
    {},
    {
      remediation: { maxRetry: 1 },
      machineNaming: { template: 'a-{{ .random }}' },
      rollout: { after: '2030-01-01T00:00:00Z' },
    },
  ],
  [
    'a local etcd',
    configuration({ etcd: { local: { dataDir: '/a' } } }),
    configuration({ etcd: { local: { dataDir: '/b', imageTag: 'v3' } } }),
  ],
  [
    'components',
    configuration({ apiServer: { certSANs: ['a'] } }),
    configuration({
      scheduler: { extraArgs: [{ name: 'v', value: '2' }] },
      imageRepository: 'r',
      featureGates: { A: true },
    }),
  ],
  [
    'the whole init configuration',
    config({ initConfiguration: { nodeRegistration: { name: 'n' }, skipPhases: ['a'] } }),
    {},
  ],
  [
    'join configuration',
    config({ joinConfiguration: { caCertPath: '/a' } }),
    config({
      joinConfiguration: { nodeRegistration: { criSocket: '/b' }, controlPlane: { localAPIEndpoint: { bindPort: 1 } } },
    }),
  ],
  [
    'commands, files and users',
    {},
    config({
      preKubeadmCommands: ['a'],
      files: [{ path: '/a' }],
      users: [{ name: 'u' }],
      verbosity: 2,
      ntp: { enabled: true },
      mounts: [['a']],
    }),
  ],
  [
    'empty blocks',
    configuration({} as ClusterConfiguration),
    config({ clusterConfiguration: { dns: {} } as ClusterConfiguration }),
  ],
];

const FORBIDDEN: [string, ClusterConfiguration, ClusterConfiguration, string][] = [
  ['the endpoint', {}, { controlPlaneEndpoint: 'a:1' }, 'controlPlaneEndpoint'],
  ['the endpoint being removed', { controlPlaneEndpoint: 'a:1' }, {}, 'controlPlaneEndpoint'],
  ['the certificates directory', { certificatesDir: '/a' }, { certificatesDir: '/b' }, 'certificatesDir'],
  ['the validity of the authority', {}, { caCertificateValidityPeriodDays: 10 }, 'caCertificateValidityPeriodDays'],
];

describe('change of a KubeadmControlPlane', () => {
  test.each(ALLOWED)('accepts %s', (_, from, to) => {
    expect(changeErrors(from, to)).toEqual([]);
  });

  test.each(FORBIDDEN)('refuses %s', (_, from, to, field) => {
    expect(changeErrors(configuration(from), configuration(to))).toEqual([
      `kubeadmConfigSpec.clusterConfiguration.${field}`,
    ]);
  });

  test('refuses another kind of etcd', () => {
    const path = 'kubeadmConfigSpec.clusterConfiguration.etcd.external';
    expect(changeErrors(configuration(external), {})).toContain(path);
    expect(changeErrors({}, configuration(external))).toContain(path);
  });

  test.each([
    ['v1.33.1', 'v1.34.0', true],
    ['v1.33.9', 'v1.34.1-rc.0', true],
    ['v1.34.0', 'v1.34.5', true],
    ['v1.34.0', 'v1.33.0', true],
    ['v1.33.0', 'v1.35.0', false],
    ['v1.33.0', 'v1.35.0-alpha.1', false],
    ['v1.34.0', 'v2.0.0', false],
  ])('from %s to %s: %s', (from, to, allowed) => {
    expect(changeErrors({ version: from }, { version: to })).toEqual(allowed ? [] : ['version']);
  });

  test.each([
    ['v1.11.1', 'v1.12.0', {}, true],
    ['v1.12.0', 'v1.12.0-patched', {}, true],
    ['v1.12.0', 'v1.11.1', {}, false],
    ['v1.12.0', 'v1.11.1', { 'controlplane.cluster.x-k8s.io/skip-coredns': '' }, true],
  ])('CoreDNS from %s to %s with %j: %s', (from, to, annotations, allowed) => {
    const dns = (imageTag: string) => configuration({ dns: { imageTag } });
    const path = 'kubeadmConfigSpec.clusterConfiguration.dns.imageTag';
    expect(changeErrors(dns(from), dns(to), annotations)).toEqual(allowed ? [] : [path]);
  });
});

describe('KubeadmControlPlaneTemplate', () => {
  type Spec = NonNullable<NonNullable<KubeadmControlPlaneTemplate['spec']>['template']['spec']>;
  const topology = { dryRun: false, gates: { ...DEFAULT_GATES, ClusterTopology: true } };
  const template = (spec: Spec): KubeadmControlPlaneTemplate => ({
    apiVersion,
    kind: 'KubeadmControlPlaneTemplate',
    metadata: { name: 't', namespace: 'ns' },
    spec: { template: { spec } },
  });

  test('cannot be made while ClusterClass is not supported', () => {
    const { errors } = validateKubeadmControlPlaneTemplate(template({}), undefined, ctx);
    expect(errors.map((e) => `${e.path}: ${e.message}`)).toEqual([
      expect.stringContaining('spec: ClusterClass is not supported yet'),
    ]);
  });

  test('has the rules of a control plane without replicas', () => {
    const ok: Spec = { rollout: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0 } } } };
    expect(validateKubeadmControlPlaneTemplate(template(ok), undefined, topology).errors).toEqual([]);
    const bad: Spec = { kubeadmConfigSpec: { files: [{ path: '/a' }, { path: '/a' }] } };
    const { errors } = validateKubeadmControlPlaneTemplate(template(bad), undefined, topology);
    expect(errors.map((e) => e.path)).toEqual(['spec.template.spec.kubeadmConfigSpec.files[1].path']);
  });

  test('cannot be changed', () => {
    const old = template({ remediation: { maxRetry: 1 } });
    expect(validateKubeadmControlPlaneTemplate(old, old, ctx).errors).toEqual([]);
    const { errors } = validateKubeadmControlPlaneTemplate(template({ remediation: { maxRetry: 2 } }), old, ctx);
    expect(errors.map((e) => e.path)).toEqual(['spec.template.spec']);
  });
});
