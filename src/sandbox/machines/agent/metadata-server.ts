import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { MetadataConfig } from './protocol.js';

const TOKEN_TTL_HEADER = 'x-aws-ec2-metadata-token-ttl-seconds';
const TOKEN_HEADER = 'x-aws-ec2-metadata-token';
const LONGEST_TTL_SECONDS = 21_600;

/** Content below a path: a leaf's text, a directory's listing, or undefined. Directories end in `/` in listings, as on EC2. */
export function lookUpMetadata(entries: Readonly<Record<string, string>>, path: string): string | undefined {
  const key = path.replace(/^\/+|\/+$/g, '');
  const leaf = entries[key];
  if (leaf !== undefined) return leaf;
  const prefix = key === '' ? '' : `${key}/`;
  const children = new Set<string>();
  for (const entry of Object.keys(entries)) {
    if (!entry.startsWith(prefix)) continue;
    const rest = entry.slice(prefix.length);
    const slash = rest.indexOf('/');
    children.add(slash < 0 ? rest : rest.slice(0, slash + 1));
  }
  return children.size === 0 ? undefined : [...children].sort().join('\n');
}

/** The EC2 instance metadata service, versions 1 and 2. The instance is the one with the caller's address. */
export class MetadataServer {
  readonly #instance: (ip: string) => MetadataConfig | undefined;
  readonly #now: () => number;
  readonly #tokens = new Map<string, { ip: string; expires: number }>();
  readonly #server: Server;

  constructor(instance: (ip: string) => MetadataConfig | undefined, now: () => number = Date.now) {
    this.#instance = instance;
    this.#now = now;
    this.#server = createServer((request, response) => this.#handle(request, response));
  }

  /** Returns the port it took. */
  async listen(address: string, port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, address, resolve);
    });
    const bound = this.#server.address();
    return typeof bound === 'object' && bound ? bound.port : port;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    request.resume();
    const { status, body, headers } = this.#answer(request);
    response.writeHead(status, { 'content-type': 'text/plain', 'content-length': Buffer.byteLength(body), ...headers });
    response.end(body);
  }

  #answer(request: IncomingMessage): Answer {
    const ip = (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
    const instance = this.#instance(ip);
    const path = readPath(request.url);
    if (!instance?.enabled) return refusal(403);
    if (request.method === 'PUT' && path === '/latest/api/token') return this.#issueToken(request, ip);
    if (request.method !== 'GET' && request.method !== 'HEAD') return refusal(405);
    if (!this.#allowed(request, ip, instance)) return refusal(401);
    return contentOf(instance, path);
  }

  #issueToken(request: IncomingMessage, ip: string): Answer {
    const ttl = Number(request.headers[TOKEN_TTL_HEADER]);
    // As on EC2: a request that came through a proxy gets no token.
    if (request.headers['x-forwarded-for'] !== undefined) return refusal(403);
    if (!Number.isInteger(ttl) || ttl < 1 || ttl > LONGEST_TTL_SECONDS) return refusal(400);
    for (const [token, { expires }] of this.#tokens) if (expires <= this.#now()) this.#tokens.delete(token);
    const token = randomBytes(42).toString('base64url');
    this.#tokens.set(token, { ip, expires: this.#now() + ttl * 1000 });
    return { status: 200, body: token, headers: { [TOKEN_TTL_HEADER]: String(ttl) } };
  }

  #allowed(request: IncomingMessage, ip: string, instance: MetadataConfig): boolean {
    const given = request.headers[TOKEN_HEADER];
    if (given === undefined) return !instance.tokenRequired;
    const token = this.#tokens.get(String(given));
    return token !== undefined && token.ip === ip && token.expires > this.#now();
  }
}

interface Answer {
  readonly status: number;
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

function refusal(status: number): Answer {
  return { status, body: '' };
}

function contentOf(instance: MetadataConfig, path: string): Answer {
  if (path === '/') return { status: 200, body: '1.0\n2021-03-23\nlatest' };
  const [, version = '', ...rest] = path.split('/');
  if (!/^(latest|1\.0|\d{4}-\d{2}-\d{2})$/.test(version)) return refusal(404);
  const key = rest.join('/').replace(/\/$/, '');
  if (key === 'user-data') {
    if (instance.userDataBase64 === '') return refusal(404);
    const body = Buffer.from(instance.userDataBase64, 'base64');
    return { status: 200, body, headers: { 'content-type': 'application/octet-stream' } };
  }
  const content = lookUpMetadata(instance.entries, key);
  return content === undefined ? refusal(404) : { status: 200, body: content };
}

function readPath(url: string | undefined): string {
  const path = (url ?? '/').split('?')[0] ?? '/';
  try {
    return decodeURIComponent(path);
  } catch {
    return path; // a stray percent sign: no such path
  }
}
