import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { convertReview, createApiVersionResolver } from '../../src/api/conversion/index.js';
import { crdManifests } from '../../src/api/crd/definitions.js';
import type { KubeadmControlPlane } from '../../src/api/types/index.js';
import { webhookConfigurations } from '../../src/api/webhooks/configurations.js';
import { startWebhookServer } from '../../src/api/webhooks/server.js';
import { type ApiServer, startApiServer } from './api-server.js';

type Json = Record<string, unknown>;

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const IDENTITIES = '/apis/infrastructure.cluster.x-k8s.io/v1beta2/awsclustercontrolleridentities';

/** An API server that serves our kinds, with our webhooks behind it. */
export interface AdmittingApiServer {
  readonly api: ApiServer;
  /** What the webhook server warned of. */
  readonly problems: readonly string[];
  stop(): Promise<void>;
}

/** Waits for a condition on the server without sleeping: every look is a request. */
async function until(what: () => Promise<boolean>): Promise<void> {
  while (!(await what())) await new Promise((resolve) => setImmediate(resolve));
}

/** The metav1.Status of a refusal, as text. */
export async function refusalOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'was admitted',
    (error: Error) => error.message,
  );
}

async function installed(api: ApiServer, name: string): Promise<boolean> {
  const crd = await api.request<{ status?: { conditions?: { type: string; status: string }[] } }>(
    'GET',
    `${CRDS}/${name}`,
  );
  return crd.status?.conditions?.some((c) => c.type === 'Established' && c.status === 'True') ?? false;
}

/** Starts both, installs CRDs and webhook configurations, and answers once these have taken effect. */
export async function startAdmittingApiServer(): Promise<AdmittingApiServer> {
  const api = await startApiServer();
  const directory = await mkdtemp(join(tmpdir(), 'perdure-webhooks-'));
  const certificate = { certFile: join(directory, 'tls.crt'), keyFile: join(directory, 'tls.key') };
  await writeFile(certificate.certFile, api.serving.cert);
  await writeFile(certificate.keyFile, api.serving.key);
  const problems: string[] = [];
  const note = (message: string, fields?: Json): void => void problems.push(`${message} ${JSON.stringify(fields)}`);
  const server = await startWebhookServer({
    host: '127.0.0.1',
    port: 0,
    certificate,
    convertReview: (review) =>
      convertReview(
        review,
        createApiVersionResolver(async (group) => `${group}/v1beta2`),
      ),
    readControlPlane: (namespace, name) =>
      api.request<KubeadmControlPlane>(
        'GET',
        `/apis/controlplane.cluster.x-k8s.io/v1beta2/namespaces/${namespace}/kubeadmcontrolplanes/${name}`,
      ),
    log: { info: () => undefined, warn: note, error: note },
  });
  await install(api, `https://127.0.0.1:${server.port}`);
  return {
    api,
    problems,
    stop: async () => {
      await server.stop();
      await api.stop();
      await rm(directory, { recursive: true });
    },
  };
}

async function install(api: ApiServer, url: string): Promise<void> {
  const caBundle = Buffer.from(api.ca).toString('base64');
  const crds = crdManifests({ clientConfig: { url: `${url}/convert`, caBundle } });
  for (const crd of crds) await api.request('POST', CRDS, crd);
  for (const crd of crds) await until(() => installed(api, crd.metadata.name));
  for (const configuration of webhookConfigurations({ url, caBundle })) {
    const plural = `${configuration.kind.toLowerCase()}s`;
    await api.request('POST', `/apis/admissionregistration.k8s.io/v1/${plural}`, configuration);
  }
  // Configurations take effect a little later; the first default shows that they have.
  const probe = {
    apiVersion: 'infrastructure.cluster.x-k8s.io/v1beta2',
    kind: 'AWSClusterControllerIdentity',
    metadata: { name: 'other' },
  };
  const tried = (name: string): Promise<{ metadata: { labels?: object } }> =>
    api.request('POST', `${IDENTITIES}?dryRun=All`, { ...probe, metadata: { name } });
  await until(async () => (await refusalOf(tried('other'))).includes('there is only one'));
  await until(async () => (await tried('default')).metadata.labels !== undefined);
}
