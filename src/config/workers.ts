import type { AlsoSynced } from '../domain/bootstrap/node-sync.js';
import { readAlsoSynced } from './also-synced.js';
import { type Environment, reader } from './environment.js';

/** Settings of the worker processes. */
export interface WorkerConfig {
  /** Upstream's `--service-endpoints` syntax; empty means AWS's own endpoints. */
  readonly awsServiceEndpoints: string;
  /** Namespace of the Secrets of AWSClusterStaticIdentity. */
  readonly managerNamespace: string;
  /**
   * Who gives a new Node its providerID and takes the cloud provider's `uninitialized` taint off: `external` is a cloud controller manager in the
   * workload cluster; `perdure` does it where none runs.
   */
  readonly nodeInitialization: 'external' | 'perdure';
  /** Cloud activities started per second and account. */
  readonly cloudActivitiesPerSecond: number;
  /** Interval of the drift sweep of an account, as Temporal writes durations. */
  readonly sweepEvery: string;
  /** Pause between two looks of a wait, milliseconds. */
  readonly pollMs: number;
  readonly alsoSynced: AlsoSynced;
}

/** Reads the worker's variables. Throws `InvalidConfiguration` naming every wrong one. */
export function readWorkerConfig(environment: Environment = process.env): WorkerConfig {
  const read = reader(environment);
  const config: WorkerConfig = {
    awsServiceEndpoints: read.text('PERDURE_AWS_SERVICE_ENDPOINTS', ''),
    managerNamespace: read.text('PERDURE_MANAGER_NAMESPACE', 'perdure-system'),
    nodeInitialization: read.oneOf('PERDURE_NODE_INITIALIZATION', ['external', 'perdure'] as const, 'external'),
    cloudActivitiesPerSecond: read.number('PERDURE_CLOUD_ACTIVITIES_PER_SECOND', 20, [0.1, 1_000]),
    sweepEvery: read.text('PERDURE_SWEEP_EVERY', '10m'),
    pollMs: read.number('PERDURE_POLL_MS', 500, [50, 60_000]),
    alsoSynced: readAlsoSynced(read),
  };
  read.check();
  return config;
}
