import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FakeKube } from '../../../test/helpers/fake-kube.js';
import { KINDS } from '../../api/types/kinds.js';
import { type Secret, secretText } from './secrets.js';
import {
  deleteBootstrapToken,
  deriveToken,
  ensureBootstrapToken,
  refreshBootstrapToken,
  TOKEN_TTL_MS,
} from './tokens.js';

const now = new Date('2026-01-02T03:04:05Z');
const minutesLater = (minutes: number) => new Date(now.getTime() + minutes * 60_000);
const expiration = (workload: FakeKube) => secretText(workload.all<Secret>(KINDS.Secret)[0] as Secret, 'expiration');

function setup() {
  const workload = new FakeKube();
  return { workload, input: { workload, caKey: 'key', identity: 'default/w-1/uid', now } };
}

describe('deriveToken', () => {
  test('has the form kubeadm asks for, whatever the identity', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.nat(7), (key, identity, slot) => {
        expect(deriveToken(key, identity, slot)).toMatch(/^[a-z0-9]{6}\.[a-z0-9]{16}$/);
      }),
    );
  });

  test('depends on key, identity and slot', () => {
    const tokens = [
      deriveToken('a', 'x', 0),
      deriveToken('b', 'x', 0),
      deriveToken('a', 'y', 0),
      deriveToken('a', 'x', 1),
    ];
    expect(new Set(tokens).size).toBe(4);
    expect(deriveToken('a', 'x', 0)).toBe(tokens[0]);
  });
});

describe('ensureBootstrapToken', () => {
  test('makes one Secret that kubeadm and the token cleaner understand', async () => {
    const { workload, input } = setup();
    const token = await ensureBootstrapToken(input);
    const [secret] = workload.all<Secret>(KINDS.Secret);
    const values = Object.fromEntries(
      Object.keys(secret?.data ?? {}).map((key) => [key, secretText(secret as Secret, key)]),
    );
    expect(secret?.metadata.name).toBe(`bootstrap-token-${token.split('.')[0]}`);
    expect(values).toEqual({
      'token-id': token.split('.')[0],
      'token-secret': token.split('.')[1],
      expiration: '2026-01-02T03:19:05Z',
      'usage-bootstrap-authentication': 'true',
      'usage-bootstrap-signing': 'true',
      'auth-extra-groups': 'system:bootstrappers:kubeadm:default-node-token',
      description: 'token of bootstrap config default/w-1, made by Perdure',
    });
  });

  test('run again, it answers the same token and extends it only when due', async () => {
    const { workload, input } = setup();
    const token = await ensureBootstrapToken(input);
    expect(await ensureBootstrapToken({ ...input, now: minutesLater(1) })).toBe(token);
    expect(expiration(workload)).toBe('2026-01-02T03:19:05Z');
    expect(await ensureBootstrapToken({ ...input, now: minutesLater(10) })).toBe(token);
    expect(expiration(workload)).toBe('2026-01-02T03:29:05Z');
    expect(workload.all(KINDS.Secret)).toHaveLength(1);
  });

  test('an id that somebody else has is left alone', async () => {
    const { workload, input } = setup();
    const taken = deriveToken('key', input.identity, 0).split('.')[0];
    const theirs = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: 'kube-system', name: `bootstrap-token-${taken}` },
      data: {},
    } as Secret;
    workload.put(theirs);
    expect(await ensureBootstrapToken(input)).toBe(deriveToken('key', input.identity, 1));
    expect(workload.peek<Secret>(KINDS.Secret, theirs.metadata)?.data).toEqual({});
  });
});

describe('upkeep', () => {
  test.each([
    [2, false],
    [3, true],
    [14, true],
  ])('after %i minutes a refresh writes: %s', async (minutes, wrote) => {
    const { workload, input } = setup();
    await ensureBootstrapToken(input);
    expect(await refreshBootstrapToken({ ...input, now: minutesLater(minutes) })).toBe(wrote);
    const expected = wrote ? minutesLater(minutes + TOKEN_TTL_MS / 60_000) : minutesLater(15);
    expect(expiration(workload)).toBe(expected.toISOString().replace('.000', ''));
  });

  test('an expired token that was cleaned away is made anew, the same', async () => {
    const { workload, input } = setup();
    const token = await ensureBootstrapToken(input);
    workload.remove(KINDS.Secret, { namespace: 'kube-system', name: `bootstrap-token-${token.split('.')[0]}` });
    expect(await refreshBootstrapToken({ ...input, now: minutesLater(60) })).toBe(true);
    expect(secretText(workload.all<Secret>(KINDS.Secret)[0] as Secret, 'token-secret')).toBe(token.split('.')[1]);
  });

  test('deletion removes ours only, twice is fine', async () => {
    const { workload, input } = setup();
    await ensureBootstrapToken(input);
    await ensureBootstrapToken({ ...input, identity: 'default/w-2/uid' });
    await deleteBootstrapToken(input);
    await deleteBootstrapToken(input);
    expect(workload.all(KINDS.Secret)).toHaveLength(1);
  });
});
