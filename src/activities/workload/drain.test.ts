import { describe, expect, test } from '@jest/globals';
import { type ActivityWorld, activityWorld } from '../../../test/helpers/activity-world.js';
import { aCluster, aMachine } from '../../../test/helpers/fake-objects.js';
import type { MachineDrainRule } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject } from '../../api/types/meta.js';
import { readPath } from '../../domain/contract.js';
import { isDrained } from '../../domain/drain/message.js';
import { PerdureError } from '../../domain/errors.js';
import { errorFromResponse } from '../../kube/errors.js';
import { attachedVolumes, drainPass } from './drain.js';

const cluster = aCluster();
const machine = aMachine(cluster, { status: { nodeRef: { name: 'n' } } });
const subject = { machine, cluster, nodeName: 'n' };
const object = (kind: string, name: string, rest: object = {}, apiVersion = 'v1'): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name },
  ...rest,
});
const node = (ready = 'True', rest: object = {}): KubeObject =>
  object('Node', 'n', { status: { conditions: [{ type: 'Ready', status: ready }], ...rest } });
const pod = (name: string, change: { node?: string; spec?: object; metadata?: object } = {}): KubeObject =>
  object('Pod', name, {
    metadata: {
      name,
      namespace: 'a',
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'rs', uid: 'u', controller: true }],
      // like a Pod that takes its time to end
      finalizers: ['test/holds'],
      ...change.metadata,
    },
    spec: { nodeName: change.node ?? 'n', ...change.spec },
  });

function world(objects: readonly KubeObject[], management: readonly KubeObject[] = []): ActivityWorld {
  const w = activityWorld({ objects: management });
  for (const o of [object('Namespace', 'a'), ...objects]) w.workload.put(o);
  return w;
}
const evictions = (w: ActivityWorld) => w.workload.writes().filter((c) => c.verb === 'raw');

/** The n-th answer to an eviction is this one, then the fake's own. */
function answers(w: ActivityWorld, code: number, status: object): void {
  const error = errorFromResponse('evict', code, JSON.stringify(status));
  w.workload.failNext({ verb: 'raw', method: 'POST' }, error);
}

describe('a pass over a Node', () => {
  test('cordons it first, then evicts its Pods and answers those that are still there', async () => {
    const w = world([node(), pod('p2'), pod('p1'), pod('elsewhere', { node: 'other' })]);
    const left = await drainPass(w.deps, subject);
    expect(left.terminating).toEqual(['a/p1', 'a/p2']);
    expect(w.workload.writes().map((c) => c.kind || c.path)).toEqual([
      'Node',
      '/api/v1/namespaces/a/pods/p1/eviction',
      '/api/v1/namespaces/a/pods/p2/eviction',
    ]);
    expect(w.workload.peek(KINDS.Node, { name: 'n' })).toMatchObject({ spec: { unschedulable: true } });
  });

  test('changes nothing the second time: what was evicted is only waited for', async () => {
    const w = world([node(), pod('p')]);
    await drainPass(w.deps, subject);
    const before = w.workload.writes().length;
    await expect(drainPass(w.deps, subject)).resolves.toMatchObject({ terminating: ['a/p'] });
    expect(w.workload.writes()).toHaveLength(before);
    w.workload.remove(KINDS.Pod, { namespace: 'a', name: 'p' });
    expect(isDrained(await drainPass(w.deps, subject))).toBe(true);
  });

  test('evicts exactly the Pod that was seen, in its own time; on an unreachable Node in a second', async () => {
    const bodies = async (ready: string): Promise<unknown> => {
      const w = world([node(ready), pod('p', { metadata: { uid: 'the-one' } })]);
      await drainPass(w.deps, subject);
      return evictions(w).map((c) => readPath(c.body, 'deleteOptions'))[0];
    };
    await expect(bodies('True')).resolves.toEqual({ preconditions: { uid: 'the-one' } });
    await expect(bodies('Unknown')).resolves.toEqual({ preconditions: { uid: 'the-one' }, gracePeriodSeconds: 1 });
  });

  test('says which PodDisruptionBudget is in the way', async () => {
    const w = world([node(), pod('p1'), pod('p2')]);
    answers(w, 429, {
      reason: 'TooManyRequests',
      message: "Cannot evict pod as it would violate the pod's disruption budget.",
      details: {
        causes: [{ reason: 'DisruptionBudget', message: 'The disruption budget web needs 2 healthy pods and has 2' }],
      },
    });
    const left = await drainPass(w.deps, subject);
    expect([...left.failed]).toEqual([
      [
        "Cannot evict pod as it would violate the pod's disruption budget. The disruption budget web needs 2 healthy pods and has 2",
        ['a/p1'],
      ],
    ]);
    expect(left.terminating).toEqual(['a/p2']);
  });

  test.each<[string, number, object, string[]]>([
    [
      'in a Namespace that goes',
      403,
      { details: { causes: [{ reason: 'NamespaceTerminating' }] } },
      ['terminating namespace'],
    ],
    ['that may not be evicted', 403, { message: 'pods "p" is forbidden' }, ['pods "p" is forbidden']],
    ['whose eviction breaks', 500, { message: 'webhook timed out' }, ['webhook timed out']],
    ['that is gone by then', 404, { message: 'not found' }, []],
  ])('tells why for a Pod %s', async (_, code, status, reasons) => {
    const w = world([node(), pod('p')]);
    answers(w, code, status);
    const { failed } = await drainPass(w.deps, subject);
    expect([...failed.keys()]).toEqual(reasons.map((r) => expect.stringContaining(r)));
  });

  test('leaves DaemonSets, and what rules of the management cluster say', async () => {
    const rule = (name: string, behavior: string, app: string, order?: number): MachineDrainRule =>
      ({
        ...object('MachineDrainRule', name, {}, 'cluster.x-k8s.io/v1beta2'),
        metadata: { name, namespace: 'default' },
        spec: {
          drain: { behavior, ...(order === undefined ? {} : { order }) },
          pods: [{ selector: { matchLabels: { app } } }],
        },
      }) as MachineDrainRule;
    const app = (name: string) => ({ metadata: { labels: { app: name } } });
    const ofDaemon = [{ apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'ds', uid: 'u', controller: true }];
    const w = world(
      [
        node(),
        object('DaemonSet', 'ds', { metadata: { name: 'ds', namespace: 'a' } }, 'apps/v1'),
        pod('daemon', { metadata: { ownerReferences: ofDaemon } }),
        pod('kept', app('keep')),
        pod('job', app('job')),
        pod('db', app('db')),
        pod('web'),
      ],
      [rule('keep', 'Skip', 'keep'), rule('job', 'WaitCompleted', 'job'), rule('db', 'Drain', 'db', 5)],
    );
    await expect(drainPass(w.deps, subject)).resolves.toEqual({
      terminating: ['a/web'],
      failed: new Map(),
      waiting: ['a/job'],
      evictLater: ['a/db'],
      waitLater: [],
    });
  });

  test('of a Node that is gone, or goes meanwhile, has nothing left', async () => {
    expect(isDrained(await drainPass(world([pod('p')]).deps, subject))).toBe(true);
    const w = world([node(), pod('p')]);
    w.workload.failNext({ verb: 'mergePatch', kind: 'Node' }, new PerdureError('NotFound', 'gone'));
    expect(isDrained(await drainPass(w.deps, subject))).toBe(true);
    expect(evictions(w)).toEqual([]);
  });
});

describe('the volumes of a Node', () => {
  const attached = { volumesAttached: [{ name: 'kubernetes.io/csi/d^h', devicePath: '' }] };
  const volume = object('PersistentVolume', 'v', {
    spec: {
      csi: { driver: 'd', volumeHandle: 'h' },
      claimRef: { kind: 'PersistentVolumeClaim', namespace: 'a', name: 'c' },
    },
  });
  const attachment = object(
    'VolumeAttachment',
    'va',
    { spec: { nodeName: 'n', source: { persistentVolumeName: 'v' } }, status: { attached: true } },
    'storage.k8s.io/v1',
  );
  const claim = { volumes: [{ persistentVolumeClaim: { claimName: 'c' } }] };

  test.each<[string, KubeObject[], readonly string[] | undefined]>([
    ['are waited for while the Node has them', [node('True', attached), volume], ['a/c']],
    ['are waited for while one is attached', [node(), volume, attachment], ['a/c']],
    ['of a Node without any are none', [node(), volume], undefined],
    ['of a Node that is gone are none', [volume, attachment], undefined],
    ['of an unreachable Node are never detached', [node('Unknown', attached), volume], undefined],
    [
      'of a Pod that the drain leaves are not waited for',
      [
        node('True', attached),
        volume,
        pod('p', { spec: claim, metadata: { labels: { 'cluster.x-k8s.io/drain': 'skip' } } }),
      ],
      [],
    ],
    ['of a Pod that is evicted are', [node('True', attached), volume, pod('p', { spec: claim })], ['a/c']],
  ])('%s', async (_, objects, claims) => {
    const w = world(objects);
    const left = await attachedVolumes(w.deps, subject);
    expect(left?.claims).toEqual(claims);
    expect(w.workload.writes()).toEqual([]);
  });
});
