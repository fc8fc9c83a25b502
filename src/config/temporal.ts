import { readFileSync } from 'node:fs';
import type { TemporalConfig, TemporalTls } from './config.js';

/** Connection options that Temporal's client and worker both take. */
export interface TemporalConnectionOptions {
  readonly address: string;
  readonly tls?: {
    readonly serverRootCACertificate?: Buffer;
    readonly clientCertPair?: { readonly crt: Buffer; readonly key: Buffer };
    readonly serverNameOverride?: string;
  };
  readonly apiKey?: string;
}

/** Address, TLS files and API key as they are on disk now. */
export function temporalConnection(config: TemporalConfig): TemporalConnectionOptions {
  return {
    address: config.address,
    ...(config.tls ? { tls: tlsOf(config.tls) } : {}),
    ...(config.apiKeyFile === undefined ? {} : { apiKey: readFileSync(config.apiKeyFile, 'utf8').trim() }),
  };
}

/** The TLS files of a configuration, read now. */
export function tlsOf({
  caFile,
  certFile,
  keyFile,
  serverName,
}: TemporalTls): NonNullable<TemporalConnectionOptions['tls']> {
  return {
    ...(caFile === undefined ? {} : { serverRootCACertificate: readFileSync(caFile) }),
    ...(certFile === undefined || keyFile === undefined
      ? {}
      : { clientCertPair: { crt: readFileSync(certFile), key: readFileSync(keyFile) } }),
    ...(serverName === undefined ? {} : { serverNameOverride: serverName }),
  };
}
