import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { anInstance } from '../fixtures.js';
import { metadataFor } from '../metadata.js';
import { lookUpMetadata, MetadataServer } from './metadata-server.js';
import type { MetadataConfig } from './protocol.js';

describe('lookUpMetadata', () => {
  const entries = {
    'meta-data/placement/region': 'r',
    'meta-data/placement/availability-zone': 'z',
    'meta-data/mac': 'm',
    'dynamic/x': '1',
  };
  test.each([
    ['meta-data/mac', 'm'],
    ['meta-data/', 'mac\nplacement/'],
    ['meta-data/placement', 'availability-zone\nregion'],
    ['', 'dynamic/\nmeta-data/'],
    ['meta-data/plac', undefined],
    ['meta-data/mac/more', undefined],
  ])('%p', (path, content) => expect(lookUpMetadata(entries, path)).toBe(content));
});

describe('MetadataServer', () => {
  let instance: MetadataConfig | undefined = metadataFor(
    anInstance({ instanceMetadataTags: 'enabled', tags: { Name: 'one' } }),
  );
  let now = 1_000_000;
  const server = new MetadataServer(
    (ip) => (ip === '127.0.0.1' ? instance : undefined),
    () => now,
  );
  let base: string;
  beforeAll(async () => {
    base = `http://127.0.0.1:${await server.listen('127.0.0.1', 0)}`;
  });
  afterAll(async () => await server.close());

  const get = async (path: string, headers: Record<string, string> = {}): Promise<[number, string]> => {
    const response = await fetch(base + path, { headers });
    return [response.status, await response.text()];
  };
  const token = async (ttl = '60', headers: Record<string, string> = {}): Promise<[number, string]> => {
    const response = await fetch(`${base}/latest/api/token`, {
      method: 'PUT',
      headers: { 'x-aws-ec2-metadata-token-ttl-seconds': ttl, ...headers },
    });
    return [response.status, await response.text()];
  };

  test('serves version 1', async () => {
    expect(await get('/latest/meta-data/instance-id')).toEqual([200, 'i-0001']);
    expect(await get('/2021-03-23/meta-data/placement/')).toEqual([200, 'availability-zone\nregion']);
    expect(await get('/latest/meta-data/tags/instance/Name')).toEqual([200, 'one']);
    expect(await get('/latest/user-data')).toEqual([200, '#cloud-config\n']);
    expect(await get('/')).toEqual([200, '1.0\n2021-03-23\nlatest']);
    expect(await get('/latest/meta-data/nothing')).toEqual([404, '']);
    expect(JSON.parse((await get('/latest/dynamic/instance-identity/document'))[1])).toMatchObject({
      region: 'eu-west-1',
      accountId: '123456789012',
    });
    expect(JSON.parse((await get('/latest/meta-data/iam/security-credentials/nodes'))[1])).toMatchObject({
      Code: 'Success',
      Type: 'AWS-HMAC',
    });
  });

  test('takes tokens of version 2 until they expire, and insists on them when the instance does', async () => {
    const [status, value] = await token();
    expect(status).toBe(200);
    instance = { ...metadataFor(anInstance()), tokenRequired: true };
    expect(await get('/latest/meta-data/instance-id')).toEqual([401, '']);
    expect(await get('/latest/meta-data/instance-id', { 'x-aws-ec2-metadata-token': 'made-up' })).toEqual([401, '']);
    expect(await get('/latest/meta-data/instance-id', { 'x-aws-ec2-metadata-token': value })).toEqual([200, 'i-0001']);
    now += 61_000;
    expect(await get('/latest/meta-data/instance-id', { 'x-aws-ec2-metadata-token': value })).toEqual([401, '']);
  });

  test('gives no token for a bad time to live or through a proxy', async () => {
    expect((await token('0'))[0]).toBe(400);
    expect((await token('21601'))[0]).toBe(400);
    expect((await token('60', { 'x-forwarded-for': '1.2.3.4' }))[0]).toBe(403);
  });

  test('tells nothing where it is switched off, or to a stranger', async () => {
    instance = { ...metadataFor(anInstance()), enabled: false };
    expect(await get('/latest/meta-data/instance-id')).toEqual([403, '']);
    instance = undefined;
    expect(await get('/latest/meta-data/instance-id')).toEqual([403, '']);
  });
});
