import type { Command } from 'commander';
import type { Cluster } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject } from '../../api/types/meta.js';
import { EXTERNAL_KINDS, GC_ANNOTATION, GC_TASKS_ANNOTATION } from '../../domain/aws/external.js';
import type { ReportLine } from '../../domain/collect/report.js';
import { parseTasks } from '../../domain/collect/wish.js';
import { isDeleting, keyOf } from '../../domain/contract.js';
import { PerdureError } from '../../domain/errors.js';
import { ANNOTATION } from '../../domain/names.js';
import type { KubeClient } from '../../kube/client.js';
import { attributesOf } from '../../workflows/lib/attributes.js';
import { operationId, WORKFLOW_QUEUE } from '../../workflows/names.js';
import { type GlobalOptions, withKube, withTemporal } from '../lib/connect.js';
import { examples } from '../lib/options.js';
import { command, show, table } from '../lib/output.js';

interface GcOptions extends GlobalOptions {
  /** As clusterawsadm takes the name. */
  readonly clusterName?: string;
  readonly gcTask?: string;
}

interface Report {
  readonly summary: string;
  readonly report: readonly ReportLine[];
}

const nameOf = (argument: string | undefined, { clusterName }: GcOptions): string => {
  const name = argument ?? clusterName;
  if (name) return name;
  throw new PerdureError('InvalidConfiguration', 'no cluster: name it, as in perdure gc plan demo');
};

async function clusterOf(kube: KubeClient, name: string, { namespace = 'default' }: GcOptions): Promise<Cluster> {
  const cluster = await kube.get<Cluster>(KINDS.Cluster, { namespace, name });
  if (!cluster) throw new PerdureError('NotFound', `Cluster ${namespace}/${name} does not exist`);
  return cluster;
}

/** Sets or removes an annotation of the cluster's infra object. */
async function annotate(argument: string | undefined, o: GcOptions, key: string, value: string | null): Promise<void> {
  const name = nameOf(argument, o);
  const infra = await withKube(o, async (kube) => {
    const { infrastructureRef: ref } = (await clusterOf(kube, name, o)).spec;
    if (ref?.kind !== KINDS.AWSCluster.kind)
      throw new PerdureError('InvalidConfiguration', `Cluster ${name} is not on AWS, whose clusters have this switch`);
    const at = { namespace: o.namespace ?? 'default', name: ref.name };
    return kube.mergePatch<KubeObject>(KINDS.AWSCluster, at, { metadata: { annotations: { [key]: value } } });
  });
  const { namespace, name: infraName } = infra.metadata;
  show(o.output, { kind: infra.kind, namespace, name: infraName, annotation: key, value }, () =>
    value === null ? `${infra.kind} ${infraName}: ${key} removed` : `${infra.kind} ${infraName}: ${key}=${value}`,
  );
}

async function configure(argument: string | undefined, o: GcOptions): Promise<void> {
  const { known, unknown } = parseTasks(o.gcTask, EXTERNAL_KINDS);
  if (unknown.length > 0) {
    const names = EXTERNAL_KINDS.map((kind) => kind.name).join(', ');
    throw new PerdureError('InvalidConfiguration', `--gc-task ${unknown.join(', ')}: use ${names}`);
  }
  await annotate(argument, o, GC_TASKS_ANNOTATION, known.length > 0 ? known.join(',') : null);
}

async function plan(argument: string | undefined, o: GcOptions): Promise<void> {
  const name = nameOf(argument, o);
  const cluster = await withKube(o, (kube) => clusterOf(kube, name, o));
  const key = keyOf(cluster);
  const owner = `${key.namespace}/${key.name}`;
  const found = await withTemporal(o, (client) =>
    client.workflow.execute<() => Promise<Report>>('CollectExternalResources', {
      taskQueue: WORKFLOW_QUEUE,
      workflowId: operationId(key, 'CollectExternalResources', 'plan'),
      workflowIdConflictPolicy: 'USE_EXISTING',
      staticSummary: `${owner}: what would be collected`,
      typedSearchAttributes: attributesOf(key, {
        cluster: owner,
        operation: 'CollectExternalResources',
        reason: 'somebody asks what would be collected',
      }),
      args: [{ key, cluster: owner, generation: 0, cloudQueue: '', stage: 'plan' }] as never,
    }),
  );
  show(o.output, found, () => reportText(found));
}

const FATES: Readonly<Record<ReportLine['fate'], string>> = {
  delete: 'goes',
  gone: 'gone',
  keep: 'stays',
  refused: 'refused',
};

/** The report as a table; what stays and what is refused too, with why. */
export function reportText({ report, summary }: Report): string {
  if (report.length === 0) return summary;
  const rows = report.map((l) => [l.kind, l.id, l.name, FATES[l.fate], l.blocked ?? l.reason]);
  return `${table(['KIND', 'ID', 'NAME', 'FATE', 'WHY'], rows)}\n\n${summary}`;
}

async function run(argument: string | undefined, o: GcOptions): Promise<void> {
  const name = nameOf(argument, o);
  const namespace = o.namespace ?? 'default';
  await withKube(o, async (kube) => {
    const cluster = await clusterOf(kube, name, o);
    if (!isDeleting(cluster)) {
      throw new PerdureError(
        'InvalidConfiguration',
        `Cluster ${namespace}/${name} is not being deleted: what it made is in use; see perdure gc plan ${name}, or delete the cluster`,
      );
    }
    const annotations = { [ANNOTATION.retry]: new Date().toISOString() };
    await kube.mergePatch(KINDS.Cluster, { namespace, name }, { metadata: { annotations } });
  });
  show(
    o.output,
    { kind: 'Cluster', namespace, name, retried: true },
    () => `asked for another attempt of the deletion of Cluster ${namespace}/${name}, which collects first`,
  );
}

/** `gc enable|disable|configure|plan|run`. */
export function registerGc(program: Command): void {
  const gc = program
    .command('gc')
    .description('what controllers in a cluster made in its cloud, and what becomes of it when the cluster is deleted')
    .addHelpText('after', examples('perdure gc plan demo', 'perdure gc disable demo'));
  const sub = (
    name: string,
    description: string,
    work: (cluster: string | undefined, options: GcOptions) => Promise<void>,
    ...lines: readonly string[]
  ): Command =>
    gc
      .command(`${name} [cluster]`)
      .description(description)
      .option('--cluster-name <cluster>', 'the cluster, in the way of clusterawsadm')
      .addHelpText('after', examples(...lines))
      .action((cluster: string | undefined, _l: unknown, cmd: Command) =>
        command(() => work(cluster, cmd.optsWithGlobals<GcOptions>())),
      );
  sub(
    'enable',
    'collect when the cluster is deleted (the default)',
    (c, o) => annotate(c, o, GC_ANNOTATION, 'true'),
    'perdure gc enable demo',
  );
  sub(
    'disable',
    'collect nothing when the cluster is deleted',
    (c, o) => annotate(c, o, GC_ANNOTATION, 'false'),
    'perdure gc disable demo',
  );
  sub(
    'configure',
    'collect these kinds only; without any, all that hold no data',
    configure,
    'perdure gc configure demo --gc-task load-balancer,ebs-volume',
    'perdure gc configure demo',
  ).option('--gc-task <kinds>', `comma-separated, of ${EXTERNAL_KINDS.map((kind) => kind.name).join(', ')}`);
  sub(
    'plan',
    'say what would go, what would stay, and why; changes nothing',
    plan,
    'perdure gc plan demo',
    'perdure gc plan demo -o json',
  );
  sub('run', 'try again for a cluster whose deletion waits', run, 'perdure gc run demo');
}
