import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileOf, lineOf, type Passage, type Point, parseJournal, pointIn, pointOf, type Side } from './points.js';

const journalOf = (dir: string): string => path.join(dir, 'journal');
const phaseFile = (dir: string, namespace: string): string => path.join(dir, 'phase', namespace);
const pendingOf = (dir: string, namespace: string): string => path.join(dir, 'pending', namespace);
const claimedOf = (dir: string, namespace: string): string => path.join(dir, 'claimed', namespace);

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined; // not written yet: no phase
  }
}

/**
 * Called by a process at each of its boundaries, synchronously, so that nothing else of it happens in between. The passage is in the journal;
 * when the point is to be killed, it is claimed by a rename, which one process wins, and the process kills itself as `kill -9` would.
 */
export function passBoundary(dir: string, namespace: string, what: string, side: Side): void {
  const phase = read(phaseFile(dir, namespace));
  if (!phase) return;
  const point = pointOf(phase, what, side);
  const killed = claim(dir, namespace, point);
  appendFileSync(journalOf(dir), lineOf({ at: Date.now(), pid: process.pid, namespace, point, killed }));
  if (killed) process.kill(process.pid, 'SIGKILL');
}

function claim(dir: string, namespace: string, point: Point): boolean {
  const pending = path.join(pendingOf(dir, namespace), fileOf(point));
  if (!existsSync(pending)) return false;
  try {
    renameSync(pending, path.join(claimedOf(dir, namespace), fileOf(point)));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false; // another process was faster
    throw error;
  }
}

/** The other side: what the test tells the processes, and learns from them. */
export class ChaosControl {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
    mkdirSync(path.join(dir, 'phase'), { recursive: true });
  }

  /** From now on passages of the namespace belong to this phase; without one they are not counted and nobody dies. */
  phase(namespace: string, phase: string | undefined): void {
    if (phase === undefined) rmSync(phaseFile(this.#dir, namespace), { force: true });
    else writeFileSync(phaseFile(this.#dir, namespace), phase);
  }

  /** Processes die at these points of the namespace, once each; forgets those of before. */
  arm(namespace: string, points: readonly Point[]): void {
    for (const dir of [pendingOf(this.#dir, namespace), claimedOf(this.#dir, namespace)]) {
      rmSync(dir, { recursive: true, force: true });
      mkdirSync(dir, { recursive: true });
    }
    for (const point of points) writeFileSync(path.join(pendingOf(this.#dir, namespace), fileOf(point)), '');
  }

  /** Points of the namespace that nobody has come by yet. */
  pending(namespace: string): Point[] {
    return list(pendingOf(this.#dir, namespace));
  }

  /** Points of the namespace where a process died. */
  claimed(namespace: string): Point[] {
    return list(claimedOf(this.#dir, namespace));
  }

  journal(namespace?: string): Passage[] {
    return parseJournal(read(journalOf(this.#dir)) ?? '').filter(
      (p) => namespace === undefined || p.namespace === namespace,
    );
  }
}

function list(dir: string): Point[] {
  return existsSync(dir) ? readdirSync(dir).map(pointIn).sort() : [];
}
