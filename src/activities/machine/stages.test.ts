import { describe, expect, test } from '@jest/globals';
import { type ActivityWorld, activityWorld, keyOf, NOW } from '../../../test/helpers/activity-world.js';
import { aCluster, aControlPlane, aMachine } from '../../../test/helpers/fake-objects.js';
import { aMachinePool, anInfraMachine } from '../../../test/helpers/fake-owners.js';
import { messageOf, verdicts } from '../../../test/helpers/status-checks.js';
import type { Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject } from '../../api/types/meta.js';
import { ownerReference } from '../../domain/contract.js';
import { NOTHING_TO_WAIT_FOR, PRE_DRAIN_HOOK, PRE_TERMINATE_HOOK } from '../../domain/drain/outlook.js';
import { PerdureError } from '../../domain/errors.js';
import { ANNOTATION } from '../../domain/names.js';
import { errorFromResponse } from '../../kube/errors.js';
import type { DeletionStage } from '../interfaces.js';
import { awaitDeletionStage } from './stages.js';

const cluster = aCluster();
const controlPlane = aControlPlane(cluster);
const survivor = aMachine(cluster, { name: 'cp', controlPlane });
const plain = aMachine(cluster, { status: { nodeRef: { name: 'n' } } });
const machine: Machine = {
  ...plain,
  metadata: { ...plain.metadata, deletionTimestamp: NOW, finalizers: ['x'] },
};
const infra = anInfraMachine(cluster, 'demo-1');
const key = keyOf(machine);
const going = <T extends KubeObject>(object: T): T => ({
  ...object,
  metadata: { ...object.metadata, deletionTimestamp: NOW, finalizers: ['x'] },
});
const withHooks = (...hooks: string[]): Machine => ({
  ...machine,
  metadata: { ...machine.metadata, annotations: Object.fromEntries(hooks.map((h) => [h, ''])) },
});
const pod: KubeObject = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'p',
    namespace: 'a',
    finalizers: ['test/holds'],
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'rs', uid: 'u', controller: true }],
  },
  ...{ spec: { nodeName: 'n' } },
};

interface Scene {
  readonly machine?: Machine;
  readonly pods?: readonly KubeObject[];
  readonly node?: object;
  readonly unreachable?: Error;
}
function world({ machine: m = machine, pods = [], node = {}, unreachable }: Scene = {}): ActivityWorld {
  const w = activityWorld({
    objects: [cluster, controlPlane, survivor, infra, m],
    ...(unreachable ? { unreachable } : {}),
  });
  const all = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'a' } },
    { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' }, ...node },
    ...pods,
  ];
  for (const object of all) w.workload.put(object);
  return w;
}
const stored = (w: ActivityWorld): Machine => w.kube.peek<Machine>(KINDS.Machine, machine.metadata) as Machine;
const release = (w: ActivityWorld): void => w.workload.remove(KINDS.Pod, { namespace: 'a', name: 'p' });
const run = (w: ActivityWorld, stage: DeletionStage, more = {}) => awaitDeletionStage(w.deps, { key, stage, ...more });

/** Lets `act` happen at the n-th look that finds something in the way. */
function atBeat(w: ActivityWorld, n: number, act: () => void): void {
  let beats = 0;
  w.onBeat = (details) => {
    if (!details.startsWith('evict') && ++beats === n) act();
  };
}

describe('hooks', () => {
  test.each<[DeletionStage, string, string, 'waitForPreDrainHookStartTime' | 'waitForPreTerminateHookStartTime']>([
    ['pre-drain', PRE_DRAIN_HOOK, 'WaitingForPreDrainHook', 'waitForPreDrainHookStartTime'],
    ['pre-terminate', PRE_TERMINATE_HOOK, 'WaitingForPreTerminateHook', 'waitForPreTerminateHookStartTime'],
  ])('%s hooks are named and waited for until they are gone', async (stage, prefix, reason, time) => {
    const w = world({ machine: withHooks(`${prefix}/b`, `${prefix}/a`) });
    atBeat(w, 2, () => {
      expect(verdicts(stored(w).status)['Deleting']).toBe(`True ${reason}`);
      expect(messageOf(stored(w).status, 'Deleting')).toBe(
        `Waiting for ${stage} hooks to succeed (hooks: ${prefix}/a,${prefix}/b)`,
      );
      w.kube.put({ ...stored(w), metadata: { ...stored(w).metadata, annotations: {} } });
    });
    const { next } = await run(w, stage, { quiet: true });
    expect(next).toMatchObject({ preDrainHooks: false, preTerminateHooks: false });
    expect(stored(w).status?.deletion).toEqual({ [time]: NOW });
  });

  test('are told to the workflow when they stand for long, once; then never again', async () => {
    const hook = `${PRE_DRAIN_HOOK}/a`;
    const w = world({ machine: withHooks(hook) });
    const told = await run(w, 'pre-drain');
    expect(told).toMatchObject({ waitingFor: expect.stringContaining(hook), next: { preDrainHooks: true } });
    for (const more of [{ told: told.waitingFor }, { quiet: true }]) {
      let beats = 0;
      w.onBeat = () => {
        if (++beats === 15) w.kube.put({ ...stored(w), metadata: { ...stored(w).metadata, annotations: {} } });
      };
      w.kube.put({ ...stored(w), metadata: { ...stored(w).metadata, annotations: { [hook]: '' } } });
      await expect(run(w, 'pre-drain', more)).resolves.not.toHaveProperty('waitingFor');
    }
  });
});

describe('a drain', () => {
  test.each<[string, boolean, boolean]>([
    ['is made while the pool stays', false, true],
    ['is not made when the pool goes as a whole', true, false],
  ])('of a Machine of a pool %s', async (_, goes, drains) => {
    const pool = aMachinePool(cluster);
    const owned = { ...machine.metadata, ownerReferences: [ownerReference(pool, { controller: true })] };
    const w = world({ machine: { ...machine, metadata: owned }, pods: [pod] });
    w.kube.put(goes ? going(pool) : pool);
    let beats = 0;
    w.onBeat = () => {
      beats++;
      release(w);
    };
    await run(w, 'drain', { quiet: true });
    expect(beats > 0).toBe(drains);
    expect(w.workload.peek(KINDS.Pod, { namespace: 'a', name: 'p' }) === undefined).toBe(drains);
  });

  test('records when it began before it touches the Node', async () => {
    const w = world({ pods: [pod] });
    let seen: string | undefined;
    w.workload.before((call) => {
      if (call.verb === 'mergePatch') seen = stored(w).status?.deletion?.nodeDrainStartTime;
    });
    atBeat(w, 1, () => release(w));
    await run(w, 'drain', { quiet: true });
    expect(seen).toBe(NOW);
    expect(w.events).toEqual(['SuccessfulDrainNode Machine/demo-1']);
  });

  test('shows which Pod is in the way of which budget, and goes on when it is not any more', async () => {
    const w = world({ pods: [pod] });
    const budget = {
      message: "Cannot evict pod as it would violate the pod's disruption budget.",
      details: { causes: [{ reason: 'DisruptionBudget', message: 'The disruption budget web needs 2 healthy pods' }] },
    };
    const error = errorFromResponse('evict', 429, JSON.stringify(budget));
    w.workload.failNext({ verb: 'raw' }, error, { times: 3 });
    const messages: (string | undefined)[] = [];
    atBeat(w, 3, () => messages.push(messageOf(stored(w).status, 'Deleting')));
    w.workload.after((call) => {
      if (call.verb === 'raw') release(w);
    });
    await expect(run(w, 'drain', { quiet: true })).resolves.toMatchObject({ next: { drain: true, volumes: false } });
    expect(messages).toEqual([
      `Drain not completed yet (started at ${NOW}):\n* Pod a/p: cannot evict pod as it would violate the pod's disruption budget. The disruption budget web needs 2 healthy pods`,
    ]);
    expect(w.beats).toContain(messages[0]);
  });

  test.each<[string, (w: ActivityWorld) => void]>([
    ['its time-out', (w) => (w.now = '2026-01-01T00:10:00Z')],
    ['the Cluster going', (w) => w.kube.put(going(cluster))],
    ['the control plane going', (w) => w.kube.put(going(controlPlane))],
    ['the last control plane machine going', (w) => w.kube.put(going(survivor))],
    ['the infra machine going', (w) => w.kube.put(going(infra))],
    [
      'the annotation',
      (w) => {
        const annotations = { [ANNOTATION.excludeNodeDraining]: '' };
        w.kube.put({ ...stored(w), metadata: { ...stored(w).metadata, annotations } });
      },
    ],
    ['the end of the Machine', (w) => w.kube.remove(KINDS.Machine, machine.metadata)],
    ['the end of the Node', (w) => w.workload.remove(KINDS.Node, { name: 'n' })],
  ])('that hangs ends with %s', async (_, act) => {
    const w = world({
      pods: [pod],
      machine: { ...machine, spec: { ...machine.spec, deletion: { nodeDrainTimeoutSeconds: 60 } } },
    });
    atBeat(w, 2, () => act(w));
    await expect(run(w, 'drain', { quiet: true })).resolves.not.toHaveProperty('waitingFor');
    expect(stored(w)?.status?.deletion ?? {}).not.toHaveProperty('waitForNodeVolumeDetachStartTime');
  });

  test('of a cluster that does not answer waits, and says so', async () => {
    const w = world({ unreachable: new PerdureError('Transient', 'no route to demo') });
    atBeat(w, 2, () => w.kube.put(going(cluster)));
    await run(w, 'drain', { quiet: true });
    expect(messageOf(stored(w).status, 'Deleting')).toContain('* no route to demo');
    expect(w.events).toContain('FailedDrainNode Machine/demo-1');
  });

  test('does not hide a bug', async () => {
    const w = world();
    w.workload.failNext({ verb: 'list' }, new TypeError('x is not a function'));
    await expect(run(w, 'drain')).rejects.toThrow('x is not a function');
  });

  test('that applies no more does nothing', async () => {
    const w = activityWorld({ objects: [going(cluster), machine, infra] });
    await expect(run(w, 'drain')).resolves.toEqual({ next: NOTHING_TO_WAIT_FOR });
    await expect(run(activityWorld(), 'drain')).resolves.toEqual({ next: NOTHING_TO_WAIT_FOR });
    expect([w.kube.writes(), w.workload.calls]).toEqual([[], []]);
  });
});

describe('volumes', () => {
  const attached = { status: { volumesAttached: [{ name: 'kubernetes.io/csi/d^h', devicePath: '' }] } };

  test('are the next stage after the drain only where there are any', async () => {
    await expect(run(world(), 'drain')).resolves.toMatchObject({ next: { volumes: false } });
    await expect(run(world({ node: attached }), 'drain')).resolves.toMatchObject({ next: { volumes: true } });
  });

  test('are named and waited for until they are detached', async () => {
    const w = world({ node: attached });
    atBeat(w, 2, () => {
      expect(verdicts(stored(w).status)['Deleting']).toBe('True WaitingForVolumeDetach');
      expect(messageOf(stored(w).status, 'Deleting')).toContain('kubernetes.io/csi/d^h');
      w.workload.put({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' } });
    });
    await run(w, 'volumes', { quiet: true });
    expect(stored(w).status?.deletion).toEqual({ waitForNodeVolumeDetachStartTime: NOW });
    expect(w.events).toEqual(['NodeVolumesDetached Machine/demo-1']);
  });
});
