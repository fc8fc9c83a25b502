import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { generateCa, issueCertificate, type KeyPair } from '../../activities/bootstrap/pki.js';
import type { KubeadmControlPlane } from '../types/index.js';
import { startWebhookServer, type WebhookServer } from './server.js';

interface Answer {
  readonly status: number;
  readonly body: string;
  /** Serial number of the certificate that was shown. */
  readonly serial: string;
}

let ca: KeyPair;
let first: KeyPair;
let second: KeyPair;
let directory: string;
let server: WebhookServer;
const logged: string[] = [];
const record = (message: string): void => void logged.push(message);

function call(method: string, path: string, body?: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const options = { method, ca: ca.cert, headers, agent: false, servername: 'localhost' } as const;
    const outgoing = request(`https://127.0.0.1:${server.port}${path}`, options, (response) => {
      const { serialNumber } = (response.socket as TLSSocket).getPeerCertificate();
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text, serial: serialNumber }));
    });
    outgoing.on('error', reject);
    outgoing.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body));
  });
}

async function write(pair: { cert: string; key: string }): Promise<void> {
  await writeFile(join(directory, 'tls.crt'), pair.cert);
  await writeFile(join(directory, 'tls.key'), pair.key);
}

beforeAll(async () => {
  ca = await generateCa('test', { algorithm: 'ECDSA-P256' });
  const options = {
    commonName: 'webhooks',
    usages: ['server'],
    dns: ['localhost'],
    ips: ['127.0.0.1'],
    algorithm: 'ECDSA-P256',
  } as const;
  first = await issueCertificate(ca, options);
  second = await issueCertificate(ca, options);
});

beforeEach(async () => {
  logged.length = 0;
  directory = await mkdtemp(join(tmpdir(), 'perdure-webhooks-'));
  await write(first);
  server = await startWebhookServer({
    host: '127.0.0.1',
    port: 0,
    certificate: { certFile: join(directory, 'tls.crt'), keyFile: join(directory, 'tls.key') },
    convertReview: async (review) => ({ converted: review }),
    readControlPlane: async () => ({ spec: {} }) as unknown as KubeadmControlPlane,
    log: { info: record, warn: record, error: record },
  });
});

afterEach(async () => {
  await server.stop();
  await rm(directory, { recursive: true });
});

const review = (request: Record<string, unknown>) => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request,
});

describe('the webhook server', () => {
  test('says that it is alive', async () => {
    expect(await call('GET', '/healthz')).toMatchObject({ status: 200, body: 'ok' });
    expect(await call('GET', '/readyz')).toMatchObject({ status: 200, body: 'ok' });
  });

  test('answers mutating and validating reviews', async () => {
    const object = { metadata: { name: 'c', namespace: 'ns' }, spec: {} };
    const asked = review({ uid: 'u1', operation: 'CREATE', object });
    const mutated = await call('POST', '/mutate-infrastructure-cluster-x-k8s-io-v1beta2-awscluster', asked);
    expect(JSON.parse(mutated.body)).toMatchObject({
      kind: 'AdmissionReview',
      response: { uid: 'u1', allowed: true, patchType: 'JSONPatch' },
    });
    const judged = await call('POST', '/validate-cluster-x-k8s-io-v1beta2-cluster', asked);
    expect(JSON.parse(judged.body)).toMatchObject({ response: { uid: 'u1', allowed: false, status: { code: 422 } } });
  });

  test('answers reviews of scale', async () => {
    const object = { metadata: { name: 'k', namespace: 'ns' }, spec: { replicas: 2 } };
    const path = '/validate-scale-controlplane-cluster-x-k8s-io-v1beta2-kubeadmcontrolplane';
    const answer = await call('POST', path, review({ uid: 'u', operation: 'UPDATE', subResource: 'scale', object }));
    expect(JSON.parse(answer.body)).toMatchObject({ response: { allowed: false } });
  });

  test('hands conversion reviews on', async () => {
    const answer = await call('POST', '/convert', { kind: 'ConversionReview' });
    expect(JSON.parse(answer.body)).toEqual({ converted: { kind: 'ConversionReview' } });
  });

  test.each([
    ['/validate-cluster-x-k8s-io-v1beta2-cluster', '{"kind":"Pod"}', 400],
    ['/validate-cluster-x-k8s-io-v1beta2-cluster', '{', 400],
    ['/validate-nothing', '{}', 404],
  ])('answers POST %s with body %s by %d', async (path, body, status) => {
    expect((await call('POST', path, body)).status).toBe(status);
  });

  test('takes a new certificate without a restart', async () => {
    const before = await call('GET', '/healthz');
    expect(await server.reloadCertificate()).toBe(false);
    await write(second);
    expect(await server.reloadCertificate()).toBe(true);
    const after = await call('GET', '/healthz');
    expect(after.status).toBe(200);
    expect(after.serial).not.toBe(before.serial);
    expect(logged).toEqual(['took a new serving certificate']);
  });

  test('keeps the present certificate while the new pair is torn or missing', async () => {
    const before = await call('GET', '/healthz');
    await write({ cert: second.cert, key: first.key });
    expect(await server.reloadCertificate()).toBe(false);
    await rm(join(directory, 'tls.key'));
    expect(await server.reloadCertificate()).toBe(false);
    expect((await call('GET', '/healthz')).serial).toBe(before.serial);
    expect(logged).toHaveLength(2);
    await write(second);
    expect(await server.reloadCertificate()).toBe(true);
  });
});
