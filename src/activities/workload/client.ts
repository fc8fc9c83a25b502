import type { Cluster } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import { isFailure, PerdureError } from '../../domain/errors.js';
import type { ResolveHost } from '../../kube/access.js';
import { type KubeClient, kubeFromKubeconfigText } from '../../kube/client.js';
import { statusCode } from '../../kube/errors.js';
import type { Kube } from '../../kube/kube.js';
import { type Secret, secretText } from '../bootstrap/secrets.js';

interface Entry {
  /** Text of the kubeconfig the client was made from. Holds a secret. */
  readonly kubeconfig: string;
  readonly client: KubeClient;
  checked: number;
  used: number;
}

export interface WorkloadClients {
  /**
   * Client of the cluster's API server, connected. Throws `Transient` when there is no kubeconfig yet, or when the API server does not answer
   * or refuses the kubeconfig's credentials: neither is final.
   */
  get(cluster: Cluster, signal: AbortSignal): Promise<KubeClient>;
  /** When the cluster last answered a probe, milliseconds since the epoch; kept across reconnections. */
  answered(cluster: Cluster): number | undefined;
  close(): Promise<void>;
}

export interface WorkloadClientOptions {
  /** Finds the address of a load balancer whose name only the sandbox's DNS knows. */
  readonly resolve?: ResolveHost | undefined;
  readonly connect?: ((kubeconfig: string) => KubeClient) | undefined;
  /** Milliseconds since the epoch. */
  readonly clock?: (() => number) | undefined;
}

const MAX_CLIENTS = 500;
/** The kubeconfig is read and the API server probed again after this long: how rotated credentials and outages are noticed. */
const CHECK_EVERY_MS = 10_000;
const REQUEST_TIMEOUT_MS = 10_000;
const RETRY_MS = 1_000;

/** Keeps one client per workload cluster, made from Secret `<cluster>-kubeconfig` key `value`. Source: capi clustercache. */
export function createWorkloadClients(
  kube: Kube,
  resolve?: ResolveHost,
  options: WorkloadClientOptions = {},
): WorkloadClients {
  const clock = options.clock ?? Date.now;
  const connect =
    options.connect ??
    ((text: string) =>
      kubeFromKubeconfigText(text, {
        requestTimeoutMs: REQUEST_TIMEOUT_MS,
        userAgent: 'perdure',
        ...(resolve ? { resolve } : {}),
      }));
  const entries = new Map<string, Entry>();
  const answers = new Map<string, number>();

  const drop = async (id: string): Promise<void> => {
    const entry = entries.get(id);
    entries.delete(id);
    await entry?.client.close();
  };
  const makeRoom = async (): Promise<void> => {
    if (entries.size < MAX_CLIENTS) return;
    const oldest = [...entries].sort(([, a], [, b]) => a.used - b.used)[0];
    if (oldest) await drop(oldest[0]);
  };
  const refreshed = async (id: string, cluster: Cluster, signal: AbortSignal): Promise<Entry> => {
    const kubeconfig = await readKubeconfig(kube, cluster, signal);
    const known = entries.get(id);
    if (known?.kubeconfig === kubeconfig) return known;
    await drop(id);
    await makeRoom();
    // Another call may have connected while this one waited: one client per cluster.
    const other = entries.get(id);
    if (other?.kubeconfig === kubeconfig) return other;
    const entry: Entry = { kubeconfig, client: connect(kubeconfig), checked: Number.NEGATIVE_INFINITY, used: clock() };
    entries.set(id, entry);
    return entry;
  };

  const noted = (id: string, at: number): void => {
    answers.delete(id);
    answers.set(id, at);
    const [oldest] = answers.keys();
    if (answers.size > 2 * MAX_CLIENTS && oldest !== undefined) answers.delete(oldest);
  };

  return {
    async get(cluster, signal) {
      const id = idOf(cluster);
      let entry = entries.get(id);
      if (entry === undefined || clock() - entry.checked >= CHECK_EVERY_MS) {
        entry = await refreshed(id, cluster, signal);
        await probe(entry.client, cluster, signal);
        entry.checked = clock();
        noted(id, entry.checked);
      }
      entry.used = clock();
      return entry.client;
    },
    answered: (cluster) => answers.get(idOf(cluster)),
    async close() {
      for (const id of [...entries.keys()]) await drop(id);
    },
  };
}

const idOf = ({ metadata }: Cluster): string => `${metadata.namespace ?? ''}/${metadata.name}/${metadata.uid ?? ''}`;

async function readKubeconfig(kube: Kube, cluster: Cluster, signal: AbortSignal): Promise<string> {
  const { namespace = '', name } = cluster.metadata;
  const ref = { namespace, name: `${name}-kubeconfig` };
  const secret = await kube.get<Secret>(KINDS.Secret, ref, signal);
  const kubeconfig = secret && secretText(secret, 'value');
  if (kubeconfig) return kubeconfig;
  const problem = secret ? 'has no key value' : 'does not exist yet: the control plane has written no kubeconfig';
  throw new PerdureError('Transient', `secret ${namespace}/${ref.name} ${problem}`, { retryAfterMs: RETRY_MS });
}

/** One cheap request that needs a connection and valid credentials. */
async function probe(client: KubeClient, cluster: Cluster, signal: AbortSignal): Promise<void> {
  try {
    await client.raw('GET', '/version', undefined, signal);
  } catch (error) {
    signal.throwIfAborted();
    const name = `${cluster.metadata.namespace ?? ''}/${cluster.metadata.name}`;
    if (isFailure(error, 'Unauthorized')) {
      throw new PerdureError(
        'Transient',
        `the API server of cluster ${name} refuses the credentials in secret ${name}-kubeconfig (${statusCode(error) ?? 401}); delete the secret to have it made anew`,
        { cause: error, retryAfterMs: RETRY_MS },
      );
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw new PerdureError(
      'Transient',
      `the API server of cluster ${name} at ${client.access.server} does not answer: ${reason}`,
      {
        cause: error,
        retryAfterMs: RETRY_MS,
      },
    );
  }
}
