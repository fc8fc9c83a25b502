import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { KubeObject } from '../../api/types/meta.js';
import { type DrainContext, type PodAction, planDrain, podAction, podName } from './pods.js';
import type { PodRule } from './rules.js';

const T0 = Date.parse('2026-01-01T00:00:00Z');
const context = (change: Partial<DrainContext> = {}): DrainContext => ({
  now: T0,
  unreachable: false,
  daemonSets: new Set(['a/ds']),
  namespaces: new Map([['a', {}]]),
  rules: [],
  ...change,
});
const owner = (kind: string, name: string) => ({ apiVersion: 'apps/v1', kind, name, uid: 'u', controller: true });

interface Sketch {
  readonly name?: string;
  readonly labels?: Record<string, string>;
  readonly owner?: ReturnType<typeof owner>;
  readonly mirror?: boolean;
  readonly phase?: string;
  readonly deleted?: number;
  readonly volumes?: object[];
}
const pod = (sketch: Sketch = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: sketch.name ?? 'p',
    namespace: 'a',
    labels: sketch.labels ?? {},
    ownerReferences: sketch.owner ? [sketch.owner] : [],
    ...(sketch.mirror ? { annotations: { 'kubernetes.io/config.mirror': 'x' } } : {}),
    ...(sketch.deleted === undefined ? {} : { deletionTimestamp: new Date(T0 - sketch.deleted).toISOString() }),
  },
  ...{ spec: { volumes: sketch.volumes ?? [] }, status: { phase: sketch.phase ?? 'Running' } },
});
const rule = (behavior: PodRule['behavior'], order = 0, name = 'r'): PodRule => ({
  name,
  behavior,
  order,
  matches: () => true,
});
const label = (value: string) => ({ 'cluster.x-k8s.io/drain': value });
const replicas = owner('ReplicaSet', 'rs');
const drained = (order = 0, ...warnings: string[]): PodAction => ({ do: 'drain', order, warnings });
const waited: PodAction = { do: 'wait', order: 0 };
const skipped = expect.objectContaining({ do: 'skip' }) as unknown as PodAction;

describe('a Pod', () => {
  test.each<[string, Sketch, Partial<DrainContext>, PodAction]>([
    ['of a ReplicaSet is evicted', { owner: replicas }, {}, drained()],
    ['of a DaemonSet stays', { owner: owner('DaemonSet', 'ds') }, {}, skipped],
    [
      'of a DaemonSet that is gone is evicted',
      { owner: owner('DaemonSet', 'gone') },
      {},
      drained(0, 'its DaemonSet does not exist'),
    ],
    [
      'of a DaemonSet that has finished is evicted',
      { owner: owner('DaemonSet', 'ds'), phase: 'Failed' },
      {},
      drained(),
    ],
    ['of the kubelet stays', { mirror: true, owner: owner('Node', 'n') }, {}, skipped],
    ['of nobody is evicted all the same', {}, {}, drained(0, 'it has no controller')],
    [
      'with local storage is evicted all the same',
      { owner: replicas, volumes: [{ emptyDir: {} }] },
      {},
      drained(0, 'it has local storage'),
    ],
    ['labelled skip stays', { owner: replicas, labels: label('Skip') }, {}, skipped],
    ['labelled wait-completed is waited for', { labels: label('wait-completed') }, {}, waited],
    ['labelled WaitCompleted is waited for', { labels: label('WaitCompleted') }, {}, waited],
    ['that has finished is waited for no longer', { labels: label('wait-completed'), phase: 'Succeeded' }, {}, skipped],
    ['labelled otherwise is evicted', { owner: replicas, labels: label('no') }, {}, drained()],
    ['is skipped by a rule', { owner: replicas }, { rules: [rule('Skip')] }, skipped],
    ['is waited for by a rule', { owner: replicas }, { rules: [rule('WaitCompleted')] }, waited],
    ['has its order by a rule', { owner: replicas }, { rules: [rule('Drain', -3)] }, drained(-3)],
    ['obeys the first rule', { owner: replicas }, { rules: [rule('Drain', 7, 'a'), rule('Skip', 0, 'b')] }, drained(7)],
    ['obeys its label before any rule', { labels: label('skip') }, { rules: [rule('Drain', 1)] }, skipped],
    ['that is deleted is still of the drain', { owner: replicas, deleted: 5_000 }, {}, drained()],
    ['that is deleted on an unreachable Node is given up', { deleted: 1_001 }, { unreachable: true }, skipped],
    ['is not given up at once', { owner: replicas, deleted: 1_000 }, { unreachable: true }, drained()],
  ])('%s', (_, sketch, change, expected) => {
    expect(podAction(pod(sketch), context(change))).toEqual(expected);
  });

  test('whose Namespace is not known stops the drain: its rules cannot be asked', () => {
    expect(() => podAction(pod(), context({ namespaces: new Map() }))).toThrow(
      expect.objectContaining({ type: 'Transient' }),
    );
  });

  test('is matched with its own labels and those of its Namespace', () => {
    const asked: unknown[] = [];
    const spy: PodRule = { ...rule('Skip'), matches: (p, n) => asked.push([p, n]) > 0 };
    podAction(pod({ labels: { x: 'y' } }), context({ rules: [spy], namespaces: new Map([['a', { team: 't' }]]) }));
    expect(asked).toEqual([[{ x: 'y' }, { team: 't' }]]);
  });
});

describe('one pass', () => {
  const orders = (...names: [string, number | 'wait', boolean?][]): ReturnType<typeof planDrain> => {
    const byName = new Map(names.map(([name, order]) => [name, order]));
    const rules = (name: string): PodRule[] => {
      const order = byName.get(name);
      return [order === 'wait' ? rule('WaitCompleted') : rule('Drain', order)];
    };
    const pods = names.map(([name, , deleted]) =>
      pod({ name, labels: { name }, owner: replicas, ...(deleted ? { deleted: 0 } : {}) }),
    );
    const all = [...byName.keys()].map((name) => {
      const [r] = rules(name);
      return { ...r, matches: (labels) => labels?.['name'] === name } as PodRule;
    });
    return planDrain(pods, context({ rules: all }));
  };
  const names = (list: readonly KubeObject[]): string[] => list.map((p) => p.metadata.name);

  test('acts on the lowest order only', () => {
    const plan = orders(['late', 10], ['b', -1], ['a', -1], ['job', 'wait']);
    expect(names(plan.evict)).toEqual(['a', 'b']);
    expect(names(plan.evictLater)).toEqual(['late']);
    expect(names(plan.waitLater)).toEqual(['job']);
  });

  test('waits for what is deleted already, before it goes on', () => {
    const plan = orders(['first', 0, true], ['second', 1]);
    expect([names(plan.terminating), names(plan.evict), names(plan.evictLater)]).toEqual([['first'], [], ['second']]);
  });

  test('puts every Pod into exactly one list, sorted, whatever the order they are listed in', () => {
    const sketch = fc.record({
      name: fc.stringMatching(/^[a-z]{1,4}$/),
      phase: fc.constantFrom('Running', 'Succeeded'),
      labels: fc.constantFrom({}, label('skip'), label('wait-completed')),
      deleted: fc.option(fc.integer({ min: 0, max: 5_000 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.uniqueArray(sketch, { selector: (s) => s.name }), fc.boolean(), (sketches, unreachable) => {
        const pods = sketches.map(({ deleted, ...s }) => pod({ ...s, ...(deleted === undefined ? {} : { deleted }) }));
        const plan = planDrain(pods, context({ unreachable }));
        const lists = Object.values(plan) as (readonly KubeObject[])[];
        expect(lists.flat().map(podName).sort()).toEqual(pods.map(podName).sort());
        for (const list of lists) expect(names(list)).toEqual(names(list).sort());
        expect(planDrain([...pods].reverse(), context({ unreachable }))).toEqual(plan);
      }),
    );
  });
});
