import { setTimeout as sleep } from 'node:timers/promises';
import { PerdureError } from '../../domain/errors.js';
import { isRecord } from './files.js';
import { type InventoryInstance, type InventoryLoadBalancer, readInstances, readLoadBalancers } from './inventory.js';

/** What happened to a machine that the emulator should know of. */
export type MachineEvent = 'shutdown' | 'died' | 'running';

export interface HealthEntry {
  readonly target: string;
  readonly port: number;
  /** null withdraws an earlier report. */
  readonly healthy: boolean | null;
}

/** The admin side of the AWS emulator, as the machine host uses it. */
export interface InventoryFeed {
  /** Calls `seen` with every new list of instances until aborted. An unreachable emulator is retried and never looks like an empty one. */
  watchInstances(seen: (instances: InventoryInstance[]) => void, signal: AbortSignal): Promise<void>;
  watchLoadBalancers(seen: (lbs: InventoryLoadBalancer[]) => void, signal: AbortSignal): Promise<void>;
  /** Safe to repeat. A machine the emulator no longer knows is fine. `console` is the end of what the machine printed. */
  reportMachine(instanceId: string, event: MachineEvent, message: string, console?: string): Promise<void>;
  /** The end of what a machine that still runs has printed. A machine the emulator no longer knows is fine. */
  reportConsole(instanceId: string, console: string): Promise<void>;
  reportHealth(entries: readonly HealthEntry[]): Promise<void>;
}

const LONG_POLL_MS = 25_000;
const RETRY_MS = 500;

/** Feed over HTTP; `trouble` hears once when the emulator stops to answer, and once when it is back. */
export function createFeed(endpoint: string, trouble: (error: Error | undefined) => void): InventoryFeed {
  const base = endpoint.replace(/\/+$/, '');
  const tell = async (instanceId: string, report: unknown): Promise<void> => {
    const url = `${base}/_perdure/machines/${encodeURIComponent(instanceId)}`;
    const response = await post(url, report);
    // 400 is the emulator's answer for an instance it does not have (any more).
    if (!response.ok && response.status !== 400) throw unexpected(url, response.status);
  };
  return {
    watchInstances: (seen, signal) =>
      watch(`${base}/_perdure/instances`, 'instances', (v) => seen(readInstances(v)), trouble, signal),
    watchLoadBalancers: (seen, signal) =>
      watch(`${base}/_perdure/load-balancers`, 'loadBalancers', (v) => seen(readLoadBalancers(v)), trouble, signal),
    reportMachine: (instanceId, event, message, console = '') => tell(instanceId, { event, message, console }),
    reportConsole: (instanceId, console) => tell(instanceId, { event: 'console', console }),
    async reportHealth(entries) {
      const url = `${base}/_perdure/health`;
      const response = await post(url, entries);
      if (!response.ok) throw unexpected(url, response.status);
    },
  };
}

async function watch(
  url: string,
  field: string,
  seen: (value: unknown) => void,
  trouble: (error: Error | undefined) => void,
  signal: AbortSignal,
): Promise<void> {
  let version = '';
  let failing = false;
  while (!signal.aborted) {
    try {
      const answer = await poll(version === '' ? url : `${url}?version=${version}&waitMs=${LONG_POLL_MS}`, signal);
      if (failing) trouble(undefined);
      failing = false;
      if (answer['version'] === version) continue;
      version = String(answer['version']);
      seen(answer[field]);
    } catch (error) {
      if (signal.aborted) return;
      if (!failing) trouble(error instanceof Error ? error : new Error(String(error)));
      failing = true;
      // A restarted emulator counts its versions anew.
      version = '';
      await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

async function poll(url: string, signal: AbortSignal): Promise<Record<string, unknown>> {
  const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(LONG_POLL_MS + 15_000)]) });
  if (!response.ok) throw unexpected(url, response.status);
  const answer: unknown = await response.json();
  if (!isRecord(answer) || answer['version'] === undefined) {
    throw new PerdureError('Transient', `GET ${url} answered no version; is that Perdure's emulator?`);
  }
  return answer;
}

async function post(url: string, body: unknown): Promise<Response> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(15_000),
  });
  await response.arrayBuffer();
  return response;
}

function unexpected(url: string, status: number): PerdureError {
  return new PerdureError('Transient', `emulator answered ${status} to ${url}`);
}
