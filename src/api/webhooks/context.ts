import type { KubeObject } from '../types/meta.js';

/** Feature gates that change what is admitted; upstream's names. */
export interface AdmissionGates {
  readonly BootstrapFormatIgnition: boolean;
  readonly KubeadmBootstrapFormatIgnition: boolean;
  readonly MachineTaintPropagation: boolean;
  readonly ClusterTopology: boolean;
  readonly MachineSetPreflightChecks: boolean;
}

export const DEFAULT_GATES: AdmissionGates = {
  BootstrapFormatIgnition: false,
  KubeadmBootstrapFormatIgnition: false,
  MachineTaintPropagation: false,
  ClusterTopology: false,
  MachineSetPreflightChecks: true,
};

/** What a defaulter or validator may know beside the objects themselves. */
export interface AdmissionContext {
  readonly dryRun: boolean;
  readonly gates: AdmissionGates;
}

const DRY_RUN_ANNOTATION = 'topology.cluster.x-k8s.io/dry-run';

/** True for the dry-run requests by which a topology controller finds out what would change. */
export function isTopologyDryRun(ctx: AdmissionContext, object: KubeObject): boolean {
  return ctx.dryRun && object.metadata.annotations?.[DRY_RUN_ANNOTATION] !== undefined;
}
