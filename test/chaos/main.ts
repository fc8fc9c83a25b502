import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { type Arena, openArena } from './arena.js';
import { faults } from './faults.js';
import { cuts, kills, referenceLife } from './kills.js';
import { type Options, readOptions, USAGE } from './options.js';
import { managementOutages, temporalWipes } from './outages.js';
import { Report } from './report.js';
import { type Run, Spoiled } from './runner.js';

const clock = (): string => new Date().toISOString().slice(11, 19);

/** The chaos test; answers the exit code. Everything it started is stopped in any case. */
export async function main(args: readonly string[]): Promise<number> {
  let options: Options | undefined;
  try {
    options = readOptions(args);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return 2;
  }
  if (!options) {
    process.stdout.write(USAGE);
    return 0;
  }
  const say = (line: string): void => {
    process.stdout.write(`${clock()} ${line}\n`);
  };
  const interrupted = new Promise<never>((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => reject(new Error(`stopped by ${signal}`)));
  });
  interrupted.catch(() => undefined);
  const report = new Report();
  const begun = Date.now();
  let arena: Arena | undefined;
  try {
    arena = await openArena(options.dir, options.workers, say);
    const { hold } = options;
    const run: Run = {
      arena,
      options,
      report,
      reference: new Map(),
      before: await arena.cloud.inventory(),
      hold: async (why) => {
        if (!hold) return;
        say(`held: ${why}; everything runs on, stop with Ctrl-C`);
        await interrupted;
      },
    };
    await Promise.race([trials(run), interrupted]);
  } catch (error) {
    const problem = error instanceof Error ? (error.stack ?? error.message) : String(error);
    say(problem);
    report.add({
      group: 'run',
      name: error instanceof Spoiled ? 'cleanliness' : 'run',
      cluster: '-',
      problems: [problem],
    });
  }
  report.note('seconds', Math.round((Date.now() - begun) / 1_000));
  report.note('seed', options.seed);
  // What a failure left is kept to be looked at.
  await arena?.stop(report.failed > 0);
  await mkdir(options.dir, { recursive: true });
  const file = path.join(options.dir, 'report.json');
  await report.write(file);
  for (const failure of report.failures()) process.stdout.write(`FAILED ${failure}\n`);
  process.stdout.write(`report: ${file}\n${report.passed} passed, ${report.failed} failed\n`);
  return report.failed === 0 ? 0 : 1;
}

async function trials(run: Run): Promise<void> {
  const { groups } = run.options;
  const points = await referenceLife(run);
  if (points.length === 0) return;
  if (groups.includes('kills')) await kills(run, points);
  if (groups.includes('cuts')) await cuts(run, points);
  if (groups.includes('faults')) await faults(run);
  if (groups.includes('temporal')) await temporalWipes(run, points);
  if (groups.includes('apiserver')) await managementOutages(run, points);
}
