import type { MachineDeployment, MachineSet } from '../../api/types/index.js';
import { apiVersionOf, KINDS } from '../../api/types/kinds.js';
import type { OwnerReference } from '../../api/types/meta.js';
import { controllerOf, isDeleting, ownerReference } from '../../domain/contract.js';
import { ANNOTATION, LABEL } from '../../domain/names.js';
import { currentSet, setIdentity, sizeSets } from '../../domain/template.js';
import type { ActivityDeps } from '../deps.js';
import { createOnce } from './clone.js';
import { ensureMetadata, unlessGone } from './write.js';

const listSets = (deps: ActivityDeps, { metadata }: MachineDeployment): Promise<MachineSet[]> =>
  deps.kube.list<MachineSet>(KINDS.MachineSet, { namespace: metadata.namespace ?? '' }, deps.scope().signal);

/** Takes back the deployment's sets whose ownerReference was removed. */
export async function adoptSets(deps: ActivityDeps, deployment: MachineDeployment): Promise<void> {
  const { clusterName } = deployment.spec;
  for (const set of await listSets(deps, deployment)) {
    const isOurs = set.metadata.labels?.[LABEL.deploymentName] === deployment.metadata.name;
    if (!isOurs || set.spec.clusterName !== clusterName || controllerOf(set) || isDeleting(set)) continue;
    const wish = {
      owner: ownerReference(deployment, { controller: true }),
      dropOwners: (o: OwnerReference) => o.kind === 'Cluster',
    };
    await ensureMetadata(deps.kube, KINDS.MachineSet, set, wish, deps.scope().signal);
  }
}

/** The sets a deployment controls, oldest first. */
export async function setsOf(deps: ActivityDeps, deployment: MachineDeployment): Promise<MachineSet[]> {
  return (await listSets(deps, deployment))
    .filter((s) => controllerOf(s)?.uid === deployment.metadata.uid)
    .sort(
      (a, b) =>
        (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? '') ||
        a.metadata.name.localeCompare(b.metadata.name),
    );
}

/**
 * Makes the set of the deployment's template where there is none, and sizes all sets. A paused deployment keeps its one set at the desired size
 * but gets no new one.
 */
export async function sizeSetsOf(
  deps: ActivityDeps,
  deployment: MachineDeployment,
  found: readonly MachineSet[],
): Promise<MachineSet[]> {
  const desired = deployment.spec.replicas ?? 1;
  const oldOf = (sets: readonly MachineSet[], current: MachineSet | undefined) =>
    sets
      .filter((s) => s !== current && !isDeleting(s))
      .map((s) => ({ name: s.metadata.name, replicas: s.spec.replicas ?? 1 }));
  let sets = [...found];
  let current = currentSet(deployment, sets);
  if (!current && deployment.spec.paused) {
    const live = sets.filter((s) => !isDeleting(s));
    if (live.length !== 1) return sets;
    current = live[0];
  }
  if (!current) {
    const size = sizeSets(desired, oldOf(sets, undefined)).current;
    await createOnce(deps, KINDS.MachineSet, newSet(deployment, size), deployment.metadata.uid ?? '');
    sets = await setsOf(deps, deployment);
    current = currentSet(deployment, sets);
    // its predecessor of the same name is still being deleted, which wakes the lane again
    if (!current) return sets;
  }
  const sizes = sizeSets(desired, oldOf(sets, current));
  const resized: (MachineSet | undefined)[] = [];
  for (const set of sets) {
    const want = set === current ? sizes.current : (sizes.old[set.metadata.name] ?? set.spec.replicas ?? 1);
    resized.push((set.spec.replicas ?? 1) === want || isDeleting(set) ? set : await resize(deps, set, want));
  }
  return resized.filter((s) => s !== undefined);
}

async function resize(deps: ActivityDeps, set: MachineSet, replicas: number): Promise<MachineSet | undefined> {
  return unlessGone(
    deps.kube.mergePatch<MachineSet>(
      KINDS.MachineSet,
      { namespace: set.metadata.namespace ?? '', name: set.metadata.name },
      { metadata: { uid: set.metadata.uid }, spec: { replicas } },
      { fieldManager: 'perdure-machinedeployment', signal: deps.scope().signal },
    ),
  );
}

/** The set of the deployment's template, as upstream would make it. */
function newSet(deployment: MachineDeployment, replicas: number): MachineSet {
  const { name, hash } = setIdentity(deployment);
  const labels = {
    ...deployment.spec.template.metadata?.labels,
    [LABEL.clusterName]: deployment.spec.clusterName,
    [LABEL.deploymentName]: deployment.metadata.name,
    [LABEL.templateHash]: hash,
  };
  return {
    apiVersion: apiVersionOf(KINDS.MachineSet),
    kind: 'MachineSet',
    metadata: {
      name,
      namespace: deployment.metadata.namespace ?? '',
      labels,
      annotations: {
        [ANNOTATION.revision]: '1',
        [ANNOTATION.desiredReplicas]: String(deployment.spec.replicas ?? 1),
        [ANNOTATION.maxReplicas]: String((deployment.spec.replicas ?? 1) + 1),
      },
      ownerReferences: [ownerReference(deployment, { controller: true })],
    },
    spec: {
      clusterName: deployment.spec.clusterName,
      replicas,
      selector: {
        ...deployment.spec.selector,
        matchLabels: { ...deployment.spec.selector.matchLabels, [LABEL.templateHash]: hash },
      },
      template: { ...deployment.spec.template, metadata: { ...deployment.spec.template.metadata, labels } },
      ...(deployment.spec.deletion ? { deletion: deployment.spec.deletion } : {}),
      ...(deployment.spec.machineNaming ? { machineNaming: deployment.spec.machineNaming } : {}),
    },
  } as MachineSet;
}
