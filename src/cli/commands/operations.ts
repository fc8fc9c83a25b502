import type { Client } from '@temporalio/client';
import type { Command } from 'commander';
import { PerdureError } from '../../domain/errors.js';
import { ANNOTATION } from '../../domain/names.js';
import { type GlobalOptions, withKube, withTemporal } from '../lib/connect.js';
import { plainLines, terminalLines } from '../lib/live.js';
import { endLine, liveLines, operationsTable } from '../lib/operation-lines.js';
import { attributeOf, listOperations, type OperationView, type Query, viewOf } from '../lib/operations.js';
import { examples, whole } from '../lib/options.js';
import { command, print, show } from '../lib/output.js';
import { isWorkflowId, parseTarget, type Target } from '../lib/target.js';

const DEFAULT_LIMIT = 50;
const DEFAULT_INTERVAL_S = 2;

interface ListOptions extends GlobalOptions {
  readonly cluster?: string;
  readonly running?: boolean;
  readonly limit: number;
}

const queryOf = (o: ListOptions): Query => ({
  ...(o.cluster ? { cluster: o.cluster.includes('/') ? o.cluster : `${o.namespace ?? 'default'}/${o.cluster}` } : {}),
  ...(o.running ? { running: true } : {}),
  limit: o.limit,
});

async function list(options: ListOptions): Promise<void> {
  const found = await withTemporal(options, (client) => listOperations(client, queryOf(options)));
  show(options.output, found, () => (found.length > 0 ? operationsTable(found, Date.now()) : 'no operations'));
}

/** Goes on until it is interrupted. */
async function watch(options: ListOptions & { readonly interval: number }): Promise<void> {
  const write = (text: string): void => void process.stdout.write(text);
  const live = process.stdout.isTTY === true;
  const lines = live ? terminalLines(write) : plainLines(write);
  await withTemporal(options, async (client) => {
    let before: readonly OperationView[] = [];
    for (;;) {
      const now = await listOperations(client, { ...queryOf(options), running: true });
      if (options.output === 'json') print(JSON.stringify(now));
      else {
        const ended = await ends(client, before, now);
        const running = liveLines(now, live ? { now: Date.now(), width: process.stdout.columns } : {});
        lines.draw(running.length > 0 ? running : ['no running operations'], ended.map(endLine));
      }
      before = now;
      await new Promise((resolve) => setTimeout(resolve, options.interval * 1_000));
    }
  });
}

/** What became of the operations that ran before and do not now. */
async function ends(
  client: Client,
  before: readonly OperationView[],
  now: readonly OperationView[],
): Promise<OperationView[]> {
  const gone = before.filter((o) => !now.some((n) => n.runId === o.runId));
  return Promise.all(
    gone.map(async (o) => viewOf(client, await client.workflow.getHandle(o.workflowId, o.runId).describe())),
  );
}

/** The object whose operation a workflow is, by its search attributes. */
async function targetOf(options: GlobalOptions, workflowId: string): Promise<Target & { readonly namespace: string }> {
  const info = await withTemporal(options, (client) => client.workflow.getHandle(workflowId).describe());
  const kind = attributeOf(info, 'PerdureKind');
  const [namespace, name] = attributeOf(info, 'PerdureObject')?.split('/') ?? [];
  if (!kind || !namespace || !name)
    throw new PerdureError('InvalidConfiguration', `workflow ${workflowId} belongs to no object; retry an operation`);
  return { ...parseTarget(`${kind}/${name}`), namespace };
}

async function retry(target: string, options: GlobalOptions): Promise<void> {
  const { kind, name, namespace } = isWorkflowId(target)
    ? await targetOf(options, target)
    : { ...parseTarget(target), namespace: options.namespace ?? 'default' };
  const annotations = { [ANNOTATION.retry]: new Date().toISOString() };
  await withKube(options, (kube) => kube.mergePatch(kind, { namespace, name }, { metadata: { annotations } }));
  show(
    options.output,
    { kind: kind.kind, namespace, name, retried: true },
    () => `asked for another attempt of ${kind.kind} ${namespace}/${name}`,
  );
}

async function cancel(workflowId: string, options: GlobalOptions): Promise<void> {
  await withTemporal(options, (client) => client.workflow.getHandle(workflowId).cancel());
  show(options.output, { workflowId, cancelled: true }, () => `asked ${workflowId} to stop; what it made stays`);
}

const WORKFLOW_EXAMPLE = 'machine/default/demo-md-0-abcde/3f2c…/ProvisionMachine/1';

/** `operations list|watch|retry|cancel`. */
export function registerOperations(program: Command): void {
  const operations = program
    .command('operations')
    .alias('ops')
    .description('durable operations: what runs, waits, failed')
    .addHelpText('after', examples('perdure operations list --cluster demo'));
  const filters = (c: Command): Command =>
    c
      .option('--cluster <cluster>', 'only of this cluster, NAME or NAMESPACE/NAME')
      .option('--limit <n>', 'at most this many', whole(1), DEFAULT_LIMIT);
  filters(operations.command('list'))
    .description('list operations, newest first; failed ones with their cause')
    .option('--running', 'only running ones')
    .addHelpText('after', examples('perdure operations list --running', 'perdure ops list --cluster team-a/demo'))
    .action((_l: unknown, cmd: Command) => command(() => list(cmd.optsWithGlobals())));
  filters(operations.command('watch'))
    .description('show running operations with progress until interrupted')
    .option('--interval <seconds>', 'pause between looks', whole(1), DEFAULT_INTERVAL_S)
    .addHelpText('after', examples('perdure operations watch --cluster demo'))
    .action((_l: unknown, cmd: Command) => command(() => watch(cmd.optsWithGlobals())));
  operations
    .command('retry <target>')
    .description('try a failed operation again; the target is KIND/NAME or the id of the workflow that failed')
    .addHelpText(
      'after',
      examples('perdure operations retry machine/demo-md-0-abcde', `perdure operations retry ${WORKFLOW_EXAMPLE}`),
    )
    .action((target: string, _l: unknown, cmd: Command) => command(() => retry(target, cmd.optsWithGlobals())));
  operations
    .command('cancel <workflow-id>')
    .description('stop an operation; nothing is undone')
    .addHelpText('after', examples(`perdure operations cancel ${WORKFLOW_EXAMPLE}`))
    .action((id: string, _l: unknown, cmd: Command) => command(() => cancel(id, cmd.optsWithGlobals())));
}
