import { existsSync } from 'node:fs';
import path from 'node:path';
import { generateCa, generateKeyPairPem, issueCertificate } from '../activities/bootstrap/pki.js';
import { writeAtomic } from './files.js';
import type { Layout } from './layout.js';

export interface CertFiles {
  readonly cert: string;
  readonly key: string;
}

/** Paths of the sandbox's certificates. */
export interface SandboxPki {
  readonly ca: string;
  readonly apiServer: CertFiles;
  readonly webhooks: CertFiles;
  readonly admin: CertFiles;
  readonly serviceAccount: CertFiles;
}

export function pkiPaths(layout: Layout): SandboxPki {
  const pair = (name: string): CertFiles => ({
    cert: path.join(layout.pki, `${name}.crt`),
    key: path.join(layout.pki, `${name}.key`),
  });
  return {
    ca: path.join(layout.pki, 'ca.crt'),
    apiServer: pair('apiserver'),
    webhooks: { cert: path.join(layout.pki, 'webhooks/tls.crt'), key: path.join(layout.pki, 'webhooks/tls.key') },
    admin: pair('admin'),
    serviceAccount: pair('sa'),
  };
}

/** Makes the sandbox's CA and certificates once; the admin certificate is written last, so a torn first run is made anew. */
export async function ensureSandboxPki(layout: Layout): Promise<SandboxPki> {
  const paths = pkiPaths(layout);
  if (existsSync(paths.admin.cert)) return paths;
  const ca = await generateCa('perdure-sandbox');
  const save = async (files: CertFiles, pair: { cert: string; key: string }): Promise<void> => {
    await writeAtomic(files.key, pair.key);
    await writeAtomic(files.cert, pair.cert, 0o644);
  };
  const local = {
    dns: ['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'],
    ips: ['127.0.0.1', '10.95.0.1'],
  };
  await writeAtomic(paths.ca, ca.cert, 0o644);
  await save(paths.serviceAccount, await generateKeyPairPem());
  await save(
    paths.apiServer,
    await issueCertificate(ca, { commonName: 'kube-apiserver', usages: ['server'], ...local }),
  );
  await save(
    paths.webhooks,
    await issueCertificate(ca, { commonName: 'perdure-webhooks', usages: ['server'], ...local }),
  );
  await save(
    paths.admin,
    await issueCertificate(ca, { commonName: 'sandbox-admin', organization: 'system:masters', usages: ['client'] }),
  );
  return paths;
}
