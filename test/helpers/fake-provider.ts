import type {
  ClusterContext,
  EnsureTask,
  InfraProvider,
  InstanceObservation,
  MachineContext,
  PoolContext,
  PoolObservation,
} from '../../src/activities/providers/port.js';
import type { AWSCluster } from '../../src/api/types/index.js';
import { KINDS } from '../../src/api/types/kinds.js';
import { PerdureError } from '../../src/domain/errors.js';

/** One call of a provider: the method, and the name of the object or task it was for. */
export interface ProviderCall {
  readonly method: string;
  readonly on: string;
}

/** A cloud in memory behind the provider port. It serves AWS kinds, since those have definitions, but knows nothing of AWS. */
export interface FakeProvider extends InfraProvider {
  readonly calls: ProviderCall[];
  /** Instances by machine id; a deleted one is `terminated`. */
  readonly instances: Map<string, InstanceObservation>;
  /** Groups of pools by pool id. */
  readonly groups: Map<string, PoolObservation>;
  /** Ids of tasks whose resources exist. */
  readonly made: Set<string>;
  /** What the next call of a method throws, once. */
  failNext(method: string, error: Error): void;
}

const TASKS: readonly (readonly [id: string, dependsOn: readonly string[]])[] = [
  ['network', []],
  ['balancer', ['network']],
];

/** A provider whose every method works at once; `change` replaces methods. */
export function fakeProvider(change: Partial<InfraProvider> = {}): FakeProvider {
  const calls: ProviderCall[] = [];
  const instances = new Map<string, InstanceObservation>();
  const groups = new Map<string, PoolObservation>();
  const made = new Set<string>();
  const failures = new Map<string, Error>();
  const note = (method: string, on: string): void => {
    calls.push({ method, on });
    const failure = failures.get(method);
    failures.delete(method);
    if (failure) throw failure;
  };
  const task = (id: string, dependsOn: readonly string[]): EnsureTask => ({
    id,
    title: `Ensure ${id}`,
    dependsOn,
    observe: async () => made.has(id),
    plan: (_ctx, observed) =>
      observed ? [] : [{ action: 'create', resource: id, name: `the-${id}`, detail: 'missing' }],
    apply: async (_ctx, _observed, changes) => {
      note('apply', id);
      if (changes.length > 0) made.add(id);
    },
    remove: async () => {
      note('remove', id);
      made.delete(id);
    },
  });
  const seen = (ctx: MachineContext): InstanceObservation =>
    instances.get(ctx.machineId) ?? { state: 'absent', addresses: [] };
  const of = (method: string, ctx: MachineContext): void => note(method, ctx.machine.metadata.name);
  return {
    calls,
    instances,
    groups,
    made,
    failNext: (method, error) => void failures.set(method, error),
    name: 'fake',
    clusterKind: KINDS.AWSCluster,
    machineKind: KINDS.AWSMachine,
    taskQueue: (cluster) => `fake-${(cluster as AWSCluster).spec?.region ?? 'nowhere'}`,
    clusterTasks: () => TASKS.map(([id, dependsOn]) => task(id, dependsOn)),
    finishCluster: async (ctx: ClusterContext) => {
      note('finishCluster', ctx.cluster.metadata.name);
      return TASKS.every(([id]) => made.has(id));
    },
    createInstance: async (ctx) => {
      of('createInstance', ctx);
      const known = instances.get(ctx.machineId);
      if (known) return known;
      const instance: InstanceObservation = {
        state: 'running',
        providerID: `fake:///${ctx.machineId}`,
        addresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
      };
      instances.set(ctx.machineId, instance);
      return instance;
    },
    observeInstance: async (ctx) => {
      of('observeInstance', ctx);
      return seen(ctx);
    },
    deleteInstance: async (ctx) => {
      of('deleteInstance', ctx);
      const known = instances.get(ctx.machineId);
      if (known) instances.set(ctx.machineId, { ...known, state: 'terminated' });
      return seen(ctx);
    },
    pools: fakePools(groups, note),
    sweep: async (_ctx, clusters) => {
      note('sweep', clusters.map((c) => c.cluster.metadata.name).join(','));
      return [];
    },
    listOwned: async () => [],
    classify: (error) =>
      error instanceof PerdureError ? error : new PerdureError('Transient', String(error), { cause: error }),
    ...change,
  };
}

/** Groups whose instances are there at once; a removed one is gone with the second call. */
function fakePools(
  groups: Map<string, PoolObservation>,
  note: (method: string, on: string) => void,
): NonNullable<InfraProvider['pools']> {
  const none: PoolObservation = { state: 'absent', desired: 0, instances: [], changes: ['create'] };
  const write = async ({ kube, infraPool }: PoolContext, seen: PoolObservation): Promise<void> => {
    const { name, namespace = '' } = infraPool.metadata;
    const providerIDList = seen.instances.map((one) => one.providerID);
    const replicas = seen.instances.length;
    await kube.mergePatch(KINDS.AWSMachinePool, { namespace, name }, { spec: { providerIDList } });
    const status = { ready: seen.state === 'present', replicas, initialization: { provisioned: true } };
    await kube.mergePatch(KINDS.AWSMachinePool, { namespace, name }, { status }, { subresource: 'status' });
  };
  return {
    kind: KINDS.AWSMachinePool,
    observe: async (ctx) => {
      note('observe', ctx.pool.metadata.name);
      const seen = groups.get(ctx.poolId) ?? none;
      const changes = seen.desired === ctx.pool.spec.replicas ? [] : ['desired capacity'];
      return seen.state === 'present' ? { ...seen, changes } : seen;
    },
    ensure: async (ctx) => {
      note('ensure', ctx.pool.metadata.name);
      const desired = ctx.pool.spec.replicas ?? 1;
      const before = groups.get(ctx.poolId)?.desired;
      const instances = Array.from({ length: desired }, (_, i) => ({
        providerID: `fake:///${ctx.poolId}-${i}`,
        addresses: [{ type: 'InternalIP', address: `10.0.0.${i + 1}` }],
      }));
      const seen: PoolObservation = { state: 'present', desired, instances, changes: [] };
      groups.set(ctx.poolId, seen);
      await write(ctx, seen);
      return { ...seen, changes: before === desired ? [] : [`desired ${desired}`] };
    },
    remove: async (ctx) => {
      note('remove', ctx.pool.metadata.name);
      const known = groups.get(ctx.poolId);
      if (!known || known.state === 'deleting') {
        groups.delete(ctx.poolId);
        return none;
      }
      const going: PoolObservation = { ...known, state: 'deleting', changes: [] };
      groups.set(ctx.poolId, going);
      return going;
    },
  };
}
