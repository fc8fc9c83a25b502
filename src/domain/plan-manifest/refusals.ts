import type { MachineDeployment, MachineSet } from '../../api/types/index.js';
import {
  controlPlaneDowngrade,
  controlPlaneSkew,
  controlPlaneStep,
  kubeadmSkew,
  kubernetesSkew,
  type SkewViolation,
} from '../plan/skew.js';
import { poolRefusals } from './pool-refusals.js';
import { skipsOf } from './skips.js';
import type { ManifestWorld, ObjectRef, Refusal } from './types.js';
import { machinesUnder, setsUnder, type Wanted, type WantedCluster, wantedClusters } from './wanted.js';

type Group = MachineDeployment | MachineSet;

const refusal = (object: ObjectRef, by: Refusal['by'], broken: SkewViolation | undefined): Refusal[] =>
  broken ? [{ object, by, ...broken }] : [];

const byVersion = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true });

function controlPlaneRefusals(world: ManifestWorld, { controlPlane }: WantedCluster): Refusal[] {
  if (!controlPlane?.live || !controlPlane.document) return [];
  const { ref, live, wanted } = controlPlane;
  const { version } = wanted.spec;
  if (live.spec.version === version) return [];
  const there = machinesUnder(world, live).flatMap((m) => m.spec.version ?? []);
  const step = controlPlaneStep(live.spec.version, version);
  if (step) return refusal(ref, 'admission', step);
  // a rollout that has not ended yet leaves machines of the version before
  const oldest = [...there].sort(byVersion)[0];
  const late = oldest === undefined ? undefined : controlPlaneStep(oldest, version);
  return [...refusal(ref, 'kubernetes', late), ...refusal(ref, 'kubernetes', controlPlaneDowngrade(there, version))];
}

/** Versions of the machines that workers have now, the set's and the deployment's machines alike. */
function versionsThere(world: ManifestWorld, { live }: Wanted<Group>): string[] {
  const machines = [live, ...setsUnder(world, live)].flatMap((owner) => machinesUnder(world, owner));
  return [...new Set(machines.flatMap((m) => m.spec.version ?? []))].sort(byVersion);
}

/** A change that needs a new machine, which preflight checks would hold up. */
function makesMachines({ live, wanted }: Wanted<Group>): boolean {
  if (!live) return (wanted.spec.replicas ?? 1) > 0;
  const fields = ({ spec }: Group): string => {
    const { version, failureDomain, bootstrap, infrastructureRef } = spec.template.spec;
    return JSON.stringify([version, failureDomain, bootstrap, infrastructureRef]);
  };
  const more = (wanted.spec.replicas ?? 1) > (live.spec.replicas ?? 1);
  return more || (wanted.kind === 'MachineDeployment' && fields(live) !== fields(wanted));
}

function workerRefusals(world: ManifestWorld, cluster: WantedCluster, group: Wanted<Group>): Refusal[] {
  const plane = cluster.controlPlane;
  if (!plane) return [];
  const { ref, wanted } = group;
  const { version: target } = plane.wanted.spec;
  const { version, bootstrap } = wanted.spec.template.spec;
  const planeMoves = plane.live !== undefined && plane.live.spec.version !== target;
  const own = group.live?.spec.template.spec.version !== version;
  if (!planeMoves && !group.document) return [];
  const skips = skipsOf(world, wanted);
  const wish = skips('KubernetesVersionSkew') ? undefined : kubernetesSkew(target, version);
  if (wish && (planeMoves || own)) return refusal(ref, makesMachines(group) ? 'preflight' : 'kubernetes', wish);
  // those that are there stay while the control plane goes ahead
  const left = planeMoves ? versionsThere(world, group).map((v) => kubernetesSkew(target, v)) : [];
  const broken = left.find((v) => v !== undefined);
  if (broken) return refusal(ref, 'kubernetes', broken);
  if (!group.document || !makesMachines(group)) return [];
  const kubeadm = bootstrap.configRef?.kind === 'KubeadmConfigTemplate' && !skips('KubeadmVersionSkew');
  const topology = cluster.cluster?.spec.topology !== undefined && !skips('ControlPlaneVersionSkew');
  return [
    ...refusal(ref, 'preflight', kubeadm ? kubeadmSkew(target, version) : undefined),
    ...refusal(ref, 'preflight', topology ? controlPlaneSkew(target, version) : undefined),
  ];
}

/** Rules about versions that the manifest would break, and what the API server says against its documents. A rule that both name is told once. */
export function refusals(world: ManifestWorld): Refusal[] {
  const rules = wantedClusters(world).flatMap((cluster) => [
    ...controlPlaneRefusals(world, cluster),
    ...[...cluster.deployments, ...cluster.sets].flatMap((group) => workerRefusals(world, cluster, group)),
    ...cluster.pools.flatMap((pool) => poolRefusals(world, cluster, pool)),
  ]);
  const server = world.documents.flatMap(({ ref, refusal: message }): Refusal[] => {
    if (message === undefined || rules.some((r) => message.includes(r.message))) return [];
    return [{ object: ref, rule: 'Admission', by: 'admission', message }];
  });
  return [...rules, ...server];
}
