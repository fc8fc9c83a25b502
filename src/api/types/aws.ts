/**
 * Static types of the AWS kinds, group infrastructure.cluster.x-k8s.io, version v1beta2. The schemas in `api/schema/infrastructure` say what the
 * API server accepts; these say what code may rely on. Field names and JSON keys are upstream's. Source: capa api/v1beta2.
 */
import type { AWSCommonStatus, AWSInstance, AWSMachineSpec } from './aws-machine.js';
import type { AWSLoadBalancerSpec, AWSTags, NetworkSpec, NetworkStatus } from './aws-network.js';
import type { Condition, KubeObject, V1Beta1Condition } from './meta.js';

export type * from './aws-machine.js';
export type * from './aws-machine-pool.js';
export type * from './aws-network.js';

export type AWSIdentityKind = 'AWSClusterControllerIdentity' | 'AWSClusterRoleIdentity' | 'AWSClusterStaticIdentity';

/** Host and port of the Kubernetes API; both empty until known. */
export interface AWSAPIEndpoint {
  host?: string;
  port?: number;
}

export interface AWSIdentityReference {
  kind: AWSIdentityKind;
  name: string;
}

export interface BastionSpec {
  enabled?: boolean;
  disableIngressRules?: boolean;
  allowedCIDRBlocks?: string[];
  instanceType?: string;
  ami?: string;
}

export interface S3Bucket {
  name: string;
  controlPlaneIAMInstanceProfile?: string;
  nodesIAMInstanceProfiles?: string[];
  /** metav1.Duration, e.g. `1h30m`. */
  presignedURLDuration?: string;
  bestEffortDeleteObjects?: boolean;
}

export interface AWSClusterSpec {
  network?: NetworkSpec;
  region?: string;
  partition?: string;
  /** Absent: the key named "default"; empty: no key. */
  sshKeyName?: string;
  controlPlaneEndpoint?: AWSAPIEndpoint;
  additionalTags?: AWSTags;
  controlPlaneLoadBalancer?: AWSLoadBalancerSpec;
  secondaryControlPlaneLoadBalancer?: AWSLoadBalancerSpec;
  imageLookupFormat?: string;
  imageLookupOrg?: string;
  imageLookupBaseOS?: string;
  bastion?: BastionSpec;
  identityRef?: AWSIdentityReference;
  s3Bucket?: S3Bucket;
}

export interface AWSClusterStatus extends AWSCommonStatus {
  /** Required on the wire: the API server defaults it to false. */
  ready: boolean;
  networkStatus?: NetworkStatus;
  failureDomains?: Record<string, { controlPlane?: boolean; attributes?: Record<string, string> }>;
  bastion?: AWSInstance;
}

export interface AWSCluster extends KubeObject {
  spec: AWSClusterSpec;
  status?: AWSClusterStatus;
}

export interface AWSTemplateMetadata {
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

export interface AWSMachineTemplate extends KubeObject {
  spec: { template: { metadata?: AWSTemplateMetadata; spec: AWSMachineSpec } };
  status?: AWSMachineTemplateStatus;
}

/** For the autoscaler's scale-from-zero. */
export interface AWSMachineTemplateStatus {
  capacity?: Record<string, string | number>;
  nodeInfo?: { architecture?: 'amd64' | 'arm64'; operatingSystem?: 'linux' | 'windows' };
  conditions?: V1Beta1Condition[];
  v1beta2?: { conditions?: Condition[] };
}

export interface AWSClusterTemplate extends KubeObject {
  spec: { template: { metadata?: AWSTemplateMetadata; spec: AWSClusterSpec } };
}

export interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: string; values?: string[] }[];
}

/** Null or absent: nobody may use the identity; `{}`: everyone; else a namespace in the list or matched by the selector. */
export interface AllowedNamespaces {
  list?: string[] | null;
  selector?: LabelSelector;
}

export interface AWSClusterControllerIdentity extends KubeObject {
  spec?: { allowedNamespaces?: AllowedNamespaces | null };
}

export interface AWSClusterStaticIdentity extends KubeObject {
  spec: {
    allowedNamespaces?: AllowedNamespaces | null;
    /** Secret in the manager's namespace with keys AccessKeyID, SecretAccessKey and, for temporary ones, SessionToken. */
    secretRef: string;
  };
}

export interface AWSClusterRoleIdentity extends KubeObject {
  spec: {
    allowedNamespaces?: AllowedNamespaces | null;
    roleARN: string;
    sessionName?: string;
    durationSeconds?: number;
    inlinePolicy?: string;
    policyARNs?: string[];
    externalID?: string;
    sourceIdentityRef?: AWSIdentityReference;
  };
}
