import type { Cluster, KubeadmConfig, Machine } from '../../../api/types/index.js';
import { KINDS } from '../../../api/types/kinds.js';
import { isDeleting } from '../../../domain/contract.js';
import { ANNOTATION } from '../../../domain/names.js';
import { apiServerPort, rfc3339 } from '../../../domain/upkeep/certificates.js';
import type { KubeClient } from '../../../kube/client.js';
import type { Kube } from '../../../kube/kube.js';
import { ofCluster } from '../../kube/world.js';
import { ensureMetadata } from '../../kube/write.js';
import { servingCertificateExpiry } from './serving-certificate.js';

/** Reads when the API server's certificate on a node expires; replaced in tests. */
export type ReadExpiry = (workload: KubeClient, node: string, port: number, signal: AbortSignal) => Promise<Date>;

export interface Unknown {
  readonly node: string;
  readonly config: KubeadmConfig;
}

/**
 * Machines of a control plane with a Node whose bootstrap config does not say yet when their certificates expire. Taking the annotation away, after
 * renewing them by hand, has it read again.
 */
export async function machinesWithoutExpiry(
  kube: Kube,
  cluster: Cluster,
  machines: readonly Machine[],
  signal: AbortSignal,
): Promise<Unknown[]> {
  const settled = machines.filter((m) => !isDeleting(m) && m.status?.nodeRef?.name !== undefined);
  if (settled.length === 0) return [];
  const { namespace = '', name } = cluster.metadata;
  const selector = { namespace, labelSelector: ofCluster(name) };
  const configs = await kube.list<KubeadmConfig>(KINDS.KubeadmConfig, selector, signal);
  const byName = new Map(configs.map((config) => [config.metadata.name, config]));
  return settled.flatMap((machine) => {
    const { configRef } = machine.spec.bootstrap;
    const config = configRef?.kind === 'KubeadmConfig' ? byName.get(configRef.name) : undefined;
    const known = config?.metadata.annotations?.[ANNOTATION.certificatesExpiry] !== undefined;
    return config === undefined || known ? [] : [{ node: machine.status?.nodeRef?.name ?? '', config }];
  });
}

/**
 * Notes on each of these bootstrap configs when the machine's certificates expire. One that cannot be asked does not keep the others from it; its error
 * is thrown at the end. Source: capi reconcileCertificateExpiries.
 */
export async function noteExpiries(
  kube: Kube,
  workload: KubeClient,
  unknown: readonly Unknown[],
  signal: AbortSignal,
  read: ReadExpiry = servingCertificateExpiry,
): Promise<void> {
  const errors: unknown[] = [];
  for (const { node, config } of unknown) {
    try {
      const expires = await read(workload, node, apiServerPort(config), signal);
      const annotations = { [ANNOTATION.certificatesExpiry]: rfc3339(expires) };
      await ensureMetadata(kube, KINDS.KubeadmConfig, config, { annotations }, signal);
    } catch (error) {
      signal.throwIfAborted();
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}
