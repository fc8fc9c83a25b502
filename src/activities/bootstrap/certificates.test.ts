import { describe, expect, test } from '@jest/globals';
import { FakeKube } from '../../../test/helpers/fake-kube.js';
import { aCluster, aControlPlane } from '../../../test/helpers/fake-objects.js';
import type { ClusterConfiguration } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import { PerdureError } from '../../domain/errors.js';
import { ensureCertificates, readCertificates } from './certificates.js';
import { expiryOf, generateCa, generateKeyPairPem } from './pki.js';
import { clusterSecret, type Secret } from './secrets.js';

const now = new Date('2026-01-02T03:04:05Z');
const fast: ClusterConfiguration = { encryptionAlgorithm: 'ECDSA-P256' };
const external: ClusterConfiguration = {
  ...fast,
  etcd: {
    external: {
      endpoints: ['https://etcd:2379'],
      caFile: '/e/ca.crt',
      certFile: '/e/client.crt',
      keyFile: '/e/client.key',
    },
  },
};

function setup(configuration: ClusterConfiguration = fast) {
  const kube = new FakeKube();
  const cluster = kube.put(aCluster());
  const owner = kube.put(aControlPlane(cluster));
  const input = { kube, cluster, configuration, owner, initialized: false, now };
  const secret = (name: string) => kube.peek<Secret>(KINDS.Secret, { namespace: 'default', name });
  return { kube, cluster, owner, input, secret };
}

const opaque = (name: string, values: Record<string, string>): Secret => ({
  ...clusterSecret(
    { namespace: 'default', name },
    'demo',
    { apiVersion: 'v1', kind: 'x', name: 'x', uid: 'x' },
    values,
  ),
  metadata: { namespace: 'default', name },
  type: 'kubernetes.io/tls',
});

describe('ensureCertificates', () => {
  test('generates what is missing, owned by the control plane, valid for ten years', async () => {
    const { kube, owner, input } = setup();
    const pems = await ensureCertificates(input);
    expect(Object.keys(pems).sort()).toEqual(['ca', 'etcd', 'proxy', 'sa']);
    const secrets = kube.all<Secret>(KINDS.Secret);
    expect(secrets.map((s) => s.metadata.name).sort()).toEqual(['demo-ca', 'demo-etcd', 'demo-proxy', 'demo-sa']);
    for (const secret of secrets) {
      expect(secret).toMatchObject({
        type: 'cluster.x-k8s.io/secret',
        metadata: { labels: { 'cluster.x-k8s.io/cluster-name': 'demo' } },
      });
      expect(secret.metadata.ownerReferences).toEqual([
        expect.objectContaining({ uid: owner.metadata.uid, controller: true }),
      ]);
    }
    expect(expiryOf('ca', pems.ca?.cert ?? '')).toEqual(new Date(now.getTime() + 3650 * 86_400_000));
    expect(new Set([pems.ca?.cert, pems.etcd?.cert, pems.proxy?.cert]).size).toBe(3);
  });

  test('a second run changes nothing', async () => {
    const { kube, input } = setup();
    const first = await ensureCertificates(input);
    const writes = kube.writes().length;
    expect(await ensureCertificates({ ...input, initialized: true })).toEqual(first);
    expect(kube.writes()).toHaveLength(writes);
  });

  test('validity and algorithm follow the configuration', async () => {
    const { input } = setup({ encryptionAlgorithm: 'ECDSA-P384', caCertificateValidityPeriodDays: 30 });
    const { ca, sa } = await ensureCertificates(input);
    expect(expiryOf('ca', ca?.cert ?? '')).toEqual(new Date(now.getTime() + 30 * 86_400_000));
    expect(sa?.key).toContain('BEGIN EC PRIVATE KEY');
  });

  test('two creators end with the same certificates', async () => {
    const { input, kube } = setup();
    const [a, b] = await Promise.all([ensureCertificates(input), ensureCertificates(input)]);
    expect(a).toEqual(b);
    expect(kube.all(KINDS.Secret)).toHaveLength(4);
  });

  test("a user's Secret is taken and stays the user's", async () => {
    const { kube, input, secret } = setup();
    const mine = await generateCa('mine', { algorithm: 'ECDSA-P256', now });
    kube.put(opaque('demo-ca', { 'tls.crt': mine.cert, 'tls.key': mine.key }));
    expect((await ensureCertificates(input)).ca).toEqual(mine);
    expect(secret('demo-ca')?.metadata.ownerReferences).toBeUndefined();
  });

  test('owner references that were removed, or point to a former uid, are restored', async () => {
    const { kube, owner, input, secret } = setup();
    await ensureCertificates(input);
    const ca = secret('demo-ca') as Secret;
    kube.put({ ...ca, metadata: { ...ca.metadata, ownerReferences: [] } });
    const moved = kube.put({ ...owner, metadata: { ...owner.metadata, uid: 'after-the-move' } });
    await ensureCertificates({ ...input, owner: moved, initialized: true });
    for (const name of ['demo-ca', 'demo-sa']) {
      expect(secret(name)?.metadata.ownerReferences).toEqual([
        expect.objectContaining({ uid: 'after-the-move', controller: true }),
      ]);
    }
  });

  test('after initialization a missing one is never made anew', async () => {
    const { kube, input } = setup();
    await ensureCertificates(input);
    kube.remove(KINDS.Secret, { namespace: 'default', name: 'demo-etcd' });
    await expect(ensureCertificates({ ...input, initialized: true })).rejects.toMatchObject({
      type: 'NotFound',
      message: expect.stringMatching(/^secret default\/demo-etcd \(etcd CA\) is missing; restore it from a backup/),
    });
    expect(kube.all(KINDS.Secret)).toHaveLength(3);
  });

  test('with an external etcd the user brings its CA and the client certificate', async () => {
    const { kube, input } = setup(external);
    await expect(ensureCertificates(input)).rejects.toMatchObject({
      type: 'NotFound',
      message: expect.stringMatching(/create it: certificates of an external etcd/),
    });
    const etcd = await generateCa('etcd', { algorithm: 'ECDSA-P256', now });
    kube.put(opaque('demo-etcd', { 'tls.crt': etcd.cert }));
    kube.put(opaque('demo-apiserver-etcd-client', { 'tls.crt': etcd.cert, 'tls.key': etcd.key }));
    const pems = await ensureCertificates(input);
    expect(pems.etcd).toEqual({ cert: etcd.cert, key: '' });
    expect(Object.keys(pems).sort()).toEqual(['apiserver-etcd-client', 'ca', 'etcd', 'proxy', 'sa']);
  });

  test.each([
    [
      'tls.key is missing',
      async () => ({ 'tls.crt': (await generateCa()).cert }),
      /secret default\/demo-ca \(cluster CA\) has no key tls.key/,
    ],
    [
      'the pair does not match',
      async () => ({ 'tls.crt': (await generateCa()).cert, 'tls.key': (await generateCa()).key }),
      /tls.key is not the key/,
    ],
    [
      'it is not a CA',
      async () => ({ 'tls.crt': (await generateKeyPairPem('ECDSA-P256')).cert, 'tls.key': 'x' }),
      /not a PEM certificate/,
    ],
  ])('a Secret that cannot work is refused: %s', async (_what, values, message) => {
    const { kube, input } = setup();
    kube.put(opaque('demo-ca', await values()));
    await expect(ensureCertificates(input)).rejects.toMatchObject({
      type: 'InvalidConfiguration',
      message: expect.stringMatching(message),
    });
  });

  test('an API server that fails is an error, never a new CA', async () => {
    const { kube, input } = setup();
    await ensureCertificates(input);
    kube.failNext({ verb: 'get', kind: 'Secret' }, new PerdureError('Transient', '503'), { times: 4 });
    await expect(ensureCertificates(input)).rejects.toMatchObject({ type: 'Transient' });
    expect(kube.all(KINDS.Secret)).toHaveLength(4);
  });
});

test('readCertificates generates nothing and waits while the control plane is being made', async () => {
  const { kube, input } = setup();
  await expect(readCertificates(input)).rejects.toMatchObject({ type: 'NotYet' });
  expect(kube.writes()).toHaveLength(0);
  await ensureCertificates(input);
  expect(Object.keys(await readCertificates(input, ['ca']))).toEqual(['ca']);
});
