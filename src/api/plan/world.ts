import type { ManifestDocument, ManifestWorld } from '../../domain/plan-manifest/types.js';
import type { Kube } from '../../kube/kube.js';
import type {
  Cluster,
  KubeadmConfig,
  KubeadmControlPlane,
  Machine,
  MachineDeployment,
  MachinePool,
  MachineSet,
} from '../types/index.js';
import { KINDS } from '../types/kinds.js';
import type { KubeObject, ResourceKind } from '../types/meta.js';
import { storedKind } from './kinds.js';

interface Ref {
  readonly apiGroup: string;
  readonly kind: string;
  readonly name: string;
}

/** Everything live that the consequences of the documents depend on. Only reads. */
export async function readWorld(
  kube: Kube,
  documents: readonly ManifestDocument[],
  now: string,
  signal: AbortSignal,
): Promise<ManifestWorld> {
  const namespaces = [...new Set(documents.map((d) => d.ref.namespace))].filter((n) => n !== '').sort();
  const list = async <T extends KubeObject>(kind: ResourceKind): Promise<T[]> =>
    (await Promise.all(namespaces.map((namespace) => kube.list<T>(kind, { namespace }, signal)))).flat();
  const [clusters, controlPlanes, deployments, sets, pools, machines, configs] = await Promise.all([
    list<Cluster>(KINDS.Cluster),
    list<KubeadmControlPlane>(KINDS.KubeadmControlPlane),
    list<MachineDeployment>(KINDS.MachineDeployment),
    list<MachineSet>(KINDS.MachineSet),
    list<MachinePool>(KINDS.MachinePool),
    list<Machine>(KINDS.Machine),
    list<KubeadmConfig>(KINDS.KubeadmConfig),
  ]);
  const infraKinds = await kindsOf(
    kube,
    machines.map((m) => m.spec.infrastructureRef),
    signal,
  );
  const infrastructure = (await Promise.all(infraKinds.map((kind) => list<KubeObject>(kind)))).flat();
  const told = documents.flatMap(({ wanted }) => (wanted.kind === 'MachinePool' ? [wanted as MachinePool] : []));
  const poolKinds = await kindsOf(
    kube,
    [...pools, ...told].map((p) => p.spec.template.spec.infrastructureRef),
    signal,
  );
  const infraPools = (await Promise.all(poolKinds.map((kind) => list<KubeObject>(kind)))).flat();
  // those of workers that the manifest does not speak of say which checks their new machines skip
  const referring = [...documents.map((d) => d.wanted), ...deployments, ...sets];
  const templateKinds = await kindsOf(kube, referring.flatMap(templateRefs), signal);
  const templates = (await Promise.all(templateKinds.map((kind) => list<KubeObject>(kind)))).flat();
  return {
    now,
    documents,
    clusters,
    controlPlanes,
    deployments,
    sets,
    pools,
    infraPools,
    machines,
    configs,
    infrastructure,
    templates,
  };
}

async function kindsOf(kube: Kube, refs: readonly Ref[], signal: AbortSignal): Promise<ResourceKind[]> {
  const distinct = new Map(refs.map((r) => [`${r.apiGroup}/${r.kind}`, r]));
  const kinds = await Promise.all([...distinct.values()].map((ref) => storedKind(kube, ref, signal)));
  return kinds.filter((k) => k !== undefined);
}

function templateRefs(wanted: KubeObject): Ref[] {
  if (wanted.kind === 'KubeadmControlPlane')
    return [(wanted as KubeadmControlPlane).spec.machineTemplate.spec.infrastructureRef];
  if (wanted.kind !== 'MachineDeployment' && wanted.kind !== 'MachineSet') return [];
  const { infrastructureRef, bootstrap } = (wanted as MachineDeployment | MachineSet).spec.template.spec;
  return [infrastructureRef, ...(bootstrap.configRef ? [bootstrap.configRef] : [])];
}
