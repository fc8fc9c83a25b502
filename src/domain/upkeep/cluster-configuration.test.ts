import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import type { KubeadmConfigSpec } from '../../api/types/index.js';
import { updatedClusterConfiguration, withDnsImage } from './cluster-configuration.js';

/** As kubeadm v1.33 writes it after init. */
const V1BETA4 = `apiServer: {}
apiVersion: kubeadm.k8s.io/v1beta4
caCertificateValidityPeriod: 87600h0m0s
certificateValidityPeriod: 8760h0m0s
certificatesDir: /etc/kubernetes/pki
clusterName: demo
controlPlaneEndpoint: demo.example.test:6443
controllerManager: {}
dns: {}
encryptionAlgorithm: RSA-2048
etcd:
  local:
    dataDir: /var/lib/etcd
featureGates:
  ControlPlaneKubeletLocalMode: true
imageRepository: registry.k8s.io
kind: ClusterConfiguration
kubernetesVersion: v1.33.5
networking:
  dnsDomain: cluster.local
  podSubnet: 192.168.0.0/16
  serviceSubnet: 10.96.0.0/12
proxy: {}
scheduler: {}
`;
/** As kubeadm v1.30 writes it. */
const V1BETA3 = `apiServer:
  extraArgs:
    audit-log-maxage: "30"
    authorization-mode: Node,RBAC
  timeoutForControlPlane: 4m0s
apiVersion: kubeadm.k8s.io/v1beta3
certificatesDir: /etc/kubernetes/pki
clusterName: demo
controllerManager: {}
dns: {}
etcd:
  local:
    dataDir: /data/etcd
    extraArgs:
      quota-backend-bytes: "100"
imageRepository: registry.k8s.io
kind: ClusterConfiguration
kubernetesVersion: v1.30.4
networking:
  dnsDomain: cluster.local
scheduler: {}
`;
const updated = (text: string, version: string, spec?: KubeadmConfigSpec) =>
  updatedClusterConfiguration(text, { object: 'kcp a/b', version, spec });
const outcome = (text: string, version: string, spec?: KubeadmConfigSpec) =>
  parse(updated(text, version, spec) ?? text) as Record<string, unknown>;
const clusterConfiguration = { apiServer: { certSANs: ['a.test'] } };

describe('updatedClusterConfiguration', () => {
  test.each<[string, string, KubeadmConfigSpec | undefined]>([
    ['no configuration', V1BETA4, undefined],
    ['an empty one', V1BETA4, { clusterConfiguration: {} }],
    [
      "kubeadm's defaults",
      V1BETA4,
      {
        clusterConfiguration: {
          encryptionAlgorithm: 'RSA-2048',
          certificateValidityPeriodDays: 365,
          etcd: { local: {} },
        },
      },
    ],
    [
      'what cannot be changed',
      V1BETA4,
      { clusterConfiguration: { certificatesDir: '/x', caCertificateValidityPeriodDays: 1 } },
    ],
  ])('changes nothing for %s at the same version', (_name, text, spec) => {
    expect(updated(text, 'v1.33.5', spec)).toBeUndefined();
  });

  test('brings the version, keeps the rest', () => {
    const text = `${V1BETA4}somebodysOwn: 1\n`;
    expect(outcome(text, 'v1.34.4', { clusterConfiguration: {} })).toEqual({
      ...(parse(text) as object),
      kubernetesVersion: 'v1.34.4',
    });
    expect(outcome(text, '1.34.4')['kubernetesVersion']).toBe('v1.34.4');
  });

  test('is what it is asked to be, and then changes no more', () => {
    const spec: KubeadmConfigSpec = {
      clusterConfiguration: {
        imageRepository: 'my.reg',
        featureGates: { NodeLocalCRISocket: true },
        certificateValidityPeriodDays: 30,
        encryptionAlgorithm: 'ECDSA-P256',
        apiServer: { certSANs: ['a.test'], extraArgs: [{ name: 'v', value: '2' }] },
        controllerManager: { extraEnvs: [{ name: 'A', value: 'b' }] },
        scheduler: { extraVolumes: [{ name: 'x', hostPath: '/x', mountPath: '/y', readOnly: true }] },
        etcd: { local: { imageTag: '3.6.5-0', dataDir: '/data' } },
      },
    };
    const text = updated(V1BETA4, 'v1.34.4', spec) ?? '';
    expect(parse(text)).toEqual({
      ...(parse(V1BETA4) as object),
      kubernetesVersion: 'v1.34.4',
      imageRepository: 'my.reg',
      featureGates: { ControlPlaneKubeletLocalMode: true, NodeLocalCRISocket: true },
      certificateValidityPeriod: '720h0m0s',
      encryptionAlgorithm: 'ECDSA-P256',
      apiServer: { certSANs: ['a.test'], extraArgs: [{ name: 'v', value: '2' }] },
      controllerManager: { extraEnvs: [{ name: 'A', value: 'b' }] },
      scheduler: { extraVolumes: [{ name: 'x', hostPath: '/x', mountPath: '/y', readOnly: true }] },
      etcd: { local: { imageTag: '3.6.5-0', dataDir: '/data' } },
    });
    expect(updated(text, 'v1.34.4', spec)).toBeUndefined();
  });

  test('what is wished no more goes, the image repository excepted', () => {
    const spec = {
      clusterConfiguration: {
        imageRepository: 'my.reg',
        encryptionAlgorithm: 'ECDSA-P256' as const,
        ...clusterConfiguration,
      },
    };
    const text = updated(V1BETA4, 'v1.33.5', spec) ?? '';
    const back = outcome(text, 'v1.33.5', { clusterConfiguration: {} });
    expect(back).toMatchObject({ apiServer: {}, imageRepository: 'my.reg' });
    expect(back).not.toHaveProperty('encryptionAlgorithm');
  });

  test('moves to the API version that kubeadm of the new version writes', () => {
    const next = outcome(V1BETA3, 'v1.31.2');
    expect(next).toMatchObject({
      apiVersion: 'kubeadm.k8s.io/v1beta4',
      apiServer: {
        extraArgs: [
          { name: 'audit-log-maxage', value: '30' },
          { name: 'authorization-mode', value: 'Node,RBAC' },
        ],
      },
      etcd: { local: { dataDir: '/data/etcd', extraArgs: [{ name: 'quota-backend-bytes', value: '100' }] } },
    });
    expect(next['apiServer']).not.toHaveProperty('timeoutForControlPlane');
    expect(outcome(V1BETA3, 'v1.30.5')).toMatchObject({
      apiVersion: 'kubeadm.k8s.io/v1beta3',
      kubernetesVersion: 'v1.30.5',
    });
    expect(outcome(V1BETA3, 'v1.30.5', { clusterConfiguration })['apiServer']).toEqual({
      certSANs: ['a.test'],
      timeoutForControlPlane: '4m0s',
    });
  });

  test.each([
    ['v1.30.0', undefined],
    ['v1.31.0', { ControlPlaneKubeletLocalMode: true }],
    ['v1.36.0', undefined],
  ])('gives %s the feature gates that its machines get', (version, gates) => {
    expect(outcome(V1BETA3, version, { clusterConfiguration: {} })['featureGates']).toEqual(gates);
  });

  test('an external etcd follows the control plane, and never takes the place of a local one', () => {
    const external = { endpoints: ['https://a:2379'], caFile: 'a', certFile: 'b', keyFile: 'c' };
    const spec = { clusterConfiguration: { etcd: { external } } };
    const text = V1BETA4.replace(
      '  local:\n    dataDir: /var/lib/etcd\n',
      '  external:\n    endpoints: [https://old:2379]\n',
    );
    expect(outcome(text, 'v1.33.5', spec)['etcd']).toEqual({ external });
    expect(outcome(V1BETA4, 'v1.33.5', spec)['etcd']).toEqual({ local: { dataDir: '/var/lib/etcd' } });
  });

  test.each(['', '- a', 'a: [', 'text'])('refuses %j', (text) => {
    expect(() => updated(text, 'v1.34.4')).toThrow(/^kcp a\/b: key ClusterConfiguration .* no YAML mapping/);
  });
});

describe('withDnsImage', () => {
  test('notes the image, and takes back what is not wished', () => {
    const noted = withDnsImage(V1BETA4, 'x', { imageTag: 'v1.12.1', imageRepository: 'my.reg' }) ?? '';
    expect(parse(noted)).toEqual({
      ...(parse(V1BETA4) as object),
      dns: { imageTag: 'v1.12.1', imageRepository: 'my.reg' },
    });
    expect(withDnsImage(noted, 'x', { imageTag: 'v1.12.1', imageRepository: 'my.reg' })).toBeUndefined();
    expect(parse(withDnsImage(noted, 'x', undefined) ?? '')).toEqual(parse(V1BETA4));
  });
});
