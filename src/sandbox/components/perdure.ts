import { fileURLToPath } from 'node:url';
import { SEARCH_ATTRIBUTES } from '../../workflows/names.js';
import type { Component } from '../component.js';
import type { Endpoints, Layout } from '../layout.js';
import { accepts } from '../ports.js';

const dist = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

export const NAMESPACE = 'default';

/** Temporal with its UI in one process, its database in one file. */
export function temporal(binary: string, layout: Layout, endpoints: Endpoints): Component {
  return {
    name: 'temporal',
    command: binary,
    args: [
      '--ip=127.0.0.1',
      `--port=${endpoints.temporal.split(':')[1]}`,
      `--ui-port=${new URL(endpoints.ui).port}`,
      `--db-filename=${layout.temporalDb}`,
      `--namespace=${NAMESPACE}`,
      ...Object.entries(SEARCH_ATTRIBUTES).flatMap(([name, type]) => ['--search-attribute', `${name}=${type}`]),
      '--log-level=error',
    ],
    env: { HOME: layout.root },
    ready: () => accepts(endpoints.temporal),
    restart: true,
  };
}

const health = (url: string) => async (): Promise<boolean> => (await fetch(`${url}/readyz`)).ok;

/** A module of this package, run instead of the usual one. */
export interface Entry {
  /** Below the package's root of compiled code. */
  readonly module: string;
  readonly args: readonly string[];
}

export interface ProcessEnv {
  readonly layout: Layout;
  readonly endpoints: Endpoints;
  readonly env: Readonly<Record<string, string>>;
}

/** Admission and conversion webhooks. */
export function webhooks({ env }: ProcessEnv, ready: () => Promise<boolean>): Component {
  return {
    name: 'webhooks',
    command: process.execPath,
    args: [dist('api/webhooks/main.js')],
    env,
    ready,
    restart: true,
  };
}

export function bridge(
  { endpoints, env }: ProcessEnv,
  entry: Entry = { module: 'bridge/main.js', args: [] },
): Component {
  return {
    name: 'bridge',
    command: process.execPath,
    args: [dist(entry.module), ...entry.args],
    env: { ...env, PERDURE_HEALTH_ADDRESS: new URL(endpoints.bridgeHealth).host },
    ready: health(endpoints.bridgeHealth),
    restart: true,
  };
}

export function workers(
  { endpoints, env }: ProcessEnv,
  entry: Entry = { module: 'workers/main.js', args: [] },
): Component {
  return {
    name: 'workers',
    command: process.execPath,
    args: [dist(entry.module), ...entry.args],
    env: { ...env, PERDURE_HEALTH_ADDRESS: new URL(endpoints.workerHealth).host },
    ready: health(endpoints.workerHealth),
    restart: true,
    graceMs: 25_000,
  };
}

/** Boots machines for instances. `caps`: how many at most, and the memory for all of them. */
export function machineHost(
  { env }: ProcessEnv,
  ready: () => Promise<boolean>,
  caps: { readonly maxMachines?: number; readonly memoryMiB?: number } = {},
): Component {
  return {
    name: 'machine-host',
    command: process.execPath,
    args: [
      dist('sandbox/machines/main.js'),
      ...(caps.maxMachines === undefined ? [] : ['--max-machines', String(caps.maxMachines)]),
      ...(caps.memoryMiB === undefined ? [] : ['--machine-memory', String(caps.memoryMiB)]),
    ],
    env,
    ready,
    restart: true,
    keep: true,
    graceMs: 60_000,
  };
}
