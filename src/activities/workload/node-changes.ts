import type { Cluster } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject } from '../../api/types/meta.js';
import { readPath } from '../../domain/contract.js';
import type { Changes } from '../../kube/changes.js';
import type { KubeClient } from '../../kube/client.js';
import { Reflector } from '../../kube/reflector.js';
import type { Log } from '../../telemetry/log.js';

const nodeTopic = (cluster: Cluster, providerID: string): string => `node/${cluster.metadata.uid ?? ''}/${providerID}`;

/** Topics of the Node of an instance: its own, and that of Nodes without a providerID, which may become anybody's. */
export const nodeTopics = (cluster: Cluster, providerID: string): string[] => [
  nodeTopic(cluster, providerID),
  nodeTopic(cluster, ''),
];

/** Hears of Nodes of workload clusters, as long as somebody waits for some. */
export interface NodeChanges {
  /** Whether all changes of the cluster's Nodes are told under `nodeTopics`. Begins to watch them through `client` at the first question. */
  heard(cluster: Cluster, client: KubeClient): boolean;
  close(): void;
}

/** A watch that nobody asked about for so long is ended. */
const UNUSED_MS = 120_000;

interface Watch {
  readonly client: KubeClient;
  readonly reflector: Reflector;
  readonly abort: AbortController;
  used: number;
}

/** One watch of Nodes per cluster with machines that are waited for. One whose client was replaced (rotated credentials) is opened anew. */
export function createNodeChanges(
  changes: Pick<Changes, 'tell'>,
  log: Log,
  clock: () => number = Date.now,
): NodeChanges {
  const watches = new Map<string, Watch>();
  const end = (id: string): void => {
    watches.get(id)?.abort.abort();
    watches.delete(id);
  };
  const open = (cluster: Cluster, client: KubeClient): Watch => {
    const abort = new AbortController();
    const reflector = new Reflector<KubeObject>({
      client,
      kind: KINDS.Node,
      log,
      onEvent: ({ object }) => {
        const providerID = readPath(object, 'spec.providerID');
        changes.tell([nodeTopic(cluster, typeof providerID === 'string' ? providerID : '')]);
      },
    });
    void reflector.run(abort.signal);
    return { client, reflector, abort, used: clock() };
  };
  return {
    heard(cluster, client) {
      const now = clock();
      for (const [id, watch] of watches) if (now - watch.used > UNUSED_MS) end(id);
      const id = cluster.metadata.uid ?? '';
      if (watches.get(id)?.client !== client) end(id);
      const watch = watches.get(id) ?? open(cluster, client);
      watches.set(id, watch);
      watch.used = now;
      return watch.reflector.healthy();
    },
    close() {
      for (const id of [...watches.keys()]) end(id);
    },
  };
}
