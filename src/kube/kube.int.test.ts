import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type ApiServer, startApiServer } from '../../test/helpers/api-server.js';
import { KINDS } from '../api/types/kinds.js';
import type { KubeObject, ResourceKind } from '../api/types/meta.js';
import { silentLog } from '../telemetry/log.js';
import { type KubeClient, kubeFromKubeconfigText, listPage } from './client.js';
import { eventRecorder } from './events.js';
import { LeaderElector } from './leader-election.js';
import { Reflector, type StoreEvent } from './reflector.js';

type ConfigMap = KubeObject & { data?: Record<string, string> };

const DEPLOYMENT: ResourceKind = {
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  plural: 'deployments',
  namespaced: true,
};
const FIRST = { fieldManager: 'first' };
let server: ApiServer;
let kube: KubeClient;

beforeAll(async () => {
  server = await startApiServer();
  kube = kubeFromKubeconfigText(server.kubeconfig);
}, 120_000);

afterAll(async () => {
  await kube?.close();
  await server?.stop();
}, 30_000);

const map = (name: string, data: Record<string, string>): ConfigMap & Record<string, unknown> => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace: 'default', name },
  data,
});
const at = (name: string) => ({ namespace: 'default', name });

test('applies only its own fields, reports a conflict when told not to force, and drops what it no longer applies', async () => {
  await kube.apply<ConfigMap>(KINDS.ConfigMap, map('ssa', { a: '1', b: '1' }), FIRST);
  await kube.apply<ConfigMap>(KINDS.ConfigMap, map('ssa', { c: '2' }), { fieldManager: 'second' });
  const clash = kube.apply(KINDS.ConfigMap, map('ssa', { a: '9' }), { fieldManager: 'second', force: false });
  await expect(clash).rejects.toMatchObject({ type: 'Conflict', details: { cause: 'FieldManagerConflict' } });
  const stored = await kube.apply<ConfigMap>(KINDS.ConfigMap, map('ssa', { a: '1' }), FIRST);
  expect(stored.data).toEqual({ a: '1', c: '2' });
});

test('tells an existing object from other conflicts, and names the field of an invalid one', async () => {
  await kube.create(KINDS.ConfigMap, map('twice', {}));
  await expect(kube.create(KINDS.ConfigMap, map('twice', {}))).rejects.toMatchObject({
    type: 'Conflict',
    details: { alreadyExists: true },
  });
  await expect(kube.create(KINDS.ConfigMap, map('Not Valid', {}))).rejects.toMatchObject({
    type: 'InvalidConfiguration',
    message: expect.stringContaining('metadata.name'),
  });
});

test('writes status and scale apart from spec', async () => {
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  const spec = { replicas: 1, selector: { matchLabels: { a: 'b' } }, template };
  const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: at('d'), spec };
  await kube.create(DEPLOYMENT, deployment);
  const status = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: at('d'), status: { replicas: 3 } };
  const stored = await kube.apply<typeof status & typeof deployment>(DEPLOYMENT, status, {
    fieldManager: 's',
    subresource: 'status',
  });
  expect([stored.spec.replicas, stored.status.replicas]).toEqual([1, 3]);
  type Scale = KubeObject & { spec: { replicas: number } };
  const scale = await kube.modify<Scale>(DEPLOYMENT, at('d'), (s) => ({ ...s, spec: { replicas: 5 } }), {
    subresource: 'scale',
  });
  expect(scale?.kind).toBe('Scale');
  expect((await kube.get<typeof deployment>(DEPLOYMENT, at('d')))?.spec.replicas).toBe(5);
});

test('loses no concurrent modification', async () => {
  await kube.create(KINDS.ConfigMap, map('counter', { n: '0' }));
  const increment = () =>
    kube.modify<ConfigMap>(KINDS.ConfigMap, at('counter'), (c) => ({
      ...c,
      data: { n: String(Number(c.data?.['n']) + 1) },
    }));
  await Promise.all([increment(), increment(), increment()]);
  expect((await kube.get<ConfigMap>(KINDS.ConfigMap, at('counter')))?.data).toEqual({ n: '3' });
});

test('deletes one incarnation only', async () => {
  const first = await kube.create(KINDS.ConfigMap, map('again', {}));
  await kube.delete(KINDS.ConfigMap, at('again'));
  await kube.create(KINDS.ConfigMap, map('again', {}));
  expect(await kube.delete(KINDS.ConfigMap, at('again'), { uid: first.metadata.uid ?? '' })).toBe(false);
  expect(await kube.get(KINDS.ConfigMap, at('again'))).toBeDefined();
});

test('walks pages, and reads Secrets without their content', async () => {
  for (const name of ['p1', 'p2', 'p3']) {
    const labels = { page: 'yes' };
    await kube.create(KINDS.Secret, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { ...at(name), labels },
      stringData: { k: 'v' },
    } as KubeObject);
  }
  const options = { namespace: 'default', labelSelector: 'page=yes', metadataOnly: true };
  const page = await listPage(kube.transport, KINDS.Secret, options, 2);
  expect(page.items.map((s) => s.metadata.name)).toEqual(['p1', 'p2']);
  const rest = await listPage(kube.transport, KINDS.Secret, options, 2, page.next);
  expect(rest.items.map((s) => s.metadata.name)).toEqual(['p3']);
  expect(rest.next).toBeUndefined();
  expect(page.items[0]).toMatchObject({ kind: 'Secret', apiVersion: 'v1' });
  expect(page.items[0]).not.toHaveProperty('data');
});

test('follows changes by watch, metadata only when asked', async () => {
  const stop = new AbortController();
  const seen: StoreEvent<KubeObject>[] = [];
  let poke = (): void => undefined;
  const until = async (ready: () => boolean): Promise<void> => {
    while (!ready()) await new Promise<void>((resolve) => (poke = resolve));
  };
  const reflector = new Reflector({
    client: kube,
    kind: KINDS.Secret,
    namespace: 'default',
    labelSelector: 'watch=yes',
    metadataOnly: true,
    log: silentLog,
    onEvent: (event) => {
      seen.push(event);
      poke();
    },
  });
  const running = reflector.run(stop.signal);
  await reflector.whenSynced;
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { ...at('w'), labels: { watch: 'yes' } },
    stringData: { k: 'v' },
  };
  await kube.create(KINDS.Secret, secret as KubeObject);
  await kube.mergePatch(KINDS.Secret, at('w'), { metadata: { annotations: { x: 'y' } } });
  await kube.delete(KINDS.Secret, at('w'));
  await until(() => seen.some((e) => e.type === 'deleted'));
  expect(seen.map((e) => e.type)).toEqual(['added', 'updated', 'deleted']);
  expect(seen[1]?.object).toMatchObject({ kind: 'Secret', metadata: { name: 'w', annotations: { x: 'y' } } });
  expect(seen[1]?.object).not.toHaveProperty('data');
  stop.abort(new Error('over'));
  await running;
});

test('hands the lease over between two processes', async () => {
  const run = (identity: string) => {
    const stop = new AbortController();
    const elector = new LeaderElector({
      kube,
      namespace: 'default',
      name: 'lease',
      identity,
      log: silentLog,
      retryPeriodMs: 20,
    });
    let started = (): void => undefined;
    const leads = new Promise<void>((resolve) => {
      started = resolve;
    });
    const ended = elector.run(stop.signal, async (leading) => {
      started();
      await new Promise<void>((resolve) => leading.addEventListener('abort', () => resolve(), { once: true }));
    });
    return { stop, leads, ended, elector };
  };
  const a = run('a');
  await a.leads;
  const b = run('b');
  a.stop.abort(new Error('over'));
  await a.ended;
  await b.leads;
  expect(b.elector.holder).toBe('b');
  b.stop.abort(new Error('over'));
  await b.ended;
});

test('records events that kubectl describe finds', async () => {
  const object = await kube.create(KINDS.ConfigMap, map('described', {}));
  const recorder = eventRecorder({ kube, component: 'perdure', log: silentLog });
  await recorder.record(object, 'Normal', 'Created', 'created it');
  await recorder.record(object, 'Normal', 'Created', 'created it');
  const events = await kube.list(KINDS.Event, {
    namespace: 'default',
    fieldSelector: `involvedObject.uid=${object.metadata.uid ?? ''}`,
  });
  expect(events).toMatchObject([{ reason: 'Created', count: 2, source: { component: 'perdure' } }]);
});
