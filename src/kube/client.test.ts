import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { KINDS } from '../api/types/kinds.js';
import type { KubeObject } from '../api/types/meta.js';
import { createKube, type KubeClient, kubeFromKubeconfigText } from './client.js';

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}
interface Answer {
  readonly code?: number;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

let server: Server;
let kube: KubeClient;
let seen: Seen[];
let answers: Answer[];
const ref = { namespace: 'default', name: 'demo' };
const demo = (resourceVersion: string): KubeObject & { spec: { n: number } } => ({
  apiVersion: 'cluster.x-k8s.io/v1beta2',
  kind: 'Cluster',
  metadata: { ...ref, uid: 'u1', resourceVersion },
  spec: { n: 1 },
});
const port = (): number => (server.address() as AddressInfo).port;

beforeEach(async () => {
  seen = [];
  answers = [];
  server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      seen.push({ method, url, headers, body: text === '' ? undefined : JSON.parse(text) });
      const answer = answers.shift() ?? { code: 500 };
      response.writeHead(answer.code ?? 200, { 'content-type': 'application/json', ...answer.headers });
      response.end(answer.body === undefined ? '' : JSON.stringify(answer.body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  kube = createKube({
    server: `http://127.0.0.1:${port()}/root/`,
    credentials: async () => ({ headers: { authorization: 'Bearer t' } }),
  });
});

afterEach(async () => {
  await kube.close();
  await new Promise((resolve) => server.close(resolve));
});

test('gets an object below the path prefix with the credentials, and answers undefined when it is absent', async () => {
  answers = [{ body: demo('1') }, { code: 404, body: { kind: 'Status', reason: 'NotFound' } }];
  expect(await kube.get(KINDS.Cluster, ref)).toEqual(demo('1'));
  expect(await kube.get(KINDS.Cluster, ref)).toBeUndefined();
  expect(seen[0]).toMatchObject({
    method: 'GET',
    url: '/root/apis/cluster.x-k8s.io/v1beta2/namespaces/default/clusters/demo',
    headers: { authorization: 'Bearer t' },
  });
});

test('refuses to read a namespaced kind without namespace', async () => {
  await expect(kube.get(KINDS.Cluster, { name: 'demo' })).rejects.toMatchObject({ type: 'Bug' });
  expect(seen).toEqual([]);
});

test('lists page by page and puts the kind on the items', async () => {
  const secret = (name: string): unknown => ({ metadata: { name } });
  answers = [
    { body: { metadata: { resourceVersion: '7', continue: 'next' }, items: [secret('a')] } },
    { body: { metadata: { resourceVersion: '7' }, items: [secret('b')] } },
  ];
  const list = await kube.list(KINDS.Secret, { namespace: 'default', labelSelector: 'a=b,c' });
  expect(list.map((s) => [s.apiVersion, s.kind, s.metadata.name])).toEqual([
    ['v1', 'Secret', 'a'],
    ['v1', 'Secret', 'b'],
  ]);
  expect(seen.map((s) => s.url)).toEqual([
    '/root/api/v1/namespaces/default/secrets?labelSelector=a%3Db%2Cc&limit=500',
    '/root/api/v1/namespaces/default/secrets?labelSelector=a%3Db%2Cc&limit=500&continue=next',
  ]);
});

test('lists again without pages when the continue token expires half way', async () => {
  answers = [
    { body: { metadata: { resourceVersion: '7', continue: 'next' }, items: [demo('1')] } },
    { code: 410, body: { reason: 'Expired' } },
    { body: { metadata: { resourceVersion: '9' }, items: [demo('2'), demo('3')] } },
  ];
  const list = await kube.listAll(KINDS.Cluster);
  expect(list.resourceVersion).toBe('9');
  expect(list.items).toHaveLength(2);
  expect(seen[2]?.url).toBe('/root/apis/cluster.x-k8s.io/v1beta2/clusters');
});

test('applies by server-side apply, forced unless told otherwise, without managedFields', async () => {
  answers = [{ body: demo('2') }, { body: demo('2') }];
  const object = { ...demo('1'), metadata: { ...ref, managedFields: [{}] }, status: { ready: true } };
  await kube.apply(KINDS.Cluster, object, { fieldManager: 'perdure-cluster', subresource: 'status' });
  await kube.apply(KINDS.Cluster, object, { fieldManager: 'x', force: false, dryRun: true });
  expect(seen[0]).toMatchObject({
    method: 'PATCH',
    url: '/root/apis/cluster.x-k8s.io/v1beta2/namespaces/default/clusters/demo/status?fieldManager=perdure-cluster&force=true',
    headers: { 'content-type': 'application/apply-patch+yaml' },
    body: { metadata: ref, status: { ready: true } },
  });
  expect(seen[0]?.body).not.toHaveProperty('metadata.managedFields');
  expect(seen[1]?.url).toMatch(/demo\?fieldManager=x&force=false&dryRun=All$/);
});

test('patches with the media type of the patch', async () => {
  answers = [{ body: demo('2') }, { body: demo('2') }];
  await kube.mergePatch(KINDS.Cluster, ref, { spec: null });
  await kube.jsonPatch(KINDS.Cluster, ref, [{ op: 'test' }]);
  expect(seen.map((s) => s.headers['content-type'])).toEqual([
    'application/merge-patch+json',
    'application/json-patch+json',
  ]);
});

test('modifies with the version it read and reads again on conflict', async () => {
  answers = [
    { body: demo('1') },
    { code: 409, body: { reason: 'Conflict' } },
    { body: demo('2') },
    { body: demo('3') },
  ];
  const stored = await kube.modify<ReturnType<typeof demo>>(KINDS.Cluster, ref, (c) => ({
    ...c,
    spec: { n: c.spec.n + 1 },
  }));
  expect(stored?.metadata.resourceVersion).toBe('3');
  expect(seen.map((s) => s.method)).toEqual(['GET', 'PUT', 'GET', 'PUT']);
  expect(seen[3]?.body).toMatchObject({ metadata: { resourceVersion: '2' }, spec: { n: 2 } });
});

test('gives up a modification after five conflicts', async () => {
  answers = Array.from({ length: 10 }, (_, i) =>
    i % 2 === 0 ? { body: demo('1') } : { code: 409, body: { reason: 'Conflict' } },
  );
  await expect(kube.modify(KINDS.Cluster, ref, (c) => c)).rejects.toMatchObject({ type: 'Conflict' });
  expect(seen).toHaveLength(10);
});

test('writes nothing when there is nothing to change or the object is gone', async () => {
  answers = [{ body: demo('1') }, { code: 404 }];
  expect(await kube.modify(KINDS.Cluster, ref, () => undefined)).toEqual(demo('1'));
  expect(await kube.modify(KINDS.Cluster, ref, (c) => c)).toBeUndefined();
  expect(seen).toHaveLength(2);
});

test('deletes only the given incarnation and counts absence as done', async () => {
  answers = [
    { body: {} },
    { code: 404 },
    { code: 409, body: { reason: 'Conflict' } },
    { body: { ...demo('5'), metadata: { ...ref, uid: 'u2' } } },
  ];
  expect(await kube.delete(KINDS.Cluster, ref, { uid: 'u1', propagationPolicy: 'Background' })).toBe(true);
  expect(await kube.delete(KINDS.Cluster, ref)).toBe(false);
  expect(await kube.delete(KINDS.Cluster, ref, { uid: 'u1' })).toBe(false);
  expect(seen[0]?.body).toMatchObject({ propagationPolicy: 'Background', preconditions: { uid: 'u1' } });
});

test.each([
  [401, {}, 'Unauthorized'],
  [403, {}, 'Unauthorized'],
  [400, {}, 'InvalidConfiguration'],
  [422, {}, 'InvalidConfiguration'],
  [409, {}, 'Conflict'],
  [404, {}, 'NotFound'],
  [429, {}, 'Transient'],
  [500, {}, 'Transient'],
  [503, {}, 'Transient'],
  [410, {}, 'Transient'],
  [405, {}, 'Bug'],
])('maps status %d', async (code, body, type) => {
  answers = [{ code, body }];
  await expect(kube.create(KINDS.Cluster, demo('1'))).rejects.toMatchObject({
    name: 'PerdureError',
    type,
    details: { status: code },
  });
});

test('tells AlreadyExists from other conflicts, names causes, and passes Retry-After on', async () => {
  answers = [
    { code: 409, body: { reason: 'AlreadyExists', message: 'exists' } },
    {
      code: 422,
      body: {
        reason: 'Invalid',
        message: 'is invalid',
        details: { causes: [{ field: 'spec.n', message: 'too big' }] },
      },
    },
    { code: 429, headers: { 'retry-after': '3' }, body: { message: 'slow down' } },
  ];
  await expect(kube.create(KINDS.Cluster, demo('1'))).rejects.toMatchObject({ details: { alreadyExists: true } });
  await expect(kube.create(KINDS.Cluster, demo('1'))).rejects.toThrow(
    'create clusters default/demo: API server answered 422: is invalid; spec.n: too big',
  );
  await expect(kube.create(KINDS.Cluster, demo('1'))).rejects.toMatchObject({ retryAfterMs: 3_000 });
});

test('reports an unreachable server as transient and an abort as the abort', async () => {
  const closed = createKube({ server: 'http://127.0.0.1:1', credentials: async () => ({ headers: {} }) });
  await expect(closed.get(KINDS.Cluster, ref)).rejects.toMatchObject({
    type: 'Transient',
    details: { code: 'ECONNREFUSED' },
  });
  const reason = new Error('cancelled');
  await expect(kube.get(KINDS.Cluster, ref, AbortSignal.abort(reason))).rejects.toBe(reason);
  await closed.close();
});

test('reads a kubeconfig and finds the server through the given resolver', async () => {
  const text = JSON.stringify({
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
    clusters: [
      { name: 'k', cluster: { server: `http://lb.example.invalid:${port()}`, 'insecure-skip-tls-verify': true } },
    ],
    users: [{ name: 'u', user: { token: 'secret-token' } }],
  });
  answers = [{ body: demo('1') }];
  const asked: string[] = [];
  const remote = kubeFromKubeconfigText(text, {
    resolve: (host) => {
      asked.push(host);
      return '127.0.0.1';
    },
  });
  await remote.get(KINDS.Cluster, ref);
  await remote.close();
  expect(asked).toEqual(['lb.example.invalid']);
  expect(seen[0]?.headers).toMatchObject({
    authorization: 'Bearer secret-token',
    host: `lb.example.invalid:${port()}`,
  });
});

test('names the known contexts when the wanted one is missing, and never quotes a broken kubeconfig', () => {
  const text = JSON.stringify({ contexts: [{ name: 'a', context: { cluster: 'k' } }], clusters: [], users: [] });
  expect(() => kubeFromKubeconfigText(text, { context: 'b' })).toThrow('kubeconfig has no context b; it has: a');
  expect(() => kubeFromKubeconfigText('"secret: [')).toThrow(/^cannot load kubeconfig: not a valid kubeconfig/);
});
