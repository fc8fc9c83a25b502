import { statSync } from 'node:fs';
import { endOfFile } from './files.js';

/** Enough for the end of a failed kubeadm. */
const BYTES = 16 * 1_024;

export interface ConsolesOptions {
  /** File of a machine's console. */
  readonly path: (instanceId: string) => string;
  readonly tell: (instanceId: string, text: string) => Promise<void>;
  /** Shortest time between two reports of one machine, milliseconds. */
  readonly everyMs: number;
  readonly clock?: () => number;
}

/** Tells the emulator what machines print as it grows, so that GetConsoleOutput answers while they run: the end of it, and not too often. */
export class Consoles {
  readonly #options: ConsolesOptions;
  readonly #told = new Map<string, { readonly size: number; readonly at: number }>();

  constructor(options: ConsolesOptions) {
    this.#options = options;
  }

  /** Looks at the consoles of these machines. What could not be told is told with the next look. */
  async look(instanceIds: readonly string[]): Promise<void> {
    const { path, tell, everyMs, clock = Date.now } = this.#options;
    for (const id of [...this.#told.keys()]) if (!instanceIds.includes(id)) this.#told.delete(id);
    for (const id of instanceIds) {
      const size = statSync(path(id), { throwIfNoEntry: false })?.size ?? 0;
      const before = this.#told.get(id);
      if (size === (before?.size ?? 0) || clock() - (before?.at ?? Number.NEGATIVE_INFINITY) < everyMs) continue;
      await tell(id, endOfFile(path(id), BYTES));
      this.#told.set(id, { size, at: clock() });
    }
  }
}
