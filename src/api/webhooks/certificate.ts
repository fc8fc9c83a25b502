import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';

export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface CertificatePair {
  readonly cert: string;
  readonly key: string;
}

/** Reads a pair and makes sure that key and certificate belong together. Throws when a file is missing or the pair is torn. */
export async function readCertificate({ certFile, keyFile }: CertificateFiles): Promise<CertificatePair> {
  const [cert, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')]);
  createSecureContext({ cert, key });
  return { cert, key };
}

export interface CertificateWatch {
  /** Looks now; resolves to whether a new pair was taken. A torn or missing pair is left for the next look. */
  check(): Promise<boolean>;
  stop(): void;
}

/**
 * Looks every `everyMs` whether the files changed and hands a whole new pair to `take`. Polling, since Secrets mounted as volumes change by a
 * swap of symbolic links that file events do not show reliably.
 */
export function watchCertificate(
  files: CertificateFiles,
  current: CertificatePair,
  options: {
    readonly everyMs: number;
    readonly take: (pair: CertificatePair) => void;
    readonly onError: (error: unknown) => void;
  },
): CertificateWatch {
  let known = current;
  const check = async (): Promise<boolean> => {
    try {
      const pair = await readCertificate(files);
      if (pair.cert === known.cert && pair.key === known.key) return false;
      options.take(pair);
      known = pair;
      return true;
    } catch (error) {
      options.onError(error);
      return false;
    }
  };
  const timer = setInterval(() => void check(), options.everyMs);
  timer.unref();
  return { check, stop: () => clearInterval(timer) };
}
