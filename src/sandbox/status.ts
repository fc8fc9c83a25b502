import { recordedComponents, runningProcess } from './component.js';
import { readJson } from './files.js';
import type { Endpoints, Layout } from './layout.js';
import { type Loss, readLosses } from './losses.js';
import { readMachineStatus } from './machines/index.js';
import { isRunning } from './machines/processes.js';
import { lastSupervisor, type SupervisorPhase } from './ownership.js';

export interface ComponentStatus {
  readonly name: string;
  /** Absent: it does not run. */
  readonly pid?: number;
  /** How often the supervisor started it again. */
  readonly restarts: number;
}

export interface SandboxStatus {
  /** Whether a supervisor looks after it. */
  readonly running: boolean;
  /** Everything is up: the supervisor, past its start, and every part. */
  readonly healthy: boolean;
  readonly phase?: SupervisorPhase;
  readonly supervisorPid?: number;
  readonly endpoints?: Endpoints;
  readonly components: readonly ComponentStatus[];
  /** What was lost with a process that kept it in memory, oldest first. */
  readonly losses: readonly Loss[];
  readonly machines: readonly {
    readonly name: string;
    readonly ip: string;
    readonly phase: string;
    /** Version of its kubelet and kubeadm. */
    readonly kubernetes: string;
    readonly console: string;
  }[];
}

/** What runs of a sandbox, read from disk and the kernel. */
export async function sandboxStatus(layout: Layout): Promise<SandboxStatus> {
  const last = await lastSupervisor(layout);
  const supervisor = last && isRunning(last) ? last : undefined;
  const endpoints = await readJson<Endpoints>(layout.endpoints);
  const recorded = (await recordedComponents(layout)).sort();
  const names = [...new Set([...(last?.components ?? []), ...recorded])];
  const components = await Promise.all(
    names.map(async (name): Promise<ComponentStatus> => {
      const found = await runningProcess(layout, name);
      return { name, ...(found ? { pid: found.pid } : {}), restarts: last?.restarts[name] ?? 0 };
    }),
  );
  const { machines } = readMachineStatus(layout.machines);
  return {
    running: supervisor !== undefined,
    healthy: supervisor?.phase === 'running' && components.every((c) => c.pid !== undefined),
    ...(supervisor ? { phase: supervisor.phase, supervisorPid: supervisor.pid } : {}),
    ...(endpoints ? { endpoints } : {}),
    components,
    losses: await readLosses(layout),
    machines: machines.map((m) => ({
      name: m.name,
      ip: m.ip,
      phase: m.phase,
      kubernetes: m.kubernetesVersion,
      console: m.console,
    })),
  };
}
