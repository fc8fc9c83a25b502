import type { Machine } from '../../src/api/types/index.js';
import { KINDS } from '../../src/api/types/kinds.js';
import { untilTrue } from '../../src/cli/demo/wait.js';
import { type Point, phaseOf } from '../../src/sandbox/chaos/points.js';
import type { Arena } from './arena.js';
import { type Census, census, deviations } from './count.js';
import { type Course, cutShort, mostOf, type Phase, type Step } from './course.js';
import { type Guard, guardOf } from './guard.js';
import { gone, NEVER_MS, type Size, settled, settledYet, type Target } from './look.js';

/** What every life of a run is compared with: the census at the end of each phase of an undisturbed life. */
export type Reference = Map<Phase, Census>;

export interface Life {
  readonly target: Target;
  readonly course: Course;
  /** Points at which a process dies. */
  readonly kills: readonly Point[];
  /** The cluster is deleted as soon as it passes this point. */
  readonly cutAt?: Point;
  /** Runs beside each phase; its signal fires when the phase is over. */
  readonly disturb?: (phase: Phase, over: AbortSignal) => Promise<void>;
  readonly say: (line: string) => void;
}

export interface Lived {
  readonly seconds: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
}

/**
 * One cluster from manifest to nothing. At no time may there be more machines than asked for, nor etcd without its quorum; after every phase it
 * must have converged, with each thing exactly once. Without a reference, the life is one: its census is kept. Throws when a phase never ends;
 * deviations are told and the life goes on.
 */
export async function live(arena: Arena, life: Life, reference: Reference): Promise<Lived> {
  const { target, say, cutAt } = life;
  const seconds: Record<string, number> = {};
  const problems: string[] = [];
  const course = cutAt === undefined ? life.course : cutShort(life.course, phaseOf(cutAt));
  arena.control.arm(target.namespace, life.kills);
  const guard = guardOf(arena, target);
  let size: Size | undefined;
  let made = 0;
  try {
    for (const step of course) {
      const { phase } = step;
      const begun = Date.now();
      arena.control.phase(target.namespace, phase);
      guard.allow(mostOf(size, step));
      if (!step.size) await guard.stopEtcd();
      const over = new AbortController();
      const disturbed = disturb(life, phase, over.signal);
      try {
        await pass(arena, life, step, guard);
      } finally {
        over.abort();
        problems.push(...guard.broken().map((p) => `${phase}: ${p}`));
      }
      made += step.made;
      size = step.size;
      problems.push(
        ...(await disturbed),
        ...(await compare(arena, life, step, made, reference)).map((p) => `${phase}: ${p}`),
      );
      if ((size?.controlPlane ?? 0) > 1) await guard.watchEtcd();
      seconds[phase] = Math.round((Date.now() - begun) / 100) / 10;
      say(`${phase} done in ${seconds[phase]} s`);
    }
  } catch (error) {
    throw problems.length === 0 ? error : new Error([...problems, messageOf(error)].join('; '), { cause: error });
  } finally {
    arena.control.phase(target.namespace, undefined);
    await guard.stop();
  }
  return { seconds, problems };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Never rejects: what goes wrong with a disturbance is a problem of the life. */
async function disturb(life: Life, phase: Phase, over: AbortSignal): Promise<string[]> {
  try {
    await life.disturb?.(phase, over);
    return [];
  } catch (error) {
    return [`the disturbance failed: ${messageOf(error)}`];
  }
}

/** Begins a phase and waits until it is over. */
async function pass(arena: Arena, { target, cutAt, say }: Life, step: Step, guard: Guard): Promise<void> {
  const { phase, size } = step;
  const tell = (line: string): void => say(`${phase}: ${line}`);
  const departing = await act(arena, target, step, say);
  if (cutAt && phase === phaseOf(cutAt)) return comesBy(arena, target, { point: cutAt, step, departing }, tell);
  if (!size) return gone(arena, target, tell);
  await settled(arena, target, { ...size, departing }, tell);
  if (size.controlPlane > 1)
    await untilTrue('the members of etcd', MEMBERS_MS, tell, async () => {
      const note = guard.members(size.controlPlane);
      return note === undefined ? { done: true, note: '' } : { note };
    });
}

const MEMBERS_MS = 120_000;

/** Waits until the phase has passed a point; one that never comes by is no reason to wait for ever. */
async function comesBy(
  arena: Arena,
  target: Target,
  { point, step, departing }: { point: Point; step: Step; departing: readonly string[] },
  say: (line: string) => void,
): Promise<void> {
  await untilTrue(point, NEVER_MS, say, async () => {
    if (arena.control.journal(target.namespace).some((p) => p.point === point)) return { done: true, note: '' };
    const { done } = step.size ? await settledYet(arena, target, { ...step.size, departing }) : {};
    return done ? { done, note: '' } : { note: `waiting for ${point}` };
  });
}

/** Garbage is collected in its own time. */
const COLLECTED_MS = 60_000;

async function compare(
  arena: Arena,
  life: Life,
  { phase, size }: Step,
  made: number,
  reference: Reference,
): Promise<string[]> {
  if (life.cutAt && phase === phaseOf(life.cutAt)) return [];
  const wanted = reference.get(phase);
  if (!wanted) {
    const seen = await census(arena, life.target);
    reference.set(phase, seen);
    return [...seen.twice, ...(seen.instancesEver === made ? [] : [`${seen.instancesEver} instances, not ${made}`])];
  }
  let problems: string[] = [];
  await untilTrue('what there is to be as in the reference life', COLLECTED_MS, life.say, async () => {
    const seen = await census(arena, life.target);
    // how many were made until a cut is nobody's business
    const instancesEver = life.cutAt && !size ? seen.instancesEver : made;
    problems = deviations({ ...wanted, instancesEver }, seen);
    return problems.length === 0 ? { done: true, note: '' } : { note: problems.join('; ') };
  }).catch(() => undefined);
  return problems;
}

/** What begins a phase, tried again until the API server takes it, as a user would. */
async function act(arena: Arena, target: Target, step: Step, say: (line: string) => void): Promise<readonly string[]> {
  let before: readonly Machine[] | undefined;
  return await untilTrue(`the beginning of ${step.phase}`, NEVER_MS, say, async () => {
    before ??= await arena.kube.list<Machine>(KINDS.Machine, { namespace: target.namespace });
    return { done: await step.begin(arena, target, before), note: '' };
  });
}
