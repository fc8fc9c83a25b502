import type { Cluster, Condition, JoinConfiguration, KubeadmConfig } from '../../api/types/index.js';
import type { CertificatePems } from '../../domain/bootstrap/certificate-set.js';
import type { BootstrapFile } from '../../domain/bootstrap/cloud-config.js';
import {
  controlPlaneJoin,
  discoveryKubeconfig,
  discoveryNeed,
  withTokenDiscovery,
  workerJoin,
} from '../../domain/bootstrap/discovery.js';
import type { TemplateData } from '../../domain/bootstrap/file-template.js';
import { hostPort } from '../../domain/bootstrap/kubeadm-version.js';
import { isTrue } from '../../domain/conditions.js';
import { endpointOf, readPath } from '../../domain/contract.js';
import { notYet } from '../../domain/errors.js';
import type { Kube } from '../../kube/kube.js';
import { readRef } from '../kube/refs.js';
import { readCertificates } from './certificates.js';
import { publicKeyPins } from './pki.js';
import { nameOf } from './render.js';
import type { BootstrapDeps, BootstrapSubject } from './subject.js';
import { ensureBootstrapToken, refreshBootstrapToken } from './tokens.js';

export interface CompletedJoin {
  readonly join: JoinConfiguration;
  readonly files: readonly BootstrapFile[];
}

/**
 * The JoinConfiguration with everything the user left open: role, discovery by a token made in the workload cluster, or the kubeconfig of
 * discovery by file. The stored object is never changed: tokens do not belong in a spec. Throws `NotYet` while the cluster has no endpoint.
 */
export async function completedJoin(
  deps: BootstrapDeps,
  subject: BootstrapSubject,
  role: 'control-plane' | 'worker',
  certificates: CertificatePems,
): Promise<CompletedJoin> {
  const given = subject.config.spec?.joinConfiguration ?? {};
  const join = role === 'worker' ? workerJoin(given) : controlPlaneJoin(given);
  const need = discoveryNeed(join.discovery);
  if (need === 'nothing') return { join, files: [] };
  if (need === 'kubeconfig' && join.discovery?.file) {
    const server = join.discovery.file.kubeConfig?.cluster?.server || `https://${endpointText(subject.cluster)}`;
    const file = discoveryKubeconfig(join.discovery.file, {
      server,
      certificateAuthority: certificates.ca?.cert ?? '',
    });
    return { join, files: file ? [file] : [] };
  }
  return { join: { ...join, discovery: await tokenDiscovery(deps, subject, join, certificates) }, files: [] };
}

async function tokenDiscovery(
  deps: BootstrapDeps,
  subject: BootstrapSubject,
  join: JoinConfiguration,
  certificates: CertificatePems,
) {
  const { cluster, config } = subject;
  const given = join.discovery?.bootstrapToken;
  const apiServerEndpoint = given?.apiServerEndpoint || endpointText(cluster);
  const ca = certificates.ca;
  const caCertHashes = ca ? publicKeyPins(`${nameOf('secret', cluster)}-ca, key tls.crt,`, ca.cert) : [];
  const token = given?.token || (await ensureBootstrapToken(await tokenInput(deps, cluster, config, ca?.key ?? '')));
  return withTokenDiscovery(join.discovery, { token, apiServerEndpoint, caCertHashes });
}

/**
 * Extends the token of a machine whose Node has not appeared yet, so that a slow start does not find it expired. Nothing to do for a token or
 * a discovery file brought by the user. Safe to call as often as wanted, every few minutes is enough; writes only when due. Answers whether it
 * wrote. Source: capi refreshBootstrapTokenIfNeeded.
 */
export async function keepBootstrapToken(deps: BootstrapDeps, subject: BootstrapSubject): Promise<boolean> {
  const { cluster, config } = subject;
  const discovery = config.spec?.joinConfiguration?.discovery;
  const joins = config.status?.initialization?.dataSecretCreated === true && isInitialized(cluster);
  if (!joins || discoveryNeed(discovery) !== 'token' || discovery?.bootstrapToken?.token) return false;
  const { signal } = deps.scope();
  const { ca } = await readCertificates(
    { kube: deps.kube, cluster, configuration: undefined, initialized: true, signal },
    ['ca'],
  );
  return await refreshBootstrapToken(await tokenInput(deps, cluster, config, ca?.key ?? ''));
}

/** The cluster's control plane has been initialized: everybody else joins. */
export function isInitialized(cluster: Cluster): boolean {
  return (
    cluster.status?.initialization?.controlPlaneInitialized === true ||
    isTrue(cluster.status?.conditions as Condition[] | undefined, 'ControlPlaneInitialized')
  );
}

async function tokenInput(deps: BootstrapDeps, cluster: Cluster, config: KubeadmConfig, caKey: string) {
  const { signal } = deps.scope();
  const { namespace = '', name, uid = '' } = config.metadata;
  const workload = await deps.workload(cluster, signal);
  return { workload, caKey, identity: `${namespace}/${name}/${uid}`, now: new Date(deps.now()), signal };
}

function endpointText(cluster: Cluster): string {
  const endpoint = endpointOf(cluster);
  if (endpoint) return hostPort(endpoint);
  throw notYet(`waiting for ${nameOf('cluster', cluster)} to get a spec.controlPlaneEndpoint`);
}

/** What templates may use: read only when a file is a template, because the control plane may be of a kind that cannot be read. */
export async function templateData(
  kube: Kube,
  cluster: Cluster,
  config: KubeadmConfig,
  signal: AbortSignal,
): Promise<TemplateData> {
  const used = config.spec?.files?.some((file) => file.contentFormat === 'Template') === true;
  if (!used || !cluster.spec.controlPlaneRef) return { controlPlaneVersion: undefined };
  const controlPlane = await readRef(kube, cluster.spec.controlPlaneRef, cluster.metadata.namespace ?? '', signal);
  const version = readPath(controlPlane, 'spec.version');
  return { controlPlaneVersion: typeof version === 'string' && version !== '' ? fullVersion(version) : undefined };
}

/** `1.35` becomes `v1.35.0`, as everywhere else in the API. */
function fullVersion(version: string): string {
  const bare = version.replace(/^v/, '');
  const parts = /^(\d+)(\.\d+)?(\.\d+)?(.*)$/.exec(bare);
  return parts ? `v${parts[1]}${parts[2] ?? '.0'}${parts[3] ?? '.0'}${parts[4] ?? ''}` : version;
}
