import { readJson, writeAtomic } from './files.js';
import type { Layout } from './layout.js';

/** Something that was kept in the memory of a process and went with it. */
export interface Loss {
  readonly component: string;
  /** ISO time. */
  readonly at: string;
  readonly what: string;
}

const KEPT = 20;

/** Everything a sandbox has lost so far, oldest first. */
export async function readLosses(layout: Layout): Promise<readonly Loss[]> {
  return (await readJson<Loss[]>(layout.losses)) ?? [];
}

/** Notes a loss for `perdure status`. */
export async function recordLoss(layout: Layout, loss: Loss): Promise<void> {
  const losses = [...(await readLosses(layout)), loss].slice(-KEPT);
  await writeAtomic(layout.losses, JSON.stringify(losses, null, 2));
}
