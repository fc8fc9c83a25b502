import type { Cluster, KubeadmControlPlane } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { Condition, KubeObject, ObjectKey } from '../../api/types/meta.js';
import { strayMembers } from '../../domain/bootstrap/etcd-quorum.js';
import type { ConditionInput } from '../../domain/conditions.js';
import { endpointOf, failureDomainsOf, isControlPlaneMachine, isDeleting, isPaused } from '../../domain/contract.js';
import type { ControlPlaneFacts } from '../../domain/facts.js';
import { attemptOf } from '../../domain/failure.js';
import { ANNOTATION, FINALIZER, LABEL, laneId, namingOf } from '../../domain/names.js';
import { controlPlaneStatus, isControlPlaneMachineHealthy } from '../../domain/status/control-plane.js';
import { ensureCertificates, ensureKubeconfig } from '../bootstrap/index.js';
import type { ActivityDeps } from '../deps.js';
import { inspectControlPlane } from '../workload/health.js';
import { adoptMachines } from './adopt.js';
import { ABSENT, currentFailure } from './assess-cluster.js';
import { writeMachineConditions } from './control-plane-machines.js';
import { ownedMachine, ownTemplate } from './owned.js';
import { readRef } from './refs.js';
import { clusterNamed, machinesControlledBy, machinesOf, readKey } from './world.js';
import { applyPaused, applyStatus, ensureMetadata } from './write.js';

const EMPTY: ControlPlaneFacts = {
  ...ABSENT,
  desired: 0,
  machines: [],
  base: '',
  uid: '',
  deleteOrder: 'Random',
  infrastructureProvisioned: false,
  endpoint: false,
  initialized: false,
  certificatesAvailable: false,
  failureDomains: [],
  workersExist: false,
  clusterDeleting: false,
  cloudQueue: '',
};

/**
 * The Cluster a control plane belongs to: its owner, or the one that the label names and that refers to it. A label alone, which anybody may write,
 * does not give it a cluster: two control planes would fight over its certificates.
 */
async function clusterOf(deps: ActivityDeps, controlPlane: KubeadmControlPlane): Promise<Cluster | undefined> {
  const { namespace = '', name, labels, ownerReferences } = controlPlane.metadata;
  const owner = ownerReferences?.find((o) => o.kind === 'Cluster')?.name;
  const clusterName = owner ?? labels?.[LABEL.clusterName];
  const cluster = clusterName && (await clusterNamed(deps.kube, namespace, clusterName, deps.scope().signal));
  if (!cluster) return undefined;
  const ref = cluster.spec.controlPlaneRef;
  const isMeant = ref?.kind === controlPlane.kind && ref.name === name;
  return owner !== undefined || isMeant || isDeleting(controlPlane) ? cluster : undefined;
}

/** Certificates, kubeconfig, machines, component health, status: everything of a control plane but changing its size. Idempotent. */
export async function assessControlPlane(deps: ActivityDeps, key: ObjectKey): Promise<ControlPlaneFacts> {
  const { kube } = deps;
  const { signal } = deps.scope();
  let controlPlane = await readKey<KubeadmControlPlane>(kube, KINDS.KubeadmControlPlane, key, signal);
  if (!controlPlane) return EMPTY;
  const cluster = await clusterOf(deps, controlPlane);
  const paused = isPaused(controlPlane, cluster);
  const active = !paused && !isDeleting(controlPlane) && cluster !== undefined && !isDeleting(cluster);
  if (active) {
    controlPlane = await ensureMetadata(
      kube,
      KINDS.KubeadmControlPlane,
      controlPlane,
      {
        finalizer: FINALIZER.KubeadmControlPlane,
        annotations: { [ANNOTATION.lane]: laneId(key) },
      },
      signal,
    );
  }
  const template = await ownTemplate(
    deps,
    active ? cluster : undefined,
    key.namespace,
    controlPlane.spec.machineTemplate.spec.infrastructureRef,
  );
  const managedEtcd = controlPlane.spec.kubeadmConfigSpec?.clusterConfiguration?.etcd?.external === undefined;
  const provisioned = cluster?.status?.initialization?.infrastructureProvisioned === true;
  const wasInitialized = controlPlane.status?.initialization?.controlPlaneInitialized === true;
  const certificates = active
    ? await certificatesCondition(deps, cluster, controlPlane, wasInitialized)
    : storedCertificates(controlPlane);
  const clusterName = cluster?.metadata.name ?? controlPlane.metadata.labels?.[LABEL.clusterName] ?? '';
  const members = clusterName === '' ? [] : await machinesOf(kube, key.namespace, clusterName, signal);
  if (active) await adoptMachines(deps, controlPlane, members);
  let machines = await machinesControlledBy(
    kube,
    { namespace: key.namespace, uid: key.uid, kind: 'KubeadmControlPlane' },
    clusterName,
    signal,
  );
  const inspect =
    cluster !== undefined &&
    !paused &&
    !isDeleting(controlPlane) &&
    !isDeleting(cluster) &&
    endpointOf(cluster) !== undefined &&
    machines.some((m) => m.spec.providerID !== undefined);
  const seen = inspect ? await inspectControlPlane(deps, cluster, machines, managedEtcd) : undefined;
  if (seen && active) {
    await writeMachineConditions(deps, controlPlane, machines, seen);
    machines = await machinesControlledBy(
      kube,
      { namespace: key.namespace, uid: key.uid, kind: 'KubeadmControlPlane' },
      clusterName,
      signal,
    );
  }
  const initialized = wasInitialized || seen?.initialized === true;
  const attempt = attemptOf(controlPlane, [template]);
  const failure = currentFailure(controlPlane, attempt);
  const workers = members.filter((m) => !isControlPlaneMachine(m));
  const healthyNames = new Set(
    machines.filter((m) => isControlPlaneMachineHealthy(m, managedEtcd)).map((m) => m.status?.nodeRef?.name),
  );
  // while a machine starts or goes, a node or member without a Machine may be its own
  const settled = machines.every((m) => m.status?.nodeRef !== undefined && !isDeleting(m));
  const hosted = new Set(machines.map((m) => m.status?.nodeRef?.name ?? ''));
  const strays = settled ? strayMembers(seen?.etcd?.members ?? [], hosted) : [];
  const status = controlPlaneStatus({
    controlPlane,
    machines,
    selector: `${LABEL.clusterName}=${clusterName},${LABEL.controlPlane}`,
    managedEtcd,
    initialized,
    certificates,
    workersExist: workers.length > 0,
    failure,
    paused,
    now: deps.now(),
    ...(seen?.etcd
      ? {
          etcdMembers: seen.etcd.members
            .filter((m) => !m.learner)
            .map((m) => ({ name: m.name, healthy: healthyNames.has(m.name) })),
        }
      : {}),
    ...(seen && settled ? { mismatches: seen.mismatches } : {}),
    ...(seen?.held ? { held: true } : {}),
    ...(initialized && seen?.connectionError ? { connectionError: seen.connectionError } : {}),
  });
  if (paused) await applyPaused(kube, KINDS.KubeadmControlPlane, controlPlane, deps.now(), signal);
  else await applyStatus(kube, KINDS.KubeadmControlPlane, controlPlane, status, 'perdure-kubeadmcontrolplane', signal);
  const infra = cluster
    ? await readRef<KubeObject>(kube, cluster.spec.infrastructureRef, key.namespace, signal)
    : undefined;
  const variables = { '.cluster.name': clusterName, '.kubeadmControlPlane.name': key.name };
  const naming = namingOf(controlPlane.spec.machineNaming?.template, variables);
  return {
    exists: true,
    paused,
    deleting: isDeleting(controlPlane),
    generation: controlPlane.metadata.generation ?? 0,
    cluster: `${key.namespace}/${clusterName}`,
    attempt,
    ...(failure ? { failure } : {}),
    desired: controlPlane.spec.replicas ?? 1,
    base: key.name,
    ...(naming ? { naming } : {}),
    uid: key.uid,
    deleteOrder: 'Oldest',
    ...(strays.length > 0 ? { strays: strays.map(({ id, name }) => ({ id, name })) } : {}),
    machines: machines.map((m) => ownedMachine(m, isControlPlaneMachineHealthy(m, managedEtcd))),
    infrastructureProvisioned: provisioned,
    endpoint: endpointOf(cluster) !== undefined,
    initialized,
    certificatesAvailable: certificates.status === 'True',
    failureDomains: failureDomainsOf(cluster ?? infra)
      .filter((d) => d.controlPlane)
      .map((d) => d.name),
    workersExist: workers.length > 0,
    clusterDeleting: cluster === undefined || isDeleting(cluster),
    cloudQueue: '',
  };
}

async function certificatesCondition(
  deps: ActivityDeps,
  cluster: Cluster,
  controlPlane: KubeadmControlPlane,
  initialized: boolean,
): Promise<ConditionInput> {
  const type = 'CertificatesAvailable';
  try {
    await ensureCertificates(deps, { cluster, controlPlane, initialized });
    if (endpointOf(cluster)) await ensureKubeconfig(deps, { cluster, controlPlane });
    return { type, status: 'True', reason: 'Available' };
  } catch (error) {
    deps.scope().signal.throwIfAborted();
    return {
      type,
      status: 'False',
      reason: 'NotAvailable',
      message: error instanceof Error ? error.message : String(error),
    };
  }
}

function storedCertificates(controlPlane: KubeadmControlPlane): ConditionInput {
  const stored = (controlPlane.status?.conditions as Condition[] | undefined)?.find(
    (c) => c.type === 'CertificatesAvailable',
  );
  return (
    stored ?? {
      type: 'CertificatesAvailable',
      status: 'Unknown',
      reason: 'InternalError',
      message: 'not checked while paused, deleting, or without a Cluster that refers to it',
    }
  );
}
