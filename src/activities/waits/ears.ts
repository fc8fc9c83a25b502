import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject, ObjectKey, ResourceKind } from '../../api/types/meta.js';
import { clusterTopic, objectTopic, ownerTopic } from '../../kube/changes.js';
import type { ActivityDeps } from '../deps.js';
import type { Ear } from './pause.js';

/** The ear of a wait about these topics; undefined where nobody listens to the API server. */
function earFor(
  { changes }: Pick<ActivityDeps, 'changes'>,
  kinds: readonly ResourceKind[],
  topics: readonly string[],
): Ear | undefined {
  return (
    changes && {
      mark: () => changes.mark(),
      hears: () => changes.heard(kinds),
      next: (since, signal) => changes.next(topics, since, signal),
    }
  );
}

const CHILDREN: Readonly<Record<string, readonly ResourceKind[]>> = {
  MachineDeployment: [KINDS.MachineDeployment, KINDS.MachineSet],
  MachineSet: [KINDS.MachineSet, KINDS.Machine],
};

/**
 * Hears of an owner of replicas and of what it controls. Of kinds whose state is not all in the management cluster (a control plane's etcd) it hears
 * nothing: there is no ear.
 */
export function ownerEar(deps: Pick<ActivityDeps, 'changes'>, key: ObjectKey): Ear | undefined {
  const kinds = CHILDREN[key.kind];
  return kinds && earFor(deps, kinds, [objectTopic(key), ownerTopic(key.uid)]);
}

/** Hears of everything that belongs to a Cluster: its machines, their owners, the infra cluster. */
export function clusterEar(
  deps: Pick<ActivityDeps, 'changes'>,
  key: ObjectKey,
  infra: readonly ResourceKind[] = [],
): Ear | undefined {
  const { Cluster, KubeadmControlPlane, MachineDeployment, MachinePool, MachineSet, Machine } = KINDS;
  const kinds = [Cluster, KubeadmControlPlane, MachineDeployment, MachinePool, MachineSet, Machine, ...infra];
  return earFor(deps, kinds, [clusterTopic(key.namespace, key.name)]);
}

/** Hears of one object and of another kind's object beside it, by its name. */
export function objectEar(
  deps: Pick<ActivityDeps, 'changes'>,
  of: readonly { readonly kind: ResourceKind; readonly object: Pick<KubeObject, 'metadata'> }[],
): Ear | undefined {
  const topics = of.map(({ kind, object }) => objectTopic({ ...object.metadata, kind: kind.kind }));
  return earFor(
    deps,
    of.map(({ kind }) => kind),
    topics,
  );
}

/** What the wait for a machine's Node knows as it goes on: where the Node would appear. */
export interface NodeWait {
  /** Topics of the Node; none while the workload cluster cannot be watched. */
  topics: readonly string[];
}

/** Hears of a Machine, of what it controls, and of its Node once `wait` tells where that is. */
export function machineEar(
  { changes }: Pick<ActivityDeps, 'changes'>,
  key: ObjectKey,
  children: readonly ResourceKind[],
  wait: NodeWait,
): Ear | undefined {
  const topics = [objectTopic(key), ownerTopic(key.uid)];
  return (
    changes && {
      mark: () => changes.mark(),
      hears: () => wait.topics.length > 0 && changes.heard([KINDS.Machine, ...children]),
      next: (since, signal) => changes.next([...topics, ...wait.topics], since, signal),
    }
  );
}
