import { afterEach, expect, jest, test } from '@jest/globals';
import { Registry } from 'prom-client';
import type { KubeObject } from '../api/types/meta.js';
import { silentLog } from '../telemetry/log.js';
import { Availability } from './availability.js';
import { type LanePort, type LaneSignal, SignalError, type SignalFailure } from './lane-port.js';
import { bridgeMetrics } from './metrics.js';
import { WorkQueue } from './queue.js';
import { Signaller } from './signaller.js';
import type { Link } from './workload/connection.js';
import { WorldIndex } from './world.js';

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
  jest.useRealTimers();
});

function cluster(generation: number, more: Partial<KubeObject['metadata']> = {}): KubeObject {
  return {
    apiVersion: 'cluster.x-k8s.io/v1beta2',
    kind: 'Cluster',
    metadata: { namespace: 'default', name: 'demo', uid: 'u', generation, ...more },
  };
}
const KEY = 'Cluster/default/demo';

function setup(options: { selects?: boolean; minIntervalMs?: number; childIntervalMs?: Record<string, number> } = {}) {
  const attempts: LaneSignal[] = [];
  const told: string[] = [];
  const gone: string[] = [];
  let failures: SignalFailure[] = [];
  let healthy = true;
  let waiters: { n: number; resolve: () => void }[] = [];
  const port: LanePort = {
    async signalWithStart(signal) {
      attempts.push(signal);
      const failure = failures.shift() ?? (healthy ? undefined : 'unavailable');
      if (!failure) told.push(`${signal.change.generation} ${signal.change.reason}`);
      for (const w of waiters) if (attempts.length >= w.n) w.resolve();
      waiters = waiters.filter((w) => attempts.length < w.n);
      if (failure) throw new SignalError(failure, failure, undefined);
    },
    async signalIfOpen(id) {
      gone.push(id);
    },
    async probe() {
      if (!healthy) throw new Error('still down');
      return 'namespace-id';
    },
    close: async () => undefined,
  };
  const lines: string[] = [];
  const log = {
    ...silentLog,
    warn: (m: string) => void lines.push(m),
    info: (m: string) => void lines.push(m),
    error: (m: string) => void lines.push(m),
  };
  let link: Link = 'unknown';
  const world = new WorldIndex(Date.now, () => ({ link, listed: true, nodeOf: () => undefined, pods: () => [] }));
  const queue = new WorkQueue({ baseMs: 1, capMs: 2 });
  let wentDown = (): void => undefined;
  const down = new Promise<void>((resolve) => {
    wentDown = resolve;
  });
  const temporal = new Availability({
    name: 'Temporal',
    probe: () => port.probe(),
    log,
    backoff: { baseMs: 1, capMs: 2 },
    onChange: (up) => {
      if (!up) wentDown();
    },
  });
  const signaller = new Signaller({
    world,
    queue,
    port,
    temporal,
    log,
    metrics: bridgeMetrics(new Registry(), () => queue),
    selects: () => options.selects ?? true,
    signalConverged: false,
    minIntervalMs: options.minIntervalMs ?? 0,
    childIntervalMs: options.childIntervalMs ?? {},
  });
  const stop = new AbortController();
  const running = [signaller.work(stop.signal), signaller.work(stop.signal)];
  stops.push(() => {
    stop.abort(new Error('over'));
    queue.close();
  });
  return {
    signaller,
    link: (now: Link) => {
      link = now;
    },
    world,
    queue,
    temporal,
    attempts,
    told,
    gone,
    lines,
    stop,
    running,
    down,
    look: (object: KubeObject) => {
      world.put(object);
      queue.add(KEY, 2);
    },
    fail: (...list: SignalFailure[]) => {
      failures = list;
    },
    up: (value: boolean) => {
      healthy = value;
    },
    attempted: (n: number) =>
      attempts.length >= n ? Promise.resolve() : new Promise<void>((resolve) => waiters.push({ n, resolve })),
    drained: async () => {
      queue.close();
      await Promise.all(running);
    },
  };
}

test('tells a lane once, and again only when there is something new', async () => {
  const s = setup();
  s.look(cluster(1));
  await s.attempted(1);
  s.look(cluster(1, { resourceVersion: '2' }));
  s.look(cluster(2));
  await s.attempted(2);
  await s.drained();
  expect(s.told).toEqual(['1 not converged yet', '2 spec changed']);
});

test('is silent when a summary has caught up with its gates, and tells when they part again', async () => {
  const s = setup();
  const gated = (available: string, gate: string, resourceVersion: string): KubeObject => {
    const object = cluster(1, { resourceVersion });
    const condition = (type: string, status: string) => ({ type, status, reason: 'R', lastTransitionTime: 't' });
    return Object.assign(object, {
      spec: { availabilityGates: [{ conditionType: 'Mine' }] },
      status: { conditions: [condition('Available', available), condition('Mine', gate)] },
    });
  };
  s.look(gated('False', 'True', '1'));
  await s.attempted(1);
  s.look(gated('True', 'True', '2'));
  s.look(gated('True', 'False', '3'));
  await s.attempted(2);
  await s.drained();
  expect(s.told).toEqual(['1 not converged yet', '1 a readiness or availability gate changed']);
});

test('remembers what it told only after it was taken', async () => {
  const s = setup();
  s.fail('throttled', 'throttled');
  s.look(cluster(1));
  await s.attempted(3);
  await s.drained();
  expect(s.told).toEqual(['1 not converged yet']);
});

test('waits while Temporal is away, keeps the key, sends the newest state when it is back, and logs once each way', async () => {
  const s = setup();
  s.up(false);
  s.look(cluster(1));
  await s.down;
  for (let generation = 2; generation < 6; generation++) s.look(cluster(generation));
  expect(s.temporal.status()).toMatchObject({ up: false });
  s.up(true);
  await s.attempted(2);
  await s.drained();
  expect(s.attempts).toHaveLength(2);
  expect(s.told).toEqual(['5 not converged yet']);
  expect(s.lines).toEqual(['Temporal is unavailable, waiting', 'Temporal is available again']);
  expect(s.temporal.status()).toEqual({ up: true });
});

test('reports a refusal, keeps trying with back-off, and forgets it when taken', async () => {
  const s = setup();
  s.fail('rejected', 'rejected');
  s.look(cluster(1));
  await s.attempted(2);
  expect(s.signaller.rejection).toBe('rejected');
  await s.attempted(3);
  await s.drained();
  expect(s.signaller.rejection).toBeUndefined();
  expect(s.lines).toEqual(['Temporal refused a signal, retrying with back-off']);
});

test('tells all again after it was made to forget, but not what has converged meanwhile', async () => {
  const s = setup();
  s.look(cluster(1));
  await s.attempted(1);
  s.signaller.forget();
  s.look(cluster(1));
  await s.attempted(2);
  s.signaller.forget();
  const available = {
    type: 'Available',
    status: 'True',
    reason: 'A',
    message: '',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  };
  s.look({ ...cluster(1), status: { observedGeneration: 1, conditions: [available] } } as KubeObject);
  await s.drained();
  expect(s.told).toEqual(['1 not converged yet', '1 not converged yet']);
});

test('makes one signal of a burst but lets a deletion through', async () => {
  const s = setup({ minIntervalMs: 3_600_000 });
  s.look(cluster(1));
  await s.attempted(1);
  s.look(cluster(2));
  s.look(cluster(3, { deletionTimestamp: 't' }));
  await s.attempted(2);
  await s.drained();
  expect(s.told).toEqual(['1 not converged yet', '3 deletion requested; spec changed']);
});

test('leaves objects alone that it is not meant for', async () => {
  const s = setup({ selects: false });
  s.look(cluster(1));
  await s.drained();
  expect(s.attempts).toEqual([]);
});

test('wakes an open lane when its object vanished without a deletion, and only then', async () => {
  const s = setup();
  await s.signaller.removed(cluster(1), s.stop.signal);
  await s.signaller.removed(cluster(1, { deletionTimestamp: 't' }), s.stop.signal);
  expect(s.gone).toEqual(['cluster/default/demo/u']);
});

test('what becomes of the children of a deleted object is told rarely', async () => {
  const s = setup({ minIntervalMs: 3_600_000 });
  const deleted = cluster(1, { deletionTimestamp: 't' });
  s.look(deleted);
  await s.attempted(1);
  for (let i = 0; i < 50; i++) {
    const metadata = { namespace: 'default', name: `m-${i}`, uid: `m-${i}` };
    s.world.put({ apiVersion: 'x/v1', kind: 'Machine', metadata, spec: { clusterName: 'demo' } } as KubeObject);
    s.look(deleted);
  }
  await s.drained();
  expect(s.told).toEqual(['1 deletion requested']);
});

test('has a lane look again when it is forced to, once, and not while paused', async () => {
  const s = setup();
  s.look(cluster(1));
  await s.attempted(1);
  s.fail('throttled');
  s.signaller.force(KEY);
  s.look(cluster(1, { resourceVersion: '2' }));
  await s.attempted(3);
  s.look(cluster(1, { resourceVersion: '3' }));
  await s.drained();
  expect(s.told).toEqual(['1 not converged yet', '1 an owner, finalizer or label was removed']);
});

/** A Cluster that is available, of whose connection its status says `probe`. */
function connected(probe: string, resourceVersion = '1'): KubeObject {
  const condition = (type: string, status: string) => ({ type, status, reason: 'R', lastTransitionTime: 't' });
  const conditions = [condition('Available', 'True'), condition('RemoteConnectionProbe', probe)];
  return { ...cluster(1, { resourceVersion }), status: { observedGeneration: 1, conditions } } as KubeObject;
}
const passed = (seconds: number) => jest.advanceTimersByTimeAsync(seconds * 1_000);

test('a lost connection is told at once, and is settled when the status says so', async () => {
  jest.useFakeTimers();
  const s = setup();
  s.look(connected('True'));
  await passed(0);
  expect(s.told).toEqual([]);
  s.link('lost');
  s.look(connected('True'));
  await passed(0);
  expect(s.told).toEqual(['1 the connection changed']);
  s.look(connected('False'));
  await passed(3_600);
  expect(s.told).toHaveLength(1);
});

test('what got better is told only when it stands: whoever follows it says it in a moment', async () => {
  jest.useFakeTimers();
  const s = setup();
  s.link('lost');
  s.look(cluster(1));
  await passed(0);
  s.link('up');
  s.look(cluster(1));
  await passed(9);
  s.look(connected('True'));
  await passed(60);
  expect(s.told).toEqual(['1 not converged yet']);
  s.look(connected('False'));
  await passed(9);
  s.look(connected('False', '2'));
  expect(s.told).toHaveLength(1);
  await passed(1);
  expect(s.told[1]).toBe('1 the connection changed');
});

test('a lane whose status still says otherwise is told again, later each time', async () => {
  jest.useFakeTimers();
  const s = setup();
  s.look(connected('True'));
  await passed(0);
  s.link('lost');
  s.look(connected('True'));
  await passed(59);
  expect(s.told).toHaveLength(1);
  await passed(1);
  expect(s.told[1]).toBe('1 the workload cluster still says otherwise');
  await passed(239);
  expect(s.told).toHaveLength(2);
  await passed(1);
  expect(s.told).toHaveLength(3);
  await passed(86_400);
  expect(s.told.length).toBeLessThan(12);
});

test('three thousand machines that fall ill within a minute wake their set, deployment and Cluster a few times', async () => {
  // the time a look takes is real: it is what a lane of so many machines is spared by
  jest.useFakeTimers({ doNotFake: ['performance'] });
  const COUNT = 3_000;
  const s = setup({
    minIntervalMs: 500,
    childIntervalMs: { Cluster: 15_000, MachineSet: 15_000, MachineDeployment: 10_000 },
  });
  const make = (kind: string, name: string, owner?: string, status: object = {}): KubeObject => {
    const [ownerKind = '', ownerName = ''] = owner?.split('/') ?? [];
    const ownerReferences = owner
      ? [{ apiVersion: 'x/v1', kind: ownerKind, name: ownerName, uid: ownerName, controller: true }]
      : [];
    const metadata = { namespace: 'default', name, uid: name, generation: 1, ownerReferences };
    return { apiVersion: 'x/v1', kind, metadata, spec: { clusterName: 'demo', replicas: COUNT }, status } as KubeObject;
  };
  const machine = (i: number, ready: string) =>
    make('Machine', `m-${i}`, 'MachineSet/ms', { conditions: [{ type: 'NodeReady', status: ready, reason: 'R' }] });
  const counted = (ready: number) => ({ replicas: COUNT, readyReplicas: ready });
  const lanes = ['Cluster/default/demo', 'MachineDeployment/default/md', 'MachineSet/default/ms'];
  const annotations = { 'perdure.dev/available-since': 't' };
  s.world.put(cluster(1, { annotations }));
  s.world.put(make('MachineDeployment', 'md', undefined, counted(COUNT)));
  s.world.put(make('MachineSet', 'ms', 'MachineDeployment/md', counted(COUNT)));
  for (let i = 0; i < COUNT; i++) s.world.put(machine(i, 'True'));
  for (const key of lanes) s.queue.add(key);
  await passed(1);
  s.attempts.length = 0;
  for (let second = 0; second < 60; second++) {
    for (let i = second * 50; i < (second + 1) * 50; i++) {
      s.world.put(machine(i, 'False'));
      for (const key of lanes) s.queue.add(key);
    }
    // the lane of the set counts what is below it
    s.world.put(make('MachineSet', 'ms', 'MachineDeployment/md', counted(COUNT - second * 50)));
    await passed(1);
  }
  await passed(60);
  const signals = (kind: string) => s.attempts.filter((a) => a.input.key.kind === kind).length;
  for (const kind of ['Cluster', 'MachineSet']) {
    expect(signals(kind)).toBeGreaterThanOrEqual(1);
    expect(signals(kind)).toBeLessThanOrEqual(5);
  }
  expect(signals('MachineDeployment')).toBeLessThanOrEqual(8);
});
