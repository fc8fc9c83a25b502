import { createHash } from 'node:crypto';
import { lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { isIPv6 } from 'node:net';
import type { Readable } from 'node:stream';
import { type Dispatcher, Pool, ProxyAgent, Socks5ProxyAgent } from 'undici';
import { CREDENTIALS_TTL_MS, type Credentials, type KubeAccess, type ResolveHost } from './access.js';
import { errorFromNetwork, errorFromResponse, networkCode } from './errors.js';
import { type RateLimiter, tokenBucket } from './rate-limit.js';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface TransportRequest {
  readonly method: Method;
  /** Path and query below the API root. */
  readonly path: string;
  /** Names the request in errors. */
  readonly what: string;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
  readonly signal?: AbortSignal | undefined;
}

/** Sends requests to one API server over kept-alive connections. Safe for concurrent use; `close` ends idle and running ones. */
export interface Transport {
  /** The parsed JSON answer; throws a PerdureError for any status of 400 and above. */
  json(request: TransportRequest): Promise<unknown>;
  /** The answer's body as it arrives, with no time-out between chunks: for watches. */
  stream(request: TransportRequest): Promise<Readable>;
  credentials(): Promise<Credentials>;
  close(): Promise<void>;
}

// A socket may have been closed by the server while idle: safe to send a GET once more, nothing was answered.
const STALE_SOCKET_CODES = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);
const DEFAULT_TIMEOUT_MS = 30_000;
// Each watch holds one; further requests wait for a free one.
const MAX_CONNECTIONS = 128;

/** Opens no connection until the first request. */
export function createTransport(access: KubeAccess): Transport {
  const root = new URL(access.server);
  const prefix = root.pathname.replace(/\/$/, '');
  const timeoutMs = access.requestTimeoutMs ?? DEFAULT_TIMEOUT_MS;
  const limiter: RateLimiter | undefined = access.limit && tokenBucket(access.limit.qps, access.limit.burst);
  const source = cachedCredentials(access);
  const pools = rotatingPools(access, root);

  async function open(
    request: TransportRequest,
    timeouts: Partial<Dispatcher.RequestOptions>,
  ): Promise<Dispatcher.ResponseData> {
    const credentials = await source.get();
    const headers: Record<string, string> = {
      accept: request.accept ?? 'application/json',
      'user-agent': access.userAgent ?? 'perdure',
      ...credentials.headers,
    };
    if (request.body !== undefined) headers['content-type'] = request.contentType ?? 'application/json';
    return await pools.for(credentials).request({
      origin: root.origin,
      path: prefix + request.path,
      method: request.method,
      headers,
      ...timeouts,
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
      ...(request.signal ? { signal: request.signal } : {}),
    });
  }

  async function send(
    request: TransportRequest,
    timeouts: Partial<Dispatcher.RequestOptions>,
  ): Promise<Dispatcher.ResponseData> {
    try {
      await limiter?.(request.signal);
      let response = await open(request, timeouts).catch(async (error: unknown) => {
        if (request.method !== 'GET' || request.signal?.aborted || !STALE_SOCKET_CODES.has(networkCode(error) ?? ''))
          throw error;
        return await open(request, timeouts);
      });
      if (response.statusCode === 401) {
        // Rotated token or certificate: ask the source once more before giving up.
        const stale = source.expire();
        if (stale) {
          await response.body.dump();
          response = await open(request, timeouts);
        }
      }
      return response;
    } catch (error) {
      throw errorFromNetwork(request.what, error, request.signal);
    }
  }

  async function text(request: TransportRequest, response: Dispatcher.ResponseData): Promise<string> {
    try {
      return await response.body.text();
    } catch (error) {
      throw errorFromNetwork(request.what, error, request.signal);
    }
  }

  async function failOn(request: TransportRequest, response: Dispatcher.ResponseData): Promise<void> {
    if (response.statusCode < 400) return;
    const retryAfter = response.headers['retry-after'];
    const header = Array.isArray(retryAfter) ? retryAfter[0] : retryAfter;
    throw errorFromResponse(request.what, response.statusCode, await text(request, response), header);
  }

  return {
    async json(request) {
      const response = await send(request, { headersTimeout: timeoutMs, bodyTimeout: timeoutMs });
      await failOn(request, response);
      const body = await text(request, response);
      if (body === '') return undefined;
      try {
        return JSON.parse(body) as unknown;
      } catch {
        // Health endpoints and some subresources answer in plain text.
        return body;
      }
    },
    async stream(request) {
      const response = await send(request, { headersTimeout: timeoutMs, bodyTimeout: 0 });
      await failOn(request, response);
      return response.body;
    },
    credentials: () => source.get(),
    close: () => pools.close(),
  };
}

interface CredentialSource {
  get(): Promise<Credentials>;
  /** Forgets the cached answer; false when it was only just computed, so that asking again is pointless. */
  expire(): boolean;
}

function cachedCredentials(access: KubeAccess, now: () => number = Date.now): CredentialSource {
  let cached: Promise<Credentials> | undefined;
  let at = 0;
  return {
    get() {
      if (cached && now() - at < CREDENTIALS_TTL_MS) return cached;
      const fresh = access.credentials();
      cached = fresh;
      at = now();
      fresh.catch(() => {
        if (cached === fresh) cached = undefined;
      });
      return fresh;
    },
    expire() {
      if (now() - at < 1_000) return false;
      cached = undefined;
      return true;
    },
  };
}

interface Pools {
  for(credentials: Credentials): Dispatcher;
  close(): Promise<void>;
}

/** One pool per set of TLS credentials; when they rotate the old pool finishes what it has and goes. */
function rotatingPools(access: KubeAccess, root: URL): Pools {
  let current: { readonly fingerprint: string; readonly pool: Dispatcher } | undefined;
  return {
    for(credentials) {
      const print = fingerprint(credentials);
      if (current?.fingerprint === print) return current.pool;
      current?.pool.close().catch(() => {
        // The old pool's own requests report their failures; nothing is left to report here.
      });
      current = { fingerprint: print, pool: createPool(access, root, credentials) };
      return current.pool;
    },
    async close() {
      await current?.pool.destroy();
      current = undefined;
    },
  };
}

function fingerprint(credentials: Credentials): string {
  const hash = createHash('sha256');
  for (const part of [credentials.ca, credentials.cert, credentials.key, credentials.servername]) {
    hash.update(part ?? '').update('\0');
  }
  return hash.update(String(credentials.insecureSkipTlsVerify === true)).digest('hex');
}

function createPool(access: KubeAccess, root: URL, credentials: Credentials): Dispatcher {
  const tls = tlsOptions(credentials);
  // HTTP/1.1: one connection per running request isolates watches from each other; a stalled one never blocks the rest.
  if (access.proxyUrl?.startsWith('socks5:')) return new Socks5ProxyAgent(access.proxyUrl, { requestTls: tls });
  if (access.proxyUrl !== undefined)
    return new ProxyAgent({ uri: access.proxyUrl, requestTls: tls, proxyTunnel: true, allowH2: false });
  return new Pool(root.origin, {
    allowH2: false,
    keepAliveTimeout: 30_000,
    connections: MAX_CONNECTIONS,
    connect: {
      ...tls,
      timeout: 10_000,
      keepAlive: true,
      keepAliveInitialDelay: 15_000,
      ...(access.resolve ? { lookup: lookupWith(access.resolve) } : {}),
    },
  });
}

/** The TLS part of `credentials` as Node's `tls.connect` wants it. */
export function tlsOptions(credentials: Credentials): Record<string, unknown> {
  const { ca, cert, key, passphrase, servername } = credentials;
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(servername === undefined ? {} : { servername }),
    ...(credentials.insecureSkipTlsVerify === true ? { rejectUnauthorized: false } : {}),
  };
}

/** A `lookup` for sockets that asks `resolve` first; TLS still verifies the original name. */
export function lookupWith(resolve: ResolveHost): LookupFunction {
  return (hostname, options, callback) => {
    Promise.resolve()
      .then(() => resolve(hostname))
      .then(
        (address) => {
          if (address === undefined) return systemLookup(hostname, options, callback);
          const family = isIPv6(address) ? 6 : 4;
          return options.all ? callback(null, [{ address, family }]) : callback(null, address, family);
        },
        (error: unknown) => callback(error as NodeJS.ErrnoException, ''),
      );
  };
}
