import { KINDS } from '../types/kinds.js';
import type { KubeObject, ResourceKind } from '../types/meta.js';
import { defaultAWSCluster, validateAWSCluster } from './aws-cluster.js';
import { defaultAWSClusterTemplate, validateAWSClusterTemplate } from './aws-cluster-template.js';
import {
  defaultAWSClusterControllerIdentity,
  defaultAWSClusterRoleIdentity,
  defaultAWSClusterStaticIdentity,
  validateAWSClusterControllerIdentity,
  validateAWSClusterRoleIdentity,
  validateAWSClusterStaticIdentity,
} from './aws-identity.js';
import { defaultAWSMachine, validateAWSMachine } from './aws-machine.js';
import { defaultAWSMachinePool, validateAWSMachinePool } from './aws-machine-pool.js';
import { validateAWSMachineTemplate } from './aws-machine-template.js';
import { defaultCluster, validateCluster, validateClusterDeletion } from './cluster.js';
import type { AdmissionContext } from './context.js';
import type { Verdict } from './field-errors.js';
import { validateKubeadmConfig, validateKubeadmConfigTemplate } from './kubeadm-config.js';
import { defaultKubeadmControlPlane, validateKubeadmControlPlane } from './kubeadm-control-plane.js';
import { validateKubeadmControlPlaneTemplate } from './kubeadm-control-plane-template.js';
import { defaultMachine, validateMachine } from './machine.js';
import { defaultMachineDeployment, validateMachineDeployment } from './machine-deployment.js';
import { validateMachineDrainRule } from './machine-drain-rule.js';
import { defaultMachineHealthCheck, validateMachineHealthCheck } from './machine-health-check.js';
import { defaultMachinePool, validateMachinePool } from './machine-pool.js';
import { defaultMachineSet, validateMachineSet } from './machine-set.js';

/**
 * Admission of one kind. `default` returns a changed copy, running it on its own result changes nothing, and it may throw MalformedError or
 * DefaultingError; `validate` sees objects that fit the schema. Both are pure.
 */
export interface KindWebhook<T extends KubeObject = KubeObject> {
  readonly kind: ResourceKind;
  readonly default?: (object: T, old: T | undefined, ctx: AdmissionContext) => T;
  readonly validate: (object: T, old: T | undefined, ctx: AdmissionContext) => Verdict;
  /** Whether the object may be deleted; absent: always, and the API server does not ask. */
  readonly validateDelete?: (object: T) => Verdict;
}

/** Forgets the static type of a kind: requests are routed by path, so the object is of that kind. */
function webhook<T extends KubeObject>(entry: KindWebhook<T>): KindWebhook {
  return entry as unknown as KindWebhook;
}

/** Every kind with admission rules. A provider adds its own lines here. */
export const KIND_WEBHOOKS: readonly KindWebhook[] = [
  webhook({
    kind: KINDS.Cluster,
    default: defaultCluster,
    validate: validateCluster,
    validateDelete: validateClusterDeletion,
  }),
  webhook({ kind: KINDS.Machine, default: defaultMachine, validate: validateMachine }),
  webhook({ kind: KINDS.MachineSet, default: defaultMachineSet, validate: validateMachineSet }),
  webhook({ kind: KINDS.MachineDeployment, default: defaultMachineDeployment, validate: validateMachineDeployment }),
  webhook({ kind: KINDS.MachinePool, default: defaultMachinePool, validate: validateMachinePool }),
  webhook({ kind: KINDS.MachineDrainRule, validate: validateMachineDrainRule }),
  webhook({
    kind: KINDS.MachineHealthCheck,
    default: defaultMachineHealthCheck,
    validate: validateMachineHealthCheck,
  }),
  webhook({ kind: KINDS.KubeadmConfig, validate: validateKubeadmConfig }),
  webhook({ kind: KINDS.KubeadmConfigTemplate, validate: validateKubeadmConfigTemplate }),
  webhook({
    kind: KINDS.KubeadmControlPlane,
    default: defaultKubeadmControlPlane,
    validate: validateKubeadmControlPlane,
  }),
  webhook({ kind: KINDS.KubeadmControlPlaneTemplate, validate: validateKubeadmControlPlaneTemplate }),
  webhook({ kind: KINDS.AWSCluster, default: defaultAWSCluster, validate: validateAWSCluster }),
  webhook({ kind: KINDS.AWSClusterTemplate, default: defaultAWSClusterTemplate, validate: validateAWSClusterTemplate }),
  webhook({ kind: KINDS.AWSMachine, default: defaultAWSMachine, validate: validateAWSMachine }),
  webhook({ kind: KINDS.AWSMachineTemplate, validate: validateAWSMachineTemplate }),
  webhook({ kind: KINDS.AWSMachinePool, default: defaultAWSMachinePool, validate: validateAWSMachinePool }),
  webhook({
    kind: KINDS.AWSClusterControllerIdentity,
    default: defaultAWSClusterControllerIdentity,
    validate: validateAWSClusterControllerIdentity,
  }),
  webhook({
    kind: KINDS.AWSClusterRoleIdentity,
    default: defaultAWSClusterRoleIdentity,
    validate: validateAWSClusterRoleIdentity,
  }),
  webhook({
    kind: KINDS.AWSClusterStaticIdentity,
    default: defaultAWSClusterStaticIdentity,
    validate: validateAWSClusterStaticIdentity,
  }),
];

function suffix({ group, version, kind }: ResourceKind): string {
  return `${group.replaceAll('.', '-')}-${version}-${kind.toLowerCase()}`;
}

/** Path of the defaulting webhook of a kind, as controller-runtime names it. */
export function mutatePath(kind: ResourceKind): string {
  return `/mutate-${suffix(kind)}`;
}

/** Path of the validating webhook of a kind, as controller-runtime names it. */
export function validatePath(kind: ResourceKind): string {
  return `/validate-${suffix(kind)}`;
}

/** Path of the validator of the scale subresource of KubeadmControlPlane. */
export const SCALE_PATH = `/validate-scale-${suffix(KINDS.KubeadmControlPlane)}`;
export const CONVERT_PATH = '/convert';
