import { setTimeout as sleep } from 'node:timers/promises';
import type {
  AWSCluster,
  AWSClusterSpec,
  AWSMachine,
  AWSMachinePool,
  AWSMachinePoolSpec,
  AWSMachineSpec,
} from '../../../api/types/aws.js';
import type { Cluster, Machine, MachinePool } from '../../../api/types/core.js';
import { apiVersionOf, KINDS } from '../../../api/types/kinds.js';
import type { KubeObject } from '../../../api/types/meta.js';
import { ANNOTATION, LABEL } from '../../../domain/names.js';
import type { Kube } from '../../../kube/kube.js';
import type { CallContext, ClusterContext, EnsureTask, InfraProvider, MachineContext, PoolContext } from '../port.js';
import { type AwsProviderDeps, createAwsProvider } from './index.js';

export type AwsProvider = InfraProvider<AWSCluster, AWSMachine>;

/** A cluster and its infra object for tests. `id` is the random id a real one would carry. */
export function awsClusterObjects(
  name: string,
  options: { namespace?: string; id?: string; spec?: AWSClusterSpec; apiServerPort?: number } = {},
): [Cluster, AWSCluster] {
  const { namespace = 'default', id = `id-${namespace}-${name}`, spec = {}, apiServerPort } = options;
  const metadata = { name, namespace, annotations: { [ANNOTATION.id]: id } };
  return [
    {
      apiVersion: apiVersionOf(KINDS.Cluster),
      kind: 'Cluster',
      metadata,
      spec: { ...(apiServerPort ? { clusterNetwork: { apiServerPort } } : {}) },
    },
    {
      apiVersion: apiVersionOf(KINDS.AWSCluster),
      kind: 'AWSCluster',
      metadata: { name, namespace },
      spec: { region: 'us-east-1', ...spec },
    },
  ];
}

export interface MachineWish {
  readonly cluster: string;
  readonly namespace?: string;
  readonly controlPlane?: boolean;
  readonly failureDomain?: string;
  readonly spec?: Partial<AWSMachineSpec>;
  /** Bootstrap data. */
  readonly data?: string;
}

/** A machine, its infra object and its bootstrap secret. */
export function awsMachineObjects(name: string, wish: MachineWish): [Machine, AWSMachine, KubeObject] {
  const {
    cluster,
    namespace = 'default',
    controlPlane = false,
    failureDomain,
    spec = {},
    data = '#cloud-config\n{}\n',
  } = wish;
  const labels = { [LABEL.clusterName]: cluster, ...(controlPlane ? { [LABEL.controlPlane]: '' } : {}) };
  const infrastructureRef = { apiGroup: KINDS.AWSMachine.group, kind: 'AWSMachine', name };
  return [
    {
      apiVersion: apiVersionOf(KINDS.Machine),
      kind: 'Machine',
      metadata: { name, namespace, labels, uid: `machine-${namespace}-${name}` },
      spec: {
        clusterName: cluster,
        version: 'v1.34.4',
        infrastructureRef,
        bootstrap: { dataSecretName: `${name}-bootstrap` },
        ...(failureDomain ? { failureDomain } : {}),
      },
    },
    {
      apiVersion: apiVersionOf(KINDS.AWSMachine),
      kind: 'AWSMachine',
      metadata: {
        name,
        namespace,
        labels,
        annotations: { [ANNOTATION.id]: `machine-id-${namespace}-${name}` },
        ownerReferences: [
          { apiVersion: apiVersionOf(KINDS.Machine), kind: 'Machine', name, uid: `machine-${namespace}-${name}` },
        ],
      },
      spec: { instanceType: 't3.large', ...spec },
    },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: `${name}-bootstrap`, namespace },
      data: { value: Buffer.from(data).toString('base64'), format: Buffer.from('cloud-config').toString('base64') },
    } as KubeObject,
  ];
}

/** A call's surroundings without Temporal. */
export function callContext(kube: Kube, signal: AbortSignal = new AbortController().signal): CallContext {
  const quiet = (): void => undefined;
  return { kube, signal, log: { info: quiet, warn: quiet }, heartbeat: quiet };
}

async function read<T extends KubeObject>(
  kube: Kube,
  kind: (typeof KINDS)[keyof typeof KINDS],
  namespace: string,
  name: string,
): Promise<T> {
  const found = await kube.get<T>(kind, { namespace, name });
  if (!found) throw new Error(`test object ${kind.kind} ${namespace}/${name} is missing`);
  return found;
}

/** The context of a cluster as an activity would read it now. */
export async function clusterContext(
  kube: Kube,
  name: string,
  namespace = 'default',
): Promise<ClusterContext<AWSCluster>> {
  const cluster = await read<Cluster>(kube, KINDS.Cluster, namespace, name);
  const infraCluster = await read<AWSCluster>(kube, KINDS.AWSCluster, namespace, name);
  return {
    ...callContext(kube),
    cluster,
    infraCluster,
    clusterId: cluster.metadata.annotations?.[ANNOTATION.id] ?? '',
  };
}

export async function machineContext(
  kube: Kube,
  name: string,
  namespace = 'default',
): Promise<MachineContext<AWSCluster, AWSMachine>> {
  const machine = await read<Machine>(kube, KINDS.Machine, namespace, name);
  const infraMachine = await read<AWSMachine>(kube, KINDS.AWSMachine, namespace, name);
  const clusterName = machine.spec.clusterName;
  const cluster = await read<Cluster>(kube, KINDS.Cluster, namespace, clusterName);
  const infraCluster = await kube.get<AWSCluster>(KINDS.AWSCluster, { namespace, name: clusterName });
  return {
    ...callContext(kube),
    cluster,
    infraCluster,
    clusterId: cluster.metadata.annotations?.[ANNOTATION.id] ?? '',
    machine,
    infraMachine,
    machineId: infraMachine.metadata.annotations?.[ANNOTATION.id] ?? '',
  };
}

/** Tasks in waves: each comes after those it depends on, and those of one wave may run at once. */
export function waves(tasks: readonly EnsureTask<AWSCluster>[]): EnsureTask<AWSCluster>[][] {
  const found: EnsureTask<AWSCluster>[][] = [];
  const done = new Set<string>();
  while (done.size < tasks.length) {
    const next = tasks.filter((task) => !done.has(task.id) && task.dependsOn.every((id) => done.has(id)));
    if (next.length === 0) throw new Error('the task graph has a cycle or names an unknown task');
    for (const task of next) done.add(task.id);
    found.push(next);
  }
  return found;
}

/** Repeats `step` while it fails in a way that Temporal would retry, at most `attempts` times: at once, but for an account that is throttled. */
export async function retried<T>(step: () => Promise<T>, attempts = 10): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await step();
    } catch (error) {
      const { type, retryAfterMs = 0 } = error as { type?: string; retryAfterMs?: number };
      if (attempt === attempts || !['Transient', 'Throttled', 'Conflict', 'NotYet'].includes(type ?? '')) throw error;
      // who comes back sooner to an account that is throttled makes no call, and only uses up attempts
      if (type === 'Throttled') await sleep(retryAfterMs);
    }
  }
}

/** What the infrastructure operation does: every task, then the finish. Returns the plans' lines. */
export async function ensureCluster(
  provider: AwsProvider,
  kube: Kube,
  name: string,
  namespace = 'default',
  attempts = 10,
): Promise<string[]> {
  const lines: string[] = [];
  const ensure = async (task: EnsureTask<AWSCluster>): Promise<void> => {
    const ctx = await clusterContext(kube, name, namespace);
    const observed = await task.observe(ctx);
    const changes = task.plan(ctx, observed);
    lines.push(...changes.map((change) => `${change.action} ${change.resource} ${change.name}: ${change.detail}`));
    await task.apply(ctx, observed, changes);
  };
  const tasks = provider.clusterTasks((await clusterContext(kube, name, namespace)).infraCluster);
  for (const wave of waves(tasks)) await allOf(wave.map((task) => retried(() => ensure(task), attempts)));
  const usable = await retried(async () => provider.finishCluster(await clusterContext(kube, name, namespace)));
  if (!usable) throw new Error('the cluster did not become usable');
  return lines;
}

export async function removeCluster(
  provider: AwsProvider,
  kube: Kube,
  name: string,
  namespace = 'default',
): Promise<void> {
  const tasks = provider.clusterTasks((await clusterContext(kube, name, namespace)).infraCluster);
  for (const wave of waves(tasks).reverse()) {
    await allOf(
      wave.map((task) => retried(async () => await task.remove(await clusterContext(kube, name, namespace)))),
    );
  }
}

/** Waits for all, then fails with the first failure: no test must go on while work of it runs. */
async function allOf(work: readonly Promise<unknown>[]): Promise<void> {
  const failure = (await Promise.allSettled(work)).find((result) => result.status === 'rejected');
  if (failure) throw failure.reason;
}

/** A provider against an emulator, for any region. */
export function testProvider(endpoint: string, deps: Partial<AwsProviderDeps> = {}): AwsProvider {
  return createAwsProvider({
    serviceEndpoints: `*:*=${endpoint}`,
    credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'test' },
    now: () => new Date(),
    managerNamespace: 'perdure-system',
    controllerIdentityAutoCreate: true,
    resolves: async () => true,
    ...deps,
  });
}

export interface PoolWish {
  readonly cluster: string;
  readonly namespace?: string;
  readonly replicas?: number;
  readonly external?: boolean;
  readonly spec?: Partial<AWSMachinePoolSpec>;
  /** Bootstrap data. */
  readonly data?: string;
}

/** A pool, its infra object and its bootstrap secret. */
export function awsPoolObjects(name: string, wish: PoolWish): [MachinePool, AWSMachinePool, KubeObject] {
  const { cluster, namespace = 'default', replicas = 2, spec = {}, data = '#cloud-config\n{}\n' } = wish;
  const labels = { [LABEL.clusterName]: cluster };
  const uid = `pool-${namespace}-${name}`;
  return [
    {
      apiVersion: apiVersionOf(KINDS.MachinePool),
      kind: 'MachinePool',
      metadata: {
        name,
        namespace,
        labels,
        uid,
        ...(wish.external ? { annotations: { [ANNOTATION.replicasManagedBy]: 'autoscaler' } } : {}),
      },
      spec: {
        clusterName: cluster,
        replicas,
        template: {
          spec: {
            clusterName: cluster,
            version: 'v1.34.4',
            infrastructureRef: { apiGroup: KINDS.AWSMachinePool.group, kind: 'AWSMachinePool', name },
            bootstrap: { dataSecretName: `${name}-bootstrap` },
          },
        },
      },
    },
    {
      apiVersion: apiVersionOf(KINDS.AWSMachinePool),
      kind: 'AWSMachinePool',
      metadata: {
        name,
        namespace,
        labels,
        annotations: { [ANNOTATION.id]: `pool-id-${namespace}-${name}` },
        ownerReferences: [{ apiVersion: apiVersionOf(KINDS.MachinePool), kind: 'MachinePool', name, uid }],
      },
      spec: { minSize: 0, maxSize: 5, awsLaunchTemplate: { instanceType: 't3.large' }, ...spec },
    },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: `${name}-bootstrap`, namespace },
      data: { value: Buffer.from(data).toString('base64'), format: Buffer.from('cloud-config').toString('base64') },
    } as KubeObject,
  ];
}

/** The context of a pool as an activity would read it now. */
export async function poolContext(
  kube: Kube,
  name: string,
  namespace = 'default',
): Promise<PoolContext<AWSCluster, AWSMachinePool>> {
  const pool = await read<MachinePool>(kube, KINDS.MachinePool, namespace, name);
  const infraPool = await read<AWSMachinePool>(kube, KINDS.AWSMachinePool, namespace, name);
  const poolId = infraPool.metadata.annotations?.[ANNOTATION.id] ?? '';
  return { ...(await clusterContext(kube, pool.spec.clusterName, namespace)), pool, infraPool, poolId };
}
