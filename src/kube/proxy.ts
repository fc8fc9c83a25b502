import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as tlsConnect } from 'node:tls';
import { SocksClient } from 'socks';
import { PerdureError } from '../domain/errors.js';

export interface ProxyTarget {
  readonly host: string;
  readonly port: number;
  /** TLS to the target, through the tunnel; absent: none. */
  readonly tls?: Readonly<Record<string, unknown>>;
}

const TIMEOUT_MS = 10_000;

/**
 * A connection to `target` through an HTTP(S) proxy, by CONNECT, or a SOCKS5 one, which resolves the name; for what does not go through the transport.
 * Throws `Transient` when the proxy refuses or does not answer, `InvalidConfiguration` for a proxy of another kind. No error tells the proxy's password.
 */
export async function connectThrough(proxyUrl: string, target: ProxyTarget): Promise<Duplex> {
  const proxy = new URL(proxyUrl);
  const through = TUNNELS[proxy.protocol];
  if (through === undefined) {
    throw new PerdureError(
      'InvalidConfiguration',
      `proxy-url with scheme ${proxy.protocol.slice(0, -1)} carries no port-forwards; use http, https or socks5`,
    );
  }
  const socket = await through(proxy, target);
  return target.tls ? await secured(socket, target.host, target.tls) : socket;
}

const TUNNELS: Readonly<Record<string, (proxy: URL, target: ProxyTarget) => Promise<Socket>>> = {
  'http:': tunnel,
  'https:': tunnel,
  'socks5:': socksTunnel,
};

const authorityOf = ({ host, port }: ProxyTarget): string => `${bracketed(host)}:${port}`;
const unbracketed = (host: string): string => host.replace(/^\[|\]$/g, '');
const bracketed = (host: string): string => (host.includes(':') && !host.startsWith('[') ? `[${host}]` : host);

const noConnection = (proxy: URL, target: ProxyTarget, why: string, cause?: unknown): PerdureError =>
  new PerdureError('Transient', `proxy ${proxy.host} gives no connection to ${authorityOf(target)}: ${why}`, { cause });

async function socksTunnel(proxy: URL, target: ProxyTarget): Promise<Socket> {
  const userId = decodeURIComponent(proxy.username);
  const password = decodeURIComponent(proxy.password);
  try {
    const { socket } = await SocksClient.createConnection({
      command: 'connect',
      proxy: {
        host: unbracketed(proxy.hostname),
        port: Number(proxy.port || 1080),
        type: 5,
        ...(userId === '' ? {} : { userId, password }),
      },
      destination: { host: unbracketed(target.host), port: target.port },
      timeout: TIMEOUT_MS,
    });
    return socket;
  } catch (error) {
    // the library's error carries its options, credentials too: only its words go on
    throw noConnection(proxy, target, error instanceof Error ? error.message : 'no answer');
  }
}

async function tunnel(proxy: URL, target: ProxyTarget): Promise<Socket> {
  const authority = authorityOf(target);
  const request = proxy.protocol === 'https:' ? httpsRequest : httpRequest;
  const secret = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  const authorization =
    proxy.username === '' ? {} : { 'proxy-authorization': `Basic ${Buffer.from(secret).toString('base64')}` };
  return await new Promise((resolve, reject) => {
    const failed = (why: string, cause?: unknown): void => reject(noConnection(proxy, target, why, cause));
    const asking = request({
      host: proxy.hostname,
      port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
      method: 'CONNECT',
      path: authority,
      headers: { host: authority, ...authorization },
      timeout: TIMEOUT_MS,
      agent: false,
    });
    asking.once('connect', ({ statusCode }, socket: Socket, head: Buffer) => {
      if (statusCode !== 200) {
        socket.destroy();
        failed(`status ${statusCode ?? 'unknown'}`);
        return;
      }
      socket.setTimeout(0);
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    // a proxy that knows no CONNECT answers it like any request
    asking.once('response', ({ statusCode }) => {
      asking.destroy();
      failed(`status ${statusCode ?? 'unknown'}`);
    });
    asking.once('timeout', () => asking.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    asking.once('error', (error) => failed(error.message, error));
    asking.end();
  });
}

function secured(socket: Socket, host: string, tls: Readonly<Record<string, unknown>>): Promise<Duplex> {
  const name = unbracketed(host);
  return new Promise((resolve, reject) => {
    const secure = tlsConnect({ host: name, ...(isIP(name) ? {} : { servername: name }), ...tls, socket }, () => {
      secure.off('error', reject);
      resolve(secure);
    });
    secure.once('error', reject);
  });
}
