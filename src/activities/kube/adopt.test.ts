import { describe, expect, test } from '@jest/globals';
import { activityWorld, writesOf } from '../../../test/helpers/activity-world.js';
import { aCluster, aControlPlane, aMachine } from '../../../test/helpers/fake-objects.js';
import type { Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import { controllerOf, ownerReference } from '../../domain/contract.js';
import { ANNOTATION, LABEL } from '../../domain/names.js';
import { adoptMachines } from './adopt.js';

const cluster = aCluster();
const controlPlane = aControlPlane(cluster);
const former = { ...controlPlane, metadata: { ...controlPlane.metadata, uid: 'former' } };
const other = aControlPlane(aCluster({ name: 'other' }));
const machine = (name: string, owner: typeof controlPlane | undefined, version = 'v1.34.4'): Machine => {
  const made = aMachine(cluster, { name, spec: { version } });
  return {
    ...made,
    metadata: {
      ...made.metadata,
      labels: { ...made.metadata.labels, [LABEL.controlPlane]: '' },
      ...(owner ? { ownerReferences: [ownerReference(owner, { controller: true })] } : {}),
    },
  };
};

async function adopt(...machines: Machine[]) {
  const world = activityWorld({ objects: [cluster, controlPlane, ...machines] });
  const adopted = await adoptMachines(world.deps, controlPlane, machines);
  const stored = (name: string) => world.kube.peek<Machine>(KINDS.Machine, { namespace: 'default', name });
  return { world, adopted, stored };
}

describe('adopting control plane machines', () => {
  test('takes what nobody controls, with the hook by which its etcd member leaves first', async () => {
    const { adopted, stored } = await adopt(machine('free', undefined, 'v1.33.1'));
    expect(adopted).toBe(true);
    expect(controllerOf(stored('free') as Machine)?.uid).toBe(controlPlane.metadata.uid);
    expect(stored('free')?.metadata.annotations?.[ANNOTATION.kcpCleanup]).toBe('');
    expect(stored('free')?.metadata.labels?.[LABEL.controlPlaneName]).toBe(controlPlane.metadata.name);
  });

  test('takes what a former control plane of its name controlled', async () => {
    const { adopted, stored } = await adopt(machine('restored', former));
    expect(adopted).toBe(true);
    expect(stored('restored')?.metadata.ownerReferences).toEqual([ownerReference(controlPlane, { controller: true })]);
  });

  test("leaves its own, others', and those too far away", async () => {
    const machines = [machine('own', controlPlane), machine('theirs', other), machine('old', undefined, 'v1.32.0')];
    const { world, adopted } = await adopt(...machines);
    expect(adopted).toBe(false);
    expect(world.events).toEqual([`AdoptionFailed KubeadmControlPlane/${controlPlane.metadata.name}`]);
    expect(await writesOf(world.kube, () => adoptMachines(world.deps, controlPlane, machines))).toBe(0);
  });
});
