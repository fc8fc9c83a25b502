import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type ImageSpec, writeDockerArchive } from './docker-archive.js';
import { tarHeader } from './tar.js';

let dir: string;
let image: ImageSpec;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'perdure-image-'));
  await writeFile(join(dir, 'program'), 'x'.repeat(1000));
  image = {
    ref: 'example.com/app:v1',
    directories: ['/tmp'],
    links: [{ path: '/bin', target: 'usr/bin' }],
    files: [
      { path: '/etc/passwd', mode: 0o644, content: 'root\n' },
      { path: '/usr/bin/app', mode: 0o755, source: join(dir, 'program') },
    ],
    entrypoint: ['/usr/bin/app'],
  };
});
afterEach(async () => await rm(dir, { recursive: true }));

async function unpacked(...images: ImageSpec[]): Promise<string> {
  await writeDockerArchive(join(dir, 'images.tar'), images, 'amd64');
  execFileSync('tar', ['-xf', 'images.tar'], { cwd: dir });
  return dir;
}

interface Entry {
  Config: string;
  RepoTags: string[];
  Layers: [string];
}

async function manifest(): Promise<Entry[]> {
  return JSON.parse(await readFile(join(dir, 'manifest.json'), 'utf8')) as Entry[];
}

test('names every image, and its layer by the digest its configuration promises', async () => {
  await unpacked(image, { ...image, ref: 'example.com/other:v2', alsoRefs: ['example.com/other:v3'], files: [] });
  const entries = await manifest();
  expect(entries.map(({ RepoTags }) => RepoTags)).toEqual([
    ['example.com/app:v1'],
    ['example.com/other:v2', 'example.com/other:v3'],
  ]);
  for (const entry of entries) {
    const digest = createHash('sha256')
      .update(await readFile(join(dir, entry.Layers[0])))
      .digest('hex');
    const config = JSON.parse(await readFile(join(dir, entry.Config), 'utf8')) as { rootfs: { diff_ids: string[] } };
    expect(config.rootfs.diff_ids).toEqual([`sha256:${digest}`]);
  }
});

test('a layer holds parents first, links, modes and contents', async () => {
  await unpacked(image);
  const layer = (await manifest())[0]?.Layers[0] ?? '';
  const listed = execFileSync('tar', ['-tvf', layer], { cwd: dir, encoding: 'utf8' });
  const rows = listed
    .trim()
    .split('\n')
    .map((row) => row.replace(/\s+root\S+|\s+0\/0|\s+\d{4}-\S+ \S+/g, '').split(/\s+/));
  expect(rows.map(([mode, , ...name]) => `${mode} ${name.join(' ')}`)).toEqual([
    'drwxrwxrwt tmp/',
    'lrwxrwxrwx bin -> usr/bin',
    'drwxr-xr-x etc/',
    '-rw-r--r-- etc/passwd',
    'drwxr-xr-x usr/',
    'drwxr-xr-x usr/bin/',
    '-rwxr-xr-x usr/bin/app',
  ]);
  expect(execFileSync('tar', ['-xOf', layer, 'usr/bin/app'], { cwd: dir, encoding: 'utf8' })).toBe('x'.repeat(1000));
});

test('the same image gives the same bytes', async () => {
  await writeDockerArchive(join(dir, 'a.tar'), [image], 'amd64');
  await writeDockerArchive(join(dir, 'b.tar'), [image], 'amd64');
  expect((await readFile(join(dir, 'a.tar'))).equals(await readFile(join(dir, 'b.tar')))).toBe(true);
});

test('long paths are split at a slash, and paths that cannot be are refused', () => {
  const entry = { type: 'file', mode: 0o644, size: 0 } as const;
  const header = tarHeader({ ...entry, path: `${'d'.repeat(90)}/${'f'.repeat(90)}` });
  expect(header.subarray(0, 90).toString()).toBe('f'.repeat(90));
  expect(header.subarray(345, 435).toString()).toBe('d'.repeat(90));
  expect(() => tarHeader({ ...entry, path: 'f'.repeat(101) })).toThrow(/does not fit/);
});
