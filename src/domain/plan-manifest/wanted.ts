import type {
  Cluster,
  KubeadmControlPlane,
  Machine,
  MachineDeployment,
  MachinePool,
  MachineSet,
} from '../../api/types/index.js';
import type { KubeObject } from '../../api/types/meta.js';
import { controllerOf } from '../contract.js';
import { LABEL } from '../names.js';
import type { ManifestDocument, ManifestWorld, ObjectRef } from './types.js';

/** What names an object. */
export const refOf = ({ kind, metadata }: KubeObject): ObjectRef => ({
  kind,
  namespace: metadata.namespace ?? '',
  name: metadata.name,
});

/** Whether both name the same object. */
export const sameRef = (a: ObjectRef, b: ObjectRef): boolean =>
  a.kind === b.kind && a.namespace === b.namespace && a.name === b.name;

/** One object before and after the manifest. */
export interface Wanted<T extends KubeObject> {
  readonly ref: ObjectRef;
  readonly live?: T;
  readonly wanted: T;
  /** The manifest speaks of it; then how the server took it. */
  readonly document?: ManifestDocument;
}

/** All objects of a kind once the manifest is applied, sorted by name: those of the manifest, and those that are there. */
export function wantedOf<T extends KubeObject>(world: ManifestWorld, kind: string, live: readonly T[]): Wanted<T>[] {
  const documents = world.documents.filter((d) => d.ref.kind === kind);
  const told = documents.map((document): Wanted<T> => {
    const before = (document.live as T | undefined) ?? live.find((o) => sameRef(refOf(o), document.ref));
    const wanted = document.wanted as T;
    return { ref: document.ref, ...(before ? { live: before } : {}), wanted, document };
  });
  const others = live
    .filter((o) => !documents.some((d) => sameRef(d.ref, refOf(o))))
    .map((o): Wanted<T> => ({ ref: refOf(o), live: o, wanted: o }));
  return [...told, ...others].sort((a, b) => a.ref.name.localeCompare(b.ref.name));
}

/** A Cluster with its control plane and workers as the manifest would have them. */
export interface WantedCluster {
  readonly namespace: string;
  readonly name: string;
  readonly cluster: Cluster | undefined;
  readonly controlPlane: Wanted<KubeadmControlPlane> | undefined;
  readonly deployments: readonly Wanted<MachineDeployment>[];
  /** Sets that no deployment makes. */
  readonly sets: readonly Wanted<MachineSet>[];
  readonly pools: readonly Wanted<MachinePool>[];
}

/** Whether the manifest speaks of a pool, by itself or by its infra pool. */
export function isPoolTold(world: ManifestWorld, { ref, wanted, document }: Wanted<MachinePool>): boolean {
  const { kind, name } = wanted.spec.template.spec.infrastructureRef;
  return document !== undefined || world.documents.some((d) => sameRef(d.ref, { ...ref, kind, name }));
}

const clusterOf = (o: KubeObject): string => o.metadata.labels?.[LABEL.clusterName] ?? '';

/** The Cluster that a control plane belongs to: its owner, the one that refers to it, or the one of its label. */
function clusterOfControlPlane(clusters: readonly Wanted<Cluster>[], of: Wanted<KubeadmControlPlane>): string {
  const object = of.live ?? of.wanted;
  const owner = object.metadata.ownerReferences?.find((o) => o.kind === 'Cluster')?.name;
  const refers = ({ ref, wanted }: Wanted<Cluster>): boolean => {
    const { controlPlaneRef } = wanted.spec;
    const sameName = controlPlaneRef?.kind === of.ref.kind && controlPlaneRef.name === of.ref.name;
    return ref.namespace === of.ref.namespace && sameName;
  };
  return owner ?? clusters.find(refers)?.ref.name ?? clusterOf(of.wanted);
}

/** The clusters that the manifest speaks of, by itself or by what belongs to them, sorted. */
export function wantedClusters(world: ManifestWorld): WantedCluster[] {
  const clusters = wantedOf<Cluster>(world, 'Cluster', world.clusters);
  const planes = wantedOf<KubeadmControlPlane>(world, 'KubeadmControlPlane', world.controlPlanes).map((plane) => ({
    plane,
    name: clusterOfControlPlane(clusters, plane),
  }));
  const deployments = wantedOf<MachineDeployment>(world, 'MachineDeployment', world.deployments);
  const sets = wantedOf<MachineSet>(world, 'MachineSet', world.sets).filter(
    (s) => controllerOf(s.live ?? s.wanted)?.kind !== 'MachineDeployment',
  );
  const pools = wantedOf<MachinePool>(world, 'MachinePool', world.pools);
  const told = pools.filter((p) => isPoolTold(world, p));
  const touched = [
    ...clusters.filter((c) => c.document).map((c) => c.ref),
    ...planes.filter((p) => p.plane.document).map((p) => ({ ...p.plane.ref, name: p.name })),
    ...[...deployments, ...sets].filter((d) => d.document).map((d) => ({ ...d.ref, name: d.wanted.spec.clusterName })),
    ...told.map((p) => ({ ...p.ref, name: p.wanted.spec.clusterName })),
  ].map((r) => `${r.namespace}/${r.name}`);
  return [...new Set(touched)].sort().map((id) => {
    const [namespace = '', name = ''] = id.split('/');
    const here = (w: {
      readonly ref: ObjectRef;
      readonly wanted: { readonly spec: { readonly clusterName: string } };
    }): boolean => w.ref.namespace === namespace && w.wanted.spec.clusterName === name;
    return {
      namespace,
      name,
      cluster: clusters.find((c) => c.ref.namespace === namespace && c.ref.name === name)?.wanted,
      controlPlane: planes.find((p) => p.plane.ref.namespace === namespace && p.name === name)?.plane,
      deployments: deployments.filter(here),
      sets: sets.filter(here),
      pools: pools.filter(here),
    };
  });
}

/** Machines that an object controls, directly. */
export const machinesUnder = (world: ManifestWorld, owner: KubeObject | undefined): Machine[] =>
  owner ? world.machines.filter((m) => controllerOf(m)?.uid === owner.metadata.uid) : [];

/** Sets that a deployment controls, oldest first. */
export const setsUnder = (world: ManifestWorld, owner: KubeObject | undefined): MachineSet[] =>
  owner
    ? world.sets
        .filter((s) => controllerOf(s)?.uid === owner.metadata.uid)
        .sort((a, b) => (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? ''))
    : [];
