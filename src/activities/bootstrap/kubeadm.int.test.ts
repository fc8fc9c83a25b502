import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { toolPath } from '../../../test/helpers/tools.js';
import type { ClusterConfiguration, InitConfiguration, JoinConfiguration } from '../../api/types/index.js';
import {
  clusterConfigurationFor,
  initConfigurationFor,
  joinConfigurationFor,
  kubeadmYaml,
} from '../../domain/bootstrap/kubeadm-config.js';
import { KUBERNETES_VERSION } from '../../sandbox/tools/index.js';

/** kubeadm itself says whether it understands what is rendered: a misspelt or misplaced field is an error to it. */
const run = promisify(execFile);
jest.setTimeout(60_000);
let kubeadm: string;
let directory: string;

beforeAll(async () => {
  kubeadm = await toolPath('kubeadm');
  directory = await mkdtemp(path.join(tmpdir(), 'perdure-kubeadm-test-'));
}, 900_000);

afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

async function validate(...documents: Record<string, unknown>[]): Promise<string> {
  const file = path.join(directory, 'kubeadm.yaml');
  await writeFile(file, documents.map((d) => `---\n${kubeadmYaml(d)}`).join(''));
  const { stdout, stderr } = await run(kubeadm, ['config', 'validate', '--config', file]);
  return stdout + stderr;
}

const nodeRegistration = {
  name: 'node-1',
  criSocket: 'unix:///run/containerd/containerd.sock',
  kubeletExtraArgs: [{ name: 'cloud-provider', value: 'external' }],
  ignorePreflightErrors: ['Swap'],
  imagePullPolicy: 'IfNotPresent',
  imagePullSerial: false,
  taints: [{ key: 'node.cluster.x-k8s.io/uninitialized', effect: 'NoSchedule' }],
} as const;
const timeouts = {
  controlPlaneComponentHealthCheckSeconds: 240,
  kubeletHealthCheckSeconds: 60,
  kubernetesAPICallSeconds: 60,
  etcdAPICallSeconds: 90,
  tlsBootstrapSeconds: 300,
  discoverySeconds: 300,
};
const component = {
  extraArgs: [{ name: 'v', value: '2' }],
  extraEnvs: [{ name: 'X', value: 'y' }],
  extraVolumes: [{ name: 'v', hostPath: '/a', mountPath: '/b', readOnly: true, pathType: 'DirectoryOrCreate' }],
};
const cluster: ClusterConfiguration = {
  controlPlaneEndpoint: 'demo.example.test:6443',
  certificatesDir: '/etc/kubernetes/pki',
  imageRepository: 'registry.example.test',
  featureGates: { ControlPlaneKubeletLocalMode: true },
  encryptionAlgorithm: 'ECDSA-P256',
  certificateValidityPeriodDays: 90,
  caCertificateValidityPeriodDays: 730,
  dns: { imageRepository: 'dns.example.test', imageTag: 'v1.12.1' },
  apiServer: { ...component, certSANs: ['api.example.test'] },
  controllerManager: component,
  scheduler: component,
  etcd: {
    local: {
      imageRepository: 'etcd.example.test',
      imageTag: '3.6.4',
      extraArgs: component.extraArgs,
      extraEnvs: component.extraEnvs,
      serverCertSANs: ['s.test'],
      peerCertSANs: ['p.test'],
    },
  },
};
const init: InitConfiguration = {
  bootstrapTokens: [
    {
      token: 'abcdef.0123456789abcdef',
      description: 'd',
      ttlSeconds: 86_400,
      usages: ['signing', 'authentication'],
      groups: ['system:bootstrappers:kubeadm:default-node-token'],
    },
  ],
  localAPIEndpoint: { advertiseAddress: '10.0.0.1', bindPort: 6443 },
  nodeRegistration: {
    ...nodeRegistration,
    ignorePreflightErrors: ['Swap'],
    kubeletExtraArgs: [...nodeRegistration.kubeletExtraArgs],
    taints: [],
  },
  patches: { directory: '/patches' },
  skipPhases: ['addon/kube-proxy'],
  timeouts,
};
const join: JoinConfiguration = {
  caCertPath: '/etc/kubernetes/pki/ca.crt',
  controlPlane: { localAPIEndpoint: { advertiseAddress: '10.0.0.2', bindPort: 6443 } },
  discovery: {
    bootstrapToken: {
      token: 'abcdef.0123456789abcdef',
      apiServerEndpoint: 'demo.example.test:6443',
      caCertHashes: [`sha256:${'0'.repeat(64)}`],
    },
    tlsBootstrapToken: 'abcdef.0123456789abcdef',
  },
  nodeRegistration: { ...init.nodeRegistration, taints: [...nodeRegistration.taints] },
  patches: { directory: '/patches' },
  skipPhases: ['preflight'],
  timeouts,
};
const data = {
  clusterName: 'demo',
  kubernetesVersion: KUBERNETES_VERSION,
  dnsDomain: 'cluster.local',
  serviceSubnet: '10.96.0.0/12',
  podSubnet: '192.168.0.0/16',
  controlPlaneComponentHealthCheckSeconds: 240,
};

// Of v1beta3 kubeadm warns that it is old, and no more.
test.each(['v1beta3', 'v1beta4'] as const)('every field of %s is understood', async (api) => {
  const configurations = [clusterConfigurationFor(api, cluster, data), initConfigurationFor(api, init)];
  expect(await validate(...configurations)).not.toMatch(/unknown field|strict decoding/i);
  expect(await validate(joinConfigurationFor(api, join))).not.toMatch(/unknown field|strict decoding/i);
});

test('the smallest configurations are understood', async () => {
  await validate(clusterConfigurationFor('v1beta4', {}, data), initConfigurationFor('v1beta4'));
  const discovery = { bootstrapToken: join.discovery?.bootstrapToken ?? {} };
  await validate(joinConfigurationFor('v1beta4', { discovery }));
  await validate(
    joinConfigurationFor('v1beta4', {
      discovery: {
        file: { kubeConfigPath: 'https://discovery.example.test/conf' },
        tlsBootstrapToken: 'abcdef.0123456789abcdef',
      },
    }),
  );
});

test('an external etcd is understood', async () => {
  const external = { endpoints: ['https://etcd.test:2379'], caFile: '/e/ca', certFile: '/e/crt', keyFile: '/e/key' };
  await validate(clusterConfigurationFor('v1beta4', { etcd: { external } }, data), initConfigurationFor('v1beta4'));
});

test('the check would notice: an unknown field is refused', async () => {
  await expect(validate({ ...initConfigurationFor('v1beta4'), nonsense: 1 })).rejects.toThrow(/unknown field/);
});
