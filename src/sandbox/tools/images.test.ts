import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { KUBERNETES_VERSIONS } from './catalog.js';
import { type ImagePrograms, imageRefs, machineImages, SHARED_IMAGE_TOOLS, VERSIONED_IMAGES } from './images.js';

let tree: string;

beforeEach(async () => {
  tree = await mkdtemp(join(tmpdir(), 'perdure-images-'));
  await mkdir(join(tree, 'usr/lib'), { recursive: true });
  await mkdir(join(tree, 'usr/sbin'), { recursive: true });
  await mkdir(join(tree, 'usr/bin'), { recursive: true });
  await mkdir(join(tree, 'bin'));
  for (const path of ['usr/sbin/xtables-nft-multi', 'usr/sbin/nft', 'usr/sbin/conntrack', 'usr/bin/kmod'])
    await writeFile(join(tree, path), '');
  await writeFile(join(tree, 'bin/chroot'), '#!/bin/sh\n', { mode: 0o755 });
});
afterEach(async () => await rm(tree, { recursive: true }));

const paths = <N extends string>(names: readonly N[], prefix: string): Record<N, string> =>
  Object.fromEntries(names.map((name) => [name, `${prefix}/${name}`])) as Record<N, string>;

test('machines hold every image that kubeadm of any of the versions asks for, each with the program of its version', async () => {
  const programs: ImagePrograms = {
    shared: paths(SHARED_IMAGE_TOOLS, '/shared'),
    versions: Object.fromEntries(
      KUBERNETES_VERSIONS.map((version) => [version, paths(VERSIONED_IMAGES, `/${version}`)]),
    ) as unknown as ImagePrograms['versions'],
  };
  // A tree without libraries: what ldd would say is nothing.
  const images = await machineImages(programs, tree, { cacheDir: tree, env: { PATH: join(tree, 'bin') } });
  const refs = images.flatMap(({ ref, alsoRefs = [] }) => [ref, ...alsoRefs]);
  expect(new Set(refs).size).toBe(refs.length);
  for (const version of KUBERNETES_VERSIONS) {
    expect(refs).toEqual(expect.arrayContaining(Object.values(imageRefs(version))));
    for (const name of VERSIONED_IMAGES) {
      const image = images.find(({ ref }) => ref === imageRefs(version)[name]);
      expect(image?.files).toContainEqual({
        path: `/usr/local/bin/${name}`,
        source: `/${version}/${name}`,
        mode: 0o755,
      });
    }
  }
});
