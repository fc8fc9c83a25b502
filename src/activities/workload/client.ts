import type { Cluster } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject } from '../../api/types/meta.js';
import { PerdureError } from '../../domain/errors.js';
import type { ResolveHost } from '../../kube/access.js';
import { type KubeClient, kubeFromKubeconfigText } from '../../kube/client.js';
import type { Kube } from '../../kube/kube.js';

interface Entry {
  readonly version: string;
  readonly client: KubeClient;
  used: number;
}

const MAX_CLIENTS = 500;
/** The kubeconfig Secret is read again after this long, which is how rotated credentials are picked up. */
const CHECK_EVERY_MS = 10_000;

export interface WorkloadClients {
  /** Client of the cluster's API server. Throws `Transient` when there is no kubeconfig yet. Connections are kept per Secret version. */
  get(cluster: Cluster, signal: AbortSignal): Promise<KubeClient>;
  close(): Promise<void>;
}

/** Keeps one client per workload cluster, made from Secret `<cluster>-kubeconfig` key `value`. Source: capi clustercache. */
export function createWorkloadClients(kube: Kube, resolve?: ResolveHost): WorkloadClients {
  const entries = new Map<string, Entry & { checked: number }>();
  const drop = async (id: string): Promise<void> => {
    const entry = entries.get(id);
    entries.delete(id);
    await entry?.client.close();
  };
  return {
    async get(cluster, signal) {
      const namespace = cluster.metadata.namespace ?? '';
      const name = cluster.metadata.name;
      const id = `${namespace}/${name}/${cluster.metadata.uid}`;
      const known = entries.get(id);
      if (known && Date.now() - known.checked < CHECK_EVERY_MS) {
        known.used = Date.now();
        return known.client;
      }
      const secret = await kube.get<KubeObject & { data?: Record<string, string> }>(
        KINDS.Secret,
        { namespace, name: `${name}-kubeconfig` },
        signal,
      );
      const value = secret?.data?.['value'];
      if (!value) {
        await drop(id);
        throw new PerdureError(
          'Transient',
          `Secret ${namespace}/${name}-kubeconfig does not exist yet: the control plane has written no kubeconfig`,
          { retryAfterMs: 1_000 },
        );
      }
      const version = secret.metadata.resourceVersion ?? '';
      if (known?.version === version) {
        known.checked = Date.now();
        known.used = Date.now();
        return known.client;
      }
      await drop(id);
      if (entries.size >= MAX_CLIENTS) {
        const oldest = [...entries].sort(([, a], [, b]) => a.used - b.used)[0];
        if (oldest) await drop(oldest[0]);
      }
      const client = kubeFromKubeconfigText(Buffer.from(value, 'base64').toString('utf8'), {
        requestTimeoutMs: 10_000,
        userAgent: 'perdure',
        ...(resolve ? { resolve } : {}),
      });
      entries.set(id, { version, client, used: Date.now(), checked: Date.now() });
      return client;
    },
    async close() {
      for (const id of [...entries.keys()]) await drop(id);
    },
  };
}
