import type { KubeObject } from '../../api/types/meta.js';
import { changedPaths, isObject, withoutEmpties } from '../json.js';
import type { Effect, FieldChange, ManifestDocument, PlannedObject } from './types.js';

const LENGTH = 80;

/** Fields that carry secrets, or commands that may. */
const SECRET =
  /^(content|passwd|password|token|data|stringData|binaryData|certificateKey|additionalConfig|\w*Commands)$/;

/** Written by clients and servers, not by people. */
const BOOKKEEPING = new Set(['kubectl.kubernetes.io/last-applied-configuration', 'cluster.x-k8s.io/conversion-data']);

/** The first prefix that fits a path decides. */
const EFFECTS: Readonly<Record<string, readonly (readonly [prefix: string, effect: Effect])[]>> = {
  KubeadmControlPlane: [
    ['spec.replicas', 'scales'],
    ['spec.version', 'replaces machines'],
    ['spec.machineTemplate.spec.infrastructureRef', 'replaces machines'],
    ['spec.machineTemplate', 'changes machines in place'],
    ['spec.kubeadmConfigSpec.clusterConfiguration.dns', 'changes the workload cluster'],
    ['spec.kubeadmConfigSpec', 'replaces machines'],
    ['spec.machineNaming', 'counts for new machines'],
    ['spec.rollout.after', 'replaces older machines once it has passed'],
    ['spec.rollout.before', 'replaces machines whose certificates expire so soon'],
    ['spec.rollout', 'counts for rollouts'],
    ['spec.remediation', 'counts for replacements of unhealthy machines'],
  ],
  MachineDeployment: [
    ['spec.replicas', 'scales'],
    ['spec.paused', 'pauses'],
    ['spec.template.spec.version', 'replaces machines'],
    ['spec.template.spec.failureDomain', 'replaces machines'],
    ['spec.template.spec.bootstrap', 'replaces machines'],
    ['spec.template.spec.infrastructureRef', 'replaces machines'],
    ['spec.template', 'changes machines in place'],
    ['spec.machineNaming', 'counts for new machines'],
    ['spec.rollout.after', 'replaces older machines once it has passed'],
    ['spec.rollout', 'counts for rollouts'],
    ['spec.remediation', 'counts for replacements of unhealthy machines'],
  ],
  MachineSet: [
    ['spec.replicas', 'scales'],
    ['spec.template.spec.version', 'counts for new machines'],
    ['spec.template.spec.failureDomain', 'counts for new machines'],
    ['spec.template.spec.bootstrap', 'counts for new machines'],
    ['spec.template.spec.infrastructureRef', 'counts for new machines'],
    ['spec.template', 'changes machines in place'],
    ['spec.machineNaming', 'counts for new machines'],
  ],
  MachinePool: [
    ['spec.replicas', 'scales'],
    ['spec.template.spec.version', 'changes what instances are made from'],
    ['spec.template.spec.bootstrap', 'changes what instances are made from'],
    ['spec.template', 'changes machines in place'],
    ['spec.failureDomains', 'changes the cloud'],
  ],
  AWSMachinePool: [
    ['spec.awsLaunchTemplate.name', 'is applied'],
    ['spec.awsLaunchTemplate.versionNumber', 'is applied'],
    ['spec.awsLaunchTemplate', 'changes what instances are made from'],
    ['spec.additionalTags', 'changes what instances are made from'],
    ['spec.refreshPreferences', 'counts for rollouts'],
    ['spec', 'changes the cloud'],
  ],
  KubeadmConfigTemplate: [['spec', 'counts for new machines']],
  Cluster: [['spec.paused', 'pauses']],
  AWSCluster: [['spec', 'changes the cloud']],
};

/** What times and limits do that are set; taken away they replace nothing. */
const BY_THE_CLOCK: ReadonlySet<Effect> = new Set([
  'replaces older machines once it has passed',
  'replaces machines whose certificates expire so soon',
]);

function effectOf(kind: string, path: string, goes: boolean): Effect {
  const rule = EFFECTS[kind]?.find(([prefix]) => path === prefix || path.startsWith(`${prefix}.`));
  if (rule) return goes && BY_THE_CLOCK.has(rule[1]) ? 'counts for rollouts' : rule[1];
  return path === 'metadata.annotations.cluster.x-k8s.io/paused' ? 'pauses' : 'is applied';
}

/** What of an object a manifest speaks of: not the status, nor what the server keeps. */
function essence({ metadata, ...rest }: KubeObject): unknown {
  const { status: _, apiVersion: _a, kind: _k, ...body } = rest as KubeObject & { status?: unknown };
  const annotations = Object.entries(metadata.annotations ?? {}).filter(([key]) => !BOOKKEEPING.has(key));
  return withoutEmpties({
    ...body,
    metadata: { labels: metadata.labels, annotations: Object.fromEntries(annotations) },
  });
}

function at(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((v, key) => (isObject(v) ? v[key] : undefined), value);
}

/** The value as JSON; hidden below a field that may be secret. */
function shown(value: unknown, secret: boolean): string | undefined {
  if (value === undefined) return undefined;
  if (secret) return '***';
  const text = JSON.stringify(value, (key, v: unknown) => (SECRET.test(key) ? '***' : v));
  return text.length > LENGTH ? `${text.slice(0, LENGTH - 1)}…` : text;
}

/** The fields in which `wanted` differs from `live`, with what that does. */
export function fieldChanges(live: KubeObject, wanted: KubeObject): FieldChange[] {
  const [a, b] = [essence(live), essence(wanted)];
  return changedPaths(a, b).map((path): FieldChange => {
    const secret = wanted.kind === 'Secret' || path.some((part) => SECRET.test(part));
    const [from, to] = [shown(at(a, path), secret), shown(at(b, path), secret)];
    const field = path.join('.');
    return {
      field,
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
      effect: effectOf(wanted.kind, field, to === undefined),
    };
  });
}

/** What becomes of the object of one document. */
export function plannedObject({ ref, live, wanted, refusal }: ManifestDocument): PlannedObject {
  const changes = live ? fieldChanges(live, wanted) : [];
  if (refusal !== undefined) return { ...ref, action: 'refused', changes };
  if (!live) return { ...ref, action: 'create', changes };
  return { ...ref, action: changes.length > 0 ? 'change' : 'none', changes };
}
