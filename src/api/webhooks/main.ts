import path from 'node:path';
import { readConfig } from '../../config/config.js';
import { contractVersion, pluralOf } from '../../domain/contract.js';
import { PerdureError } from '../../domain/errors.js';
import type { Kube } from '../../kube/kube.js';
import { managementKube } from '../../kube/management.js';
import { createLogger } from '../../telemetry/logger.js';
import { convertReview, createApiVersionResolver } from '../conversion/index.js';
import { definitionOf } from '../crd/definitions.js';
import type { KubeadmControlPlane } from '../types/index.js';
import { KINDS } from '../types/kinds.js';
import type { KubeObject } from '../types/meta.js';
import { DEFAULT_GATES } from './context.js';
import { startWebhookServer } from './server.js';

/** Admission and conversion webhooks as a process: runs until SIGTERM or SIGINT. */
async function main(): Promise<void> {
  const config = readConfig();
  const log = createLogger({ level: config.log.level, fields: { process: 'webhooks' } });
  const { certDir, listen } = config.webhooks;
  if (!certDir)
    throw new PerdureError(
      'InvalidConfiguration',
      'PERDURE_WEBHOOK_CERT_DIR is not set: webhooks need a directory with tls.crt and tls.key',
    );
  const kube = managementKube(config.kube);
  const resolver = createApiVersionResolver((group, kind) => servedApiVersion(kube, group, kind));
  const server = await startWebhookServer({
    ...listen,
    gates: {
      ...DEFAULT_GATES,
      BootstrapFormatIgnition: config.features.BootstrapFormatIgnition,
      KubeadmBootstrapFormatIgnition: config.features.KubeadmBootstrapFormatIgnition,
    },
    certificate: { certFile: path.join(certDir, 'tls.crt'), keyFile: path.join(certDir, 'tls.key') },
    convertReview: (review) => convertReview(review, resolver),
    readControlPlane: (namespace, name) =>
      kube.get<KubeadmControlPlane>(KINDS.KubeadmControlPlane, { namespace, name }),
    log,
  });
  log.info('webhooks serve', { port: server.port });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      server
        .stop()
        .then(() => kube.close())
        .then(
          () => process.exit(0),
          () => process.exit(1),
        );
    });
  }
}

/** apiVersion that v1beta1 references show: our own definition, else the newest version the CRD's contract labels name. */
async function servedApiVersion(kube: Kube, group: string, kind: string): Promise<string | undefined> {
  const own = definitionOf(group, kind);
  if (own) return `${group}/v1beta2`;
  const crd = await kube.get<KubeObject>(KINDS.CustomResourceDefinition, { name: `${pluralOf(kind)}.${group}` });
  const version = contractVersion(crd?.metadata.labels);
  return version ? `${group}/${version}` : undefined;
}

main().catch((error: unknown) => {
  process.stderr.write(`perdure webhooks: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
