import { type Point, phaseOf } from '../../src/sandbox/chaos/points.js';
import { backlogOf, distinctPoints, planLives, sample } from '../../src/sandbox/chaos/schedule.js';
import { CONTROL_PLANE_PHASES, phasesOf } from './life.js';
import { aftermath, attempt, newLife, type Run } from './runner.js';

/** Lives in which a point may fail to come by before it is called missed. */
const CHANCES = 3;

/** An undisturbed life: counts the points, and how often each thing exists. */
export async function referenceLife(run: Run): Promise<Point[]> {
  const { arena, options, report } = run;
  const life = newLife(arena, 'ref', { controlPlane: options.controlPlane });
  const { problems } = await attempt(run, life);
  const all = [...problems, ...(await aftermath(run))];
  report.add({ group: 'reference', name: 'undisturbed life', cluster: life.target.name, problems: all });
  const points = distinctPoints(arena.control.journal(life.target.namespace), phasesOf(options.controlPlane));
  report.note('points', points);
  arena.say(`the reference life passed ${points.length} distinct points`);
  return all.length === 0 ? points : [];
}

const needsControlPlane = (point: Point): boolean =>
  CONTROL_PLANE_PHASES.some((phase) => point.startsWith(`${phase}/`));

/** Kills a process at every point, several in each life, lives in parallel; points that did not come by get further chances. */
export async function kills(run: Run, known: readonly Point[]): Promise<void> {
  const { arena, options, report } = run;
  const chosen = sample(known, options.points ?? known.length, options.seed);
  const chances = new Map<Point, number>();
  let todo: readonly Point[] = chosen;
  let killed = 0;
  const missed: Point[] = [];
  while (todo.length > 0) {
    // Scaling the control plane takes long: only lives that die in it do it.
    const lives = [
      ...planLives(todo.filter(needsControlPlane), options.perLife),
      ...planLives(
        todo.filter((p) => !needsControlPlane(p)),
        options.perLife,
      ),
    ];
    arena.say(`${todo.length} points to kill at in ${lives.length} lives`);
    const unclaimed: Point[] = [];
    await inPool(lives, options.parallel, async (points) => {
      const life = newLife(arena, 'kill', { kills: points, controlPlane: points.some(needsControlPlane) });
      const cluster = life.target.name;
      const { claimed, pending, problems } = await attempt(run, life);
      for (const name of claimed) report.add({ group: 'kills', name, cluster, problems });
      if (claimed.length === 0 && problems.length > 0)
        report.add({ group: 'kills', name: 'no point', cluster, problems });
      killed += claimed.length;
      unclaimed.push(...pending);
      arena.say(`${killed} of ${chosen.length} points killed at so far, ${report.failed} failed`);
    });
    report.add({
      group: 'kills',
      name: `cloud and Temporal after ${lives.length} lives`,
      cluster: '-',
      problems: await aftermath(run),
    });
    const backlog = backlogOf(unclaimed, chances, CHANCES);
    missed.push(...backlog.missed);
    todo = backlog.retry;
  }
  report.note('kills', { chosen: chosen.length, killed, missed });
  for (const name of missed) arena.say(`never came by again: ${name}`);
  // A point that no later life passes was an accident of timing; many would mean that the reference is not what is tested.
  if (missed.length > Math.max(3, chosen.length / 10))
    report.add({
      group: 'kills',
      name: 'coverage',
      cluster: '-',
      problems: [`${missed.length} of ${chosen.length} points never came by again`],
    });
}

const CUTS = 10;

/** Deletes clusters while they are being made, at points spread over the making; at every other one a process dies as well. */
export async function cuts(run: Run, known: readonly Point[]): Promise<void> {
  const { arena, options, report } = run;
  const points = sample(
    known.filter((p) => phaseOf(p) === 'create'),
    CUTS,
    options.seed,
  );
  const jobs = points.map((point, i) => ({ point, kills: i % 2 === 0 ? [point] : [] }));
  await inPool(jobs, options.parallel, async ({ point, kills: armed }) => {
    const life = newLife(arena, 'cut', { cutAt: point, kills: armed });
    const { problems } = await attempt(run, life);
    const name = `deleted at ${point}${armed.length > 0 ? ', a process killed' : ''}`;
    report.add({ group: 'cuts', name, cluster: life.target.name, problems });
  });
  report.add({ group: 'cuts', name: 'cloud and Temporal afterwards', cluster: '-', problems: await aftermath(run) });
}

/** Works the list off, at most `width` at a time. The first failure ends it once nothing runs any more. */
async function inPool<T>(list: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...list];
  const one = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  const ends = await Promise.allSettled(Array.from({ length: width }, one));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}
