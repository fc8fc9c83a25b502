import type { Reader } from './environment.js';

/** Behaviour that can be switched per installation by `PERDURE_FEATURES=Name=true,Other=false`. */
export const FEATURES = {
  /** Looks for changes made outside Perdure, one sweep per cloud account and region. */
  DriftSweep: true,
  /** Collects what controllers inside a workload cluster made, before the cluster goes. */
  ExternalResourceGC: true,
  /** Upstream's way for partitions without a tagging API; accepted, and needs nothing: the tagging API is asked for log groups only, and may be missing. */
  AlternativeGCStrategy: false,
  /** Hears of instances that change by EventBridge, between the sweeps; needs a queue and a rule in each account. */
  EventBridgeInstanceState: false,
  /** Admits buckets and Ignition settings of AWSClusters and AWSMachines. */
  BootstrapFormatIgnition: false,
  /** Admits KubeadmConfigs of format ignition. */
  KubeadmBootstrapFormatIgnition: false,
  /** The bridge signals every object once when it starts to lead, converged ones too: after a restore, or when in doubt. */
  SignalConvergedAtStart: false,
} as const satisfies Record<string, boolean>;

export type Feature = keyof typeof FEATURES;
export type Features = Readonly<Record<Feature, boolean>>;

/** Source of the notation: Kubernetes' `--feature-gates`. */
export function readFeatures(read: Reader): Features {
  const features: Record<Feature, boolean> = { ...FEATURES };
  for (const entry of read.list('PERDURE_FEATURES')) {
    const [name = '', value] = entry.split('=');
    if (!(name in FEATURES)) {
      read.problem('PERDURE_FEATURES', `unknown feature "${name}"; known: ${Object.keys(FEATURES).join(', ')}`);
    } else if (value !== 'true' && value !== 'false') {
      read.problem('PERDURE_FEATURES', `want ${name}=true or ${name}=false, got "${entry}"`);
    } else {
      features[name as Feature] = value === 'true';
    }
  }
  return features;
}
