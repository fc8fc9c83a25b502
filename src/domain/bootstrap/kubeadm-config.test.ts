import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import type { ClusterConfiguration, InitConfiguration, JoinConfiguration } from '../../api/types/index.js';
import { controlPlaneConfigSpec } from './control-plane-config.js';
import {
  type ClusterData,
  clusterConfigurationFor,
  initConfigurationFor,
  joinConfigurationFor,
  kubeadmYaml,
} from './kubeadm-config.js';
import { goDuration, hostPort, kubeadmApiFor } from './kubeadm-version.js';

const data: ClusterData = {
  clusterName: 'mycluster',
  kubernetesVersion: 'v1.31.0',
  dnsDomain: 'myDNSDomain',
  serviceSubnet: 'myServiceSubnet',
  podSubnet: 'myPodSubnet',
  controlPlaneComponentHealthCheckSeconds: 30,
};

/** Every field of ClusterConfiguration. */
const cluster: ClusterConfiguration = {
  controlPlaneEndpoint: 'myControlPlaneEndpoint:6443',
  certificatesDir: '/pki',
  imageRepository: 'registry.example.test',
  featureGates: { B: false, A: true },
  encryptionAlgorithm: 'ECDSA-P256',
  certificateValidityPeriodDays: 90,
  caCertificateValidityPeriodDays: 730,
  dns: { imageRepository: 'dns.example.test', imageTag: 'v1.12.1' },
  apiServer: {
    extraArgs: [
      { name: 'v', value: '2' },
      { name: 'audit-log-path', value: '-' },
      { name: 'v', value: '3' },
    ],
    extraEnvs: [{ name: 'HTTP_PROXY', value: 'http://proxy' }],
    extraVolumes: [
      { name: 'audit', hostPath: '/var/log/audit', mountPath: '/audit', readOnly: true, pathType: 'DirectoryOrCreate' },
      { name: 'rw', hostPath: '/a', mountPath: '/b', readOnly: false },
    ],
    certSANs: ['api.example.test'],
  },
  controllerManager: { extraArgs: [{ name: 'cloud-provider', value: 'external' }] },
  scheduler: { extraEnvs: [{ name: 'X', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] },
  etcd: {
    local: {
      imageRepository: 'etcd.example.test',
      imageTag: '3.6.4',
      extraArgs: [{ name: 'quota-backend-bytes', value: '1' }],
      extraEnvs: [{ name: 'Y', value: '1' }],
      serverCertSANs: ['s'],
      peerCertSANs: ['p'],
    },
  },
};

describe('ClusterConfiguration', () => {
  test('the smallest one is what upstream writes, key by key', () => {
    const small = { controlPlaneEndpoint: 'myControlPlaneEndpoint:6443' };
    expect(
      kubeadmYaml(clusterConfigurationFor('v1beta3', small, { ...data, kubernetesVersion: 'v1.22.0' })).split('\n'),
    ).toEqual([
      'apiServer:',
      '  timeoutForControlPlane: "30s"',
      'apiVersion: kubeadm.k8s.io/v1beta3',
      'clusterName: mycluster',
      'controlPlaneEndpoint: "myControlPlaneEndpoint:6443"',
      'controllerManager: {}',
      'dns: {}',
      'etcd: {}',
      'kind: ClusterConfiguration',
      'kubernetesVersion: v1.22.0',
      'networking:',
      '  dnsDomain: myDNSDomain',
      '  podSubnet: myPodSubnet',
      '  serviceSubnet: myServiceSubnet',
      'scheduler: {}',
      '',
    ]);
    expect(parse(kubeadmYaml(clusterConfigurationFor('v1beta4', small, data)))).toEqual({
      apiServer: {},
      apiVersion: 'kubeadm.k8s.io/v1beta4',
      clusterName: 'mycluster',
      controlPlaneEndpoint: 'myControlPlaneEndpoint:6443',
      controllerManager: {},
      dns: {},
      etcd: {},
      kind: 'ClusterConfiguration',
      kubernetesVersion: 'v1.31.0',
      networking: { dnsDomain: 'myDNSDomain', podSubnet: 'myPodSubnet', serviceSubnet: 'myServiceSubnet' },
      proxy: {},
      scheduler: {},
    });
  });

  test('every field in v1beta4', () => {
    expect(clusterConfigurationFor('v1beta4', cluster, data)).toEqual({
      apiVersion: 'kubeadm.k8s.io/v1beta4',
      kind: 'ClusterConfiguration',
      clusterName: 'mycluster',
      kubernetesVersion: 'v1.31.0',
      controlPlaneEndpoint: 'myControlPlaneEndpoint:6443',
      certificatesDir: '/pki',
      imageRepository: 'registry.example.test',
      featureGates: { A: true, B: false },
      encryptionAlgorithm: 'ECDSA-P256',
      certificateValidityPeriod: '2160h0m0s',
      caCertificateValidityPeriod: '17520h0m0s',
      networking: { dnsDomain: 'myDNSDomain', podSubnet: 'myPodSubnet', serviceSubnet: 'myServiceSubnet' },
      dns: { imageRepository: 'dns.example.test', imageTag: 'v1.12.1' },
      proxy: {},
      apiServer: {
        extraArgs: [
          { name: 'v', value: '2' },
          { name: 'audit-log-path', value: '-' },
          { name: 'v', value: '3' },
        ],
        extraEnvs: [{ name: 'HTTP_PROXY', value: 'http://proxy' }],
        extraVolumes: [
          {
            name: 'audit',
            hostPath: '/var/log/audit',
            mountPath: '/audit',
            readOnly: true,
            pathType: 'DirectoryOrCreate',
          },
          { name: 'rw', hostPath: '/a', mountPath: '/b' },
        ],
        certSANs: ['api.example.test'],
      },
      controllerManager: { extraArgs: [{ name: 'cloud-provider', value: 'external' }] },
      scheduler: { extraEnvs: [{ name: 'X', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] },
      etcd: {
        local: {
          imageRepository: 'etcd.example.test',
          imageTag: '3.6.4',
          dataDir: '',
          extraArgs: [{ name: 'quota-backend-bytes', value: '1' }],
          extraEnvs: [{ name: 'Y', value: '1' }],
          serverCertSANs: ['s'],
          peerCertSANs: ['p'],
        },
      },
    });
  });

  test('v1beta3 has maps, the timeout of the API server, and no environment, validity or algorithm', () => {
    const result = clusterConfigurationFor('v1beta3', cluster, data);
    expect(result).toMatchObject({
      apiServer: { extraArgs: { v: '3', 'audit-log-path': '-' }, timeoutForControlPlane: '30s' },
      controllerManager: { extraArgs: { 'cloud-provider': 'external' } },
      scheduler: {},
      etcd: { local: { dataDir: '', extraArgs: { 'quota-backend-bytes': '1' } } },
    });
    expect(JSON.stringify(result)).not.toMatch(/extraEnvs|encryptionAlgorithm|ValidityPeriod|proxy"/);
  });

  test('an external etcd', () => {
    const external = { endpoints: ['https://etcd:2379'], caFile: '/ca', certFile: '/crt', keyFile: '/key' };
    for (const api of ['v1beta3', 'v1beta4'] as const) {
      expect(clusterConfigurationFor(api, { etcd: { external } }, data)['etcd']).toEqual({ external });
    }
  });
});

const registration = {
  name: '{{ ds.meta_data.local_hostname }}',
  criSocket: 'unix:///run/containerd/containerd.sock',
  kubeletExtraArgs: [{ name: 'cloud-provider', value: 'external' }],
  ignorePreflightErrors: ['Swap'],
  imagePullPolicy: 'IfNotPresent' as const,
  imagePullSerial: false,
};
const timeouts = {
  controlPlaneComponentHealthCheckSeconds: 240,
  kubeletHealthCheckSeconds: 60,
  kubernetesAPICallSeconds: 3600,
  etcdAPICallSeconds: 90,
  tlsBootstrapSeconds: 300,
  discoverySeconds: 0,
};
const goTimeouts = {
  controlPlaneComponentHealthCheck: '4m0s',
  kubeletHealthCheck: '1m0s',
  kubernetesAPICall: '1h0m0s',
  etcdAPICall: '1m30s',
  tlsBootstrap: '5m0s',
  discovery: '0s',
};

describe('InitConfiguration', () => {
  const init: InitConfiguration = {
    bootstrapTokens: [
      {
        token: 'abcdef.0123456789abcdef',
        description: 'd',
        ttlSeconds: 86_400,
        expires: '2026-01-01T00:00:00Z',
        usages: ['signing'],
        groups: ['g'],
      },
    ],
    localAPIEndpoint: { advertiseAddress: '10.0.0.1', bindPort: 6443 },
    nodeRegistration: { ...registration, taints: [] },
    patches: { directory: '/patches' },
    skipPhases: ['addon/kube-proxy'],
    timeouts,
  };
  const common = {
    kind: 'InitConfiguration',
    bootstrapTokens: [
      {
        token: 'abcdef.0123456789abcdef',
        description: 'd',
        ttl: '24h0m0s',
        expires: '2026-01-01T00:00:00Z',
        usages: ['signing'],
        groups: ['g'],
      },
    ],
    localAPIEndpoint: { advertiseAddress: '10.0.0.1', bindPort: 6443 },
    patches: { directory: '/patches' },
    skipPhases: ['addon/kube-proxy'],
  };

  test('every field in v1beta4', () => {
    expect(initConfigurationFor('v1beta4', init)).toEqual({
      apiVersion: 'kubeadm.k8s.io/v1beta4',
      ...common,
      nodeRegistration: { ...registration, taints: [] },
      timeouts: goTimeouts,
    });
  });

  test('every field in v1beta3', () => {
    const { imagePullSerial: _new, ...old } = registration;
    expect(initConfigurationFor('v1beta3', init)).toEqual({
      apiVersion: 'kubeadm.k8s.io/v1beta3',
      ...common,
      nodeRegistration: { ...old, kubeletExtraArgs: { 'cloud-provider': 'external' }, taints: [] },
    });
  });

  test('an empty one leaves the taints to kubeadm', () => {
    expect(initConfigurationFor('v1beta4')).toEqual({
      apiVersion: 'kubeadm.k8s.io/v1beta4',
      kind: 'InitConfiguration',
      localAPIEndpoint: {},
      nodeRegistration: { taints: null },
    });
  });
});

describe('JoinConfiguration', () => {
  const join: JoinConfiguration = {
    caCertPath: '/ca.crt',
    controlPlane: { localAPIEndpoint: { bindPort: 6444 } },
    discovery: {
      bootstrapToken: {
        token: 't.s',
        apiServerEndpoint: 'e:6443',
        caCertHashes: ['sha256:0'],
        unsafeSkipCAVerification: false,
      },
      tlsBootstrapToken: 'tls',
    },
    nodeRegistration: { ...registration, taints: [{ key: 'k', value: 'v', effect: 'NoSchedule' }] },
    patches: { directory: '/patches' },
    skipPhases: ['preflight'],
    timeouts,
  };
  const discovery = {
    bootstrapToken: { token: 't.s', apiServerEndpoint: 'e:6443', caCertHashes: ['sha256:0'] },
    tlsBootstrapToken: 'tls',
  };
  const common = {
    kind: 'JoinConfiguration',
    caCertPath: '/ca.crt',
    controlPlane: { localAPIEndpoint: { bindPort: 6444 } },
    patches: { directory: '/patches' },
    skipPhases: ['preflight'],
  };

  test('every field in v1beta4', () => {
    expect(joinConfigurationFor('v1beta4', join)).toEqual({
      apiVersion: 'kubeadm.k8s.io/v1beta4',
      ...common,
      discovery,
      nodeRegistration: { ...registration, taints: [{ key: 'k', value: 'v', effect: 'NoSchedule' }] },
      timeouts: goTimeouts,
    });
  });

  test('v1beta3 keeps the TLS bootstrap timeout only', () => {
    expect(joinConfigurationFor('v1beta3', join)).toMatchObject({
      apiVersion: 'kubeadm.k8s.io/v1beta3',
      ...common,
      discovery: { ...discovery, timeout: '5m0s' },
    });
    expect(joinConfigurationFor('v1beta3', join)).not.toHaveProperty('timeouts');
  });

  test('discovery by file carries the path only', () => {
    const kubeConfig = { user: { exec: { command: 'aws' } } };
    const file = { discovery: { file: { kubeConfigPath: '/d.conf', kubeConfig } } };
    expect(joinConfigurationFor('v1beta4', file)['discovery']).toEqual({ file: { kubeConfigPath: '/d.conf' } });
  });

  test('a Jinja expression is written so that cloud-init can evaluate it', () => {
    const text = kubeadmYaml(
      joinConfigurationFor('v1beta4', { nodeRegistration: { name: '{{ ds.meta_data["x"] }}' } }),
    );
    expect(text).toContain(`name: '{{ ds.meta_data["x"] }}'`);
  });
});

test.each([
  ['v1.22.0', 'v1beta3'],
  ['1.30.14', 'v1beta3'],
  ['v1.31.0', 'v1beta4'],
  ['v1.31.0-alpha.1', 'v1beta4'],
  ['v1.36.1+build', 'v1beta4'],
])('kubeadm of %s takes %s', (version, api) => {
  expect(kubeadmApiFor('machine a/b', 'spec.version', version)).toBe(api);
});

test.each([
  [undefined, /machine a\/b: spec\.version "" is not a Kubernetes version; set one like/],
  ['latest', /"latest" is not a Kubernetes version/],
  ['v1.21.9', /v1\.21\.9 is older than v1\.22\.0/],
])('%s is refused with its field', (version, message) => {
  expect(() => kubeadmApiFor('machine a/b', 'spec.version', version)).toThrow(message);
});

test('durations and endpoints are written as Go does', () => {
  expect([0, 59, 60, 3599, 3600, 86_399].map(goDuration)).toEqual([
    '0s',
    '59s',
    '1m0s',
    '59m59s',
    '1h0m0s',
    '23h59m59s',
  ]);
  expect(hostPort({ host: 'a.test', port: 6443 })).toBe('a.test:6443');
  expect(hostPort({ host: 'fd00::1', port: 6443 })).toBe('[fd00::1]:6443');
});

describe('spec of a control plane machine', () => {
  const spec = { initConfiguration: { skipPhases: ['a'] }, joinConfiguration: { skipPhases: ['b'] }, verbosity: 1 };

  test('has the half it needs', () => {
    expect(controlPlaneConfigSpec('kcp', spec, 'v1.30.0', 'init')).toEqual({
      verbosity: 1,
      initConfiguration: { skipPhases: ['a'] },
    });
    expect(controlPlaneConfigSpec('kcp', spec, 'v1.30.0', 'join')).toEqual({
      verbosity: 1,
      joinConfiguration: { skipPhases: ['b'], controlPlane: {} },
    });
  });

  test.each([
    ['v1.30.9', undefined],
    ['v1.31.0', true],
    ['v1.35.9', true],
    ['v1.36.0', undefined],
  ])('in %s the local mode gate is %s', (version, gate) => {
    expect(
      controlPlaneConfigSpec('kcp', {}, version, 'init')?.clusterConfiguration?.featureGates?.[
        'ControlPlaneKubeletLocalMode'
      ],
    ).toBe(gate);
  });

  test('nothing to say is no spec', () => {
    expect(controlPlaneConfigSpec('kcp', undefined, 'v1.36.0', 'init')).toBeUndefined();
  });

  test('a gate set by the user stays', () => {
    const featureGates = { ControlPlaneKubeletLocalMode: false };
    expect(
      controlPlaneConfigSpec('kcp', { clusterConfiguration: { featureGates } }, 'v1.34.0', 'init')
        ?.clusterConfiguration,
    ).toEqual({ featureGates });
  });
});
