/** What one connection needs; computed anew when credentials may have changed. Holds secrets: never log it. */
export interface Credentials {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly passphrase?: string;
  readonly servername?: string;
  readonly insecureSkipTlsVerify?: boolean;
  /** Request headers, e.g. `Authorization`. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Maps a host name of an API server to an address; undefined leaves it to the system's resolver. */
export type ResolveHost = (host: string) => string | undefined | Promise<string | undefined>;

/** How to reach and identify against one API server. */
export interface KubeAccess {
  /** URL of the API root, e.g. `https://10.0.0.1:6443`; a path prefix is kept. */
  readonly server: string;
  /** Called before requests when the last answer is older than `CREDENTIALS_TTL_MS`, and once more after a 401. */
  readonly credentials: () => Promise<Credentials>;
  readonly resolve?: ResolveHost;
  /** Proxy from the kubeconfig's `proxy-url`: http, https or socks5. May hold a password: never log it. */
  readonly proxyUrl?: string;
  /** Steady requests per second and burst; unlimited when absent. Watches count once, at their start. */
  readonly limit?: { readonly qps: number; readonly burst: number };
  /** Milliseconds until a request that got no answer fails. Default 30,000. */
  readonly requestTimeoutMs?: number;
  readonly userAgent?: string;
}

/** Milliseconds that computed credentials are used before they are asked for again (tokens on disk and exec plugins rotate). */
export const CREDENTIALS_TTL_MS = 30_000;

/** The optional settings shared by all constructors. */
export type AccessOptions = Pick<KubeAccess, 'resolve' | 'limit' | 'requestTimeoutMs' | 'userAgent'>;
