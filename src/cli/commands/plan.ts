import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { planText } from '../../api/plan/index.js';
import { PerdureError } from '../../domain/errors.js';
import { type GlobalOptions, withKube } from '../lib/connect.js';
import { examples } from '../lib/options.js';
import { command, EXIT, show } from '../lib/output.js';
import { planLines } from '../lib/plan-lines.js';

/** With `--exit-code`: something would change. */
const CHANGES = 3;

interface PlanOptions extends GlobalOptions {
  readonly filename: string;
  readonly exitCode?: boolean;
}

async function manifest(file: string): Promise<string> {
  if (file === '-') return text(process.stdin);
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new PerdureError('InvalidConfiguration', `cannot read manifest ${file}: ${(error as Error).message}`);
  }
}

/** `plan`. */
export function registerPlan(program: Command): void {
  program
    .command('plan')
    .description('say what applying a manifest would do, step by step, without changing anything')
    .requiredOption(
      '-f, --filename <file>',
      "manifest, YAML or JSON, many documents allowed; '-' is the standard input",
    )
    .option('--exit-code', `end with ${CHANGES} when something would change`)
    .addHelpText(
      'after',
      `
Machines that are replaced, in order, with the quorum of etcd at each step; how many may be missing; what changes
in the cloud. The API server takes part by a dry run, so defaults and admission are its own. Exit codes: 0 planned
(with --exit-code: nothing would change), 1 refused or failed, 2 wrong use, 3 with --exit-code: something would change.
${examples('perdure plan -f cluster.yaml', 'perdure plan -f - -o json < cluster.yaml')}`,
    )
    .action((_l: unknown, cmd: Command) =>
      command(async () => {
        const o = cmd.optsWithGlobals<PlanOptions>();
        const given = await manifest(o.filename);
        const options = {
          namespace: o.namespace ?? 'default',
          now: new Date().toISOString(),
          signal: new AbortController().signal,
        };
        const plan = await withKube(o, (kube) => planText(kube, given, options));
        show(o.output, plan, () => planLines(plan).join('\n'));
        if (plan.summary.refused) process.exitCode = EXIT.failed;
        else if (o.exitCode && plan.summary.changed) process.exitCode = CHANGES;
      }),
    );
}
