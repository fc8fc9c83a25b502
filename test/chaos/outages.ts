import { rm } from 'node:fs/promises';
import type { Point } from '../../src/sandbox/chaos/points.js';
import { phaseOf } from '../../src/sandbox/chaos/points.js';
import { sample } from '../../src/sandbox/chaos/schedule.js';
import { type Course, SCALING } from './course.js';
import type { Group } from './options.js';
import { aftermath, attempt, newLife, type Run } from './runner.js';
import { passed } from './trigger.js';

interface Outage {
  readonly name: string;
  readonly strike: (run: Run) => Promise<void>;
}

/** Temporal dies and comes back knowing nothing. */
const WIPE: Outage = {
  name: "Temporal's database wiped",
  strike: ({ arena }) =>
    arena.murder('temporal', async () => {
      for (const suffix of ['', '-wal', '-shm', '-journal'])
        await rm(`${arena.layout.temporalDb}${suffix}`, { force: true });
    }),
};

const killOf = (component: string): Outage => ({
  name: `${component} killed`,
  strike: ({ arena }) => arena.murder(component),
});

/** What a life has to stand, and where: so many outages in each phase. */
export interface Strikes {
  readonly group: Group;
  readonly course: Course;
  readonly points: readonly Point[];
  readonly outages: readonly Outage[];
  readonly perPhase: Readonly<Record<string, number>>;
  readonly lives: number;
}

const SCALED = { create: 3, 'scale-out': 1, 'scale-in': 1, delete: 2 };
const MANAGEMENT = ['kube-apiserver', 'etcd', 'kube-apiserver', 'webhooks', 'etcd'].map(killOf);

/** Wipes Temporal's database at points of every phase; the longest phase gets most. */
export async function temporalWipes(run: Run, points: readonly Point[]): Promise<void> {
  await strikes(run, { group: 'temporal', course: SCALING, points, outages: [WIPE], perPhase: SCALED, lives: 2 });
}

/** Kills the management cluster's parts in turn. */
export async function managementOutages(run: Run, points: readonly Point[]): Promise<void> {
  await strikes(run, {
    group: 'apiserver',
    course: SCALING,
    points,
    outages: MANAGEMENT,
    perPhase: SCALED,
    lives: 2,
  });
}

/** Both, while machines are exchanged. */
export async function dayTwoOutages(run: Run, told: Omit<Strikes, 'outages' | 'lives'>): Promise<void> {
  await strikes(run, { ...told, outages: [WIPE, ...MANAGEMENT], lives: 1 });
}

/** `lives` lives, struck at points that the reference life passed, as many in each phase as told, outages in turn. */
async function strikes(run: Run, { group, course, points, outages, perPhase, lives }: Strikes): Promise<void> {
  const { arena, options, report } = run;
  let turn = 0;
  for (let n = 0; n < lives; n++) {
    const struck: string[] = [];
    const life = newLife(arena, group, course, {
      disturb: async (phase, over) => {
        const chosen = sample(
          points.filter((p) => phaseOf(p) === phase),
          perPhase[phase] ?? 0,
          options.seed + n,
        );
        for (const point of chosen) {
          if (!(await passed(arena, life.target.namespace, point, over))) continue;
          const outage = outages[turn++ % outages.length];
          if (!outage) continue;
          await outage.strike(run);
          struck.push(`${outage.name} at ${point}`);
          life.say(struck.at(-1) ?? '');
        }
      },
    });
    const { problems } = await attempt(run, life);
    const after = await aftermath(run);
    const few = struck.length === 0 ? ['no point of the reference life came by'] : [];
    for (const name of struck)
      report.add({ group, name, cluster: life.target.name, problems: [...problems, ...after] });
    if (few.length > 0) report.add({ group, name: 'strikes', cluster: life.target.name, problems: few });
  }
}
