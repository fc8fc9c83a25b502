import { type Passage, type Point, phaseOf } from './points.js';

/** The distinct points of a reference run in the order they were first passed, those of the given phases only. */
export function distinctPoints(passages: readonly Passage[], phases: readonly string[]): Point[] {
  const wanted = new Set(phases);
  return [...new Set(passages.map((p) => p.point))].filter((point) => wanted.has(phaseOf(point)));
}

/** `count` of the points, evenly spread over the list; which ones depends on the seed. All of them when there are not more. */
export function sample<T>(points: readonly T[], count: number, seed: number): T[] {
  if (count >= points.length) return [...points];
  const shift = (((seed * 2_654_435_761) >>> 0) % 1_000) / 1_000;
  return Array.from(
    { length: Math.max(0, count) },
    (_, i) => points[Math.floor(((i + shift) * points.length) / count)],
  ).filter((p): p is T => p !== undefined);
}

/**
 * Kills of the lives to come: at most `perLife` each, every life's spread over the whole list, so that no phase of a life dies all the time
 * while another is never touched. Every point is in exactly one life.
 */
export function planLives(points: readonly Point[], perLife: number): Point[][] {
  const lives = Math.ceil(points.length / Math.max(1, perLife));
  return Array.from({ length: lives }, (_, life) => points.filter((_p, i) => i % lives === life));
}

/** What a finished life leaves to do: points it never came by, unless they were given as many chances as allowed. */
export interface Backlog {
  readonly retry: readonly Point[];
  readonly missed: readonly Point[];
}

/** Splits the points that were not claimed into those worth another life and those given up; counts a chance for each in `chances`. */
export function backlogOf(unclaimed: readonly Point[], chances: Map<Point, number>, most: number): Backlog {
  const retry: Point[] = [];
  const missed: Point[] = [];
  for (const point of unclaimed) {
    const had = (chances.get(point) ?? 0) + 1;
    chances.set(point, had);
    (had < most ? retry : missed).push(point);
  }
  return { retry, missed };
}
