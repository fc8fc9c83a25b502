import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { isEffect, type Point, phaseOf } from '../../src/sandbox/chaos/points.js';
import { type Arena, openArena } from './arena.js';
import {
  CONTROL_PLANE_PHASES,
  CONTROL_PLANES,
  type Course,
  midLife,
  SCALING,
  SCALING_BOTH,
  WORKERS,
} from './course.js';
import { dayTwoFaults, faults } from './faults.js';
import { cuts, kills, referenceLife } from './kills.js';
import { type Options, readOptions, USAGE } from './options.js';
import { dayTwoOutages, managementOutages, temporalWipes } from './outages.js';
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
  for (const line of report.summary()) process.stdout.write(`${line}\n`);
  process.stdout.write(`report: ${file}\n${report.passed} passed, ${report.failed} failed\n`);
  return report.failed === 0 ? 0 : 1;
}

const DAY_TWO = ['control-planes', 'workers'];

async function trials(run: Run): Promise<void> {
  const { groups } = run.options;
  if (groups.some((group) => !DAY_TWO.some((name) => group.startsWith(name)))) await scaling(run);
  await dayTwo(run, 'control-planes', CONTROL_PLANES);
  await dayTwo(run, 'workers', WORKERS);
}

async function scaling(run: Run): Promise<void> {
  const { groups, controlPlane } = run.options;
  const course = controlPlane ? SCALING_BOTH : SCALING;
  const points = await referenceLife(run, 'scaling', course, (point) => !isEffect(point));
  if (points.length === 0) return;
  // Scaling the control plane takes long: only lives that die in it do it.
  const courseOf = (point: Point): Course =>
    CONTROL_PLANE_PHASES.some((phase) => phase === phaseOf(point)) ? SCALING_BOTH : SCALING;
  const making = points.filter((point) => phaseOf(point) === 'create');
  if (groups.includes('kills')) await kills(run, { group: 'kills', points, courseOf });
  if (groups.includes('cuts')) await cuts(run, { group: 'cuts', course: SCALING, points: making, count: 10 });
  if (groups.includes('faults')) await faults(run);
  if (groups.includes('temporal')) await temporalWipes(run, points);
  if (groups.includes('apiserver')) await managementOutages(run, points);
}

/** Upgrades, exchanges and replacements of machines of one role. */
async function dayTwo(run: Run, group: 'control-planes' | 'workers', course: Course): Promise<void> {
  const { groups } = run.options;
  const faulty = `${group}-faults` as const;
  if (!groups.includes(group) && !groups.includes(faulty)) return;
  const counted = midLife(course);
  const points = await referenceLife(run, group, course, (point) => counted.includes(phaseOf(point)));
  if (points.length === 0) return;
  if (groups.includes(group)) await kills(run, { group, points, courseOf: () => course });
  if (!groups.includes(faulty)) return;
  await cuts(run, { group: faulty, course, points, count: 4 });
  await dayTwoFaults(run, { group: faulty, course, bursts: everyPhase(counted, 2) });
  await dayTwoOutages(run, { group: faulty, course, points, perPhase: everyPhase(counted, 3) });
}

const everyPhase = (phases: readonly string[], count: number): Record<string, number> =>
  Object.fromEntries(phases.map((phase) => [phase, count]));
