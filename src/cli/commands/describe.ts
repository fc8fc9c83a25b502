import type { Command } from 'commander';
import pc from 'picocolors';
import type { Cluster } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { Condition, KubeObject } from '../../api/types/meta.js';
import { controllerOf, readPath, readyConditionOf } from '../../domain/contract.js';
import { PerdureError } from '../../domain/errors.js';
import { readFailure } from '../../domain/failure.js';
import { ANNOTATION, LABEL } from '../../domain/names.js';
import { connectKube, type GlobalOptions, withTemporal } from '../lib/connect.js';
import { aheadLines, operationsTable } from '../lib/operation-lines.js';
import { listOperations, type OperationView } from '../lib/operations.js';
import { examples } from '../lib/options.js';
import { age, command, show } from '../lib/output.js';

/** An object of a cluster with what it says of itself, and what it owns. */
export interface TreeNode {
  readonly kind: string;
  readonly name: string;
  readonly ready: string;
  readonly reason: string;
  readonly message: string;
  readonly since: string;
  readonly failure?: string;
  readonly children: readonly TreeNode[];
}

/** The condition that sums an object up. */
function headline(object: KubeObject): { status: string; reason: string; message: string; since: string } {
  const conditions = (readPath(object, 'status.conditions') ?? []) as Condition[];
  const c =
    conditions.find((x) => x.type === 'Deleting' && x.status === 'True') ??
    conditions.find((x) => x.type === 'Available') ??
    conditions.find((x) => x.type === 'Ready') ??
    conditions.find((x) => x.type === 'RemediationAllowed');
  if (c)
    return {
      status: c.type === 'Deleting' ? 'False' : c.status,
      reason: c.reason ?? '',
      message: c.message ?? '',
      since: c.lastTransitionTime,
    };
  const ready = readyConditionOf(object);
  return { status: ready?.status ?? '', reason: ready?.reason ?? '', message: ready?.message ?? '', since: '' };
}

function node(object: KubeObject, children: readonly TreeNode[]): TreeNode {
  const { status, reason, message, since } = headline(object);
  const failure = readFailure(object);
  return {
    kind: object.kind,
    name: object.metadata.name,
    ready: status,
    reason,
    message: status === 'True' ? '' : message,
    since,
    ...(failure ? { failure: `${failure.operation}: ${failure.type}: ${failure.message}` } : {}),
    children,
  };
}

/** Owner tree of a cluster as clusterctl shows it: infrastructure, control plane with machines, workers; then its health checks. */
export async function clusterTree(
  options: GlobalOptions,
  name: string,
): Promise<{ tree: TreeNode; paused: boolean; lane: string | undefined }> {
  const kube = connectKube(options);
  const namespace = options.namespace ?? 'default';
  try {
    const cluster = await kube.get<Cluster>(KINDS.Cluster, { namespace, name });
    if (!cluster) throw new PerdureError('NotFound', `Cluster ${namespace}/${name} does not exist`);
    const scope = { namespace, labelSelector: `${LABEL.clusterName}=${name}` };
    const [infra, planes, deployments, pools, sets, machines, checks] = await Promise.all([
      kube.list<KubeObject>(KINDS.AWSCluster, scope),
      kube.list<KubeObject>(KINDS.KubeadmControlPlane, scope),
      kube.list<KubeObject>(KINDS.MachineDeployment, scope),
      kube.list<KubeObject>(KINDS.MachinePool, scope),
      kube.list<KubeObject>(KINDS.MachineSet, scope),
      kube.list<KubeObject>(KINDS.Machine, scope),
      kube.list<KubeObject>(KINDS.MachineHealthCheck, scope),
    ]);
    const owned = (owner: KubeObject, list: readonly KubeObject[]): KubeObject[] =>
      list.filter((o) => controllerOf(o)?.uid === owner.metadata.uid);
    const leaf = (m: KubeObject): TreeNode => node(m, []);
    const tree = node(cluster, [
      ...infra.map(leaf),
      ...planes.map((p) => node(p, owned(p, machines).map(leaf))),
      ...deployments.map((d) =>
        node(
          d,
          owned(d, sets).map((s) => node(s, owned(s, machines).map(leaf))),
        ),
      ),
      ...pools.map(leaf),
      ...sets.filter((s) => !controllerOf(s)).map((s) => node(s, owned(s, machines).map(leaf))),
      ...machines.filter((m) => !controllerOf(m)).map(leaf),
      ...checks.map(leaf),
    ]);
    return { tree, paused: cluster.spec.paused === true, lane: cluster.metadata.annotations?.[ANNOTATION.lane] };
  } finally {
    await kube.close();
  }
}

function render(n: TreeNode, prefix: string, last: boolean, root: boolean, now: number, out: string[]): void {
  const mark =
    n.ready === 'True' ? pc.green('True') : n.ready === 'False' ? pc.red('False') : pc.yellow(n.ready || '-');
  const title = `${root ? '' : `${prefix}${last ? '└─' : '├─'}`}${n.kind}/${n.name}`;
  out.push(`${title.padEnd(60)} ${mark.padEnd(16)} ${n.reason.padEnd(28)} ${age(n.since || undefined, now)}`.trimEnd());
  const below = root ? '' : `${prefix}${last ? '  ' : '│ '}`;
  for (const line of (n.message || '')
    .split('\n')
    .filter((l) => l !== '')
    .slice(0, 6))
    out.push(`${below}${pc.dim(`    ${line}`)}`);
  if (n.failure) out.push(`${below}    ${pc.red(n.failure)}`);
  n.children.forEach((c, i) => {
    render(c, below, i === n.children.length - 1, false, now, out);
  });
}

/** A tree as lines for people, with the messages of what is not ready; `now` in milliseconds since the epoch. */
export function treeLines(tree: TreeNode, now: number): string[] {
  const lines: string[] = [];
  render(tree, '', true, true, now, lines);
  return lines;
}

/** `describe cluster`. */
export function registerDescribe(program: Command): void {
  program
    .command('describe')
    .description('explain an object')
    .addHelpText('after', examples('perdure describe cluster demo'))
    .command('cluster <name>')
    .description('owner tree with conditions, running operations and what they wait for')
    .addHelpText('after', examples('perdure describe cluster demo', 'perdure describe cluster demo -n team-a -o json'))
    .action((name: string, _l: unknown, cmd: Command) =>
      command(async () => {
        const o = cmd.optsWithGlobals<GlobalOptions>();
        const { tree, paused, lane } = await clusterTree(o, name);
        const operations = await runningOperations(o, name);
        show(o.output, { ...tree, paused, lane, operations }, () => {
          const lines = treeLines(tree, Date.now());
          if (paused) lines.push('', pc.yellow('paused: nothing is changed until spec.paused is removed'));
          lines.push(
            '',
            typeof operations === 'string'
              ? pc.yellow(operations)
              : operations.length > 0
                ? operationsTable(operations, Date.now())
                : 'no running operations',
          );
          if (typeof operations !== 'string') lines.push(...aheadLines(operations));
          return lines.join('\n');
        });
      }),
    );
}

/** Operations that run now, or why they cannot be asked for: the tree is useful without Temporal too. */
async function runningOperations(options: GlobalOptions, name: string): Promise<OperationView[] | string> {
  try {
    const cluster = `${options.namespace ?? 'default'}/${name}`;
    return await withTemporal(options, (client) => listOperations(client, { cluster, running: true }));
  } catch (error) {
    return `operations unknown: ${error instanceof Error ? error.message : String(error)}`;
  }
}
