import type { Command } from 'commander';
import pc from 'picocolors';
import { KINDS } from '../../api/types/kinds.js';
import type { ResourceKind } from '../../api/types/meta.js';
import { PerdureError } from '../../domain/errors.js';
import { ANNOTATION } from '../../domain/names.js';
import { connectKube, connectTemporal, type GlobalOptions } from '../lib/connect.js';
import { listOperations, type OperationView } from '../lib/operations.js';
import { age, bar, command, print, show, table } from '../lib/output.js';

const COLOURS: Readonly<Record<string, (text: string) => string>> = {
  RUNNING: pc.cyan,
  COMPLETED: pc.green,
  FAILED: pc.red,
  CANCELLED: pc.yellow,
};
const colour = (status: string): string => COLOURS[status]?.(status) ?? status;

export function operationsTable(list: readonly OperationView[], now: number): string {
  return table(
    ['OPERATION', 'OBJECT', 'STATUS', 'AGE', 'PROGRESS', 'WAITING FOR'],
    list.map((o) => {
      const steps = o.progress?.steps ?? [];
      const done = steps.filter((s) => s.state === 'done').length;
      return [
        o.operation,
        o.object,
        colour(o.status),
        age(o.started, now),
        steps.length > 0 ? bar(done, steps.length, 10) : '',
        o.progress?.waitingFor ?? o.reason ?? '',
      ];
    }),
  );
}

interface ListOptions extends GlobalOptions {
  readonly cluster?: string;
  readonly running?: boolean;
  readonly limit?: string;
  readonly interval?: string;
}

const queryOf = (o: ListOptions) => ({
  ...(o.cluster ? { cluster: o.cluster.includes('/') ? o.cluster : `${o.namespace ?? 'default'}/${o.cluster}` } : {}),
  ...(o.running ? { running: true } : {}),
  limit: Number(o.limit ?? 50),
});

async function watch(o: ListOptions): Promise<void> {
  const client = await connectTemporal(o);
  const live = process.stdout.isTTY === true;
  for (;;) {
    const list = await listOperations(client, { ...queryOf(o), running: true });
    if (o.output === 'json') print(JSON.stringify(list));
    else
      print(
        `${live ? '\u001b[2J\u001b[H' : ''}${list.length > 0 ? operationsTable(list, Date.now()) : 'no running operations'}`,
      );
    await new Promise((resolve) => setTimeout(resolve, Number(o.interval ?? 2) * 1000));
  }
}

/** `KIND/NAME` → kind and name of an object that has a lane. */
export function parseTarget(target: string): { kind: ResourceKind; name: string } {
  const [kindName = '', name = ''] = target.split('/');
  const kind = Object.values(KINDS).find(
    (k) => k.kind.toLowerCase() === kindName.toLowerCase() || k.plural === kindName.toLowerCase(),
  );
  if (!kind || name === '')
    throw new PerdureError(
      'InvalidConfiguration',
      `${target} is not KIND/NAME, e.g. cluster/demo or machine/demo-md-0-abcde`,
    );
  return { kind, name };
}

async function retry(target: string, o: GlobalOptions): Promise<void> {
  const { kind, name } = parseTarget(target);
  const kube = connectKube(o);
  const namespace = o.namespace ?? 'default';
  await kube.mergePatch(
    kind,
    { namespace, name },
    { metadata: { annotations: { [ANNOTATION.retry]: new Date().toISOString() } } },
  );
  await kube.close();
  show(
    o.output,
    { kind: kind.kind, namespace, name, retried: true },
    () => `asked for another attempt of ${kind.kind} ${namespace}/${name}`,
  );
}

async function cancel(workflowId: string, o: GlobalOptions): Promise<void> {
  const client = await connectTemporal(o);
  await client.workflow.getHandle(workflowId).cancel();
  await client.connection.close();
  show(o.output, { workflowId, cancelled: true }, () => `asked ${workflowId} to stop; what it made stays`);
}

/** `operations list|watch|retry|cancel`. */
export function registerOperations(program: Command): void {
  const operations = program
    .command('operations')
    .alias('ops')
    .description('durable operations: what runs, waits, failed');
  const filters = (c: Command): Command =>
    c.option('--cluster <cluster>', 'only of this cluster').option('--limit <n>', 'at most this many', '50');
  filters(
    operations.command('list').description('list operations, newest first').option('--running', 'only running ones'),
  ).action((_l: unknown, cmd: Command) =>
    command(async () => {
      const o = cmd.optsWithGlobals<ListOptions>();
      const client = await connectTemporal(o);
      const list = await listOperations(client, queryOf(o));
      await client.connection.close();
      show(o.output, list, () => (list.length > 0 ? operationsTable(list, Date.now()) : 'no operations'));
    }),
  );
  filters(
    operations
      .command('watch')
      .description('show running operations with progress until interrupted')
      .option('--interval <seconds>', 'pause between looks', '2'),
  ).action((_l: unknown, cmd: Command) => command(() => watch(cmd.optsWithGlobals())));
  operations
    .command('retry <kind/name>')
    .description('try a failed operation again')
    .addHelpText('after', '\nExample:\n  $ perdure operations retry machine/demo-md-0-abcde')
    .action((target: string, _l: unknown, cmd: Command) => command(() => retry(target, cmd.optsWithGlobals())));
  operations
    .command('cancel <workflow-id>')
    .description('stop an operation; nothing is undone')
    .action((id: string, _l: unknown, cmd: Command) => command(() => cancel(id, cmd.optsWithGlobals())));
}
