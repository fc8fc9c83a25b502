import { expect, test } from '@jest/globals';
import type { KubeObject, NamespacedName } from '../api/types/meta.js';
import { PerdureError } from '../domain/errors.js';
import { silentLog } from '../telemetry/log.js';
import { eventRecorder } from './events.js';
import type { Kube } from './kube.js';

type Stored = KubeObject & { count: number; message: string; involvedObject: Record<string, string> };

function eventStore() {
  const events = new Map<string, Stored>();
  const kube: Pick<Kube, 'create' | 'modify'> = {
    async create<T extends KubeObject>(_kind: unknown, object: T) {
      if (events.has(object.metadata.name)) throw new PerdureError('Conflict', 'exists');
      events.set(object.metadata.name, object as unknown as Stored);
      return object;
    },
    async modify<T extends KubeObject>(_kind: unknown, ref: NamespacedName, mutate: (current: T) => T | undefined) {
      const stored = events.get(ref.name);
      if (!stored) return undefined;
      const changed = mutate(stored as unknown as T) as unknown as Stored;
      events.set(ref.name, changed);
      return changed as unknown as T;
    },
  };
  return { kube, list: () => [...events.values()] };
}

const machine: KubeObject = {
  apiVersion: 'cluster.x-k8s.io/v1beta2',
  kind: 'Machine',
  metadata: { namespace: 'default', name: 'm', uid: 'u' },
};

test('counts an event up instead of repeating it, also across recorders', async () => {
  const store = eventStore();
  for (let i = 0; i < 2; i++) {
    const recorder = eventRecorder({ kube: store.kube, component: 'perdure', log: silentLog });
    await recorder.record(machine, 'Normal', 'Created', 'created instance i-1');
    await recorder.record(machine, 'Normal', 'Created', 'created instance i-1');
  }
  expect(store.list()).toMatchObject([
    { count: 4, message: 'created instance i-1', involvedObject: { kind: 'Machine', uid: 'u' } },
  ]);
});

test('combines many different messages for one reason', async () => {
  const store = eventStore();
  const recorder = eventRecorder({ kube: store.kube, component: 'perdure', log: silentLog });
  for (let i = 0; i < 15; i++) await recorder.record(machine, 'Warning', 'Failed', `attempt ${i}`);
  expect(store.list()).toHaveLength(11);
  expect(store.list()[10]).toMatchObject({ count: 5, message: '(combined from similar events): attempt 14' });
});

test('drops events beyond the budget of an object and refills it', async () => {
  const store = eventStore();
  let now = 0;
  const recorder = eventRecorder({
    kube: store.kube,
    component: 'p',
    log: silentLog,
    burst: 2,
    refillMs: 100,
    now: () => now,
  });
  for (const reason of ['A', 'B', 'C']) await recorder.record(machine, 'Normal', reason, 'm');
  expect(store.list()).toHaveLength(2);
  now = 100;
  await recorder.record(machine, 'Normal', 'D', 'm');
  expect(store.list()).toHaveLength(3);
});

test('never fails its caller', async () => {
  const down = async (): Promise<never> => {
    throw new PerdureError('Transient', 'down');
  };
  const recorder = eventRecorder({ kube: { create: down, modify: down }, component: 'p', log: silentLog });
  await expect(recorder.record(machine, 'Normal', 'A', 'm')).resolves.toBeUndefined();
});
