import { execFileSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { atomicRule } from '../../../domain/aws/ingress.js';
import type { AwsCall } from './cloud.js';
import { cleanConsole } from './console.js';
import { parseServiceEndpoints } from './endpoints.js';
import { sameJson } from './equal.js';
import { fromPermissions, toPermissions } from './permissions.js';
import { createReads, type FetchMany } from './reads.js';
import { secretStore } from './secret-stores.js';
import { chunksOf, fetchingUserData, USER_DATA_LIMIT } from './user-data.js';
import { mapLimited } from './wait.js';

const never = new AbortController().signal;

describe('reads', () => {
  const fetching = (asked: string[][]): FetchMany<string> => {
    return async (ids) => {
      asked.push([...ids]);
      return new Map(ids.filter((id) => id !== 'absent').map((id) => [id, `thing ${id}`]));
    };
  };

  test('asked at once become one call, per key, and absent ones are undefined', async () => {
    const reads = createReads(5);
    const asked: string[][] = [];
    const fetch = fetching(asked);
    const answers = await Promise.all([
      ...['b', 'a', 'b', 'absent'].map((id) => reads.one('x', id, fetch, never)),
      reads.one('y', 'a', fetch, never),
    ]);
    expect(answers).toEqual(['thing b', 'thing a', 'thing b', undefined, 'thing a']);
    expect(asked.sort()).toEqual([['a'], ['a', 'absent', 'b']]);
  });

  test('keep nothing: the next question is asked anew', async () => {
    const reads = createReads(1);
    const asked: string[][] = [];
    await reads.one('x', 'a', fetching(asked), never);
    await reads.one('x', 'a', fetching(asked), never);
    expect(asked).toHaveLength(2);
  });

  test("one caller's cancellation does not disturb the others", async () => {
    const reads = createReads(20);
    const asked: string[][] = [];
    const controller = new AbortController();
    const cancelled = reads.one('x', 'a', fetching(asked), controller.signal);
    const other = reads.one('x', 'b', fetching(asked), never);
    controller.abort();
    await expect(cancelled).rejects.toThrow();
    await expect(other).resolves.toBe('thing b');
  });

  test('a failure reaches everyone who asked', async () => {
    const reads = createReads(1);
    const failing: FetchMany<string> = () => Promise.reject(new Error('no'));
    const results = await Promise.allSettled([
      reads.one('x', 'a', failing, never),
      reads.one('x', 'b', failing, never),
    ]);
    expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected']);
  });
});

describe('service endpoints', () => {
  test("follow upstream's syntax", () => {
    const lookup = parseServiceEndpoints(
      'us-east-1:ec2=http://a:1,sts=http://b:2;eu-west-1:elasticloadbalancing=https://c',
    );
    expect(lookup('us-east-1', 'ec2')).toBe('http://a:1');
    expect(lookup('us-east-1', 'sts')).toBe('http://b:2');
    expect(lookup('us-east-1', 'tagging')).toBeUndefined();
    expect(lookup('eu-west-1', 'elasticloadbalancing')).toBe('https://c');
  });

  test('a star stands for all', () => {
    expect(parseServiceEndpoints('*:*=http://a')('x', 'sts')).toBe('http://a');
    expect(parseServiceEndpoints('')('x', 'sts')).toBeUndefined();
  });

  test.each(['nonsense', 'us-east-1:ec2', 'us-east-1:ec2=not a url', ':ec2=http://a'])('%s is refused', (text) => {
    expect(() => parseServiceEndpoints(text)).toThrow(expect.objectContaining({ type: 'InvalidConfiguration' }));
  });
});

test('permissions survive a round trip', () => {
  const source = fc.record({
    type: fc.constantFrom('cidr', 'cidr6', 'group', 'prefixList'),
    value: fc.string({ minLength: 1 }),
  });
  const rule = fc
    .tuple(fc.constantFrom('tcp', 'udp', '-1', '4'), fc.nat(65535), source, fc.string())
    .map(([protocol, port, from, text]) =>
      atomicRule(protocol, port, port, from as Parameters<typeof atomicRule>[3], text),
    );
  fc.assert(fc.property(fc.array(rule), (rules) => expect(fromPermissions(toPermissions(rules))).toEqual(rules)));
});

test('the console is shown without secrets and control characters, at most 2 kB', () => {
  const text = [
    'x'.repeat(3_000),
    '\u001b[32mok\u001b[0m kubeadm join --token abcdef.0123456789abcdef',
    `--certificate-key ${'a1'.repeat(32)}`,
    '-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----',
    `client-key-data: ${'Zm9v'.repeat(40)}==`,
  ].join('\n');
  const clean = cleanConsole(text);
  expect(clean.length).toBeLessThanOrEqual(2_048);
  expect(clean).toContain('ok kubeadm join --token ***\n--certificate-key ***\n***\nclient-key-data: ***');
  expect(clean).not.toMatch(/abcdef\.|MIIabc|Zm9v/);
});

describe('user data', () => {
  test('chunks are never empty of chunks, never too large, and join to the whole', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: 50 }), (data, size) => {
        const chunks = chunksOf(Buffer.from(data), size);
        expect(chunks.length).toBeGreaterThan(0);
        expect(Math.max(...chunks.map((chunk) => chunk.length))).toBeLessThanOrEqual(size);
        expect(Buffer.concat(chunks).equals(Buffer.from(data))).toBe(true);
      }),
    );
  });

  test.each([
    ['secrets-manager', 'aws.cluster.x-k8s.io/u', "'aws.cluster.x-k8s.io/u-2'", 'secretsmanager'],
    ['ssm-parameter-store', '/cluster.x-k8s.io/u', "'/cluster.x-k8s.io/u/2'", 'aws ssm'],
  ] as const)(
    'the script that fetches from %s is sound shell and fits',
    (secureSecretsBackend, prefix, last, program) => {
      const store = secretStore({} as AwsCall, { secureSecretsBackend });
      const text = fetchingUserData({ region: 'us-east-1', prefix, count: 3 }, store);
      const script = /#!\/bin\/bash[\s\S]*?(?=\n--perdure-bootstrap)/.exec(text)?.[0] ?? '';
      execFileSync('bash', ['-n'], { input: script });
      expect(script).toContain(last);
      expect(script).toContain(program);
      expect(Buffer.byteLength(text)).toBeLessThan(USER_DATA_LIMIT);
    },
  );
});

test('equality of JSON ignores order and undefined members', () => {
  expect(sameJson({ a: 1, b: [1, { c: 2 }] }, { b: [1, { c: 2, d: undefined }], a: 1 })).toBe(true);
  expect(sameJson({ a: 1 }, { a: 1, b: null })).toBe(false);
  expect(sameJson([1], { 0: 1 })).toBe(false);
});

test('limited mapping keeps order and width, and finishes what it began before it fails', async () => {
  let running = 0;
  let widest = 0;
  const run = async (n: number): Promise<number> => {
    widest = Math.max(widest, ++running);
    await new Promise(setImmediate);
    running--;
    if (n === 3) throw new Error('three');
    return n * 2;
  };
  expect(await mapLimited([0, 1, 2], 2, run)).toEqual([0, 2, 4]);
  await expect(mapLimited([3, 1, 2, 4], 2, run)).rejects.toThrow('three');
  expect(running).toBe(0);
  expect(widest).toBe(2);
});
