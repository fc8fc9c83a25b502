import type { Machine, MachinePool } from '../../api/types/index.js';
import { apiVersionOf, KINDS } from '../../api/types/kinds.js';
import type { Condition, KubeObject, ResourceKind } from '../../api/types/meta.js';
import { mergeConditions } from '../../domain/conditions.js';
import { controllerOf, hasOwner, isDeleting, ownerReference, readPath, sameOwner } from '../../domain/contract.js';
import { ANNOTATION, FINALIZER, LABEL } from '../../domain/names.js';
import { type InfraMachineView, planPoolMachines } from '../../domain/plan/pool-machines.js';
import { isToBeRemediated } from '../../domain/plan/set-remediation.js';
import {
  type InPlaceMetadata,
  type InPlaceSpec,
  rememberTemplate,
  withInPlace,
} from '../../domain/rollout/in-place.js';
import { nameLabel } from '../../domain/selectors.js';
import { infraMachineKind, poolMachineUpToDate } from '../../domain/status/machine-pool.js';
import type { ActivityDeps } from '../deps.js';
import { createOnce } from '../kube/clone.js';
import { modifyWhen } from '../kube/control-plane-machines.js';
import { inParallel } from '../kube/parallel.js';
import { findKind } from '../kube/refs.js';
import { applyStatus, ensureMetadata, unlessGone } from '../kube/write.js';

const WRITES_AT_ONCE = 8;
const MANAGER = 'perdure-machinepool';

/** Label selector of a pool's Machines and infra machines. Source: capi machinepool_controller_phases.go reconcileMachines. */
const ofPool = ({ metadata, spec }: MachinePool): string =>
  `${LABEL.poolName}=${nameLabel(metadata.name)},${LABEL.clusterName}=${spec.clusterName}`;

/** The Machines of a pool: those it controls, and those that lost their owner or had it before a restore. By name. */
export async function listPoolMachines(deps: ActivityDeps, pool: MachinePool): Promise<Machine[]> {
  const { namespace = '' } = pool.metadata;
  const options = { namespace, labelSelector: ofPool(pool) };
  const labelled = await deps.kube.list<Machine>(KINDS.Machine, options, deps.scope().signal);
  const owner = ownerReference(pool, { controller: true });
  return labelled
    .filter((machine) => {
      const controller = controllerOf(machine);
      return !controller || sameOwner(controller, owner);
    })
    .sort((a, b) => a.metadata.name.localeCompare(b.metadata.name));
}

/** Kind of a pool's infra machines, when it has any and their CRD is installed. */
async function kindOf(
  deps: ActivityDeps,
  pool: MachinePool,
  infrastructure: KubeObject | undefined,
): Promise<ResourceKind | undefined> {
  const kind = infraMachineKind(infrastructure);
  const { apiGroup } = pool.spec.template.spec.infrastructureRef;
  return kind === undefined ? undefined : findKind(deps.kube, { apiGroup, kind }, deps.scope().signal);
}

/** The infra machines of a pool, whoever made them. */
export async function listInfraMachines(
  deps: ActivityDeps,
  pool: MachinePool,
  infrastructure: KubeObject | undefined,
): Promise<{ readonly kind: ResourceKind; readonly items: readonly KubeObject[] } | undefined> {
  const kind = await kindOf(deps, pool, infrastructure);
  if (!kind) return undefined;
  const options = { namespace: pool.metadata.namespace ?? '', labelSelector: ofPool(pool) };
  return { kind, items: await deps.kube.list<KubeObject>(kind, options, deps.scope().signal) };
}

/** What the Machines of a pool are brought in line with. */
export interface PoolMachinesInput {
  readonly pool: MachinePool;
  readonly infrastructure: KubeObject;
  /** As listed before anything else of this look was read. */
  readonly machines: readonly Machine[];
  /** Undefined: the workload cluster could not be asked. */
  readonly nodes: readonly KubeObject[] | undefined;
}

/**
 * Makes a Machine for each infra machine of the pool, deletes those whose infra machine is gone or that a health check wants replaced, and keeps up labels, annotations, time-outs, version and
 * condition UpToDate of the others. Answers the Machines as they are then. Idempotent; the group and its instances are not touched. Source: capi
 * machinepool_controller_phases.go createOrUpdateMachines.
 */
export async function syncPoolMachines(deps: ActivityDeps, input: PoolMachinesInput): Promise<Machine[]> {
  const { pool, infrastructure, machines } = input;
  const infra = await listInfraMachines(deps, pool, infrastructure);
  if (!infra) return [...machines];
  const { kind, items } = infra;
  const plan = planPoolMachines(
    machines.map((m) => ({
      name: m.metadata.name,
      infra: m.spec.infrastructureRef.name,
      deleting: isDeleting(m),
      unhealthy: isToBeRemediated(m),
    })),
    items.map(infraView),
  );
  const made: Machine[] = [];
  await inParallel(plan.create, WRITES_AT_ONCE, async (name) => {
    const of = items.find((i) => i.metadata.name === name);
    if (of) made.push(await createMachine(deps, input, kind, of));
  });
  if (made.length > 0) {
    const names = made.map((m) => m.metadata.name).sort();
    deps.event(pool, 'Normal', 'SuccessfulCreate', `Created ${names.length} machines: ${names.slice(0, 5).join(', ')}`);
  }
  await inParallel(plan.remove, WRITES_AT_ONCE, (name) => removeMachine(deps, machines, kind, name));
  for (const machine of machines.filter((m) => plan.remediate.includes(m.metadata.name) && controllerOf(m)))
    await remediate(deps, pool, machine);
  const kept = new Map<string, Machine>();
  await inParallel(machines, WRITES_AT_ONCE, async (machine) => {
    kept.set(machine.metadata.name, await keepMachine(deps, input, machine));
  });
  return [...machines.map((m) => kept.get(m.metadata.name) ?? m), ...made].sort((a, b) =>
    a.metadata.name.localeCompare(b.metadata.name),
  );
}

const infraView = (object: KubeObject): InfraMachineView => ({
  name: object.metadata.name,
  deleting: isDeleting(object),
});

/** Labels and annotations of a pool's Machines. */
function wishedMetadata({ metadata, spec }: MachinePool): InPlaceMetadata {
  const { labels, annotations } = spec.template.metadata ?? {};
  return {
    labels,
    annotations,
    system: { [LABEL.clusterName]: spec.clusterName, [LABEL.poolName]: nameLabel(metadata.name) },
  };
}

/** What else of them follows the pool; upstream leaves it out, and drains without the pool's time-outs. */
function wishedSpec({ spec }: MachinePool): InPlaceSpec {
  const { deletion, readinessGates, taints, minReadySeconds } = spec.template.spec;
  return {
    minReadySeconds,
    ...(deletion ? { deletion } : {}),
    ...(readinessGates ? { readinessGates } : {}),
    ...(taints ? { taints } : {}),
  };
}

async function createMachine(
  deps: ActivityDeps,
  { pool, nodes }: PoolMachinesInput,
  kind: ResourceKind,
  infra: KubeObject,
): Promise<Machine> {
  const { name, namespace = '' } = infra.metadata;
  const wish = wishedMetadata(pool);
  const memory = rememberTemplate(wish);
  const { minReadySeconds, ...spec } = wishedSpec(pool);
  const version = versionOf(nodes, readPath(infra, 'spec.providerID'));
  const machine = {
    apiVersion: apiVersionOf(KINDS.Machine),
    kind: 'Machine',
    metadata: {
      name,
      namespace,
      labels: { ...wish.labels, ...wish.system },
      annotations: { ...wish.annotations, ...(memory ? { [ANNOTATION.fromTemplate]: memory } : {}) },
      ownerReferences: [ownerReference(pool, { controller: true })],
      finalizers: [FINALIZER.Machine],
    },
    spec: {
      clusterName: pool.spec.clusterName,
      // all instances share the pool's data: there is none of its own to wait for
      bootstrap: { dataSecretName: '' },
      infrastructureRef: { apiGroup: kind.group, kind: kind.kind, name },
      ...(version === undefined ? {} : { version }),
      ...(minReadySeconds === undefined ? {} : { minReadySeconds }),
      ...spec,
    },
  } as Machine;
  return await createOnce(deps, KINDS.Machine, machine, pool.metadata.uid ?? '');
}

/** The version of the kubelet that runs on an instance, once it is known. */
function versionOf(nodes: readonly KubeObject[] | undefined, providerID: unknown): string | undefined {
  const node = nodes?.find((n) => providerID !== undefined && readPath(n, 'spec.providerID') === providerID);
  const version = readPath(node, 'status.nodeInfo.kubeletVersion');
  return typeof version === 'string' && version !== '' ? version : undefined;
}

/** Deletes a Machine whose infra machine is gone: one that only lost its label is there still. */
async function removeMachine(
  deps: ActivityDeps,
  machines: readonly Machine[],
  kind: ResourceKind,
  name: string,
): Promise<void> {
  const { signal } = deps.scope();
  const machine = machines.find((m) => m.metadata.name === name);
  // one that lost its owner gets it back first
  if (!machine || !controllerOf(machine)) return;
  const { namespace = '', uid } = machine.metadata;
  const ref = machine.spec.infrastructureRef;
  if (ref.kind !== kind.kind || ref.apiGroup !== kind.group) return;
  const infra = await deps.kube.get<KubeObject>(kind, { namespace, name: ref.name }, signal);
  if (infra && !isDeleting(infra)) return;
  await deps.kube.delete(KINDS.Machine, { namespace, name }, { ...(uid ? { uid } : {}), signal });
}

/** Its deletion drains it and ends its instance; the group makes another one where the pool still wants as many. */
async function remediate(deps: ActivityDeps, pool: MachinePool, { metadata }: Machine): Promise<void> {
  const { name, namespace = '', uid } = metadata;
  const options = { ...(uid ? { uid } : {}), signal: deps.scope().signal };
  await unlessGone(deps.kube.delete(KINDS.Machine, { namespace, name }, options));
  deps.event(pool, 'Normal', 'SuccessfulDelete', `Deleted Machine ${name}, which a health check wants replaced`);
}

/** Brings one Machine in line with the pool, and says on it whether it is up to date. */
async function keepMachine(
  deps: ActivityDeps,
  { pool, infrastructure, nodes }: PoolMachinesInput,
  before: Machine,
): Promise<Machine> {
  const { kube } = deps;
  const { signal } = deps.scope();
  const owner = ownerReference(pool, { controller: true });
  const machine = hasOwner(before, owner)
    ? before
    : await ensureMetadata(kube, KINDS.Machine, before, { owner }, signal);
  const version = versionOf(nodes, machine.spec.providerID);
  const change = (m: Machine): Machine | undefined => {
    const changed = withInPlace(m, wishedMetadata(pool), wishedSpec(pool));
    if (version === undefined || isDeleting(m) || m.spec.version === version) return changed;
    return { ...(changed ?? m), spec: { ...(changed ?? m).spec, version } };
  };
  await modifyWhen(deps, KINDS.Machine, machine, change);
  const now = change(machine) ?? machine;
  const wish = isDeleting(now) ? undefined : poolMachineUpToDate(pool, now, infrastructure);
  if (!wish) return now;
  const conditions = (now.status?.conditions ?? []) as Condition[];
  const written = mergeConditions(conditions, [wish], now.metadata.generation ?? 1, deps.now());
  await applyStatus(kube, KINDS.Machine, now, { conditions: written }, MANAGER, signal);
  const others = conditions.filter((c) => c.type !== wish.type);
  return { ...now, status: { ...now.status, conditions: [...others, ...written] } };
}
