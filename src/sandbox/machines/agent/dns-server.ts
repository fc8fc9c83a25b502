import { createSocket } from 'node:dgram';
import { createServer, type Socket } from 'node:net';
import { answerDns, type DnsZone } from './dns-codec.js';

/** A running resolver. */
export interface DnsServer {
  /** The port it took, the same for UDP and TCP. */
  readonly port: number;
  close(): Promise<void>;
}

/** Serves the zone that `zone()` gives at the time of each query, over UDP and TCP, on one address. Port 0 takes a free one. */
export async function startDnsServer(address: string, port: number, zone: () => DnsZone): Promise<DnsServer> {
  const sockets = new Set<Socket>();
  const tcp = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    serveStream(socket, zone);
  });
  await new Promise<void>((resolve, reject) => {
    tcp.once('error', reject);
    tcp.listen(port, address, resolve);
  });
  const bound = tcp.address();
  const actual = typeof bound === 'object' && bound ? bound.port : port;
  const udp = createSocket('udp4');
  udp.on('message', (message, from) => {
    const answer = answerDns(message, zone());
    if (answer) udp.send(answer, from.port, from.address, () => undefined);
  });
  try {
    await new Promise<void>((resolve, reject) => {
      udp.once('error', reject);
      udp.bind(actual, address, resolve);
    });
  } catch (error) {
    tcp.close();
    throw error;
  }
  udp.on('error', () => undefined); // a reply to a machine that is gone
  return {
    port: actual,
    async close() {
      for (const socket of sockets) socket.destroy();
      await Promise.all([
        new Promise<void>((resolve) => udp.close(() => resolve())),
        new Promise<void>((resolve) => tcp.close(() => resolve())),
      ]);
    },
  };
}

/** Over TCP each message has its length in front, and several may follow each other. */
function serveStream(socket: Socket, zone: () => DnsZone): void {
  let pending = Buffer.alloc(0);
  socket.setTimeout(10_000, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 2) {
      const length = pending.readUInt16BE(0);
      if (pending.length < 2 + length) return;
      const answer = answerDns(pending.subarray(2, 2 + length), zone());
      pending = pending.subarray(2 + length);
      if (!answer) {
        socket.destroy();
        return;
      }
      const size = Buffer.alloc(2);
      size.writeUInt16BE(answer.length, 0);
      socket.write(Buffer.concat([size, answer]));
    }
  });
}
