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

/** Collects what was tried and what came of it. */
export class Report {
  readonly #trials: Trial[] = [];
  readonly #lives: ({ readonly cluster: string } & Partial<Lived>)[] = [];
  readonly #notes: Record<string, unknown> = {};

  add(trial: Trial): void {
    this.#trials.push(trial);
  }

  life(cluster: string, lived: Partial<Lived>): void {
    this.#lives.push({ cluster, ...lived });
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
