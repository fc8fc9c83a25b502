import { X509Certificate } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { FakeKube } from '../../../test/helpers/fake-kube.js';
import { aCluster, aControlPlane } from '../../../test/helpers/fake-objects.js';
import { KINDS } from '../../api/types/kinds.js';
import { ensureKubeconfig } from './kubeconfig.js';
import { generateCa } from './pki.js';
import { type Secret, secretText } from './secrets.js';

const now = new Date('2026-01-02T03:04:05Z');
const later = (days: number) => new Date(now.getTime() + days * 86_400_000);
const ref = { namespace: 'default', name: 'demo-kubeconfig' };

interface Kubeconfig {
  clusters: [{ name: string; cluster: Record<string, string> }];
  users: [{ name: string; user: Record<string, string> }];
  contexts: unknown;
  'current-context': string;
}

async function setup(cluster = aCluster()) {
  const kube = new FakeKube();
  kube.put(cluster);
  const owner = kube.put(aControlPlane(cluster));
  const ca = await generateCa('kubernetes', { algorithm: 'ECDSA-P256', now });
  const input = { kube, cluster, owner, ca, algorithm: 'ECDSA-P256' as const, now };
  const read = (): Kubeconfig =>
    parse(secretText(kube.peek<Secret>(KINDS.Secret, ref) as Secret, 'value') ?? '') as Kubeconfig;
  return { kube, cluster, owner, ca, input, read };
}

const decode = (text: string | undefined): string => Buffer.from(text ?? '', 'base64').toString();

describe('ensureKubeconfig', () => {
  test('makes an administrator certificate for a year, with the names kubeadm uses', async () => {
    const { kube, owner, ca, input, read } = await setup();
    expect(await ensureKubeconfig(input)).toEqual({
      secretName: 'demo-kubeconfig',
      action: 'created',
      expires: later(365),
    });
    const { clusters, users, contexts, 'current-context': current } = read();
    expect(clusters[0]).toMatchObject({ name: 'demo', cluster: { server: 'https://demo.example.test:6443' } });
    expect(decode(clusters[0].cluster['certificate-authority-data'])).toBe(ca.cert);
    expect(contexts).toEqual([{ name: 'demo-admin@demo', context: { cluster: 'demo', user: 'demo-admin' } }]);
    expect(current).toBe('demo-admin@demo');
    const certificate = new X509Certificate(decode(users[0].user['client-certificate-data']));
    expect(certificate.subject).toBe('O=system:masters\nCN=kubernetes-admin');
    expect(certificate.verify(new X509Certificate(ca.cert).publicKey)).toBe(true);
    expect(kube.peek<Secret>(KINDS.Secret, ref)).toMatchObject({
      type: 'cluster.x-k8s.io/secret',
      metadata: {
        labels: { 'cluster.x-k8s.io/cluster-name': 'demo' },
        ownerReferences: [{ uid: owner.metadata.uid, controller: true }],
      },
    });
  });

  test('an IPv6 endpoint gets brackets', async () => {
    const { input, read } = await setup(aCluster({ spec: { controlPlaneEndpoint: { host: 'fd00::1', port: 6443 } } }));
    await ensureKubeconfig(input);
    expect(read().clusters[0].cluster['server']).toBe('https://[fd00::1]:6443');
  });

  test('waits for the endpoint', async () => {
    const { input } = await setup(aCluster({ spec: { controlPlaneEndpoint: {} } }));
    await expect(ensureKubeconfig(input)).rejects.toMatchObject({ type: 'NotYet' });
  });

  test.each([
    [0, 'kept'],
    [182, 'kept'],
    [183, 'renewed'],
    [400, 'renewed'],
  ] as const)('after %i days the certificate is %s', async (days, action) => {
    const { kube, input, read } = await setup();
    await ensureKubeconfig(input);
    const before = read().users[0].user['client-certificate-data'];
    expect(await ensureKubeconfig({ ...input, now: later(days) })).toMatchObject({ action });
    expect(read().users[0].user['client-certificate-data'] === before).toBe(action === 'kept');
    expect(kube.all(KINDS.Secret)).toHaveLength(1);
  });

  test('the Secret says when it is to be renewed, also one that was made before it did', async () => {
    const { kube, input } = await setup();
    const due = () => kube.peek<Secret>(KINDS.Secret, ref)?.metadata.annotations?.['perdure.dev/renew-after'];
    await ensureKubeconfig(input);
    expect(due()).toBe(later(182.5).toISOString());
    const secret = kube.peek<Secret>(KINDS.Secret, ref) as Secret;
    kube.put({ ...secret, metadata: { ...secret.metadata, annotations: {} } });
    await ensureKubeconfig(input);
    expect(due()).toBe(later(182.5).toISOString());
    const writes = kube.writes().length;
    await ensureKubeconfig(input);
    expect(kube.writes()).toHaveLength(writes);
    await ensureKubeconfig({ ...input, now: later(200) });
    expect(due()).toBe(later(382.5).toISOString());
  });

  test('a renewal keeps the server that stands there', async () => {
    const { kube, input, read } = await setup();
    await ensureKubeconfig(input);
    const secret = kube.peek<Secret>(KINDS.Secret, ref) as Secret;
    const text = (secretText(secret, 'value') ?? '').replace('demo.example.test', 'proxy.example.test');
    kube.put({ ...secret, data: { value: Buffer.from(text).toString('base64') } });
    await ensureKubeconfig({ ...input, now: later(300) });
    expect(read().clusters[0].cluster['server']).toBe('https://proxy.example.test:6443');
  });

  test("a user's kubeconfig is never touched", async () => {
    const { kube, input } = await setup();
    kube.put({
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'Opaque',
      metadata: ref,
      data: { value: 'bWluZQ==' },
    } as Secret);
    expect(await ensureKubeconfig(input)).toEqual({ secretName: 'demo-kubeconfig', action: 'kept' });
    expect(kube.writes()).toHaveLength(0);
  });

  test('our own Secret with broken contents is made anew', async () => {
    const { kube, input, read } = await setup();
    await ensureKubeconfig(input);
    const secret = kube.peek<Secret>(KINDS.Secret, ref) as Secret;
    kube.put({ ...secret, data: { value: Buffer.from('{{{').toString('base64') } });
    expect(await ensureKubeconfig(input)).toMatchObject({ action: 'renewed' });
    expect(read().clusters[0].cluster['server']).toBe('https://demo.example.test:6443');
  });
});
