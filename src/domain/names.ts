import type { ObjectKey } from '../api/types/meta.js';

/** Label keys. Here and below: upstream's strings exactly; our own live under `perdure.dev/`. Source: capi api/core/v1beta2/common_types.go. */
export const LABEL = {
  clusterName: 'cluster.x-k8s.io/cluster-name',
  controlPlane: 'cluster.x-k8s.io/control-plane',
  controlPlaneName: 'cluster.x-k8s.io/control-plane-name',
  setName: 'cluster.x-k8s.io/set-name',
  deploymentName: 'cluster.x-k8s.io/deployment-name',
  poolName: 'cluster.x-k8s.io/pool-name',
  templateHash: 'machine-template-hash',
} as const;

/** Annotation keys. */
export const ANNOTATION = {
  paused: 'cluster.x-k8s.io/paused',
  deleteMachine: 'cluster.x-k8s.io/delete-machine',
  remediateMachine: 'cluster.x-k8s.io/remediate-machine',
  skipRemediation: 'cluster.x-k8s.io/skip-remediation',
  clonedFromName: 'cluster.x-k8s.io/cloned-from-name',
  clonedFromGroupKind: 'cluster.x-k8s.io/cloned-from-groupkind',
  managedBy: 'cluster.x-k8s.io/managed-by',
  /** On a MachinePool: somebody else, such as an autoscaler, sizes its infrastructure; spec.replicas follows. */
  replicasManagedBy: 'cluster.x-k8s.io/replicas-managed-by',
  excludeNodeDraining: 'machine.cluster.x-k8s.io/exclude-node-draining',
  excludeVolumeDetach: 'machine.cluster.x-k8s.io/exclude-wait-for-node-volume-detach',
  /** The pre-terminate hook of control plane machines: the etcd member leaves first. */
  kcpCleanup: 'pre-terminate.delete.hook.machine.cluster.x-k8s.io/kcp-cleanup',
  revision: 'machinedeployment.clusters.x-k8s.io/revision',
  desiredReplicas: 'machinedeployment.clusters.x-k8s.io/desired-replicas',
  maxReplicas: 'machinedeployment.clusters.x-k8s.io/max-replicas',
  /** On a KubeadmConfig, or on a Machine whose word counts more: RFC 3339, when the machine's certificates expire. */
  certificatesExpiry: 'machine.cluster.x-k8s.io/certificates-expiry',
  /** On a control plane: the replacement of an unhealthy machine that was begun. */
  remediationInProgress: 'controlplane.cluster.x-k8s.io/remediation-in-progress',
  /** On a Machine: the replacement that it was made for. */
  remediationFor: 'controlplane.cluster.x-k8s.io/remediation-for',
  skipKubeProxy: 'controlplane.cluster.x-k8s.io/skip-kube-proxy',
  skipCoreDNS: 'controlplane.cluster.x-k8s.io/skip-coredns',
  /** On a MachineSet or its bootstrap template: preflight checks that are not made. */
  skipPreflight: 'machineset.cluster.x-k8s.io/skip-preflight-checks',
  /** On a Cluster with a topology: the version that its control plane is at while it goes through several. */
  upgradeStep: 'topology.internal.cluster.x-k8s.io/upgrade-step',
  disableMachineCreate: 'cluster.x-k8s.io/disable-machine-create',
  id: 'perdure.dev/id',
  retry: 'perdure.dev/retry',
  lastFailure: 'perdure.dev/last-failure',
  appliedGeneration: 'perdure.dev/applied-generation',
  lane: 'perdure.dev/lane',
  drift: 'perdure.dev/drift',
  /** On a Cluster, `true`: it cannot be deleted. */
  deletionProtection: 'perdure.dev/deletion-protection',
  /** On the infra object of a MachinePool: ids of the instances that are not made from its template of today. */
  outdatedInstances: 'perdure.dev/outdated-instances',
  /** On the infra object of a MachinePool: each of its instances is to have a Machine. */
  poolMachines: 'perdure.dev/pool-machines',
  /** On a Machine and what it is made of: which labels and annotations came from its owner's template. */
  fromTemplate: 'perdure.dev/from-template',
  created: 'perdure.dev/available-since',
  /** RFC 3339, from when on a Secret's contents, or a machine of a control plane, is to be renewed. */
  renewAfter: 'perdure.dev/renew-after',
} as const;

/** Finalizers by kind. */
export const FINALIZER = {
  Cluster: 'cluster.cluster.x-k8s.io',
  Machine: 'machine.cluster.x-k8s.io',
  MachineSet: 'cluster.x-k8s.io/machineset',
  MachineDeployment: 'cluster.x-k8s.io/machinedeployment',
  MachinePool: 'machinepool.cluster.x-k8s.io',
  KubeadmControlPlane: 'kubeadm.controlplane.cluster.x-k8s.io',
  AWSCluster: 'awscluster.infrastructure.cluster.x-k8s.io',
  AWSMachine: 'awsmachine.infrastructure.cluster.x-k8s.io',
  AWSMachinePool: 'awsmachinepool.infrastructure.cluster.x-k8s.io',
} as const;

const SAFE = 'bcdfghjklmnpqrstvwxz2456789';

/** 32-bit FNV-1a; used for names only, never for security. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash ^= text.charCodeAt(i);
    hash = Math.imul(hash, 0x01000193) >>> 0;
  }
  return hash;
}

/** Five characters from the alphabet Kubernetes uses for generated names (no vowels), derived from `seed`. */
export function safeSuffix(seed: string): string {
  let value = fnv1a(seed);
  let out = '';
  for (let i = 0; i < 5; i++) {
    out += SAFE[value % SAFE.length] ?? 'x';
    value = Math.floor(value / SAFE.length) ^ fnv1a(`${seed}/${i}`);
    value >>>= 0;
  }
  return out;
}

/** `<base>-<suffix>` of at most 63 characters; the cut never ends the base in a dot or dash, which DNS-1123 forbids before a dash. */
export function suffixed(base: string, suffix: string): string {
  return `${base.slice(0, 62 - suffix.length).replace(/[-.]+$/, '')}-${suffix}`;
}

/**
 * Names for `count` new children of an owner, `<base>-<5 chars>` (at most 63 long), skipping those in `taken`. A pure function of the owner's
 * `seed` (its uid, and what else keeps names apart) and a slot number: who asks again with the same one gets the same names. A `naming`
 * from `namingOf` takes the place of `<base>-<5 chars>`.
 */
export function childNames(
  base: string,
  seed: string,
  taken: ReadonlySet<string>,
  count: number,
  naming?: string,
): string[] {
  const names: string[] = [];
  for (let slot = 0; names.length < count; slot++) {
    const suffix = safeSuffix(`${seed}/${slot}`);
    const name = naming === undefined ? suffixed(base, suffix) : named(naming, suffix);
    if (!taken.has(name) && !names.includes(name)) names.push(name);
  }
  return names;
}

const ACTION = /\{\{-?\s*(.*?)\s*-?\}\}/g;

/** A `machineNaming.template` with everything filled in but `{{ .random }}`; admission has checked it. Undefined without a template. */
export function namingOf(
  template: string | undefined,
  variables: Readonly<Record<string, string>>,
): string | undefined {
  return template?.replace(ACTION, (whole, action: string) => variables[action] ?? whole);
}

/** Too long a name is cut and gets the suffix once more, so that it stays unique. Source: capi topology names.MachineSetMachineNameGenerator. */
function named(naming: string, suffix: string): string {
  const name = naming.replace(ACTION, (whole, action: string) => (action === '.random' ? suffix : whole));
  return name.length <= 63 ? name : `${name.slice(0, 58)}${suffix}`;
}

/** `<kind>/<namespace>/<name>/<uid>`: a readable prefix for list filters, the uid keeps a re-created object apart. */
export function laneId(key: ObjectKey): string {
  return `${key.kind.toLowerCase()}/${key.namespace}/${key.name}/${key.uid}`;
}
