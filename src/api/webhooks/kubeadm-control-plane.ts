import { controlPlaneStep } from '../../domain/plan/skew.js';
import type { KubeadmControlPlane, KubeadmControlPlaneSpec } from '../types/index.js';
import type { AdmissionContext } from './context.js';
import { type FieldError, forbidden, type Verdict, verdict } from './field-errors.js';
import { changedPaths, ensureObject, withoutEmpties } from './json.js';
import { checkKubeadmConfigSpec } from './kubeadm-config-spec.js';
import {
  checkClusterConfiguration,
  checkReplicas,
  checkRollout,
  hasExternalEtcd,
  parseImageTag,
} from './kubeadm-control-plane-spec.js';
import { checkNaming, checkTaints, checkTemplateMetadata, checkVersion, withVersionPrefix } from './object-fields.js';

const SKIP_COREDNS = 'controlplane.cluster.x-k8s.io/skip-coredns';
const CONFIGURATION = 'spec.kubeadmConfigSpec.clusterConfiguration';

/** A copy with one replica, the version in normal form and the only strategy. */
export function defaultKubeadmControlPlane(controlPlane: KubeadmControlPlane): KubeadmControlPlane {
  const out = structuredClone(controlPlane);
  const spec = ensureObject(out, 'spec');
  spec.replicas ??= 1;
  if (typeof spec.version === 'string') spec.version = withVersionPrefix(spec.version);
  const strategy = ensureObject(ensureObject(spec, 'rollout'), 'strategy');
  strategy.type = 'RollingUpdate';
  ensureObject(strategy, 'rollingUpdate').maxSurge ??= 1;
  return out;
}

/** Rules for one KubeadmControlPlane, and with `old` for the change. Source: controlplane/kubeadm/webhooks/admission. */
export function validateKubeadmControlPlane(
  controlPlane: KubeadmControlPlane,
  old: KubeadmControlPlane | undefined,
  ctx: AdmissionContext,
): Verdict {
  const { spec } = controlPlane;
  const configuration = spec.kubeadmConfigSpec?.clusterConfiguration;
  const before = old?.spec.kubeadmConfigSpec?.clusterConfiguration;
  return verdict([
    ...checkSpec(spec, ctx),
    ...checkClusterConfiguration(configuration, before, old !== undefined, CONFIGURATION),
    ...checkKubeadmConfigSpec(spec.kubeadmConfigSpec ?? {}, 'spec.kubeadmConfigSpec', ctx, { controlPlane: true }),
    ...(old ? checkUpdate(old, controlPlane) : []),
  ]);
}

function checkSpec(spec: KubeadmControlPlaneSpec, ctx: AdmissionContext): FieldError[] {
  const configuration = spec.kubeadmConfigSpec?.clusterConfiguration;
  const variables = { '.cluster.name': 'cluster', '.kubeadmControlPlane.name': 'kubeadmcontrolplane' };
  return [
    ...checkReplicas(spec.replicas, hasExternalEtcd(configuration), 'spec.replicas'),
    ...checkVersion(spec.version, 'spec.version'),
    ...checkTaints(spec.machineTemplate.spec.taints, 'spec.machineTemplate.spec.taints', ctx, false),
    ...checkTemplateMetadata(spec.machineTemplate.metadata, 'spec.machineTemplate.metadata'),
    ...checkRollout(spec.rollout, configuration, spec.replicas, 'spec'),
    ...checkNaming(spec.machineNaming?.template, 'spec.machineNaming', variables),
  ];
}

function checkUpdate(old: KubeadmControlPlane, controlPlane: KubeadmControlPlane): FieldError[] {
  return [
    ...checkAllowed(old.spec, controlPlane.spec),
    ...checkUpgrade(old, controlPlane),
    ...checkCoreDNS(old, controlPlane),
  ];
}

/** What may change below spec, each with everything beneath it. */
const MUTABLE: readonly string[] = [
  'replicas',
  'version',
  'remediation',
  'machineNaming',
  'rollout',
  'machineTemplate.metadata',
  'machineTemplate.spec',
  ...['etcd', 'dns', 'imageRepository', 'featureGates', 'apiServer', 'controllerManager', 'scheduler'].map(
    inConfiguration,
  ),
  ...['certificateValidityPeriodDays', 'encryptionAlgorithm'].map(inConfiguration),
  ...['nodeRegistration', 'patches', 'skipPhases', 'bootstrapTokens', 'localAPIEndpoint', 'timeouts'].map(
    (field) => `kubeadmConfigSpec.initConfiguration.${field}`,
  ),
  ...['nodeRegistration', 'patches', 'skipPhases', 'caCertPath', 'controlPlane', 'discovery', 'timeouts'].map(
    (field) => `kubeadmConfigSpec.joinConfiguration.${field}`,
  ),
  ...[
    'bootCommands',
    'preKubeadmCommands',
    'postKubeadmCommands',
    'files',
    'verbosity',
    'users',
    'ntp',
    'ignition',
  ].map(inConfig),
  ...['diskSetup', 'format', 'mounts'].map(inConfig),
];

function inConfig(field: string): string {
  return `kubeadmConfigSpec.${field}`;
}

function inConfiguration(field: string): string {
  return `kubeadmConfigSpec.clusterConfiguration.${field}`;
}

function checkAllowed(old: KubeadmControlPlaneSpec, spec: KubeadmControlPlaneSpec): FieldError[] {
  return changedPaths(withoutEmpties(old), withoutEmpties(spec))
    .map((path) => path.join('.'))
    .filter((path) => !MUTABLE.some((allowed) => path === allowed || path.startsWith(`${allowed}.`)))
    .map((path) => forbidden(`spec.${path}`, 'cannot be modified: make another control plane'));
}

function checkUpgrade(old: KubeadmControlPlane, controlPlane: KubeadmControlPlane): FieldError[] {
  const broken = controlPlaneStep(old.spec.version, controlPlane.spec.version);
  return broken ? [forbidden('spec.version', `${broken.message} (rule ${broken.rule})`)] : [];
}

/** CoreDNS configuration can only be migrated upwards; the annotation leaves CoreDNS to the user. */
function checkCoreDNS(old: KubeadmControlPlane, controlPlane: KubeadmControlPlane): FieldError[] {
  const oldTag = old.spec.kubeadmConfigSpec?.clusterConfiguration?.dns?.imageTag;
  const tag = controlPlane.spec.kubeadmConfigSpec?.clusterConfiguration?.dns?.imageTag;
  const from = oldTag ? parseImageTag(oldTag) : undefined;
  const to = tag ? parseImageTag(tag) : undefined;
  if (!from || !to || to.compare(from) >= 0 || controlPlane.metadata.annotations?.[SKIP_COREDNS] !== undefined)
    return [];
  const message = `cannot migrate CoreDNS down from ${oldTag} to ${tag}: use a newer tag, or annotation ${SKIP_COREDNS}`;
  return [forbidden(`${CONFIGURATION}.dns.imageTag`, message)];
}
