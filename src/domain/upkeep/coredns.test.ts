import { describe, expect, test } from '@jest/globals';
import type { ClusterConfiguration } from '../../api/types/index.js';
import { planCoreDns } from './coredns.js';

const corefile = '.:53 {\n    errors\n}\n';
const image = 'registry.k8s.io/coredns/coredns:v1.12.0';
const plan = (configuration: ClusterConfiguration | undefined, change = {}, underWay = false) =>
  planCoreDns('kcp a/b', configuration, { image, corefile, ...change }, underWay);

describe('planCoreDns', () => {
  test.each<[string, ClusterConfiguration | undefined]>([
    ['nothing', undefined],
    ['only other things', { certificatesDir: '/x' }],
    ['the tag that runs', { dns: { imageTag: 'v1.12.0' } }],
    ['the repository that is used', { dns: { imageRepository: 'registry.k8s.io/coredns/' } }],
    ["kubeadm's registry, below which CoreDNS has a folder", { imageRepository: 'registry.k8s.io' }],
  ])('does nothing when the control plane names %s', (_name, configuration) => {
    expect(plan(configuration)).toBeUndefined();
  });

  test.each<[string, ClusterConfiguration, string]>([
    ['a newer tag', { dns: { imageTag: 'v1.12.1' } }, 'registry.k8s.io/coredns/coredns:v1.12.1'],
    ['a patched tag', { dns: { imageTag: 'v1.12.0_patch.1' } }, 'registry.k8s.io/coredns/coredns:v1.12.0_patch.1'],
    ['a repository for all', { imageRepository: 'my.reg/k8s' }, 'my.reg/k8s/coredns:v1.12.0'],
    [
      'one for all and one for CoreDNS',
      { imageRepository: 'my.reg/k8s', dns: { imageRepository: 'dns.reg', imageTag: '1.13.1' } },
      'dns.reg/coredns:1.13.1',
    ],
  ])('brings %s', (_name, configuration, wanted) => {
    expect(plan(configuration)).toEqual({ image: wanted, corefile, previous: corefile });
  });

  test('of a CoreDNS pinned by digest the digest goes', () => {
    const pinned = `${image}@sha256:${'a'.repeat(64)}`;
    expect(plan(undefined, { image: pinned })).toBeUndefined();
    expect(plan({ dns: { imageTag: 'v1.12.1' } }, { image: pinned })?.image).toBe(
      'registry.k8s.io/coredns/coredns:v1.12.1',
    );
  });

  test('an update cut short goes on from the backup', () => {
    const before = '. {\n  kubernetes a {\n    transfer to *\n  }\n}';
    const after = '. {\n  kubernetes a {\n  }\n  transfer a {\n      to *\n  }\n}';
    const configuration = { dns: { imageTag: 'v1.8.0' } };
    const old = { image: 'registry.k8s.io/coredns:1.7.0', corefile: before };
    const wanted = { image: 'registry.k8s.io/coredns:v1.8.0', corefile: after, previous: before };
    expect(plan(configuration, old)).toEqual(wanted);
    expect(plan(configuration, { ...old, corefile: after, backup: before }, true)).toEqual(wanted);
    // a backup of long ago is none of this update
    expect(plan(configuration, { ...old, backup: 'old' })).toEqual(wanted);
  });

  test.each<[string, ClusterConfiguration, object]>([
    ['a tag that is no version', { dns: { imageTag: 'latest' } }, {}],
    ['an image without tag', { dns: { imageTag: 'v1.12.1' } }, { image: 'registry.k8s.io/coredns/coredns' }],
    ['no image', { dns: { imageTag: 'v1.12.1' } }, { image: 'Not An Image' }],
    ['an older tag', { dns: { imageTag: 'v1.11.1' } }, {}],
  ])('refuses %s', (_name, configuration, change) => {
    expect(() => plan(configuration, change)).toThrow(
      expect.objectContaining({ type: 'InvalidConfiguration', message: expect.stringContaining('kcp a/b') }) as never,
    );
  });

  test("CoreDNS below kubeadm's registry moves into its folder", () => {
    const moved = plan({ imageRepository: 'registry.k8s.io' }, { image: 'k8s.gcr.io/coredns:v1.8.6' });
    expect(moved?.image).toBe('registry.k8s.io/coredns/coredns:v1.8.6');
  });
});
