import { resolve } from 'node:path';
import { lockHolder } from './lock.js';
import { machineRuns } from './machine.js';
import { machinePaths } from './paths.js';
import { type MachinePhase, readRecords } from './record.js';

/** One machine, as `perdure status` shows it. */
export interface MachineStatus {
  readonly instanceId: string;
  readonly name: string;
  readonly ip: string;
  readonly vpcId: string;
  readonly netns: string;
  readonly phase: MachinePhase;
  readonly podCidr: string;
  readonly kubernetesVersion: string;
  readonly startedAt: string | undefined;
  /** Why it failed or ended. */
  readonly reason: string | undefined;
  readonly pid: number | undefined;
  readonly console: string;
}

export interface MachineHostStatus {
  /** Process of the live host; undefined when none runs. */
  readonly hostPid: number | undefined;
  readonly machines: readonly MachineStatus[];
}

/** State of a machine host's machines, read from disk and the kernel: works from any process, also after the host has died. */
export function readMachineStatus(stateDir: string): MachineHostStatus {
  const dir = resolve(stateDir);
  const machines = [...readRecords(dir).values()].map((record): MachineStatus => {
    const dead = record.phase === 'running' && !machineRuns(dir, record);
    return {
      instanceId: record.instanceId,
      name: record.name,
      ip: record.ip,
      vpcId: record.vpcId,
      netns: record.netns,
      phase: dead ? 'exited' : record.phase,
      podCidr: record.podCidr,
      kubernetesVersion: record.kubernetesVersion,
      startedAt: record.startedAt,
      reason: record.reason,
      pid: dead ? undefined : record.process?.pid,
      console: machinePaths(dir, record.instanceId).console,
    };
  });
  return { hostPid: lockHolder(dir)?.pid, machines };
}
