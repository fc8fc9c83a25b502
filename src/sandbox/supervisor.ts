import { setTimeout as sleep } from 'node:timers/promises';
import { PerdureError } from '../domain/errors.js';
import { awaitReady, type Component, runningProcess, startComponent, stopComponent } from './component.js';
import { writeAtomic } from './files.js';
import type { Layout } from './layout.js';
import { recordLoss } from './losses.js';
import { identityOf } from './machines/processes.js';
import { releaseOwnership, type SupervisorPhase } from './ownership.js';

const START_TIMEOUT_MS = 120_000;
const LOOK_EVERY_MS = 1_000;
/** A part that ends before it serves is started again after twice the pause each time, up to this. */
const LONGEST_PAUSE_MS = 10_000;

/** The sandbox's processes as one. */
export interface Supervision {
  /** Starts a part, unless it is one to keep that runs; resolves when it serves. */
  start(component: Component): Promise<void>;
  /** Starts restarting what dies. */
  watch(): void;
  /** Ends what is under way and stops everything, last started first. */
  stop(): Promise<void>;
}

export interface SuperviseOptions {
  readonly say: (line: string) => void;
  /** There is state of an earlier run: a part that holds things in memory and has to be started anew has lost them. */
  readonly resumed?: boolean;
}

/** Starts, restarts and stops the sandbox's processes. What a killed supervisor left running is stopped first, by verified identity. */
export function supervise(layout: Layout, { say, resumed = false }: SuperviseOptions): Supervision {
  const ending = new AbortController();
  const components: Component[] = [];
  const restarts: Record<string, number> = {};
  /** Starts in a row that ended before the part served. */
  const failures = new Map<string, number>();
  const reviving = new Set<string>();
  const underWay = new Set<Promise<unknown>>();
  let phase: SupervisorPhase = 'starting';
  let timer: NodeJS.Timeout | undefined;
  let writing = Promise.resolve();

  const save = (): Promise<void> => {
    const names = components.map((c) => c.name);
    const text = JSON.stringify({ ...identityOf(process.pid), phase, components: names, restarts: { ...restarts } });
    writing = writing.catch(() => undefined).then(() => writeAtomic(layout.supervisor, text));
    return writing;
  };

  const complain = (error: unknown): void => {
    if (!ending.signal.aborted) say(`supervisor: ${error instanceof Error ? error.message : String(error)}`);
  };

  const track = async <T>(work: Promise<T>): Promise<T> => {
    underWay.add(work);
    try {
      return await work;
    } finally {
      underWay.delete(work);
    }
  };

  const lose = async ({ name, holds }: Component): Promise<void> => {
    if (holds === undefined) return;
    say(`${name}: ${holds} are lost; it starts empty. What refers to it can only be deleted and made anew`);
    await recordLoss(layout, { component: name, at: new Date().toISOString(), what: holds });
  };

  const launch = async (component: Component): Promise<void> => {
    ending.signal.throwIfAborted();
    await startComponent(layout, component);
    await awaitReady(layout, component, START_TIMEOUT_MS, ending.signal);
    await component.furnish?.();
  };

  const start = async (component: Component): Promise<void> => {
    ending.signal.throwIfAborted();
    components.push(component);
    await save();
    const runs = component.keep && (await runningProcess(layout, component.name)) !== undefined;
    if (runs && (await component.ready().catch(() => false))) return component.furnish?.();
    await stopComponent(layout, component.name, component.graceMs);
    if (resumed) await lose(component);
    await launch(component);
  };

  const revive = async (component: Component): Promise<void> => {
    const { name } = component;
    const failed = failures.get(name) ?? 0;
    if (failed > 0) {
      await sleep(Math.min(LONGEST_PAUSE_MS, 250 * 2 ** failed), undefined, { signal: ending.signal });
    }
    restarts[name] = (restarts[name] ?? 0) + 1;
    say(`${name} ended; starting it again (restart ${restarts[name]})`);
    await save();
    await lose(component);
    failures.set(name, failed + 1);
    await launch(component);
    failures.delete(name);
  };

  const look = async (): Promise<void> => {
    for (const component of components) {
      const { name } = component;
      if (component.restart !== true || reviving.has(name) || (await runningProcess(layout, name))) continue;
      if (ending.signal.aborted) return;
      reviving.add(name);
      void track(revive(component))
        .catch(complain)
        .finally(() => reviving.delete(name));
    }
  };

  return {
    start: (component) => track(start(component)),
    watch() {
      phase = 'running';
      void track(save()).catch(complain);
      timer = setInterval(() => void track(look()), LOOK_EVERY_MS);
    },
    async stop() {
      ending.abort(new PerdureError('Transient', 'the sandbox is being stopped'));
      if (timer) clearInterval(timer);
      phase = 'stopping';
      // a start under way would outlive the stop
      await Promise.allSettled([...underWay, save()]);
      for (const component of [...components].reverse()) {
        await stopComponent(layout, component.name, component.graceMs).catch((error: Error) => say(error.message));
      }
      await releaseOwnership(layout);
    },
  };
}
