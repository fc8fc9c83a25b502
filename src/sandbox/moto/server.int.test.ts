import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DescribeImagesCommand, DescribeVpcsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { ensureVenv, type MotoHandle, startMoto, stopMoto } from './index.js';
import { motoCacheDir } from './testing.js';

jest.setTimeout(30_000);

describe('startMoto', () => {
  let dir: string;
  let moto: MotoHandle;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'perdure-moto-'));
    moto = await startMoto({ dir, cacheDir: motoCacheDir(), lifetime: 'parent' });
  }, 300_000);
  afterAll(async () => {
    await moto.stop();
    await rm(dir, { recursive: true, force: true });
  });

  test('attaches to the process that already runs for a folder', async () => {
    const again = await startMoto({ dir, cacheDir: motoCacheDir() });
    expect(again.pid).toBe(moto.pid);
    expect(again.endpoint).toBe(moto.endpoint);
  });

  test('answers AWS calls and records them', async () => {
    const ec2 = new EC2Client({
      endpoint: moto.endpoint,
      region: 'eu-west-1',
      maxAttempts: 1,
      credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'x' },
    });
    const vpcs = await ec2.send(new DescribeVpcsCommand({}));
    expect(vpcs.Vpcs).toHaveLength(1);
    const images = await ec2.send(
      new DescribeImagesCommand({
        Filters: [
          { Name: 'owner-id', Values: ['819546954734'] },
          { Name: 'name', Values: ['capa-ami-ubuntu-24.04-?1.34.4-*'] },
          { Name: 'architecture', Values: ['x86_64'] },
          { Name: 'state', Values: ['available'] },
          { Name: 'virtualization-type', Values: ['hvm'] },
        ],
      }),
    );
    expect(images.Images?.map((image) => image.RootDeviceName)).toEqual(['/dev/sda1', '/dev/sda1']);
    const calls = await moto.admin.journal({ action: 'DescribeVpcs' });
    expect(calls).toMatchObject([{ service: 'ec2', region: 'eu-west-1', status: 200, mutating: false, error: '' }]);
    ec2.destroy();
  });

  test('says what to do when there is no Python', async () => {
    const attempt = ensureVenv({ cacheDir: join(dir, 'cache'), python: 'no-such-python' });
    await expect(attempt).rejects.toMatchObject({
      type: 'InvalidConfiguration',
      message: expect.stringContaining('no-such-python'),
    });
  });

  test('says what the emulator printed when it cannot start, and leaves nothing running', async () => {
    const other = await mkdtemp(join(tmpdir(), 'perdure-moto-'));
    const attempt = startMoto({ dir: other, cacheDir: motoCacheDir(), port: moto.port, lifetime: 'parent' });
    await expect(attempt).rejects.toMatchObject({ type: 'Transient', message: expect.stringContaining('in use') });
    await rm(other, { recursive: true, force: true });
  });

  test('stops only what it started, and stopping twice is harmless', async () => {
    const other = await mkdtemp(join(tmpdir(), 'perdure-moto-'));
    await stopMoto(other);
    const second = await startMoto({ dir: other, cacheDir: motoCacheDir(), lifetime: 'parent' });
    await stopMoto(other);
    await expect(second.admin.ready(AbortSignal.timeout(1000))).rejects.toThrow();
    await second.stop();
    await moto.admin.ready();
    await rm(other, { recursive: true, force: true });
  }, 60_000);
});
