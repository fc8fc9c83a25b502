import type { Server } from 'node:net';
import net from 'node:net';
import { Duplex } from 'node:stream';
import tls from 'node:tls';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { KubeClient } from '../../../kube/client.js';
import { generateCa, issueCertificate } from '../../bootstrap/pki.js';
import { servingCertificateExpiry } from './serving-certificate.js';

const { signal } = new AbortController();
const workload = {} as KubeClient;
const servers: Server[] = [];
const NOW = new Date('2026-01-01T00:00:00Z');

/** A TLS server with a certificate of that name, valid for 100 days. */
async function serving(commonName: string): Promise<number> {
  const ca = await generateCa('kubernetes', { algorithm: 'ECDSA-P256', now: NOW });
  const days = { validityDays: 100, algorithm: 'ECDSA-P256', now: NOW } as const;
  const server = tls.createServer(await issueCertificate(ca, { commonName, usages: ['server'], ...days }));
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push(server);
  return (server.address() as net.AddressInfo).port;
}

let right: number;
let wrong: number;
beforeAll(async () => {
  right = await serving('kube-apiserver');
  wrong = await serving('somebody');
});
afterAll(async () => {
  for (const server of servers) await new Promise((resolve) => server.close(resolve));
});

/** A stream at whose end nobody is. */
function ended(): Duplex {
  const stream: Duplex = new Duplex({ read: () => stream.push(null), write: (_c, _e, done) => done() });
  return stream;
}

const dial = (port: number) => async () => net.connect(port, '127.0.0.1');

test('reads when the certificate of the API server expires', async () => {
  const expires = await servingCertificateExpiry(workload, 'n', 6443, signal, dial(right));
  expect(expires.toISOString()).toBe('2026-04-11T00:00:00.000Z');
});

test.each<[string, () => Promise<Duplex>, string]>([
  ['shows another certificate', () => dial(wrong)(), 'no certificate of CN=kube-apiserver'],
  ['refuses the connection', () => Promise.reject(new Error('no such pod')), 'no such pod'],
  ['closes it', async () => ended(), 'closed'],
])('a node whose API server %s is named', async (_name, connect, reason) => {
  await expect(servingCertificateExpiry(workload, 'n-1', 6443, signal, connect)).rejects.toMatchObject({
    type: 'Transient',
    message: expect.stringMatching(/^certificate of the API server on node n-1 cannot be read: .*/),
  });
  await expect(servingCertificateExpiry(workload, 'n-1', 6443, signal, connect)).rejects.toThrow(reason);
});

test('an abort ends it with its reason', async () => {
  const abort = new AbortController();
  const silent = new Duplex({ read: () => undefined, write: (_c, _e, done) => done() });
  const reading = servingCertificateExpiry(workload, 'n', 6443, abort.signal, async () => silent);
  abort.abort(new Error('deleted'));
  await expect(reading).rejects.toThrow('deleted');
  expect(silent.destroyed).toBe(true);
});
