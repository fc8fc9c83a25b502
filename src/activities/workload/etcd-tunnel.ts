import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Duplex } from 'node:stream';

/** Opens one byte stream to the far end. */
export type Connect = (signal: AbortSignal) => Promise<Duplex>;

/** A local socket whose connections all lead to the far end. */
export interface Tunnel {
  /** gRPC target. */
  readonly target: string;
  /** Why the last connection could not be made, if it could not. */
  failure(): unknown;
  close(): Promise<void>;
}

/**
 * Bridges a gRPC client, which wants to dial by itself, to streams made by `connect`. The socket lies in a directory only this user may
 * enter. Close it when done; an abort of `signal` cuts all streams.
 */
export async function openTunnel(connect: Connect, signal: AbortSignal): Promise<Tunnel> {
  const directory = await mkdtemp(path.join(tmpdir(), 'perdure-etcd-'));
  const streams = new Set<Duplex>();
  let failure: unknown;
  const server = net.createServer((socket) => {
    streams.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => streams.delete(socket));
    connect(signal).then(
      (stream) => bridge(socket, stream, streams),
      (error: unknown) => {
        failure = error;
        socket.destroy();
      },
    );
  });
  const close = async (): Promise<void> => {
    for (const stream of streams) stream.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const socketPath = path.join(directory, 's');
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(socketPath, resolve);
    });
    return { target: `unix:${socketPath}`, failure: () => failure, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function bridge(socket: net.Socket, stream: Duplex, streams: Set<Duplex>): void {
  streams.add(stream);
  stream.on('error', () => socket.destroy());
  stream.once('close', () => {
    streams.delete(stream);
    socket.destroy();
  });
  socket.once('close', () => stream.destroy());
  if (socket.destroyed) stream.destroy();
  else socket.pipe(stream).pipe(socket);
}
