import type { Point } from '../../src/sandbox/chaos/points.js';
import { backlogOf, distinctPoints, planLives, sample } from '../../src/sandbox/chaos/schedule.js';
import type { Course } from './course.js';
import type { Group } from './options.js';
import { aftermath, attempt, newLife, type Run } from './runner.js';

/** An undisturbed life: counts the points that `wanted` takes, and how often each thing exists. Nothing when it failed. */
export async function referenceLife(
  run: Run,
  name: string,
  course: Course,
  wanted: (point: Point) => boolean,
): Promise<Point[]> {
  const { arena, report } = run;
  const life = newLife(arena, 'ref', course);
  const { problems } = await attempt(run, life);
  const all = [...problems, ...(await aftermath(run))];
  report.add({ group: 'reference', name: `undisturbed life: ${name}`, cluster: life.target.name, problems: all });
  const phases = course.map(({ phase }) => phase);
  const points = distinctPoints(arena.control.journal(life.target.namespace), phases).filter(wanted);
  report.note(`points of ${name}`, points);
  arena.say(`the reference life (${name}) passed ${points.length} distinct points`);
  return all.length === 0 ? points : [];
}

/** What of a course processes die in. */
export interface Deaths {
  readonly group: Group;
  readonly points: readonly Point[];
  /** Which course passes a point; the shorter ones are worth their own lives. */
  readonly courseOf: (point: Point) => Course;
}

/** Lives for points: those of one course share theirs. */
function livesFor(
  { courseOf }: Deaths,
  todo: readonly Point[],
  perLife: number,
): { course: Course; points: Point[] }[] {
  return [...new Set(todo.map(courseOf))].flatMap((course) =>
    planLives(
      todo.filter((p) => courseOf(p) === course),
      perLife,
    ).map((points) => ({ course, points })),
  );
}

/** Kills a process at every point, several in each life, lives in parallel; points that did not come by get further chances. */
export async function kills(run: Run, deaths: Deaths): Promise<void> {
  const { arena, options, report } = run;
  const { group } = deaths;
  const chosen = sample(deaths.points, options.points ?? deaths.points.length, options.seed);
  const chances = new Map<Point, number>();
  let todo: readonly Point[] = chosen;
  let killed = 0;
  const missed: Point[] = [];
  while (todo.length > 0) {
    const lives = livesFor(deaths, todo, options.perLife);
    arena.say(`${todo.length} points to kill at in ${lives.length} lives`);
    const unclaimed: Point[] = [];
    await inPool(lives, options.parallel, async ({ course, points }) => {
      const life = newLife(arena, 'kill', course, { kills: points });
      const cluster = life.target.name;
      const { claimed, pending, problems } = await attempt(run, life);
      for (const name of claimed) report.add({ group, name, cluster, problems });
      if (claimed.length === 0 && problems.length > 0) report.add({ group, name: 'no point', cluster, problems });
      killed += claimed.length;
      unclaimed.push(...pending);
      arena.say(`${killed} of ${chosen.length} points killed at so far, ${report.failed} failed`);
    });
    report.add({
      group,
      name: `cloud and Temporal after ${lives.length} lives`,
      cluster: '-',
      problems: await aftermath(run),
    });
    const backlog = backlogOf(unclaimed, chances, options.chances);
    missed.push(...backlog.missed);
    todo = backlog.retry;
  }
  report.kills(group, { known: deaths.points.length, chosen: chosen.length, killed, missed });
  for (const name of missed) arena.say(`never came by again: ${name}`);
  // A point that no later life passes was an accident of timing; many would mean that the reference is not what is tested.
  if (missed.length > Math.max(3, chosen.length / 10))
    report.add({
      group,
      name: 'coverage',
      cluster: '-',
      problems: [`${missed.length} of ${chosen.length} points never came by again`],
    });
}

/** Where clusters are deleted in the midst of something. */
export interface Cuts {
  readonly group: Group;
  readonly course: Course;
  readonly points: readonly Point[];
  readonly count: number;
}

/** Deletes clusters in the midst of a phase, at points spread over it; at every other one a process dies as well. */
export async function cuts(run: Run, { group, course, points, count }: Cuts): Promise<void> {
  const { arena, options, report } = run;
  const jobs = sample(points, count, options.seed).map((point, i) => ({ point, kills: i % 2 === 0 ? [point] : [] }));
  await inPool(jobs, options.parallel, async ({ point, kills: armed }) => {
    const life = newLife(arena, 'cut', course, { cutAt: point, kills: armed });
    const { problems } = await attempt(run, life);
    const name = `deleted at ${point}${armed.length > 0 ? ', a process killed' : ''}`;
    report.add({ group, name, cluster: life.target.name, problems });
  });
  report.add({ group, name: 'cloud and Temporal afterwards', cluster: '-', problems: await aftermath(run) });
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
