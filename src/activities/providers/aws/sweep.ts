import type { Instance, RouteTable, SecurityGroup } from '@aws-sdk/client-ec2';
import type { AWSCluster, AWSMachine } from '../../../api/types/aws.js';
import type { Cluster } from '../../../api/types/core.js';
import { KINDS } from '../../../api/types/kinds.js';
import { ANNOTATION, LABEL } from '../../../domain/names.js';
import type { CallContext, Change, Drift } from '../port.js';
import { balancerWishes, recordedBalancer } from './balancer.js';
import type { AwsCall, Cloud } from './cloud.js';
import { isAbsent } from './errors.js';
import { DEFAULT_IDENTITY } from './identity.js';
import { describeInstances } from './instances.js';
import { instanceIdOf } from './machine-scope.js';
import { pages, pieces } from './pages.js';
import { describeClassic, targetsOf } from './registration.js';
import { type ClusterView, clusterView, isManagedVpc, vpcOf } from './scope.js';
import { EVENTS_ANNOTATION } from './tasks/instance-events.js';
import { planRouteTables } from './tasks/route-tables.js';
import { planSecurityGroups } from './tasks/security-groups.js';
import { tellCapacity } from './template-capacity.js';

const BATCH = 200;
/** Clusters whose target groups one sweep looks at: AWS tells the health of one group at a time. The others have their turn in the next sweeps. */
const TURN = 10;
/** Where the last turn ended, by account; a process that starts anew begins anew. */
const turns = new WeakMap<Cloud, Map<string, number>>();

interface Swept {
  readonly cluster: Cluster;
  readonly view: ClusterView;
  readonly aws: AwsCall;
}

/**
 * Compares rules, routes, instances and registrations of many clusters with the cloud: per account and region one paged call each for groups, tables,
 * instances and classic balancers, and the target groups of ten clusters in turn. Routes tell of NAT and internet gateways and subnets too: a route whose target is gone
 * is a black hole, and a subnet takes its association with it. Changes nothing.
 */
export async function sweep(
  cloud: Cloud,
  ctx: CallContext,
  clusters: readonly { cluster: Cluster; infraCluster: AWSCluster }[],
): Promise<readonly Drift[]> {
  const machines = await ctx.kube.list<AWSMachine>(KINDS.AWSMachine, {}, ctx.signal);
  const accounts = new Map<string, Swept[]>();
  for (const { cluster, infraCluster } of clusters) {
    const clusterId = cluster.metadata.annotations?.[ANNOTATION.id];
    if (!clusterId) continue;
    const view = clusterView({ cluster, infraCluster, clusterId });
    const identity = infraCluster.spec.identityRef ?? DEFAULT_IDENTITY;
    const { kube, signal } = ctx;
    const aws = await cloud.open({ kube, signal, namespace: view.namespace, region: view.region, identity });
    accounts.set(aws.account, [...(accounts.get(aws.account) ?? []), { cluster, view, aws }]);
  }
  const found: Drift[] = [];
  for (const [account, swept] of accounts) {
    ctx.heartbeat(`sweeping ${swept.length} clusters of ${account}`);
    found.push(...(await sweepAccount(cloud, account, swept, machines)));
    const [first] = swept;
    const views = swept.map(({ view }) => view);
    if (first) await tellCapacity(ctx, first.aws, views);
  }
  return found;
}

async function sweepAccount(
  cloud: Cloud,
  account: string,
  swept: readonly Swept[],
  all: readonly AWSMachine[],
): Promise<Drift[]> {
  const [first] = swept;
  if (!first) return [];
  const { aws } = first;
  const machines = swept.map(({ view }) => machinesOf(view, all));
  const [groups, tables, instances, balancers] = await Promise.all([
    groupsOfVpcs(
      aws,
      swept.map(({ view }) => view),
    ),
    tablesOfVpcs(aws, swept.map(({ view }) => view).filter(isManagedVpc)),
    instancesOf(aws, machines.flat()),
    classicMembers(
      aws,
      swept.map(({ view }) => view),
    ),
  ]);
  const turn = turnOf(cloud, account, swept);
  const drifts = await Promise.all(
    swept.map(async ({ cluster, view }, index) => {
      const registered = balancers.get(view) ?? (turn.has(view) ? await targetMembers(cloud, aws, view) : undefined);
      const mine = machines[index] ?? [];
      return [
        ...networkDrift(cluster, view, groups, tables),
        ...eventsDrift(cloud, cluster, view),
        ...mine.flatMap((machine) => machineDrift(machine, instances, registered)),
      ];
    }),
  );
  return drifts.flat();
}

/** The clusters with network balancers whose turn it is; all of them where they are few. */
function turnOf(cloud: Cloud, account: string, swept: readonly Swept[]): ReadonlySet<ClusterView> {
  const views = swept
    .map(({ view }) => view)
    .filter((view) => balancerWishes(view).some(({ type }) => type === 'nlb'))
    .sort((a, b) => (a.clusterId < b.clusterId ? -1 : 1));
  const cursors = turns.get(cloud) ?? new Map<string, number>();
  turns.set(cloud, cursors);
  const from = (cursors.get(account) ?? 0) % Math.max(views.length, 1);
  cursors.set(account, from + TURN);
  return new Set([...views.slice(from), ...views.slice(0, from)].slice(0, TURN));
}

function machinesOf(view: ClusterView, all: readonly AWSMachine[]): AWSMachine[] {
  return all.filter(
    ({ metadata }) =>
      metadata.namespace === view.namespace &&
      metadata.labels?.[LABEL.clusterName] === view.clusterName &&
      // their pool looks after them, more often
      metadata.labels[LABEL.poolName] === undefined &&
      !metadata.deletionTimestamp,
  );
}

function networkDrift(
  cluster: Cluster,
  view: ClusterView,
  groups: readonly SecurityGroup[],
  tables: readonly RouteTable[],
): Drift[] {
  const vpcId = vpcOf(view).id;
  const natIPs = view.object.status?.networkStatus?.natGatewaysIPs ?? [];
  const changes: Change[] = [
    ...planSecurityGroups(view, { groups: groups.filter((group) => group.VpcId === vpcId), natIPs }),
    ...(isManagedVpc(view) ? planRouteTables(view, { tables: tables.filter((table) => table.VpcId === vpcId) }) : []),
  ];
  if (changes.length === 0) return [];
  const detail = changes
    .map((change) => `${change.action} ${change.resource} ${change.name}: ${change.detail}`)
    .join('; ');
  return [{ namespace: view.namespace, kind: 'Cluster', name: cluster.metadata.name, detail }];
}

/** The gate was turned on after the cluster had been made. */
function eventsDrift(cloud: Cloud, { metadata }: Cluster, { namespace, object }: ClusterView): Drift[] {
  if (!cloud.deps.instanceEvents || object.metadata.annotations?.[EVENTS_ANNOTATION] !== undefined) return [];
  return [{ namespace, kind: 'Cluster', name: metadata.name, detail: 'create queue and rule for instance events' }];
}

function machineDrift(
  machine: AWSMachine,
  instances: ReadonlyMap<string, Instance>,
  registered: ReadonlySet<string> | undefined,
): Drift[] {
  const id = instanceIdOf(machine);
  const owner = machine.metadata.ownerReferences?.find((reference) => reference.kind === 'Machine');
  if (!id || !owner || !machine.status) return [];
  const state = instances.get(id)?.State?.Name;
  const drift = (detail: string): Drift[] => [
    { namespace: machine.metadata.namespace ?? '', kind: 'Machine', name: owner.name, detail },
  ];
  if (state !== machine.status.instanceState)
    return drift(`instance ${id} is ${state ?? 'absent'}, was ${machine.status.instanceState ?? 'absent'}`);
  const controlPlane = machine.metadata.labels?.[LABEL.controlPlane] !== undefined;
  if (controlPlane && state === 'running' && registered && !registered.has(id)) {
    return drift(`instance ${id} is not registered with the control plane load balancer`);
  }
  return [];
}

/** Runs `fetch` on slices that fit into one filter. */
async function inBatches<T>(ids: readonly string[], fetch: (some: string[]) => Promise<T[]>): Promise<T[]> {
  const found: T[] = [];
  for (const some of pieces(ids, BATCH)) found.push(...(await fetch(some)));
  return found;
}

const vpcIds = (views: readonly ClusterView[]): string[] =>
  [...new Set(views.flatMap((view) => vpcOf(view).id ?? []))].sort();

function groupsOfVpcs({ ec2 }: AwsCall, views: readonly ClusterView[]): Promise<SecurityGroup[]> {
  return inBatches(vpcIds(views), (Values) =>
    pages(async (NextToken) => {
      const Filters = [{ Name: 'vpc-id', Values }];
      const page = await ec2.describeSecurityGroups({ Filters, ...(NextToken ? { NextToken } : {}) });
      return { items: page.SecurityGroups ?? [], next: page.NextToken };
    }),
  );
}

function tablesOfVpcs({ ec2 }: AwsCall, views: readonly ClusterView[]): Promise<RouteTable[]> {
  return inBatches(vpcIds(views), (Values) =>
    pages(async (NextToken) => {
      const Filters = [{ Name: 'vpc-id', Values }];
      const page = await ec2.describeRouteTables({ Filters, ...(NextToken ? { NextToken } : {}) });
      return { items: page.RouteTables ?? [], next: page.NextToken };
    }),
  );
}

async function instancesOf(aws: AwsCall, machines: readonly AWSMachine[]): Promise<ReadonlyMap<string, Instance>> {
  const ids = machines.flatMap((machine) => instanceIdOf(machine) ?? []).sort();
  const fetch = describeInstances(aws);
  const found = await inBatches(ids, async (some) => [...(await fetch(some, AbortSignal.timeout(60_000)))]);
  return new Map(found);
}

/** Instances behind classic balancers, by cluster; only for clusters that have one. */
async function classicMembers(
  aws: AwsCall,
  views: readonly ClusterView[],
): Promise<Map<ClusterView, ReadonlySet<string>>> {
  const named = views.flatMap((view) => {
    const recorded = recordedBalancer(view, 'primary');
    const classic = balancerWishes(view).some(({ slot, type }) => slot === 'primary' && type === 'classic');
    return classic && recorded?.name ? [{ view, name: recorded.name }] : [];
  });
  if (named.length === 0) return new Map();
  const live = await describeClassic(aws)(
    named.map(({ name }) => name),
    AbortSignal.timeout(60_000),
  );
  return new Map(
    named.map(({ view, name }) => [
      view,
      new Set((live.get(name)?.Instances ?? []).flatMap((one) => one.InstanceId ?? [])),
    ]),
  );
}

/** Instances in every target group of the cluster's network balancers; undefined when there is none. */
async function targetMembers(cloud: Cloud, aws: AwsCall, view: ClusterView): Promise<ReadonlySet<string> | undefined> {
  let members: Set<string> | undefined;
  for (const { slot, type } of balancerWishes(view)) {
    const arn = recordedBalancer(view, slot)?.arn;
    if (type !== 'nlb' || !arn) continue;
    for (const target of await targetsOf(cloud, aws, arn)) {
      const these = await healthyTargets(aws, target.arn);
      members = members ? new Set([...members].filter((id) => these.has(id))) : these;
    }
  }
  return members;
}

async function healthyTargets({ elbv2 }: AwsCall, TargetGroupArn: string): Promise<Set<string>> {
  try {
    const { TargetHealthDescriptions = [] } = await elbv2.describeTargetHealth({ TargetGroupArn });
    return new Set(
      TargetHealthDescriptions.filter((one) => one.TargetHealth?.State !== 'draining').flatMap(
        (one) => one.Target?.Id ?? [],
      ),
    );
  } catch (error) {
    if (isAbsent(error)) return new Set();
    throw error;
  }
}
