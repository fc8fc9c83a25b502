import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { KubeObject, ResourceKind } from '../../api/types/meta.js';
import { PerdureError } from '../../domain/errors.js';
import { silentLog } from '../../telemetry/log.js';
import type { WorkloadClient } from './connection.js';
import { WorkloadConnections } from './connections.js';

const SECONDS = 1_000;
let connections: WorkloadConnections;
/** What the API server does with a probe. */
let answer: 'ok' | 'refuses' | 'forbids' | 'unauthorized' | 'hangs';
let kubeconfig: string | undefined;
/** Kubeconfigs that were connected with; those closed again. */
let opened: string[];
let closed: string[];
let probes: number;
let failed: number;
let nodes: KubeObject[];
let told: string[];

const cluster = (more: object = {}): KubeObject =>
  ({
    apiVersion: 'x/v1',
    kind: 'Cluster',
    metadata: { namespace: 'default', name: 'demo', uid: 'c' },
    status: { initialization: { infrastructureProvisioned: true, controlPlaneInitialized: true } },
    ...more,
  }) as KubeObject;
const secret = (resourceVersion: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { namespace: 'default', name: 'demo-kubeconfig', uid: 's', resourceVersion },
});
const node = (name: string): KubeObject =>
  ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, resourceVersion: '1' },
    spec: { providerID: name },
  }) as KubeObject;
const machine = (name: string): KubeObject =>
  ({ apiVersion: 'x/v1', kind: 'Machine', metadata: { name }, spec: { providerID: name } }) as KubeObject;

function client(text: string): WorkloadClient {
  opened.push(text);
  const until = (signal: AbortSignal | undefined) =>
    new Promise<never>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
  return {
    async raw<T>(_method: string, _path: string, _body: unknown, signal?: AbortSignal): Promise<T> {
      probes += 1;
      if (answer === 'hangs') await until(signal);
      if (answer === 'refuses') throw new PerdureError('Transient', 'connection refused');
      if (answer === 'forbids') throw new PerdureError('Unauthorized', 'forbidden', { details: { status: 403 } });
      if (answer === 'unauthorized') throw new PerdureError('Unauthorized', 'who?', { details: { status: 401 } });
      return undefined as T;
    },
    listAll: <T extends KubeObject>(kind: ResourceKind) =>
      Promise.resolve({ items: (kind.kind === 'Node' ? nodes : []) as T[], resourceVersion: '1' }),
    // nothing happens until it is ended
    watch: (_kind, { signal }) => ({ [Symbol.asyncIterator]: () => ({ next: () => until(signal) }) }),
    close: () => Promise.resolve(void closed.push(text)),
  };
}

const follow = (of: KubeObject | undefined, with_: KubeObject | undefined): void =>
  connections.follow('default', 'demo', of, with_);
const view = () => connections.view('default', 'demo');
const pass = (seconds: number) => jest.advanceTimersByTimeAsync(seconds * SECONDS);

beforeEach(() => {
  jest.useFakeTimers();
  answer = 'ok';
  kubeconfig = 'first';
  [opened, closed, told, nodes] = [[], [], [], [node('a'), node('b')]];
  [probes, failed] = [0, 0];
  connections = new WorkloadConnections({
    kube: {
      get: <T extends KubeObject>() =>
        Promise.resolve(
          (kubeconfig === undefined ? undefined : { data: { value: Buffer.from(kubeconfig).toString('base64') } }) as
            | T
            | undefined,
        ),
    },
    connect: client,
    onNode: (_namespace, _cluster, { metadata }) => told.push(`node ${metadata.name}`),
    onPod: () => told.push('pod'),
    onChange: () => told.push(view()?.link ?? 'none'),
    onProbeFailed: () => {
      failed += 1;
    },
    log: silentLog,
  });
});

afterEach(async () => {
  await connections.close();
  jest.useRealTimers();
});

test.each<[string, KubeObject | undefined, KubeObject | undefined]>([
  ['without Cluster', undefined, secret('1')],
  ['without kubeconfig', cluster(), undefined],
  ['without control plane', cluster({ status: { initialization: { infrastructureProvisioned: true } } }), secret('1')],
  ['without infrastructure', cluster({ status: { initialization: { controlPlaneInitialized: true } } }), secret('1')],
  [
    'that goes',
    cluster({ metadata: { namespace: 'default', name: 'demo', uid: 'c', deletionTimestamp: 't' } }),
    secret('1'),
  ],
])('nobody connects to a cluster %s, and a connection ends with it', async (_, of, with_) => {
  follow(of, with_);
  await pass(1);
  expect(opened).toEqual([]);
  follow(cluster(), secret('1'));
  await pass(1);
  expect(connections.counts()).toEqual({ connected: 1, disconnected: 0, nodes: 2 });
  follow(of, with_);
  await pass(0);
  expect(closed).toEqual(['first']);
  expect(view()).toBeUndefined();
});

test('one connection, probed every ten seconds, finds the Nodes', async () => {
  for (let i = 0; i < 3; i++) follow(cluster(), secret('1'));
  await pass(0);
  expect(view()).toMatchObject({ link: 'up', listed: true });
  expect(view()?.nodeOf(machine('b'))?.metadata.name).toBe('b');
  await pass(60);
  expect(opened).toEqual(['first']);
  expect(probes).toBe(7);
  expect(told).toEqual(['up', 'up']);
});

test('is given up after five failed probes, lost 50 s and dark 5 min after the last answer, and comes back', async () => {
  follow(cluster(), secret('1'));
  await pass(0);
  answer = 'refuses';
  await pass(49);
  expect([view()?.link, closed.length, failed]).toEqual(['up', 0, 4]);
  await pass(1);
  expect([view()?.link, closed.length, failed]).toEqual(['lost', 1, 5]);
  expect(connections.counts()).toMatchObject({ connected: 0, disconnected: 1 });
  await pass(249);
  expect(view()?.link).toBe('lost');
  await pass(1);
  expect(view()?.link).toBe('dark');
  // a probe each 30 s from then on
  expect(opened).toHaveLength(9);
  expect(told).toEqual(['up', 'up', 'lost', 'dark']);
  nodes = [node('b'), node('c')];
  answer = 'ok';
  await pass(30);
  expect(told).toEqual(['up', 'up', 'lost', 'dark', 'up', 'node c', 'node a', 'up']);
  expect(connections.counts()).toEqual({ connected: 1, disconnected: 0, nodes: 2 });
});

test('four failed probes are nothing', async () => {
  follow(cluster(), secret('1'));
  await pass(0);
  answer = 'refuses';
  await pass(40);
  answer = 'ok';
  await pass(600);
  expect(opened).toHaveLength(1);
  expect(told).toEqual(['up', 'up']);
});

test('a probe that hangs has failed after five seconds', async () => {
  follow(cluster(), secret('1'));
  await pass(0);
  answer = 'hangs';
  await pass(14);
  expect(failed).toBe(0);
  await pass(1);
  expect(failed).toBe(1);
});

test('a server that forbids the probe is alive', async () => {
  answer = 'forbids';
  follow(cluster(), secret('1'));
  await pass(60);
  expect([view()?.link, failed]).toEqual(['up', 0]);
});

test('credentials that are refused are read again at once, and the same ones not in a loop', async () => {
  follow(cluster(), secret('1'));
  await pass(0);
  answer = 'unauthorized';
  await pass(10);
  expect(opened).toEqual(['first', 'first']);
  await pass(29);
  expect(opened).toHaveLength(2);
  answer = 'ok';
  kubeconfig = 'second';
  follow(cluster(), secret('2'));
  await pass(0);
  expect(opened).toEqual(['first', 'first', 'second']);
  expect(view()?.link).toBe('up');
});

test('a kubeconfig that changed is taken at once, one whose Secret was only marked is not', async () => {
  follow(cluster(), secret('1'));
  await pass(0);
  follow(cluster(), secret('2'));
  await pass(0);
  expect(opened).toEqual(['first']);
  kubeconfig = 'second';
  follow(cluster(), secret('3'));
  await pass(0);
  expect([opened, closed]).toEqual([['first', 'second'], ['first']]);
  expect(view()?.link).toBe('up');
});

test('a cluster that never answered says nothing until it was tried five times', async () => {
  answer = 'refuses';
  follow(cluster(), secret('1'));
  await pass(119);
  expect(view()?.link).toBe('unknown');
  await pass(1);
  expect(view()?.link).toBe('lost');
  await pass(180);
  expect(view()?.link).toBe('dark');
});

test('its successor of the same name gets a connection of its own', async () => {
  follow(cluster(), secret('1'));
  await pass(0);
  follow(cluster({ metadata: { namespace: 'default', name: 'demo', uid: 'd' } }), secret('2'));
  await pass(0);
  expect([opened.length, closed.length]).toEqual([2, 1]);
});
