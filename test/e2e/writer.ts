import { Agent, request } from 'node:https';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { parse } from 'yaml';

/** What a client saw that wrote all the time. */
export interface WriterReport {
  readonly writes: number;
  /** Stretches without a successful write: from the first that failed to the next that succeeded. */
  readonly outages: readonly { readonly ms: number; readonly failures: number; readonly cause: string }[];
  /** The longest of them, ms; 0 when no write failed. */
  readonly longestMs: number;
}

export interface Writer {
  report(): WriterReport;
  stop(): Promise<WriterReport>;
}

/** How long a write may take until it counts as failed. */
export const REQUEST_MS = 2_000;
const CONFIG_MAP = 'heartbeat';

/**
 * Applies a ConfigMap of the cluster that `kubeconfig` names again and again, `everyMs` after the last began, over kept connections as clients have
 * them. Each has a number of its own, so each is a write in etcd.
 */
export function startWriter(kubeconfig: string, everyMs: number): Writer {
  const send = sender(kubeconfig);
  const stopped = new AbortController();
  const outages: { ms: number; failures: number; cause: string }[] = [];
  let writes = 0;
  let failing: { since: number; failures: number; cause: string } | undefined;

  const close = (): void => {
    if (!failing) return;
    outages.push({ ms: Math.round(performance.now() - failing.since), ...countOf(failing) });
    failing = undefined;
  };
  const once = async (): Promise<void> => {
    const begun = performance.now();
    try {
      await send(++writes);
      close();
    } catch (error) {
      failing ??= { since: begun, failures: 0, cause: (error as Error).message };
      failing.failures++;
    }
    await delay(Math.max(0, everyMs - (performance.now() - begun)), undefined, { signal: stopped.signal }).catch(
      () => undefined,
    );
  };
  const loop = (async () => {
    while (!stopped.signal.aborted) await once();
  })();
  const report = (): WriterReport => {
    const all = failing
      ? [...outages, { ms: Math.round(performance.now() - failing.since), ...countOf(failing) }]
      : outages;
    return { writes, outages: [...all], longestMs: Math.max(0, ...all.map((o) => o.ms)) };
  };
  return {
    report,
    async stop() {
      stopped.abort();
      await loop;
      send.close();
      return report();
    },
  };
}

const countOf = ({ failures, cause }: { failures: number; cause: string }) => ({ failures, cause });

function sender(kubeconfig: string): ((n: number) => Promise<void>) & { close(): void } {
  const { clusters, users } = parse(kubeconfig) as {
    clusters: { cluster: { server: string; 'tls-server-name'?: string; 'certificate-authority-data': string } }[];
    users: { user: { 'client-certificate-data': string; 'client-key-data': string } }[];
  };
  const cluster = clusters[0]?.cluster;
  const user = users[0]?.user;
  if (!cluster || !user) throw new Error('the kubeconfig names no cluster or no user');
  const decode = (text: string): Buffer => Buffer.from(text, 'base64');
  const agent = new Agent({
    keepAlive: true,
    ca: decode(cluster['certificate-authority-data']),
    cert: decode(user['client-certificate-data']),
    key: decode(user['client-key-data']),
    ...(cluster['tls-server-name'] ? { servername: cluster['tls-server-name'] } : {}),
  });
  const url = `${cluster.server}/api/v1/namespaces/default/configmaps/${CONFIG_MAP}?fieldManager=writer&force=true`;
  const send = (n: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/apply-patch+yaml' };
      const call = request(url, { method: 'PATCH', agent, headers, timeout: REQUEST_MS }, (response) => {
        const { statusCode = 0 } = response;
        response.resume();
        response.once('error', reject);
        response.once('end', () => (statusCode < 300 ? resolve() : reject(new Error(`status ${statusCode}`))));
      });
      // The time-out of a socket counts from its last byte; one of the whole call does not.
      const timer = setTimeout(() => call.destroy(new Error(`no answer within ${REQUEST_MS} ms`)), REQUEST_MS);
      call.once('error', reject);
      call.once('close', () => clearTimeout(timer));
      const metadata = { name: CONFIG_MAP, namespace: 'default' };
      call.end(JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { beat: String(n) } }));
    });
  return Object.assign(send, { close: () => agent.destroy() });
}
