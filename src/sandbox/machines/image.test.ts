import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { KUBERNETES_VERSION, KUBERNETES_VERSIONS } from '../tools/index.js';
import { anInstance } from './fixtures.js';
import { kubernetesVersionOf } from './image.js';

const of = (imageName: string) => kubernetesVersionOf(anInstance({ imageName }), ['v1.33.13', 'v1.34.4']);

test.each([
  ['capa-ami-ubuntu-24.04-v1.33.13-1781000000', 'v1.33.13'],
  ['capa-ami-ubuntu-24.04-1.34.4-1781000000', 'v1.34.4'],
  ['capa-ami-rhel-8-v1.33.13', 'v1.33.13'],
  ['ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20260301', KUBERNETES_VERSION],
  ['', KUBERNETES_VERSION],
])('an instance of image %s is a machine of %s', (name, version) => {
  expect(of(name)).toBe(version);
});

test('an image of another version is refused with those there are', () => {
  expect(() => of('capa-ami-ubuntu-24.04-v1.30.0-1781000000')).toThrow(
    'image ami-1 (capa-ami-ubuntu-24.04-v1.30.0-1781000000) is of Kubernetes v1.30.0, machines here can be of v1.33.13 or v1.34.4; use an image of one of these',
  );
});

test('the emulated cloud has images of exactly the versions that machines can run', () => {
  const path = new URL('../moto/python/amis.json', import.meta.url);
  const images = JSON.parse(readFileSync(path, 'utf8')) as { name: string }[];
  const versions = images.flatMap(({ name }) => /^capa-ami-.*-(v\d+\.\d+\.\d+)-/.exec(name)?.[1] ?? []);
  expect([...new Set(versions)].sort()).toEqual([...KUBERNETES_VERSIONS].sort());
});
