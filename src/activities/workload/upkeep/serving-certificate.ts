import type { X509Certificate } from 'node:crypto';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { PerdureError } from '../../../domain/errors.js';
import type { KubeClient } from '../../../kube/client.js';
import { portForward } from '../../../kube/port-forward.js';
import { SYSTEM } from './parts.js';

const TIMEOUT_MS = 15_000;
/** The one kubeadm makes; a chain may hold others. */
const SUBJECT = /^CN=kube-apiserver$/m;

/** Opens a byte stream to the API server of one machine. */
export type ConnectApiServer = (signal: AbortSignal) => Promise<Duplex>;

/**
 * When the serving certificate of the API server on `node` expires, read by a TLS handshake through a port-forward to its static pod. The certificate is
 * looked at, not trusted: nothing is sent. Throws `Transient` naming the node when it cannot be read within 15 seconds. Source: capi
 * GetAPIServerCertificateExpiry.
 */
export async function servingCertificateExpiry(
  workload: KubeClient,
  node: string,
  port: number,
  signal: AbortSignal,
  connect: ConnectApiServer = (abort) =>
    portForward(workload, { namespace: SYSTEM, pod: `kube-apiserver-${node}`, port, signal: abort }),
): Promise<Date> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const either = AbortSignal.any([signal, timeout]);
  try {
    const stream = await connect(either);
    try {
      const certificate = await handshake(stream, either);
      if (certificate) return new Date(certificate.validTo);
      throw new Error('it shows no certificate of CN=kube-apiserver');
    } finally {
      stream.destroy();
    }
  } catch (error) {
    signal.throwIfAborted();
    const reason = timeout.aborted
      ? `no answer in ${TIMEOUT_MS / 1000} s`
      : error instanceof Error && error.message !== ''
        ? error.message
        : 'the connection was closed';
    throw new PerdureError('Transient', `certificate of the API server on node ${node} cannot be read: ${reason}`, {
      cause: error,
    });
  }
}

function handshake(stream: Duplex, signal: AbortSignal): Promise<X509Certificate | undefined> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ socket: stream, rejectUnauthorized: false });
    const abort = (): void => {
      socket.destroy(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    };
    signal.addEventListener('abort', abort, { once: true });
    stream.once('error', reject);
    socket.once('error', reject);
    socket.once('close', () => {
      signal.removeEventListener('abort', abort);
      reject(new Error('the connection was closed'));
    });
    socket.once('secureConnect', () => {
      let certificate = socket.getPeerX509Certificate();
      while (certificate && !SUBJECT.test(certificate.subject)) certificate = certificate.issuerCertificate;
      resolve(certificate);
      socket.destroy();
    });
    if (signal.aborted) abort();
  });
}
