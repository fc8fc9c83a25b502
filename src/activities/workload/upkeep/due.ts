import type { Cluster, KubeadmControlPlane, Machine } from '../../../api/types/index.js';
import { isFailure } from '../../../domain/errors.js';
import type { KubeClient } from '../../../kube/client.js';
import type { ActivityDeps } from '../../deps.js';
import { machinesWithoutExpiry } from './certificates.js';
import { isCoreDnsDue } from './coredns.js';
import { isKubeProxyDue } from './kube-proxy.js';

/** What upkeep needs of the activities' dependencies. */
export type UpkeepDeps = Pick<ActivityDeps, 'kube' | 'workload' | 'scope'>;

/**
 * What a control plane whose machines are all up to date still leaves to `finishUpgrade`, for people; empty in the steady state. Only reads, and never throws
 * but for cancellation: what cannot be read is due when the cluster can be asked again, what cannot be planned is due so that finishing says why.
 */
export async function upkeepDue(
  deps: UpkeepDeps,
  cluster: Cluster,
  controlPlane: KubeadmControlPlane,
  machines: readonly Machine[],
): Promise<string[]> {
  const { signal } = deps.scope();
  const ask = async (what: string, question: Promise<boolean>): Promise<string[]> => {
    try {
      return (await question) ? [what] : [];
    } catch (error) {
      signal.throwIfAborted();
      return isFailure(error, 'InvalidConfiguration') ? [what] : [];
    }
  };
  let workload: KubeClient;
  try {
    workload = await deps.workload(cluster, signal);
  } catch {
    signal.throwIfAborted();
    return [];
  }
  const answers = await Promise.all([
    ask('kube-proxy', isKubeProxyDue(workload, controlPlane, signal)),
    ask('CoreDNS', isCoreDnsDue(workload, controlPlane, signal)),
    ask(
      'certificate expiry',
      machinesWithoutExpiry(deps.kube, cluster, machines, signal).then((found) => found.length > 0),
    ),
  ]);
  return answers.flat();
}
