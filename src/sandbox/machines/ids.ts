import { createHash } from 'node:crypto';

/** Eight hex digits that stand for one sandbox: everything it leaves outside its state directory carries them. */
export function sandboxId(stateDir: string): string {
  return createHash('sha256').update(stateDir).digest('hex').slice(0, 8);
}

/** Name of the network namespace of one VPC of one sandbox, e.g. `prd-1a2b3c4d-0f9e8d7c`. */
export function netnsName(sandbox: string, vpcId: string): string {
  return `${netnsPrefix(sandbox)}${createHash('sha256').update(vpcId).digest('hex').slice(0, 8)}`;
}

/** What all namespaces of one sandbox begin with. */
export function netnsPrefix(sandbox: string): string {
  return `prd-${sandbox}-`;
}

/** Name of a machine's cgroup in every hierarchy. */
export function cgroupName(sandbox: string, instanceId: string): string {
  return `prd-${sandbox}-${instanceId}`;
}

/** Machine id of systemd, so that a machine keeps it over restarts and no two machines share one. */
export function machineId(instanceId: string): string {
  return createHash('sha256').update(`machine-id ${instanceId}`).digest('hex').slice(0, 32);
}
