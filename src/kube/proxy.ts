import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as tlsConnect } from 'node:tls';
import { PerdureError } from '../domain/errors.js';

export interface ProxyTarget {
  readonly host: string;
  readonly port: number;
  /** TLS to the target, through the tunnel; absent: none. */
  readonly tls?: Readonly<Record<string, unknown>>;
}

const TIMEOUT_MS = 10_000;

/**
 * A connection to `target` through an HTTP(S) proxy, by CONNECT, for what does not go through the transport. Throws `Transient` when the proxy refuses
 * or does not answer, `InvalidConfiguration` for a proxy of another kind.
 */
export async function connectThrough(proxyUrl: string, target: ProxyTarget): Promise<Duplex> {
  const proxy = new URL(proxyUrl);
  if (proxy.protocol !== 'http:' && proxy.protocol !== 'https:') {
    throw new PerdureError(
      'InvalidConfiguration',
      `proxy-url with scheme ${proxy.protocol.slice(0, -1)} carries no port-forwards; use an HTTP proxy`,
    );
  }
  const socket = await tunnel(proxy, `${bracketed(target.host)}:${target.port}`);
  return target.tls ? await secured(socket, target.host, target.tls) : socket;
}

const bracketed = (host: string): string => (host.includes(':') && !host.startsWith('[') ? `[${host}]` : host);

function tunnel(proxy: URL, authority: string): Promise<Socket> {
  const request = proxy.protocol === 'https:' ? httpsRequest : httpRequest;
  const secret = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  const authorization =
    proxy.username === '' ? {} : { 'proxy-authorization': `Basic ${Buffer.from(secret).toString('base64')}` };
  return new Promise((resolve, reject) => {
    const failed = (why: string, cause?: unknown): void =>
      reject(
        new PerdureError('Transient', `proxy ${proxy.host} gives no connection to ${authority}: ${why}`, { cause }),
      );
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
  const name = host.replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    const secure = tlsConnect({ host: name, ...(isIP(name) ? {} : { servername: name }), ...tls, socket }, () => {
      secure.off('error', reject);
      resolve(secure);
    });
    secure.once('error', reject);
  });
}
