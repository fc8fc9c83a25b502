import { setTimeout as pause } from 'node:timers/promises';
import type { Point } from '../../src/sandbox/chaos/points.js';
import type { Arena } from './arena.js';

const LOOK_MS = 50;

/** Resolves true as soon as the namespace has passed the point, false when `over` fires before. */
export function passed(arena: Arena, namespace: string, point: Point, over: AbortSignal): Promise<boolean> {
  return happened(async () => arena.control.journal(namespace).some((p) => p.point === point), over);
}

/** Resolves true when `look` does, false when `over` fires before. */
export async function happened(look: () => Promise<boolean>, over: AbortSignal): Promise<boolean> {
  while (!over.aborted) {
    if (await look()) return true;
    await pause(LOOK_MS, undefined, { signal: over }).catch(() => undefined);
  }
  return false;
}
