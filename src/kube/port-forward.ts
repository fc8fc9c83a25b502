import { Duplex } from 'node:stream';
import WebSocket from 'ws';
import { KINDS } from '../api/types/kinds.js';
import { PerdureError } from '../domain/errors.js';
import type { KubeClient } from './client.js';
import { errorFromNetwork, errorFromResponse } from './errors.js';
import { objectPath } from './paths.js';
import { connectThrough } from './proxy.js';
import { lookupWith, tlsOptions } from './transport.js';

export interface PortForwardTarget {
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
  /** Closes the stream when aborted. */
  readonly signal?: AbortSignal;
}

// Binary frames: first byte is the channel. Source: kubernetes pkg/kubelet/server/portforward/websocket.go.
const PROTOCOL = 'v4.channel.k8s.io';
const DATA_CHANNEL = 0;
const ERROR_CHANNEL = 1;
const PORT_BYTES = 2;
const HIGH_WATER_BYTES = 1 << 20;

/**
 * A byte stream to a port inside a pod, through the API server. Resolves when the tunnel is open; a refused connection inside the pod shows
 * as an error on the stream. One tunnel per stream: destroy it when done.
 */
export async function portForward(client: KubeClient, target: PortForwardTarget): Promise<Duplex> {
  const { namespace, pod, port, signal } = target;
  const what = `port-forward to ${namespace}/${pod}:${port}`;
  signal?.throwIfAborted();
  const credentials = await client.transport.credentials();
  const root = new URL(client.access.server);
  const path = objectPath(KINDS.Pod, { namespace, name: pod }, 'portforward');
  const scheme = root.protocol === 'http:' ? 'ws:' : 'wss:';
  const url = `${scheme}//${root.host}${root.pathname.replace(/\/$/, '')}${path}?ports=${port}`;
  const proxied = await throughProxy(client, root, tlsOptions(credentials));
  const socket = new WebSocket(url, PROTOCOL, {
    ...tlsOptions(credentials),
    headers: credentials.headers,
    handshakeTimeout: client.access.requestTimeoutMs ?? 30_000,
    perMessageDeflate: false,
    ...(client.access.resolve ? { lookup: lookupWith(client.access.resolve) } : {}),
    ...(proxied ? { createConnection: () => proxied } : {}),
  });
  const stream = tunnel(socket, what);
  const abort = (): void => {
    stream.destroy(signal?.reason instanceof Error ? signal.reason : undefined);
  };
  signal?.addEventListener('abort', abort, { once: true });
  stream.once('close', () => signal?.removeEventListener('abort', abort));
  try {
    await opened(socket, what);
    return stream;
  } catch (error) {
    stream.destroy();
    throw errorFromNetwork(what, error, signal);
  }
}

async function throughProxy(
  { access }: KubeClient,
  root: URL,
  tls: Readonly<Record<string, unknown>>,
): Promise<Duplex | undefined> {
  if (access.proxyUrl === undefined) return undefined;
  const secure = root.protocol === 'https:';
  const port = Number(root.port || (secure ? 443 : 80));
  return await connectThrough(access.proxyUrl, { host: root.hostname, port, ...(secure ? { tls } : {}) });
}

function opened(socket: WebSocket, what: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('connection closed')));
    socket.once('unexpected-response', (_request, response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        reject(errorFromResponse(what, response.statusCode ?? 500, Buffer.concat(chunks).toString())),
      );
    });
  });
}

function tunnel(socket: WebSocket, what: string): Duplex {
  // Each channel starts with two bytes repeating the port.
  const skip = [PORT_BYTES, PORT_BYTES];
  const stream = new Duplex({
    read: () => socket.resume(),
    write(chunk: Buffer, _encoding, callback) {
      socket.send(Buffer.concat([Buffer.of(DATA_CHANNEL), chunk]), { binary: true }, (error) =>
        callback(error ?? null),
      );
    },
    final(callback) {
      // The protocol has no half-close.
      socket.close();
      callback();
    },
    destroy(error, callback) {
      socket.terminate();
      callback(error);
    },
    readableHighWaterMark: HIGH_WATER_BYTES,
  });
  // Nothing is read before somebody listens: an early error would otherwise be missed.
  socket.on('open', () => socket.pause());
  socket.on('message', (data: Buffer) => {
    const channel = data[0] ?? DATA_CHANNEL;
    const skipped = Math.min(skip[channel] ?? 0, data.length - 1);
    skip[channel] = (skip[channel] ?? 0) - skipped;
    const payload = data.subarray(1 + skipped);
    if (payload.length === 0) return;
    if (channel === ERROR_CHANNEL) {
      stream.destroy(new PerdureError('Transient', `${what}: ${payload.toString().trim().slice(0, 500)}`));
    } else if (!stream.push(payload)) socket.pause();
  });
  socket.on('close', () => stream.push(null));
  socket.on('error', (error) => stream.destroy(error));
  stream.on('error', () => {
    // An abandoned tunnel must not crash the process; whoever uses the stream has a listener too.
  });
  return stream;
}
