import { readdirSync } from 'node:fs';
import { isNodeError, isRecord, readJson, writeJson } from './files.js';
import { hostPaths, machinePaths } from './paths.js';
import type { ProcessIdentity } from './processes.js';

/**
 * `starting`: things are being made; `running`: the machine's process exists; `exited`: it ended by itself; `stopped`: it was stopped, its disk is
 * kept; `failed`: it could not be started.
 */
export type MachinePhase = 'starting' | 'running' | 'exited' | 'stopped' | 'failed';

const PHASES: readonly MachinePhase[] = ['starting', 'running', 'exited', 'stopped', 'failed'];

/** What is kept on disk about a machine, so that a host started after a crash can find, adopt or remove it. */
export interface MachineRecord {
  readonly instanceId: string;
  readonly name: string;
  readonly vpcId: string;
  readonly netns: string;
  readonly ip: string;
  readonly podCidr: string;
  /** Version of its kubelet and kubeadm. */
  readonly kubernetesVersion: string;
  readonly phase: MachinePhase;
  /** Full paths, one for each hierarchy; listed before they are made. */
  readonly cgroups: readonly string[];
  readonly process?: ProcessIdentity;
  readonly startedAt?: string;
  /** Why it failed or ended. */
  readonly reason?: string;
}

export function writeRecord(stateDir: string, record: MachineRecord): void {
  writeJson(machinePaths(stateDir, record.instanceId).record, record);
}

/** All records on disk, by instance id. A directory without a readable record gives a bare one, so that it is cleaned up. */
export function readRecords(stateDir: string): Map<string, MachineRecord> {
  const records = new Map<string, MachineRecord>();
  for (const instanceId of directories(hostPaths(stateDir).machines)) {
    records.set(instanceId, readRecord(stateDir, instanceId));
  }
  return records;
}

function readRecord(stateDir: string, instanceId: string): MachineRecord {
  const bare: MachineRecord = {
    instanceId,
    name: '',
    vpcId: '',
    netns: '',
    ip: '',
    podCidr: '',
    kubernetesVersion: '',
    phase: 'failed',
    cgroups: [],
  };
  const value = readJson(machinePaths(stateDir, instanceId).record);
  if (!isRecord(value)) return bare;
  const string = (key: string): string => (typeof value[key] === 'string' ? value[key] : '');
  const identity = readIdentity(value['process']);
  return {
    instanceId,
    name: string('name'),
    vpcId: string('vpcId'),
    netns: string('netns'),
    ip: string('ip'),
    podCidr: string('podCidr'),
    kubernetesVersion: string('kubernetesVersion'),
    phase: PHASES.find((phase) => phase === value['phase']) ?? 'failed',
    cgroups: Array.isArray(value['cgroups']) ? value['cgroups'].filter((c): c is string => typeof c === 'string') : [],
    ...(identity ? { process: identity } : {}),
    ...(string('startedAt') ? { startedAt: string('startedAt') } : {}),
    ...(string('reason') ? { reason: string('reason') } : {}),
  };
}

/** Reads an identity as it was written to disk. */
export function readIdentity(value: unknown): ProcessIdentity | undefined {
  if (!isRecord(value)) return undefined;
  const { pid, startTime, bootId } = value;
  if (typeof pid !== 'number' || typeof startTime !== 'string' || typeof bootId !== 'string') return undefined;
  return { pid, startTime, bootId };
}

function directories(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .sort();
  } catch (error) {
    if (isNodeError(error, 'ENOENT')) return [];
    throw error;
  }
}
