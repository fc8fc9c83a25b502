import { describe, expect, test } from '@jest/globals';
import { type ActivityWorld, activityWorld, keyOf, NOW } from '../../../test/helpers/activity-world.js';
import { aCluster, aControlPlane, aMachine } from '../../../test/helpers/fake-objects.js';
import { theTemplates } from '../../../test/helpers/fake-owners.js';
import type { Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import { awaitControlPlane } from './control-plane.js';

const cluster = aCluster();
const external = { endpoints: ['https://e:2379'], caFile: 'a', certFile: 'b', keyFile: 'c' };
const controlPlane = aControlPlane(cluster, { kubeadmConfigSpec: { clusterConfiguration: { etcd: { external } } } });
const key = keyOf(controlPlane);
const types = ['APIServerPodHealthy', 'ControllerManagerPodHealthy', 'SchedulerPodHealthy', 'Ready'];
const conditions = types.map((type) => ({ type, status: 'True', reason: 'A', message: '', lastTransitionTime: NOW }));
const machine: Machine = aMachine(cluster, { name: 'cp', controlPlane });
const healthy = { ...machine, status: { nodeRef: { name: 'n' }, conditions } } as Machine;
const world = (...machines: Machine[]): ActivityWorld =>
  activityWorld({ objects: [cluster, controlPlane, ...theTemplates(cluster), ...machines] });

describe('waiting for what a control plane waits for', () => {
  test('ends when the machine is a healthy member with a ready node, and tells meanwhile what is missing', async () => {
    const w = world(machine);
    w.onBeat = () => w.kube.put(healthy);
    await expect(awaitControlPlane(w.deps, key, { name: 'cp', until: 'healthy' })).resolves.toMatchObject({ live: 1 });
    expect(w.beats).toEqual([
      expect.stringContaining('Machine cp does not have a corresponding Node yet (Machine.status.nodeRef not set)'),
    ]);
    expect(w.events).toContain(`ControlPlaneUnhealthy KubeadmControlPlane/${controlPlane.metadata.name}`);
  });

  test('ends when the machine is gone', async () => {
    const going = { ...machine, metadata: { ...machine.metadata, deletionTimestamp: NOW, finalizers: ['x'] } };
    const w = world(going);
    w.onBeat = () => w.kube.remove(KINDS.Machine, machine.metadata);
    await expect(awaitControlPlane(w.deps, key, { name: 'cp', until: 'gone' })).resolves.toMatchObject({
      step: { kind: 'create' },
    });
  });

  test('ends at once when the plan is another one: something else is waited for, or the spec changed', async () => {
    const w = world(machine);
    await expect(awaitControlPlane(w.deps, key, { name: 'other', until: 'healthy' })).resolves.toMatchObject({
      step: { name: 'cp', until: 'healthy' },
    });
    w.onBeat = () => {
      const outdated = { ...healthy, spec: { ...healthy.spec, version: 'v1.33.0' } };
      w.kube.put(outdated);
    };
    await expect(awaitControlPlane(w.deps, key, { name: 'cp', until: 'healthy' })).resolves.toMatchObject({
      operation: 'UpgradeControlPlane',
      step: { kind: 'create' },
    });
  });

  test('ends when the control plane is paused', async () => {
    const w = world(machine);
    w.onBeat = () => w.kube.put({ ...cluster, spec: { ...cluster.spec, paused: true } });
    await expect(awaitControlPlane(w.deps, key, { name: 'cp', until: 'healthy' })).resolves.toMatchObject({
      paused: true,
    });
  });
});
