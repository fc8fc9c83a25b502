import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { type ApiServer, startApiServer } from '../../../test/helpers/api-server.js';
import { aCluster } from '../../../test/helpers/fake-objects.js';
import { until } from '../../../test/helpers/perdure.js';
import { startConnectProxy, startSocksProxy, type TestProxy } from '../../../test/helpers/proxies.js';
import { createWorkloadClients, type WorkloadClients } from '../../activities/workload/client.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject } from '../../api/types/meta.js';
import { type KubeClient, kubeFromKubeconfigText } from '../../kube/client.js';
import { silentLog } from '../../telemetry/log.js';
import { WorkloadConnections } from './connections.js';

type Loose = KubeObject & Record<string, unknown>;

/** One real API server stands for the management cluster and for the workload cluster. */
let server: ApiServer;
let kube: KubeClient;
let connections: WorkloadConnections;
let clients: WorkloadClients;
let told: string[];
let now = 0;
const proxies: TestProxy[] = [];
const QUICK = { probeEveryMs: 50, probeTimeoutMs: 2_000, failures: 5, retryMs: 100 };
const never = new AbortController().signal;
const initialization = { infrastructureProvisioned: true, controlPlaneInitialized: true };
const cluster = aCluster({ status: { initialization } });
const { namespace = '', name } = cluster.metadata;
const secretRef = { namespace, name: `${name}-kubeconfig` };

beforeAll(async () => {
  server = await startApiServer();
  kube = kubeFromKubeconfigText(server.kubeconfig);
  await kube.create(KINDS.Secret, secretOf(server.kubeconfig));
}, 120_000);

afterEach(async () => {
  await connections?.close();
  await clients?.close();
  for (const proxy of proxies.splice(0)) await proxy.stop();
  await writeKubeconfig(server.kubeconfig);
});

afterAll(async () => {
  await kube?.close();
  await server?.stop();
}, 60_000);

const secretOf = (kubeconfig: string): Loose => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: secretRef,
  data: { value: Buffer.from(kubeconfig).toString('base64') },
});

async function writeKubeconfig(kubeconfig: string): Promise<KubeObject> {
  return await kube.mergePatch<KubeObject>(KINDS.Secret, secretRef, { data: secretOf(kubeconfig)['data'] });
}

/** Takes the kubeconfig as it is now, as the bridge does when it hears of its Secret. */
async function follow(): Promise<void> {
  connections.follow(namespace, name, cluster, await kube.get(KINDS.Secret, secretRef));
}

function connectAnew(): void {
  told = [];
  clients = createWorkloadClients(kube, undefined, { clock: () => now });
  connections = new WorkloadConnections({
    kube,
    connect: (text) => kubeFromKubeconfigText(text, { limit: { qps: 20, burst: 30 } }),
    onNode: (_namespace, _cluster, { metadata }) => told.push(metadata.name),
    onPod: () => undefined,
    onChange: () => undefined,
    onProbeFailed: () => undefined,
    log: silentLog,
    timing: QUICK,
  });
}

const connected = async (): Promise<void> => {
  await until('the connection', 30, async () => {
    const view = connections.view(namespace, name);
    return (view?.link === 'up' && view.listed) || undefined;
  });
};
const createNode = (node: string): Promise<KubeObject> =>
  kube.create<Loose>(KINDS.Node, {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: node },
    spec: { providerID: node },
  });
const setReady = (node: string, status: string, lastHeartbeatTime: string): Promise<KubeObject> =>
  kube.mergePatch<KubeObject>(
    KINDS.Node,
    { name: node },
    { status: { conditions: [{ type: 'Ready', status, reason: 'R', lastHeartbeatTime }] } },
    { subresource: 'status' },
  );
const heard = (node: string, times: number): Promise<unknown> =>
  until(`news of ${node}`, 30, async () => told.filter((n) => n === node).length === times || undefined);

/** The kubeconfig with another token, or by way of a proxy. */
function kubeconfigWith(change: { readonly token?: string; readonly proxy?: string }): string {
  const config = JSON.parse(server.kubeconfig) as {
    clusters: { cluster: Record<string, unknown> }[];
    users: { user: Record<string, unknown> }[];
  };
  if (change.token !== undefined && config.users[0]) config.users[0].user['token'] = change.token;
  if (change.proxy !== undefined && config.clusters[0]) config.clusters[0].cluster['proxy-url'] = change.proxy;
  return JSON.stringify(config);
}

test('hears of Nodes that change in what matters, not of heartbeats, and goes on after the API server was restarted', async () => {
  connectAnew();
  await createNode('heard');
  await follow();
  await connected();
  await setReady('heard', 'True', '2026-01-01T00:00:00Z');
  await heard('heard', 1);
  await setReady('heard', 'True', '2026-01-01T00:05:00Z');
  await setReady('heard', 'False', '2026-01-01T00:10:00Z');
  await heard('heard', 2);

  const goes = await createNode('goes');
  await heard('goes', 1);
  await server.restart(async () => {
    await until('the loss of the connection', 30, async () => connections.counts().connected === 0 || undefined);
  });
  await kube.delete(KINDS.Node, { name: goes.metadata.name });
  await heard('goes', 2);
  await setReady('heard', 'True', '2026-01-01T00:15:00Z');
  await heard('heard', 3);
  const machine = { apiVersion: 'x/v1', kind: 'Machine', metadata: { name: 'm' }, spec: { providerID: 'heard' } };
  expect(connections.view(namespace, name)?.nodeOf(machine as KubeObject)).toMatchObject({
    metadata: { name: 'heard' },
    status: { conditions: [{ type: 'Ready', status: 'True', reason: 'R' }] },
  });
}, 120_000);

test('credentials that were rotated are taken, by the bridge at once, by activities when they look next', async () => {
  connectAnew();
  await writeKubeconfig(kubeconfigWith({ token: 'refused' }));
  await follow();
  await expect(clients.get(cluster, never)).rejects.toThrow('refuses the credentials');
  expect(connections.counts()).toMatchObject({ connected: 0 });
  await writeKubeconfig(server.kubeconfig);
  await follow();
  await connected();
  const client = await clients.get(cluster, never);
  const first = clients.answered(cluster);
  now += 10_000;
  expect(await clients.get(cluster, never)).toBe(client);
  expect(clients.answered(cluster)).toBe((first ?? 0) + 10_000);
  // from now on by way of a proxy
  const other = await startConnectProxy();
  proxies.push(other);
  await writeKubeconfig(kubeconfigWith({ proxy: other.url }));
  now += 10_000;
  expect(await clients.get(cluster, never)).not.toBe(client);
  await follow();
  await until('a connection by the new kubeconfig', 30, async () => other.targets.length > 1 || undefined);
  await connected();
}, 60_000);

test.each([
  ['an HTTP proxy', startConnectProxy],
  ['a SOCKS5 proxy', startSocksProxy],
])(
  'reaches a cluster through %s, and comes back when that was gone',
  async (_, start) => {
    connectAnew();
    const proxy = await start();
    await writeKubeconfig(kubeconfigWith({ proxy: proxy.url }));
    await follow();
    await connected();
    expect(new Set(proxy.targets)).toEqual(new Set([new URL(server.url).host]));
    const node = `by-${new URL(proxy.url).protocol.slice(0, -1)}`;
    await createNode(node);
    await heard(node, 1);
    await proxy.stop();
    await until('the loss of the connection', 30, async () => connections.counts().connected === 0 || undefined);
    const next = await start();
    proxies.push(next);
    await writeKubeconfig(kubeconfigWith({ proxy: next.url }));
    await follow();
    await connected();
    await setReady(node, 'False', '2026-01-01T00:00:00Z');
    await heard(node, 2);
  },
  60_000,
);
