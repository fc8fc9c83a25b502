import { describe, expect, test } from '@jest/globals';
import {
  type ActivityWorld,
  activityWorld,
  keyOf,
  killedAfterEachWrite,
  NOW,
} from '../../../test/helpers/activity-world.js';
import { aCluster, aControlPlane, aMachine } from '../../../test/helpers/fake-objects.js';
import { theTemplates } from '../../../test/helpers/fake-owners.js';
import { messageOf, verdicts } from '../../../test/helpers/status-checks.js';
import type { KubeadmControlPlane, Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import { ANNOTATION } from '../../domain/names.js';
import { recordOf, recordText } from '../../domain/rollout/control-plane-machine.js';
import { awaitControlPlane, lookAtControlPlane } from '../waits/control-plane.js';
import { remediateControlPlaneMachine } from './control-plane-remediation.js';
import { createControlPlaneMachine } from './machines.js';
import { endRemediation } from './remediation-record.js';

const cluster = aCluster();
const external = { endpoints: ['https://e:2379'], caFile: 'a', certFile: 'b', keyFile: 'c' };
const base = aControlPlane(cluster, {
  replicas: 3,
  kubeadmConfigSpec: { clusterConfiguration: { etcd: { external } } },
});
const controlPlane: KubeadmControlPlane = {
  ...base,
  status: { initialization: { controlPlaneInitialized: true } },
};
const key = keyOf(controlPlane);
const HEALTHY = ['APIServerPodHealthy', 'ControllerManagerPodHealthy', 'SchedulerPodHealthy', 'Ready'];
const SICK = { HealthCheckSucceeded: 'UnhealthyNode', OwnerRemediated: 'WaitingForRemediation' };
const condition = (type: string, status: string, reason = 'R') => ({
  ...{ type, status, reason, message: '', lastTransitionTime: NOW },
});
function member(name: string, sick: Record<string, string> = {}, annotations: Record<string, string> = {}): Machine {
  const made = aMachine(cluster, { name, controlPlane });
  const conditions = [
    ...HEALTHY.map((t) => condition(t, 'True')),
    ...Object.entries(sick).map(([t, reason]) => condition(t, 'False', reason)),
  ];
  return {
    ...made,
    metadata: { ...made.metadata, annotations, creationTimestamp: '2025-12-01T00:00:00Z' },
    status: { nodeRef: { name: `node-${name}` }, conditions },
  } as Machine;
}
const record = { machine: 'c', timestamp: NOW, retryCount: 0 };
const world = (...machines: Machine[]): ActivityWorld =>
  activityWorld({ objects: [cluster, controlPlane, ...theTemplates(cluster), ...machines] });
const machinesOf = (w: ActivityWorld): string[] => w.kube.all(KINDS.Machine).map((m) => m.metadata.name);
const written = (w: ActivityWorld) =>
  recordOf(
    w.kube.peek(KINDS.KubeadmControlPlane, controlPlane.metadata)?.metadata.annotations?.[
      ANNOTATION.remediationInProgress
    ],
  );
const begun: KubeadmControlPlane = {
  ...controlPlane,
  metadata: { ...controlPlane.metadata, annotations: { [ANNOTATION.remediationInProgress]: recordText(record) } },
};

describe('replacing an unhealthy control plane machine', () => {
  test('is written down before the Machine is deleted', async () => {
    const w = world(member('a'), member('b'), member('c', SICK));
    let atDeletion: unknown;
    w.kube.before((request) => {
      if (request.verb === 'delete') atDeletion = written(w);
    });
    await remediateControlPlaneMachine(w.deps, key, record);
    expect(machinesOf(w)).toEqual(['a', 'b']);
    expect(atDeletion).toEqual(record);
    expect(w.events).toContain(`MachineRemediation KubeadmControlPlane/${controlPlane.metadata.name}`);
  });

  test('killed after any write and run again is recorded and done once', async () => {
    const writes = await killedAfterEachWrite(
      () => world(member('a'), member('b'), member('c', SICK)),
      ({ deps }) => remediateControlPlaneMachine(deps, key, record),
      (after, undisturbed, n) => expect({ n, after }).toEqual({ n, after: undisturbed }),
    );
    expect(writes).toBe(2);
  });

  test('killed between record and deletion is made up for by the next look, whoever takes it', async () => {
    const w = world(member('a'), member('b'), member('c', SICK));
    w.kube.put(begun);
    w.now = '2026-01-01T01:00:00Z';
    await expect(lookAtControlPlane(w.deps, key)).resolves.toMatchObject({
      operation: 'RemediateControlPlane',
      step: { kind: 'remediate', record },
    });
  });

  test('leaves another replacement alone that was begun before', async () => {
    const w = world(member('a'), member('b'), member('c', SICK));
    const other = { machine: 'b', timestamp: NOW, retryCount: 1 };
    const annotations = { [ANNOTATION.remediationInProgress]: recordText(other) };
    w.kube.put({ ...controlPlane, metadata: { ...controlPlane.metadata, annotations } });
    await remediateControlPlaneMachine(w.deps, key, record);
    expect(machinesOf(w)).toEqual(['a', 'b', 'c']);
    expect(written(w)).toEqual(other);
  });

  test('is nothing to do for a machine that is gone or goes', async () => {
    const going = member('c');
    const w = world({ ...going, metadata: { ...going.metadata, deletionTimestamp: NOW, finalizers: ['x'] } });
    await remediateControlPlaneMachine(w.deps, key, record);
    await remediateControlPlaneMachine(w.deps, key, { ...record, machine: 'never' });
    expect(w.kube.writes()).toEqual([]);
  });

  test('ends with a new Machine that says what it was made for', async () => {
    const w = world(member('a'), member('b'));
    w.kube.put(begun);
    const brief = await lookAtControlPlane(w.deps, key);
    expect(brief.step).toMatchObject({ kind: 'create', replaces: record });
    await createControlPlaneMachine(w.deps, key, { name: 'd', replaces: record });
    expect(written(w)).toBeUndefined();
    const made = w.kube.peek<Machine>(KINDS.Machine, { namespace: 'default', name: 'd' });
    expect(recordOf(made?.metadata.annotations?.[ANNOTATION.remediationFor])).toEqual(record);
    expect(made?.metadata.annotations?.[ANNOTATION.kcpCleanup]).toBe('');
    await lookAtControlPlane(w.deps, key);
    const status = w.kube.peek<KubeadmControlPlane>(KINDS.KubeadmControlPlane, controlPlane.metadata)?.status;
    expect(status?.lastRemediation).toEqual({ machine: 'c', time: NOW, retryCount: 0 });
  });

  test('killed after any write while the new Machine is made, and run again, makes one and ends', async () => {
    const writes = await killedAfterEachWrite(
      () => {
        const w = world(member('a'), member('b'));
        w.kube.put(begun);
        return w;
      },
      ({ deps }) => createControlPlaneMachine(deps, key, { name: 'd', replaces: record }),
      (after, undisturbed, n) => expect({ n, after }).toEqual({ n, after: undisturbed }),
    );
    expect(writes).toBe(4); // infra machine, config, Machine, the record
  });

  test('is ended by the next look when whoever made the new Machine died before', async () => {
    const w = world(member('a'), member('b'), member('d', {}, { [ANNOTATION.remediationFor]: recordText(record) }));
    w.kube.put(begun);
    await expect(lookAtControlPlane(w.deps, key)).resolves.toMatchObject({ step: { kind: 'done' } });
    expect(written(w)).toBeUndefined();
  });

  test('is forgotten on demand, and only that one', async () => {
    const w = world();
    w.kube.put(begun);
    await endRemediation(w.deps, key, { ...record, machine: 'other' });
    expect(written(w)).toEqual(record);
    await endRemediation(w.deps, key, record);
    await endRemediation(w.deps, key, record);
    expect(written(w)).toBeUndefined();
  });
});

describe('what becomes of a machine that a health check wants replaced', () => {
  const stored = (w: ActivityWorld, name: string) =>
    w.kube.peek<Machine>(KINDS.Machine, { namespace: 'default', name });

  test('is said on it when it has to wait, and taken back when it recovers', async () => {
    const w = world(member('c', SICK));
    await lookAtControlPlane(w.deps, key);
    expect(verdicts(stored(w, 'c')?.status)['OwnerRemediated']).toBe('False CannotBeRemediated');
    expect(messageOf(stored(w, 'c')?.status, 'OwnerRemediated')).toContain('less or equal to 1');
    const status = w.kube.peek<KubeadmControlPlane>(KINDS.KubeadmControlPlane, controlPlane.metadata)?.status;
    expect(verdicts(status)['Remediating']).toBe('True Remediating');
    await lookAtControlPlane(w.deps, key);
    expect(verdicts(stored(w, 'c')?.status)['OwnerRemediated']).toBe('False CannotBeRemediated');
    const now = stored(w, 'c') as Machine;
    const conditions = (now.status?.conditions ?? []).map((c) =>
      c.type === 'HealthCheckSucceeded' ? { ...c, status: 'True' } : c,
    );
    w.kube.put({ ...now, status: { ...now.status, conditions } } as Machine);
    await lookAtControlPlane(w.deps, key);
    expect(verdicts(stored(w, 'c')?.status)['OwnerRemediated']).toBeUndefined();
  });

  test('is that it goes, once it does', async () => {
    const going = member('c', SICK);
    const w = world(member('a'), {
      ...going,
      metadata: { ...going.metadata, deletionTimestamp: NOW, finalizers: ['x'] },
    });
    await expect(awaitControlPlane(w.deps, key, { name: 'a', until: 'healthy' })).resolves.toMatchObject({
      step: { name: 'c', until: 'gone' },
    });
    expect(verdicts(stored(w, 'c')?.status)['OwnerRemediated']).toBe('False MachineDeleting');
  });
});
