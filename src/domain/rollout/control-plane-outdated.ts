import type { KubeadmConfig, KubeadmControlPlane, KubeObject, Machine } from '../../api/types/index.js';
import type { ConditionInput } from '../conditions.js';
import { ANNOTATION } from '../names.js';
import { sameKubeadmConfig } from './kubeadm-config-diff.js';

const DAY_MS = 86_400_000;

/** A machine with the objects it was made of. What could not be read, or is not there, is no difference. */
export interface MadeOf {
  readonly machine: Machine;
  readonly config?: KubeadmConfig | undefined;
  readonly infrastructure?: KubeObject | undefined;
}

/**
 * Why a machine is to be replaced, as upstream says it; empty when it is up to date. Labels, annotations, timeouts, readiness gates and taints are
 * changed in place and are no reason. Source: capi kcp filters.go UpToDate.
 */
export function outdatedReasons(controlPlane: KubeadmControlPlane, made: MadeOf, nowMs: number): string[] {
  const { version, rollout } = controlPlane.spec;
  const { machine } = made;
  const reasons: string[] = [];
  if (expiresWithin(machine, rollout?.before?.certificatesExpiryDays, nowMs))
    reasons.push('Certificates will expire soon');
  if (isBefore(machine, rollout?.after, nowMs)) reasons.push('KubeadmControlPlane spec.rollout.after expired');
  if (machine.spec.version !== version) reasons.push(`Version ${machine.spec.version ?? ''}, ${version} required`);
  if (made.config && !sameKubeadmConfig(made.config.spec, controlPlane.spec.kubeadmConfigSpec))
    reasons.push('KubeadmConfig is not up-to-date');
  if (!isOfTemplate(controlPlane, made.infrastructure))
    reasons.push(`${machine.spec.infrastructureRef.kind} is not up-to-date`);
  return reasons;
}

/** Condition UpToDate of a control plane's machine. */
export function upToDateCondition(reasons: readonly string[]): ConditionInput {
  return reasons.length === 0
    ? { type: 'UpToDate', status: 'True', reason: 'UpToDate' }
    : { type: 'UpToDate', status: 'False', reason: 'NotUpToDate', message: reasons.map((r) => `* ${r}`).join('\n') };
}

/** When the next machine will be outdated by the clock alone, milliseconds; undefined when the clock changes nothing. */
export function nextOutdatedMs(
  controlPlane: KubeadmControlPlane,
  machines: readonly Machine[],
  nowMs: number,
): number | undefined {
  const { after, before } = controlPlane.spec.rollout ?? {};
  const days = before?.certificatesExpiryDays;
  const expiries = days === undefined ? [] : machines.map((m) => expiryOf(m) - days * DAY_MS);
  const times = [Date.parse(after ?? ''), ...expiries].filter((t) => !Number.isNaN(t) && t > nowMs);
  return times.length > 0 ? Math.min(...times) : undefined;
}

const expiryOf = (machine: Machine): number =>
  Date.parse(
    (machine.status?.certificatesExpiryDate as string | undefined) ??
      machine.metadata.annotations?.[ANNOTATION.certificatesExpiry] ??
      '',
  );

function expiresWithin(machine: Machine, days: number | undefined, nowMs: number): boolean {
  return days !== undefined && expiryOf(machine) - days * DAY_MS < nowMs;
}

function isBefore(machine: Machine, after: string | undefined, nowMs: number): boolean {
  const at = Date.parse(after ?? '');
  return at < nowMs && Date.parse(machine.metadata.creationTimestamp ?? '') < at;
}

/** Of an infra machine that others made nobody knows what it was made from. References are compared by group, kind and name. */
function isOfTemplate(controlPlane: KubeadmControlPlane, infrastructure: KubeObject | undefined): boolean {
  const { annotations } = infrastructure?.metadata ?? {};
  const name = annotations?.[ANNOTATION.clonedFromName];
  const groupKind = annotations?.[ANNOTATION.clonedFromGroupKind];
  if (name === undefined || groupKind === undefined) return true;
  const ref = controlPlane.spec.machineTemplate.spec.infrastructureRef;
  return name === ref.name && groupKind === `${ref.kind}.${ref.apiGroup}`;
}
