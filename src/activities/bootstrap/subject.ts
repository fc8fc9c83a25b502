import type { Cluster, KubeadmConfig, Machine } from '../../api/types/index.js';
import type { ActivityDeps } from '../deps.js';

/** What bootstrap needs of the activities' dependencies. */
export type BootstrapDeps = Pick<ActivityDeps, 'kube' | 'workload' | 'now' | 'scope'>;

/** A machine, its cluster and its bootstrap config, as read at the start of the call. */
export interface BootstrapSubject {
  readonly cluster: Cluster;
  readonly machine: Machine;
  readonly config: KubeadmConfig;
}
