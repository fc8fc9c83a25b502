import type { Static } from '@sinclair/typebox';
import type {
  contractRef,
  deletionTimeouts,
  gates,
  machineTaint,
  statusVersion,
  templateMetadata,
} from '../schema/common.js';
import type { clusterSpecSchema, clusterStatusSchema } from '../schema/core/cluster.js';
import type { machineAddresses, machineSpec, machineStatusSchema, nodeSystemInfo } from '../schema/core/machine.js';
import type {
  deploymentStrategy,
  machineDeploymentSpecSchema,
  machineDeploymentStatusSchema,
} from '../schema/core/machine-deployment.js';
import type { machineDrainRuleSpecSchema } from '../schema/core/machine-drain-rule.js';
import type {
  machineHealthCheckSpecSchema,
  machineHealthCheckStatusSchema,
} from '../schema/core/machine-health-check.js';
import type { machinePoolSpecSchema, machinePoolStatusSchema } from '../schema/core/machine-pool.js';
import type { machineSetSpecSchema, machineSetStatusSchema, machineTemplate } from '../schema/core/machine-set.js';
import type { topology } from '../schema/core/topology.js';
import type { KubeObject } from './meta.js';

/** Static types of group cluster.x-k8s.io, version v1beta2, read off the schemas in `api/schema/core`. */

export type ContractVersionedObjectReference = Static<ReturnType<typeof contractRef>>;
export type MachineTaint = Static<ReturnType<typeof machineTaint>>;
export type MachineReadinessGate = Static<ReturnType<typeof gates>>[number];
export type ClusterAvailabilityGate = MachineReadinessGate;
export type TemplateMetadata = Static<ReturnType<typeof templateMetadata>>;
export type DeletionTimeouts = Static<ReturnType<typeof deletionTimeouts>>;
/** Machines per Kubernetes version. */
export type StatusVersion = Static<ReturnType<typeof statusVersion>>;

export type ClusterSpec = Static<typeof clusterSpecSchema>;
export type ClusterStatus = Static<typeof clusterStatusSchema>;
export type ClusterNetwork = NonNullable<ClusterSpec['clusterNetwork']>;
export type APIEndpoint = NonNullable<ClusterSpec['controlPlaneEndpoint']>;
export type ClusterTopology = Static<ReturnType<typeof topology>>;
export type ClusterPhase = NonNullable<ClusterStatus['phase']>;
export type FailureDomain = NonNullable<ClusterStatus['failureDomains']>[number];

export interface Cluster extends KubeObject {
  spec: ClusterSpec;
  status?: ClusterStatus;
}

export type MachineSpec = Static<ReturnType<typeof machineSpec>>;
export type MachineStatus = Static<typeof machineStatusSchema>;
export type MachinePhase = NonNullable<MachineStatus['phase']>;
export type MachineAddress = Static<ReturnType<typeof machineAddresses>>[number];
export type NodeSystemInfo = Static<ReturnType<typeof nodeSystemInfo>>;

export interface Machine extends KubeObject {
  spec: MachineSpec;
  status?: MachineStatus;
}

/** What a MachineSet or MachineDeployment makes Machines from. */
export type MachineTemplateSpec = Static<ReturnType<typeof machineTemplate>>;
export type MachineSetSpec = Static<typeof machineSetSpecSchema>;
export type MachineSetStatus = Static<typeof machineSetStatusSchema>;
/** metav1.LabelSelector. */
export type MetaLabelSelector = MachineSetSpec['selector'];

export interface MachineSet extends KubeObject {
  spec: MachineSetSpec;
  status?: MachineSetStatus;
}

export type MachineDeploymentSpec = Static<typeof machineDeploymentSpecSchema>;
export type MachineDeploymentStatus = Static<typeof machineDeploymentStatusSchema>;
export type MachineDeploymentPhase = NonNullable<MachineDeploymentStatus['phase']>;
export type MachineDeploymentStrategy = Static<ReturnType<typeof deploymentStrategy>>;

export interface MachineDeployment extends KubeObject {
  spec: MachineDeploymentSpec;
  status?: MachineDeploymentStatus;
}

export type MachinePoolSpec = Static<typeof machinePoolSpecSchema>;
export type MachinePoolStatus = Static<typeof machinePoolStatusSchema>;
export type MachinePoolPhase = NonNullable<MachinePoolStatus['phase']>;

export interface MachinePool extends KubeObject {
  spec: MachinePoolSpec;
  status?: MachinePoolStatus;
}

export type MachineDrainRuleSpec = Static<typeof machineDrainRuleSpecSchema>;

/** Has no status: it only says how Machines of its namespace are drained. */
export interface MachineDrainRule extends KubeObject {
  spec: MachineDrainRuleSpec;
}

export type MachineHealthCheckSpec = Static<typeof machineHealthCheckSpecSchema>;
export type MachineHealthCheckStatus = Static<typeof machineHealthCheckStatusSchema>;

export interface MachineHealthCheck extends KubeObject {
  spec: MachineHealthCheckSpec;
  status?: MachineHealthCheckStatus;
}
