import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import { PerdureError } from '../domain/errors.js';
import type { AccessOptions, Credentials, KubeAccess } from './access.js';

/** Access as a kubeconfig file describes it: client certificates, tokens, token files, exec plugins, `proxy-url`, `tls-server-name`. */
export function accessFromKubeconfigFile(
  path: string,
  options: AccessOptions & { readonly context?: string } = {},
): KubeAccess {
  const config = new KubeConfig();
  load(`kubeconfig ${path}`, () => config.loadFromFile(path));
  return accessFrom(config, `kubeconfig ${path}`, options);
}

/** The same from the file's text, e.g. out of a Secret. The text itself never shows in errors. */
export function accessFromKubeconfigText(
  text: string,
  options: AccessOptions & { readonly context?: string } = {},
): KubeAccess {
  const config = new KubeConfig();
  load('kubeconfig', () => config.loadFromString(text));
  return accessFrom(config, 'kubeconfig', options);
}

/** Access by the service account mounted into a pod. Its token is re-read as it rotates. */
export function accessInCluster(options: AccessOptions = {}): KubeAccess {
  const config = new KubeConfig();
  load('in-cluster configuration', () => config.loadFromCluster());
  return accessFrom(config, 'in-cluster configuration', options);
}

function load(what: string, read: () => void): void {
  try {
    read();
  } catch (error) {
    // Parser messages may quote the text, which holds keys: only the kind of error goes on.
    const code = (error as NodeJS.ErrnoException).code ?? 'not a valid kubeconfig';
    throw new PerdureError(
      'InvalidConfiguration',
      `cannot load ${what}: ${code}; check the path and the file's format`,
    );
  }
}

function accessFrom(
  config: KubeConfig,
  what: string,
  options: AccessOptions & { readonly context?: string },
): KubeAccess {
  const { context, ...rest } = options;
  if (context !== undefined) {
    const known = config.getContexts().map((c) => c.name);
    if (!known.includes(context)) {
      throw new PerdureError(
        'InvalidConfiguration',
        `${what} has no context ${context}; it has: ${known.join(', ') || 'none'}`,
      );
    }
    config.setCurrentContext(context);
  }
  const cluster = config.getCurrentCluster();
  if (!cluster?.server) {
    throw new PerdureError(
      'InvalidConfiguration',
      `${what}: current context names no cluster with a server; set current-context`,
    );
  }
  const proxyUrl = proxyOf(cluster.proxyUrl, what);
  return {
    ...rest,
    server: cluster.server,
    credentials: () => credentialsFrom(config, what),
    ...(proxyUrl === undefined ? {} : { proxyUrl }),
  };
}

const PROXY_SCHEMES = ['http:', 'https:', 'socks5:'];

/** The proxy's URL may hold a password: errors name its scheme and nothing else. */
function proxyOf(text: string | undefined, what: string): string | undefined {
  if (!text) return undefined;
  // names are resolved by the proxy either way
  const url = URL.parse(text.replace(/^socks5h:/, 'socks5:'));
  if (url && PROXY_SCHEMES.includes(url.protocol)) return url.href;
  throw new PerdureError(
    'InvalidConfiguration',
    `${what}: proxy-url ${url ? `with scheme ${url.protocol.slice(0, -1)} is not supported` : 'is not a URL'}; use http, https or socks5`,
  );
}

async function credentialsFrom(config: KubeConfig, what: string): Promise<Credentials> {
  const options: RequestOptions = {};
  try {
    await config.applyToHTTPSOptions(options);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new PerdureError('Unauthorized', `cannot get credentials from ${what}: ${message.slice(0, 500)}`, {
      cause: error,
    });
  }
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    if (value !== undefined) headers[name.toLowerCase()] = String(value).trim();
  }
  if (typeof options.auth === 'string')
    headers['authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  return {
    headers,
    ...pem('ca', options.ca),
    ...pem('cert', options.cert),
    ...pem('key', options.key),
    ...(options.servername === undefined ? {} : { servername: options.servername }),
    ...(options.rejectUnauthorized === false ? { insecureSkipTlsVerify: true } : {}),
  };
}

function pem<K extends 'ca' | 'cert' | 'key'>(name: K, value: unknown): Partial<Record<K, string | Buffer>> {
  return typeof value === 'string' || Buffer.isBuffer(value) ? ({ [name]: value } as Record<K, string | Buffer>) : {};
}
