import { readdir } from 'node:fs/promises';
import { recordedComponents, stopComponent } from './component.js';
import type { Layout } from './layout.js';
import { identityOf, isRunning, kill, until } from './machines/processes.js';
import { markedProcesses } from './mark.js';

/** Parts whose processes go on while the sandbox is started again; what they started carries their mark. */
const KEPT: ReadonlySet<string> = new Set(['emulated-aws', 'machine-host']);

/** Last started first. Others, such as further workers, come before all of these. */
const STOP_ORDER = [
  'bridge',
  'workers',
  'webhooks',
  'machine-host',
  'emulated-aws',
  'temporal',
  'kube-controller-manager',
  'kube-apiserver',
  'etcd',
];

const GRACE_MS: Readonly<Record<string, number>> = { 'machine-host': 60_000, workers: 25_000 };
const graceOf = (name: string): number => GRACE_MS[name.replace(/-\d+$/, '')] ?? 10_000;

/** Stops what a killed supervisor left running, save the parts whose memory is worth keeping. */
export async function stopLeftovers(layout: Layout): Promise<void> {
  await stopRecorded(layout, (name) => !KEPT.has(name));
  await endStrays(layout, (name) => !KEPT.has(name));
}

/** Stops all parts of a sandbox whose supervisor is gone, and cleans what its machine host left. Safe to repeat. */
export async function sweepSandbox(layout: Layout, cleanupMachines: (dir: string) => Promise<void>): Promise<void> {
  await stopRecorded(layout, () => true);
  await cleanupMachines(layout.machines);
  await endStrays(layout, () => true);
}

async function stopRecorded(layout: Layout, wanted: (name: string) => boolean): Promise<void> {
  const rank = (name: string): number => STOP_ORDER.indexOf(name);
  const names = (await recordedComponents(layout)).filter(wanted).sort((a, b) => rank(a) - rank(b));
  for (const name of names) await stopComponent(layout, name, graceOf(name));
}

/** Ends processes that carry the sandbox's mark but were never written down. */
async function endStrays(layout: Layout, wanted: (name: string) => boolean): Promise<void> {
  const strays = markedProcesses(layout.root).flatMap(({ pid, component }) => {
    const identity = wanted(component) ? identityOf(pid) : undefined;
    return identity ? [identity] : [];
  });
  const gone = (): boolean => !strays.some((identity) => isRunning(identity));
  for (const { pid } of strays) kill(pid, 'SIGTERM');
  if (await until(gone, 10_000)) return;
  for (const identity of strays) if (isRunning(identity)) kill(identity.pid, 'SIGKILL');
  await until(gone, 5_000);
}

/** What a sandbox keeps in its state directory, besides temporary names beginning with one of these. */
const OWN = /^(pki|logs|run|etcd|temporal\.db|machines|kubeconfig|endpoints\.json|supervisor\.json|losses\.json)/;

/** Entries of a directory that no sandbox makes; empty for an absent directory. */
export async function foreignEntries(root: string): Promise<string[]> {
  const names = await readdir(root).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names.filter((name) => !OWN.test(name)).sort();
}
