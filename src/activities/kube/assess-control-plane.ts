import type { Cluster, KubeadmControlPlane, Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { Condition, KubeObject, ObjectKey } from '../../api/types/meta.js';
import { strayMembers } from '../../domain/bootstrap/etcd-quorum.js';
import type { ConditionInput } from '../../domain/conditions.js';
import {
  controllerOf,
  endpointOf,
  failureDomainsOf,
  isControlPlaneMachine,
  isDeleting,
  isPaused,
} from '../../domain/contract.js';
import type { ControlPlaneFacts } from '../../domain/facts.js';
import { attemptOf } from '../../domain/failure.js';
import { ANNOTATION, FINALIZER, LABEL, laneId } from '../../domain/names.js';
import { hasTimeForUpkeep, planControlPlaneStep } from '../../domain/plan/control-plane.js';
import { DEFAULT_POLICY, planControlPlaneRemediation } from '../../domain/plan/control-plane-remediation.js';
import {
  controlPlaneMachine,
  isReplaced,
  lastRemediation,
  recordOf,
} from '../../domain/rollout/control-plane-machine.js';
import { nextOutdatedMs } from '../../domain/rollout/control-plane-outdated.js';
import { remediationOf, sizeOf } from '../../domain/rollout/control-plane-wish.js';
import { controlPlaneStatus, isControlPlaneMachineHealthy } from '../../domain/status/control-plane.js';
import { ensureCertificates, ensureKubeconfig } from '../bootstrap/index.js';
import type { ActivityDeps } from '../deps.js';
import { inspectControlPlane } from '../workload/health.js';
import { upkeepDue } from '../workload/upkeep/due.js';
import { adoptMachines } from './adopt.js';
import { ABSENT, currentFailure } from './assess-cluster.js';
import {
  isRemediated,
  machineVerdicts,
  outdatedMachines,
  readMadeOf,
  syncMachines,
  withConditions,
  writeMachineConditions,
} from './control-plane-machines.js';
import { ownTemplate } from './owned.js';
import { readRef } from './refs.js';
import { forgetRemediation } from './remediation-record.js';
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
  maxSurge: 1,
  managedEtcd: true,
  policy: DEFAULT_POLICY,
};

/**
 * The Cluster a control plane belongs to: its owner, or the one that the label names and that refers to it. A label alone, which anybody may write,
 * does not give it a cluster: two control planes would fight over its certificates.
 */
export async function clusterOf(deps: ActivityDeps, controlPlane: KubeadmControlPlane): Promise<Cluster | undefined> {
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
  const { infrastructureRef } = controlPlane.spec.machineTemplate.spec;
  const template = await ownTemplate(deps, active ? cluster : undefined, key.namespace, infrastructureRef);
  const managedEtcd = controlPlane.spec.kubeadmConfigSpec?.clusterConfiguration?.etcd?.external === undefined;
  const provisioned = cluster?.status?.initialization?.infrastructureProvisioned === true;
  const wasInitialized = controlPlane.status?.initialization?.controlPlaneInitialized === true;
  const certificates = active
    ? await certificatesCondition(deps, cluster, controlPlane, wasInitialized)
    : storedCertificates(controlPlane);
  const clusterName = cluster?.metadata.name ?? controlPlane.metadata.labels?.[LABEL.clusterName] ?? '';
  let members = clusterName === '' ? [] : await machinesOf(kube, key.namespace, clusterName, signal);
  if (active && (await adoptMachines(deps, controlPlane, members)))
    members = await machinesOf(kube, key.namespace, clusterName, signal);
  const owner = { namespace: key.namespace, uid: key.uid, kind: 'KubeadmControlPlane' };
  let machines = await machinesControlledBy(kube, owner, clusterName, signal);
  const inspect =
    cluster !== undefined &&
    !paused &&
    !isDeleting(controlPlane) &&
    !isDeleting(cluster) &&
    endpointOf(cluster) !== undefined &&
    machines.some((m) => m.spec.providerID !== undefined);
  const seen = inspect ? await inspectControlPlane(deps, cluster, machines, managedEtcd) : undefined;
  const made = await readMadeOf(deps, machines);
  if (active && (await syncMachines(deps, controlPlane, made)))
    machines = await machinesControlledBy(kube, owner, clusterName, signal);
  const outdated = outdatedMachines(controlPlane, made, deps.now());
  const outdatedAtMs = nextOutdatedMs(controlPlane, machines, Date.parse(deps.now()));
  if (active) controlPlane = await noteRenewal(deps, controlPlane, outdatedAtMs);
  const initialized = wasInitialized || seen?.initialized === true;
  if (active) controlPlane = await forgetWhenReplaced(deps, controlPlane, machines);
  const attempt = attemptOf(controlPlane, [template]);
  const failure = currentFailure(controlPlane, attempt);
  const workers = members.filter((m) => !isControlPlaneMachine(m));
  // while a machine starts or goes, a node without a Machine may be its own; a member only while it starts
  const settled = machines.every((m) => m.status?.nodeRef !== undefined && !isDeleting(m));
  // a member of somebody else's machine is no stray
  const planes = members.filter(isControlPlaneMachine);
  const hosted = new Set([...planes, ...machines].map((m) => m.status?.nodeRef?.name ?? ''));
  const nodesKnown = [...planes, ...machines].every((m) => m.status?.nodeRef !== undefined);
  const strays = nodesKnown ? strayMembers(seen?.etcd?.members ?? [], hosted) : [];
  const infra = cluster
    ? await readRef<KubeObject>(kube, cluster.spec.infrastructureRef, key.namespace, signal)
    : undefined;
  const foreign = foreignMachines(members, key.uid);
  const facts: ControlPlaneFacts = {
    exists: true,
    paused,
    deleting: isDeleting(controlPlane),
    generation: controlPlane.metadata.generation ?? 0,
    cluster: `${key.namespace}/${clusterName}`,
    attempt,
    ...(failure ? { failure } : {}),
    ...sizeOf(controlPlane, clusterName),
    ...(strays.length > 0 ? { strays: strays.map(({ id, name }) => ({ id, name })) } : {}),
    machines: [],
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
    managedEtcd,
    ...(seen?.etcd ? { etcd: { members: seen.etcd.members, alarmed: seen.etcd.alarmed } } : {}),
    ...remediationOf(controlPlane),
    ...(foreign.length > 0 ? { foreign } : {}),
    ...(template ? {} : { missingTemplate: `${infrastructureRef.kind} ${infrastructureRef.name}` }),
    ...(outdatedAtMs === undefined ? {} : { outdatedAtMs }),
  };
  const factsOf = (all: readonly Machine[]): ControlPlaneFacts => ({
    ...facts,
    machines: all.map((m) => controlPlaneMachine(m, managedEtcd, outdated.get(m.metadata.name) ?? [])),
  });
  if (active && (seen || machines.some(isRemediated))) {
    const verdicts = new Map(
      machines.map((m) => [
        m.metadata.name,
        machineVerdicts(m, seen, outdated.get(m.metadata.name) ?? [], managedEtcd),
      ]),
    );
    const judged = machines.map((m) => withConditions(m, verdicts.get(m.metadata.name) ?? [], deps.now()));
    const remediation = planControlPlaneRemediation(factsOf(judged), Date.parse(deps.now()));
    await writeMachineConditions(deps, machines, verdicts, remediation);
    machines = await machinesControlledBy(kube, owner, clusterName, signal);
  }
  const sized = factsOf(machines);
  const upkeep =
    active && seen?.initialized && hasTimeForUpkeep(sized, Date.parse(deps.now()))
      ? await upkeepDue(deps, cluster, controlPlane, machines)
      : [];
  const view = upkeep.length > 0 ? { ...sized, upkeep } : sized;
  const healthyNames = new Set(
    machines.filter((m) => isControlPlaneMachineHealthy(m, managedEtcd)).map((m) => m.status?.nodeRef?.name),
  );
  const last = lastRemediation(view.remediating, machines);
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
    step: planControlPlaneStep(view, Date.parse(deps.now())),
    ...(last ? { lastRemediation: last } : {}),
    ...(template ? {} : { missingTemplate: infrastructureRef }),
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
  return view;
}

/** Ends a replacement whose new machine exists: whoever made it may have died before saying so. */
async function forgetWhenReplaced(
  deps: ActivityDeps,
  controlPlane: KubeadmControlPlane,
  machines: readonly Machine[],
): Promise<KubeadmControlPlane> {
  const record = recordOf(controlPlane.metadata.annotations?.[ANNOTATION.remediationInProgress]);
  return record && isReplaced(record, machines) ? forgetRemediation(deps, controlPlane, record) : controlPlane;
}

/** Notes on the control plane when the clock alone makes a machine outdated: the bridge wakes its lane then. */
async function noteRenewal(
  deps: ActivityDeps,
  controlPlane: KubeadmControlPlane,
  atMs: number | undefined,
): Promise<KubeadmControlPlane> {
  const wish = atMs === undefined ? undefined : new Date(atMs).toISOString();
  const { namespace = '', name, uid } = controlPlane.metadata;
  const noted = (o: KubeadmControlPlane): string | undefined => o.metadata.annotations?.[ANNOTATION.renewAfter];
  if (noted(controlPlane) === wish) return controlPlane;
  const stored = await deps.kube.modify<KubeadmControlPlane>(
    KINDS.KubeadmControlPlane,
    { namespace, name },
    (current) => {
      if (current.metadata.uid !== uid || noted(current) === wish) return undefined;
      const { [ANNOTATION.renewAfter]: _, ...others } = current.metadata.annotations ?? {};
      const annotations = wish === undefined ? others : { ...others, [ANNOTATION.renewAfter]: wish };
      return { ...current, metadata: { ...current.metadata, annotations } };
    },
    { signal: deps.scope().signal },
  );
  return stored ?? controlPlane;
}

/** Control plane machines of the cluster that this control plane does not control: it does not work beside others. */
function foreignMachines(members: readonly Machine[], uid: string): string[] {
  return members.filter((m) => isControlPlaneMachine(m) && controllerOf(m)?.uid !== uid).map((m) => m.metadata.name);
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
