/**
 * A place where a process may die: between two steps that are not one, in one phase of a cluster's life. Written
 * `<phase>/<what>:<before|after>`; `before` = begun, nothing done; `after` = all done, nobody told. `what` is an activity, a signal, or
 * `<activity>><call>` for one call of an activity that changes something.
 */
export type Point = string;

export type Side = 'before' | 'after';

export const pointOf = (phase: string, what: string, side: Side): Point => `${phase}/${what}:${side}`;

export const phaseOf = (point: Point): string => point.slice(0, point.indexOf('/'));

/** Whether a point lies within an activity, at one of its calls. */
export const isEffect = (point: Point): boolean => point.includes('>');

/** A point as a file name, and back. */
export const fileOf = (point: Point): string => encodeURIComponent(point);
export const pointIn = (file: string): Point => decodeURIComponent(file);

/** One passage of a point, as the journal keeps it. */
export interface Passage {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly pid: number;
  readonly namespace: string;
  readonly point: Point;
  /** Whether the process killed itself there. */
  readonly killed: boolean;
}

export const lineOf = (p: Passage): string =>
  `${[p.at, p.pid, p.namespace, p.point, p.killed ? 'killed' : 'passed'].join(' ')}\n`;

/** Reads a journal; a torn last line, written by a process that died meanwhile, is left out. */
export function parseJournal(text: string): Passage[] {
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .flatMap((line) => {
      const [at, pid, namespace, point, what] = line.split(' ');
      if (!at || !pid || !namespace || !point || !what) return [];
      return [{ at: Number(at), pid: Number(pid), namespace, point, killed: what === 'killed' }];
    });
}
