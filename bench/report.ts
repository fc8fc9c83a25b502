import { table } from '../src/cli/lib/output.js';
import type { MachineCost } from '../test/e2e/budget.js';
import type { Usage } from './processes.js';
import type { Split } from './timeline.js';

/** What one run found. */
export interface CreateResult {
  readonly shape: string;
  readonly cloudDelayMs: number;
  readonly time: Split;
  readonly calls: {
    readonly total: number;
    readonly mutating: number;
    readonly failed: Readonly<Record<string, number>>;
    readonly actions: Readonly<Record<string, number>>;
  };
  readonly events: {
    readonly total: number;
    readonly executions: number;
    readonly types: Readonly<Record<string, { readonly runs: number; readonly events: number }>>;
    /** By lane of a machine. */
    readonly machines: Readonly<Record<string, MachineCost>>;
  };
  readonly apiRequests: { readonly total: number; readonly byVerb: Readonly<Record<string, number>> };
  readonly processes: readonly Usage[];
  readonly idle: {
    readonly openWorkflows: number;
    readonly callsPerTenMinutes: number;
    readonly mutatingPerTenMinutes: number;
    readonly eventsPerTenMinutes: number;
    readonly apiRequests: Readonly<Record<string, number>>;
    readonly seconds: number;
    readonly processes: readonly Usage[];
  };
  /** From the request to the last object gone. */
  readonly deletion: {
    readonly ms: number;
    readonly calls: number;
    readonly mutating: number;
    readonly events: number;
  };
}

/**
 * The four stock managers of Cluster API 1.13.6 and its AWS provider 2.13.0 with the same emulator and shape, measured once, apart from this code.
 * Machines answered at once there: their time is to be compared with ours without booting.
 */
const UPSTREAM = {
  shape: '1+2',
  seconds: 40,
  calls: 333,
  mutating: 72,
  idleCalls: 66,
  idleMutating: 2,
  apiRequests: 515,
  cpuSeconds: 2.4,
  residentMiB: 350,
  deleteSeconds: 13,
  deleteCalls: 125,
} as const;

/** What is Perdure; the rest is what it runs on. */
const OWN = new Set(['webhooks', 'bridge', 'workers']);

/** What may not be exceeded. */
const WANTED = {
  machineEvents: 60,
  createEvents: { '3+3': 750 } as Readonly<Record<string, number>>,
  idleCalls: 4,
  idleMutating: 0,
  open: 0,
} as const;

const seconds = (ms: number): string => (ms / 1000).toFixed(1);

/** The run as people read it: measured, wanted, upstream. */
export function print(result: CreateResult): string {
  const { time, calls, events, idle } = result;
  const upstream = (value: number): string => (result.shape === UPSTREAM.shape ? String(value) : '');
  const machines = Object.values(events.machines);
  const failures = Object.values(calls.failed).reduce((n, v) => n + v, 0);
  const limit = (value: number | undefined): string => (value === undefined ? '' : `<= ${value}`);
  const own = result.processes.filter((p) => OWN.has(p.name));
  const sum = (pick: (usage: Usage) => number): number => own.reduce((n, p) => n + pick(p), 0);
  const rows = [
    ['wall time, seconds', seconds(time.wall), '', ''],
    ['  in the cloud', seconds(time.cloud), '', ''],
    ['  machines booting', seconds(time.boot), '', ''],
    ['  our own', seconds(time.own), '', ''],
    ['  without booting', seconds(time.wall - time.boot), '', upstream(UPSTREAM.seconds)],
    ['cloud calls', String(calls.total), '', upstream(UPSTREAM.calls)],
    ['  mutating', String(calls.mutating), '', upstream(UPSTREAM.mutating)],
    ['  failed', String(failures), '', ''],
    ['history events', String(events.total), limit(WANTED.createEvents[result.shape]), ''],
    [
      '  to provision the dearest machine',
      String(Math.max(...machines.map((m) => m.provisioned))),
      limit(WANTED.machineEvents),
      '',
    ],
    ['  all of the dearest machine', String(Math.max(...machines.map((m) => m.total))), '', ''],
    ['API server requests', String(result.apiRequests.total), '', upstream(UPSTREAM.apiRequests)],
    ['CPU seconds of own processes', sum((p) => p.cpuSeconds).toFixed(1), '', upstream(UPSTREAM.cpuSeconds)],
    ['peak MiB of own processes', String(sum((p) => p.peakMiB)), '', upstream(UPSTREAM.residentMiB)],
    ['idle: open workflows', String(idle.openWorkflows), String(WANTED.open), ''],
    [
      'idle: cloud calls in 10 minutes',
      String(idle.callsPerTenMinutes),
      limit(WANTED.idleCalls),
      upstream(UPSTREAM.idleCalls),
    ],
    [
      'idle:   mutating',
      String(idle.mutatingPerTenMinutes),
      String(WANTED.idleMutating),
      upstream(UPSTREAM.idleMutating),
    ],
    ['idle: history events in 10 minutes', String(idle.eventsPerTenMinutes), '', ''],
    ['deletion, seconds', seconds(result.deletion.ms), '', upstream(UPSTREAM.deleteSeconds)],
    ['  cloud calls', String(result.deletion.calls), '', upstream(UPSTREAM.deleteCalls)],
    ['  history events', String(result.deletion.events), '', ''],
  ];
  const refused = Object.entries(calls.failed).map(([what, n]) => [what, String(n)]);
  const parts = [
    `\n${result.shape} machines, cloud states take ${result.cloudDelayMs} ms`,
    table(['', 'MEASURED', 'WANTED', 'UPSTREAM'], rows),
    '',
    table(
      ['PROCESS', 'CPU SECONDS', 'PEAK MiB', `CPU SECONDS OF ${idle.seconds} IDLE`],
      result.processes.map((p) => [
        p.name,
        p.cpuSeconds.toFixed(1),
        String(p.peakMiB),
        (idle.processes.find((i) => i.name === p.name)?.cpuSeconds ?? 0).toFixed(2),
      ]),
    ),
    '',
    table(
      ['WORKFLOW', 'RUNS', 'EVENTS'],
      Object.entries(events.types).map(([type, c]) => [type, String(c.runs), String(c.events)]),
    ),
    '',
    table(['FAILED CALL', 'COUNT'], refused),
    '',
    table(
      ['CLOUD CALL', 'COUNT'],
      Object.entries(calls.actions)
        .slice(0, 15)
        .map(([action, n]) => [action, String(n)]),
    ),
  ];
  return `${parts.join('\n')}\n`;
}
