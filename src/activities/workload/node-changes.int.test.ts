import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type ApiServer, startApiServer } from '../../../test/helpers/api-server.js';
import { aCluster } from '../../../test/helpers/fake-objects.js';
import { until } from '../../../test/helpers/perdure.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject } from '../../api/types/meta.js';
import { type Changes, createChanges, objectTopic } from '../../kube/changes.js';
import { type KubeClient, kubeFromKubeconfigText } from '../../kube/client.js';
import { silentLog } from '../../telemetry/log.js';
import { createNodeChanges, type NodeChanges, nodeTopics } from './node-changes.js';

/** One real API server stands for the management cluster and for the workload cluster. */
let server: ApiServer;
let client: KubeClient;
let changes: Changes;
let nodes: NodeChanges;
const ending = new AbortController();
const cluster = aCluster();
const providerID = 'aws:///us-east-1a/i-0123456789abcdef0';

beforeAll(async () => {
  server = await startApiServer();
  client = kubeFromKubeconfigText(server.kubeconfig);
  changes = createChanges(client, silentLog, ending.signal);
  nodes = createNodeChanges(changes, silentLog);
});

afterAll(async () => {
  nodes?.close();
  ending.abort();
  await client?.close();
  await server?.stop();
});

test('a change of an object ends the wait for it', async () => {
  await until('the watch of ConfigMaps', 30, async () => changes.heard([KINDS.ConfigMap]) || undefined);
  const since = changes.mark();
  const metadata = { namespace: 'default', name: 'waited-for' };
  await client.create(KINDS.ConfigMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata });
  await changes.next([objectTopic({ kind: 'ConfigMap', ...metadata })], since, AbortSignal.timeout(30_000));
});

test('so do a Node that joins and every change of it, and a new client is watched through anew', async () => {
  const wait = (since: number): Promise<void> =>
    changes.next(nodeTopics(cluster, providerID), since, AbortSignal.timeout(30_000));
  await until('the watch of Nodes', 30, async () => nodes.heard(cluster, client) || undefined);
  let since = changes.mark();
  await client.create(KINDS.Node, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' } } as KubeObject);
  await wait(since);
  await client.mergePatch(KINDS.Node, { name: 'n' }, { spec: { providerID } });
  const other = kubeFromKubeconfigText(server.kubeconfig);
  try {
    expect(nodes.heard(cluster, other)).toBe(false);
    await until('the watch through another client', 30, async () => nodes.heard(cluster, other) || undefined);
    since = changes.mark();
    await client.mergePatch(KINDS.Node, { name: 'n' }, { metadata: { labels: { a: 'b' } } });
    await wait(since);
  } finally {
    nodes.close();
    await other.close();
  }
});
