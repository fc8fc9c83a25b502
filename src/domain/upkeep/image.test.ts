import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { imageTag, imageText, kubeProxyImage, parseImage } from './image.js';

const digest = `sha256:${'0'.repeat(64)}`;

describe('parseImage', () => {
  test.each([
    ['registry.k8s.io/kube-proxy:v1.34.0', 'registry.k8s.io', 'kube-proxy', 'v1.34.0', ''],
    ['localhost:5000/a/b_c:1', 'localhost:5000/a', 'b_c', '1', ''],
    ['localhost:5000/x', 'localhost:5000', 'x', '', ''],
    ['kube-proxy:v1', '', 'kube-proxy', 'v1', ''],
    [`r/x:v1@${digest}`, 'r', 'x', 'v1', digest],
    [`r/x@${digest}`, 'r', 'x', '', digest],
  ])('%s', (text, repository, name, tag, hash) => {
    expect(parseImage('x', text)).toEqual({ repository, name, tag, digest: hash });
  });

  test.each(['', 'Has Space', 'r/UPPER:v1', 'r/x:', 'r/x:-v1', 'r/x@sha256:zz', '/'])('refuses %j', (text) => {
    expect(() => parseImage('daemonset a/b', text)).toThrow(/^daemonset a\/b has image /);
  });

  test('is put together as it was', () => {
    const part = fc.stringMatching(/^[a-z0-9]{1,8}$/);
    const image = fc.record({
      repository: fc.array(part, { maxLength: 3 }).map((parts) => parts.join('/')),
      name: part,
      tag: fc.option(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/), { nil: '' }),
      digest: fc.constantFrom('', digest),
    });
    fc.assert(fc.property(image, (i) => expect(parseImage('x', imageText(i))).toEqual(i)));
  });
});

test('what a tag may not contain becomes an underscore', () => {
  expect(imageTag('v1.34.0+build.7')).toBe('v1.34.0_build.7');
});

describe('kubeProxyImage', () => {
  test.each([
    ['registry.k8s.io/kube-proxy:v1.33.1', undefined, 'registry.k8s.io/kube-proxy:v1.34.0'],
    ['registry.k8s.io/kube-proxy:v1.33.1', 'my.reg/k8s/', 'my.reg/k8s/kube-proxy:v1.34.0'],
    ['my.reg/kube-proxy:v1.34.0', undefined, 'my.reg/kube-proxy:v1.34.0'],
    ['registry.k8s.io/kube-proxy-arm64:v1.33.1', undefined, 'registry.k8s.io/kube-proxy-arm64:v1.34.0'],
    ['registry.k8s.io/kube-proxy', undefined, 'registry.k8s.io/kube-proxy:v1.34.0'],
    ['my.reg/own-proxy:v7', 'my.reg/k8s', 'my.reg/own-proxy:v7'],
  ])('%s from %s is %s', (current, repository, wanted) => {
    expect(kubeProxyImage('x', current, 'v1.34.0', repository)).toBe(wanted);
  });

  test('refuses one pinned by digest, with the way out', () => {
    expect(() => kubeProxyImage('x', `r/kube-proxy:v1@${digest}`, 'v1.34.0')).toThrow(/digest.*skip-kube-proxy/);
  });
});
