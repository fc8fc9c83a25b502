import type { AWSMachinePool } from '../../api/types/aws-machine-pool.js';
import type { MachinePool } from '../../api/types/index.js';
import { kubeadmSkew, kubernetesSkew } from '../plan/skew.js';
import { poolSizeProblem } from '../pool-size.js';
import { isSizedElsewhere } from '../status/machine-pool.js';
import { infraPoolOf } from './pools.js';
import type { ManifestWorld, Refusal } from './types.js';
import { isPoolTold, type Wanted, type WantedCluster } from './wanted.js';

/** Rules that a pool would break. Nothing checks versions before a pool makes instances, as upstream has it: it would go ahead. */
export function poolRefusals(world: ManifestWorld, cluster: WantedCluster, pool: Wanted<MachinePool>): Refusal[] {
  return [...skewRefusal(cluster, pool), ...sizeRefusal(world, pool)];
}

function skewRefusal(
  { controlPlane: plane }: WantedCluster,
  { ref, live, wanted, document }: Wanted<MachinePool>,
): Refusal[] {
  if (!plane) return [];
  const { version: target } = plane.wanted.spec;
  const { version, bootstrap } = wanted.spec.template.spec;
  const planeMoves = plane.live !== undefined && plane.live.spec.version !== target;
  const own = live?.spec.template.spec.version !== version;
  const grows = (wanted.spec.replicas ?? 1) > (live?.spec.replicas ?? 1);
  const makes = document !== undefined && (own || grows);
  if (!planeMoves && !makes) return [];
  const reached = plane.live?.status?.version ?? plane.live?.spec.version;
  const broken =
    kubernetesSkew(target, version) ??
    // instances are replaced at once, those of the control plane one after another
    (own && reached !== undefined ? kubernetesSkew(reached, version) : undefined) ??
    (planeMoves ? kubernetesSkew(target, live?.spec.template.spec.version) : undefined) ??
    (makes && bootstrap.configRef?.kind === 'KubeadmConfig' ? kubeadmSkew(target, version) : undefined);
  return broken ? [{ object: ref, by: 'kubernetes', ...broken }] : [];
}

function sizeRefusal(world: ManifestWorld, pool: Wanted<MachinePool>): Refusal[] {
  const infra = isPoolTold(world, pool) ? infraPoolOf(world, pool)?.wanted : undefined;
  if (infra?.kind !== 'AWSMachinePool' || isSizedElsewhere(pool.wanted)) return [];
  const message = poolSizeProblem((infra as AWSMachinePool).spec, pool.wanted.spec.replicas ?? 1);
  if (message === undefined) return [];
  return [{ object: pool.ref, rule: 'PoolSizeLimits', by: 'preflight', message }];
}
