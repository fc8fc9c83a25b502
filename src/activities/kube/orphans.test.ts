import { describe, expect, test } from '@jest/globals';
import {
  type ActivityWorld,
  activityWorld,
  keyOf,
  killedAfterEachWrite,
  NOW,
} from '../../../test/helpers/activity-world.js';
import { aCluster, aControlPlane, aMachine } from '../../../test/helpers/fake-objects.js';
import { aMachineSet, anInfraMachine, theTemplates } from '../../../test/helpers/fake-owners.js';
import type { KubeadmConfig, Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject, ResourceKind } from '../../api/types/meta.js';
import { ownerReference } from '../../domain/contract.js';
import { ANNOTATION, LABEL } from '../../domain/names.js';
import { createControlPlaneMachine, createWorkerMachines, deleteMachines } from './machines.js';

const cluster = aCluster();
const set = aMachineSet(cluster);
const key = keyOf(set);

/** An AWSMachine as it is between its creation and that of its Machine. */
function clone(name: string, metadata: Partial<KubeObject['metadata']> = {}, template = 'workers'): KubeObject {
  const made = anInfraMachine(cluster, name);
  return {
    ...made,
    metadata: {
      ...made.metadata,
      labels: { [LABEL.setName]: set.metadata.name },
      annotations: { [ANNOTATION.clonedFromName]: template },
      ownerReferences: [ownerReference(set, { controller: false })],
      ...metadata,
    },
  };
}

const world = (...objects: KubeObject[]): ActivityWorld =>
  activityWorld({ objects: [cluster, set, ...theTemplates(cluster), ...objects] });
const left = (w: ActivityWorld): string[] => w.kube.all(KINDS.AWSMachine).map((o) => o.metadata.name);

describe('what was made for machines that never came to be', () => {
  test('goes before others are made, but for what they will be made of', async () => {
    const w = world(clone('w1'), clone('orphan'), clone('w2', {}, 'an earlier template'));
    const before = w.kube.peek(KINDS.AWSMachine, { namespace: 'default', name: 'w1' })?.metadata.uid;
    await createWorkerMachines(w.deps, key, ['w1', 'w2']);
    expect(left(w)).toEqual(['w1', 'w2']);
    const made = (name: string) => w.kube.peek(KINDS.AWSMachine, { namespace: 'default', name })?.metadata;
    expect(made('w1')?.uid).toBe(before);
    expect(made('w2')?.annotations?.[ANNOTATION.clonedFromName]).toBe('workers');
  });

  test('goes when the set shrinks', async () => {
    const w = world(clone('orphan'));
    await deleteMachines(w.deps, key, []);
    expect(left(w)).toEqual([]);
  });

  test.each<[string, KubeObject, KubeObject[]]>([
    ['of another owner', clone('x', { ownerReferences: [] }), []],
    ['of another set', clone('x', { labels: { [LABEL.setName]: 'other' } }), []],
    ['that goes', clone('x', { deletionTimestamp: NOW, finalizers: ['x'] }), []],
    [
      'that a Machine of any name refers to',
      clone('x'),
      [
        aMachine(cluster, {
          name: 'restored',
          spec: { infrastructureRef: { apiGroup: 'infrastructure.cluster.x-k8s.io', kind: 'AWSMachine', name: 'x' } },
        }) as Machine,
      ],
    ],
  ])('is not an object %s', async (_, object, others) => {
    const w = world(object, ...others);
    await createWorkerMachines(w.deps, key, ['w1']);
    await deleteMachines(w.deps, key, []);
    expect(left(w)).toContain('x');
  });

  test('goes once, whenever the process is killed', async () => {
    await killedAfterEachWrite(
      () => world(clone('a'), clone('b')),
      ({ deps }) => createWorkerMachines(deps, key, ['w1']),
      (after, undisturbed, n) => expect({ n, after }).toEqual({ n, after: undisturbed }),
    );
  });

  test('is found by the label of a set whose name is too long for one', async () => {
    const long = aMachineSet(cluster, {}, 'a'.repeat(70));
    const w = activityWorld({ objects: [cluster, long, ...theTemplates(cluster)] });
    await createWorkerMachines(w.deps, keyOf(long), ['w1']);
    const made = w.kube.peek(KINDS.AWSMachine, { namespace: 'default', name: 'w1' })?.metadata.labels?.[LABEL.setName];
    expect(made).toMatch(/^hash_[-\w]{6}_z$/);
    w.kube.put(
      clone('orphan', {
        labels: { [LABEL.setName]: made ?? '' },
        ownerReferences: [ownerReference(long, { controller: false })],
      }),
    );
    await deleteMachines(w.deps, keyOf(long), []);
    expect(left(w)).toEqual(['w1']);
  });
});

describe('what was made for control plane machines that never came to be', () => {
  const controlPlane = aControlPlane(cluster);
  const held = { ownerReferences: [ownerReference(controlPlane, { controller: false })] };
  const labels = { [LABEL.controlPlaneName]: controlPlane.metadata.name };
  const config = (name: string, spec: NonNullable<KubeadmConfig['spec']>): KubeadmConfig => ({
    apiVersion: 'bootstrap.cluster.x-k8s.io/v1beta2',
    kind: 'KubeadmConfig',
    metadata: { name, namespace: 'default', uid: `uid-config-${name}`, labels, ...held },
    spec,
  });
  const infra = (name: string, template: string): KubeObject => clone(name, { labels, ...held }, template);
  const planes = (...objects: KubeObject[]): ActivityWorld =>
    activityWorld({ objects: [cluster, controlPlane, ...theTemplates(cluster), ...objects] });
  const uidOf = (w: ActivityWorld, kind: ResourceKind, name: string) =>
    w.kube.peek(kind, { namespace: 'default', name })?.metadata.uid;

  test('goes before another one is made, but for what that will be made of', async () => {
    const w = planes(
      infra('cp1', 'demo'),
      infra('orphan', 'demo'),
      config('cp1', controlPlane.spec.kubeadmConfigSpec ?? {}),
      config('orphan', {}),
    );
    const before = [uidOf(w, KINDS.AWSMachine, 'cp1'), uidOf(w, KINDS.KubeadmConfig, 'cp1')];
    await createControlPlaneMachine(w.deps, keyOf(controlPlane), { name: 'cp1' });
    expect([uidOf(w, KINDS.AWSMachine, 'cp1'), uidOf(w, KINDS.KubeadmConfig, 'cp1')]).toEqual(before);
    expect(left(w)).toEqual(['cp1']);
    expect(w.kube.all(KINDS.KubeadmConfig).map((o) => o.metadata.name)).toEqual(['cp1']);
  });

  test('is made anew where what it was made of has changed', async () => {
    const w = planes(infra('cp1', 'before'), config('cp1', { files: [{ path: '/before' }] }));
    const before = [uidOf(w, KINDS.AWSMachine, 'cp1'), uidOf(w, KINDS.KubeadmConfig, 'cp1')];
    await createControlPlaneMachine(w.deps, keyOf(controlPlane), { name: 'cp1' });
    const after = [uidOf(w, KINDS.AWSMachine, 'cp1'), uidOf(w, KINDS.KubeadmConfig, 'cp1')];
    expect(after).not.toContain(undefined);
    for (const [i, uid] of after.entries()) expect(uid).not.toBe(before[i]);
  });

  test('carries a label that a long name of the control plane fits into', async () => {
    const long = { ...controlPlane, metadata: { ...controlPlane.metadata, name: 'a'.repeat(70) } };
    const w = activityWorld({ objects: [cluster, long, ...theTemplates(cluster)] });
    await createControlPlaneMachine(w.deps, keyOf(long), { name: 'cp1' });
    const made = w.kube.peek(KINDS.Machine, { namespace: 'default', name: 'cp1' });
    expect(made?.metadata.labels?.[LABEL.controlPlaneName]).toMatch(/^hash_[-\w]{6}_z$/);
  });
});
