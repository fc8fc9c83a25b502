import type { Machine, MachineDeployment, MachineSet } from '../../src/api/types/index.js';
import { KINDS } from '../../src/api/types/kinds.js';
import { controllerOf, isDeleting, ownerReference } from '../../src/domain/contract.js';
import type { ActivityWorld } from './activity-world.js';
import { aCluster, aMachine } from './fake-objects.js';
import { aMachineDeployment, theTemplates } from './fake-owners.js';

/** A deployment and what it needs, to be put into a world of activities. */
export interface RolloutWorld {
  readonly cluster: ReturnType<typeof aCluster>;
  readonly deployment: MachineDeployment;
  readonly objects: Parameters<ActivityWorld['kube']['put']>[0][];
}

/** A deployment of three workers, with its Cluster and templates. */
export function rolloutWorld(spec: Partial<MachineDeployment['spec']> = {}): RolloutWorld {
  const cluster = aCluster();
  const deployment = aMachineDeployment(cluster, { replicas: 3, ...spec });
  return { cluster, deployment, objects: [cluster, deployment, ...theTemplates(cluster)] };
}

export const machinesIn = ({ kube }: ActivityWorld): Machine[] => kube.all<Machine>(KINDS.Machine);
export const setsIn = ({ kube }: ActivityWorld): MachineSet[] => kube.all<MachineSet>(KINDS.MachineSet);

const AVAILABLE = {
  type: 'Available',
  status: 'True',
  reason: 'Available',
  lastTransitionTime: '2026-01-01T00:00:00Z',
};

/** Machines of each set as its size says: those that go are gone at once, new ones are available unless `ready` says otherwise. */
export function serveSets(
  world: ActivityWorld,
  cluster: ReturnType<typeof aCluster>,
  ready: (machine: Machine) => boolean = () => true,
): void {
  for (const set of setsIn(world)) {
    const mine = machinesIn(world).filter((m) => controllerOf(m)?.uid === set.metadata.uid);
    const wanted = isDeleting(set) ? 0 : (set.spec.replicas ?? 1);
    for (const machine of mine.slice(wanted)) world.kube.remove(KINDS.Machine, machine.metadata);
    for (let n = mine.length; n < wanted; n++) {
      const made = aMachine(cluster, { name: `${set.metadata.name}-${n}-${machinesIn(world).length}` });
      const ownerReferences = [ownerReference(set, { controller: true })];
      const machine = { ...made, metadata: { ...made.metadata, ownerReferences } };
      const conditions = ready(machine) ? [AVAILABLE] : [];
      world.kube.put({ ...machine, status: { ...machine.status, conditions } } as Machine);
    }
  }
}
