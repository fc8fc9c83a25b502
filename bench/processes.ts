import { readFile } from 'node:fs/promises';
import { runProgram } from '../src/cli/demo/wait.js';
import type { Layout } from '../src/sandbox/layout.js';
import { sandboxStatus } from '../src/sandbox/status.js';

/** What a process has used since it started. */
export interface Usage {
  readonly name: string;
  readonly pid: number;
  /** Seconds of processor time, user and system. */
  readonly cpuSeconds: number;
  /** Highest resident memory so far, MiB. */
  readonly peakMiB: number;
}

const TICKS_PER_SECOND = 100; // USER_HZ, fixed in Linux's ABI

async function usageOf(name: string, pid: number): Promise<Usage> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // After the program's name, which may hold spaces: state is field 3, utime and stime are 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const peak = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0);
  return { name, pid, cpuSeconds: ticks / TICKS_PER_SECOND, peakMiB: Math.round(peak / 1024) };
}

/** All processes of a sandbox but its machines. */
export async function usages(layout: Layout, moto: number): Promise<Usage[]> {
  const { components } = await sandboxStatus(layout);
  const known = components.flatMap(({ name, pid }) => (pid === undefined || pid === moto ? [] : [{ name, pid }]));
  return Promise.all([...known, { name: 'moto', pid: moto }].map(({ name, pid }) => usageOf(name, pid)));
}

/** Processor time between two looks, peak memory of the second. */
export function used(before: readonly Usage[], after: readonly Usage[]): Usage[] {
  return after.map((now) => {
    const then = before.find((b) => b.name === now.name && b.pid === now.pid);
    return { ...now, cpuSeconds: Math.round((now.cpuSeconds - (then?.cpuSeconds ?? 0)) * 100) / 100 };
  });
}

/** Requests the API server has answered, by `VERB resource`; watches and scrapes of health and metrics are left out. */
export async function apiRequests(kubectl: string, kubeconfig: string): Promise<Map<string, number>> {
  const text = await runProgram(kubectl, ['--kubeconfig', kubeconfig, 'get', '--raw', '/metrics']);
  const counts = new Map<string, number>();
  for (const [, labels = '', value = '0'] of text.matchAll(/^apiserver_request_total\{([^}]*)\} (\S+)$/gm)) {
    const label = (name: string): string => new RegExp(`\\b${name}="([^"]*)"`).exec(labels)?.[1] ?? '';
    if (label('resource') === '' || label('verb') === 'WATCH') continue;
    const key = `${label('verb')} ${label('resource')}`;
    counts.set(key, (counts.get(key) ?? 0) + Number(value));
  }
  return counts;
}

export function difference(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): Record<string, number> {
  const entries = [...after].map(([key, n]) => [key, n - (before.get(key) ?? 0)] as const);
  return Object.fromEntries(entries.filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]));
}
