import type { InfraProvider } from '../activities/providers/port.js';
import type { KubeObject } from '../api/types/meta.js';
import type { KubeClient } from '../kube/client.js';
import { sleep } from '../kube/rate-limit.js';
import { Reflector } from '../kube/reflector.js';
import type { Log } from '../telemetry/log.js';
import type { CloudQueues } from './cloud-queues.js';

const RETRY_MS = 2_000;
const TEND_MS = 60_000;

/** Follows the infra clusters of all providers, so that every cloud account in use has a polled queue and a sweep. */
export function watchInfraClusters(
  kube: KubeClient,
  providers: readonly InfraProvider[],
  queues: CloudQueues,
  log: Log,
): { stop(): void; synced(): boolean } {
  const abort = new AbortController();
  const timers = new Set<NodeJS.Timeout>();
  const seen = (object: KubeObject): void => {
    queues.seen(object).catch((error: unknown) => {
      log.warn('could not serve a cloud account queue yet', {
        object: `${object.metadata.namespace}/${object.metadata.name}`,
        error: error instanceof Error ? error.message : String(error),
      });
      const timer = setTimeout(() => {
        timers.delete(timer);
        if (!abort.signal.aborted) seen(object);
      }, RETRY_MS);
      timers.add(timer);
    });
  };
  const reflectors = providers.map(
    (provider) =>
      new Reflector<KubeObject>({
        client: kube,
        kind: provider.clusterKind,
        log,
        onEvent: (event) => {
          if (event.type === 'deleted') void queues.gone(event.object);
          else seen(event.object);
        },
      }),
  );
  for (const reflector of reflectors) {
    reflector.run(abort.signal).catch((error: unknown) => {
      if (!abort.signal.aborted)
        log.error('watch of infra clusters ended', { error: error instanceof Error ? error.message : String(error) });
    });
  }
  const synced = (): boolean => reflectors.every((r) => r.status().state === 'watching');
  const tend = async (): Promise<void> => {
    await Promise.all(reflectors.map((r) => r.whenSynced));
    while (!abort.signal.aborted) {
      // Only who knows all clusters can tell which sweep nobody needs.
      if (synced())
        await queues.tend().catch((error: unknown) =>
          log.warn('could not look after the sweeps', {
            error: error instanceof Error ? error.message : String(error),
          }),
        );
      await sleep(TEND_MS, abort.signal).catch(() => undefined);
    }
  };
  void tend();
  return {
    stop() {
      abort.abort();
      for (const timer of timers) clearTimeout(timer);
    },
    synced,
  };
}
