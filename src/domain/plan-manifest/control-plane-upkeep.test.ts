import { describe, expect, test } from '@jest/globals';
import { aLiveCluster, withPlane } from '../../../test/helpers/manifest-world.js';
import { addonChanges, kubeadmConfigChanges } from './control-plane-upkeep.js';

type Configuration = Readonly<Record<string, unknown>>;

const plane = (clusterConfiguration: Configuration, version = 'v1.33.5') =>
  withPlane(aLiveCluster(1).controlPlane, { version, kubeadmConfigSpec: { clusterConfiguration } as never });

describe('inside the workload cluster', () => {
  test.each<[what: string, before: Configuration, after: Configuration, config: string[], addons: string[]]>([
    ['nothing', { imageRepository: 'r.example/k8s' }, { imageRepository: 'r.example/k8s' }, [], []],
    [
      'another image repository',
      {},
      { imageRepository: 'r.example/k8s' },
      ['imageRepository r.example/k8s'],
      ['kube-proxy to v1.33.5 from r.example/k8s', 'CoreDNS from r.example/k8s'],
    ],
    ['a slash at its end', { imageRepository: 'r.example/k8s' }, { imageRepository: 'r.example/k8s/' }, [], []],
    ['an image repository that goes: what is there stays', { imageRepository: 'r.example/k8s' }, {}, [], []],
    [
      'another image repository than that of DNS',
      { dns: { imageRepository: 'd.example' } },
      { dns: { imageRepository: 'd.example' }, imageRepository: 'r.example' },
      ['imageRepository r.example'],
      ['kube-proxy to v1.33.5 from r.example'],
    ],
    [
      'a tag of DNS',
      { dns: { imageTag: 'v1.11.3' } },
      { dns: { imageTag: 'v1.12.1' } },
      [],
      ['CoreDNS to v1.12.1', 'dns of kubeadm-config'],
    ],
    ['a tag of DNS that goes', { dns: { imageTag: 'v1.11.3' } }, {}, [], []],
    ['a tag of etcd', {}, { etcd: { local: { imageTag: '3.6.5-0' } } }, ['etcd.local.imageTag'], []],
    [
      'arguments of the API server',
      {},
      { apiServer: { extraArgs: [{ name: 'v', value: '4' }] } },
      ['apiServer.extraArgs'],
      [],
    ],
  ])('%s', (_, before, after, config, addons) => {
    expect(kubeadmConfigChanges(plane(before), plane(after))).toEqual(config);
    expect(addonChanges(plane(before), plane(after))).toEqual(addons);
  });

  test('a new version', () => {
    const [before, after] = [plane({}), plane({}, 'v1.34.4')];
    expect(kubeadmConfigChanges(before, after)).toEqual(['kubernetesVersion v1.34.4']);
    expect(addonChanges(before, after)).toEqual(['kube-proxy to v1.34.4']);
  });

  test('what annotations say to leave alone', () => {
    const after = plane({ imageRepository: 'r.example' });
    const annotations = {
      'controlplane.cluster.x-k8s.io/skip-kube-proxy': '',
      'controlplane.cluster.x-k8s.io/skip-coredns': '',
    };
    expect(addonChanges(plane({}), { ...after, metadata: { ...after.metadata, annotations } })).toEqual([]);
  });
});
