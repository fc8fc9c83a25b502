import { writeFile } from 'node:fs/promises';
import type { Lived } from './life.js';

/** One thing that was tried; it passed when it has no problem. */
export interface Trial {
  readonly group: string;
  /** A kill point, or what was broken. */
  readonly name: string;
  /** The cluster it was tried on. */
  readonly cluster: string;
  readonly problems: readonly string[];
}

/** Kill points of a group: those the reference life passed, those chosen, those a process died at, those that no later life passed. */
export interface KillPoints {
  readonly known: number;
  readonly chosen: number;
  readonly killed: number;
  readonly missed: readonly string[];
}

/** Collects what was tried and what came of it. */
export class Report {
  readonly #trials: Trial[] = [];
  readonly #lives: ({ readonly cluster: string } & Partial<Lived>)[] = [];
  readonly #points = new Map<string, KillPoints>();
  readonly #notes: Record<string, unknown> = {};

  add(trial: Trial): void {
    this.#trials.push(trial);
  }

  life(cluster: string, lived: Partial<Lived>): void {
    this.#lives.push({ cluster, ...lived });
  }

  /** How many kill points there were, and what became of them. */
  kills(group: string, points: KillPoints): void {
    this.#points.set(group, points);
    this.note(group, points);
  }

  note(name: string, value: unknown): void {
    this.#notes[name] = value;
  }

  get passed(): number {
    return this.#trials.filter((t) => t.problems.length === 0).length;
  }

  get failed(): number {
    return this.#trials.length - this.passed;
  }

  /** What was tried, by group, as people read it. */
  summary(): string[] {
    const groups = [...new Set(this.#trials.map((t) => t.group))];
    return groups.map((group) => {
      const trials = this.#trials.filter((t) => t.group === group);
      const failed = trials.filter((t) => t.problems.length > 0).length;
      const points = this.#points.get(group);
      const killed = points
        ? `; ${points.known} kill points, ${points.chosen} chosen, ${points.killed} killed at, ${points.missed.length} never came by again`
        : '';
      return `${group}: ${trials.length - failed} passed, ${failed} failed${killed}`;
    });
  }

  /** The failures as people read them. */
  failures(): string[] {
    return this.#trials
      .filter((t) => t.problems.length > 0)
      .map((t) => `${t.group}: ${t.name} (${t.cluster}): ${t.problems.join('; ')}`);
  }

  async write(file: string): Promise<void> {
    const { passed, failed } = this;
    await writeFile(
      file,
      `${JSON.stringify({ passed, failed, ...this.#notes, trials: this.#trials, lives: this.#lives }, null, 2)}\n`,
    );
  }
}
