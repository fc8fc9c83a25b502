import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A proxy on a loopback port that notes where it was asked to connect. */
export interface TestProxy {
  readonly url: string;
  /** `host:port` of each connection, in order. */
  readonly targets: string[];
  stop(): Promise<void>;
}

async function listening(server: Server, scheme: string, targets: string[], sockets: Set<Socket>): Promise<TestProxy> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url: `${scheme}://127.0.0.1:${port}`, targets, stop };
}

/** Notes a socket until it is closed; errors of an ended test are nobody's. */
function note(sockets: Set<Socket>, socket: Socket): Socket {
  sockets.add(socket);
  socket.on('error', () => socket.destroy());
  socket.once('close', () => sockets.delete(socket));
  return socket;
}

function joined(a: Socket, b: Socket): void {
  a.pipe(b).pipe(a);
  a.once('close', () => b.destroy());
  b.once('close', () => a.destroy());
}

/** An HTTP proxy that knows CONNECT only; with `password` it wants Basic credentials of user `user`. */
export async function startConnectProxy(password?: string): Promise<TestProxy> {
  const sockets = new Set<Socket>();
  const targets: string[] = [];
  const server = createHttpServer();
  server.on('connection', (socket) => note(sockets, socket));
  server.on('connect', (request, client: Socket, head: Buffer) => {
    const wanted = password === undefined ? undefined : `Basic ${Buffer.from(`user:${password}`).toString('base64')}`;
    if (wanted !== undefined && request.headers['proxy-authorization'] !== wanted) {
      client.end('HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    const { hostname, port } = new URL(`http://${request.url ?? ''}`);
    targets.push(request.url ?? '');
    const far = note(sockets, connect(Number(port), hostname));
    far.once('connect', () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      if (head.length > 0) far.write(head);
      joined(client, far);
    });
  });
  return await listening(server, 'http', targets, sockets);
}

const NO_AUTHENTICATION = 0;
const PASSWORD = 2;

/** A SOCKS5 proxy that takes names and IPv4 addresses; with `password` it wants that one of user `user`. */
export async function startSocksProxy(password?: string): Promise<TestProxy> {
  const sockets = new Set<Socket>();
  const targets: string[] = [];
  const connected = (client: Socket): void => {
    client.once('data', (asked: Buffer) => {
      const named = asked[3] === 3;
      const end = named ? 5 + (asked[4] ?? 0) : 8;
      const host = named ? asked.subarray(5, end).toString() : [...asked.subarray(4, 8)].join('.');
      const port = asked.readUInt16BE(end);
      targets.push(`${host}:${port}`);
      const far = note(sockets, connect(port, host));
      far.once('connect', () => {
        client.write(Buffer.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0));
        joined(client, far);
      });
    });
  };
  const server = createServer((client) => {
    note(sockets, client);
    client.once('data', () => {
      client.write(Buffer.of(5, password === undefined ? NO_AUTHENTICATION : PASSWORD));
      if (password === undefined) return connected(client);
      client.once('data', (said: Buffer) => {
        const right = said
          .subarray(1)
          .equals(Buffer.from(`\x04user${String.fromCharCode(password.length)}${password}`));
        client.write(Buffer.of(1, right ? 0 : 1));
        if (right) connected(client);
      });
    });
  });
  return await listening(server, 'socks5', targets, sockets);
}
