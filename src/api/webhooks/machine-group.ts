import { parseSelector } from '../../domain/selectors.js';
import type { MachineDeployment, MachinePool, MachineSet } from '../types/index.js';
import type { AdmissionContext } from './context.js';
import { type FieldError, forbidden, invalid, required } from './field-errors.js';
import { DefaultingError } from './json.js';
import { checkBootstrap } from './machine.js';
import { checkNaming, checkTaints, checkTemplateMetadata, checkVersion } from './object-fields.js';

/** What MachineSet and MachineDeployment have in common. */
export type MachineGroup = MachineSet | MachineDeployment;

const MIN_SIZE = 'cluster.x-k8s.io/cluster-api-autoscaler-node-group-min-size';
const MAX_SIZE = 'cluster.x-k8s.io/cluster-api-autoscaler-node-group-max-size';
const SKIP_PREFLIGHT = 'machineset.cluster.x-k8s.io/skip-preflight-checks';
const PREFLIGHT_CHECKS = [
  'All',
  'ControlPlaneIsStable',
  'ControlPlaneVersionSkew',
  'KubeadmVersionSkew',
  'KubernetesVersionSkew',
];
const MAX_INT32 = 2_147_483_647;

type Sized = MachineGroup | MachinePool;

function readSize(group: Sized, annotation: string, text: string): number {
  const size = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(size) || Math.abs(size) > MAX_INT32) {
    const message = `annotation ${annotation} of ${group.metadata.name} must be a whole number`;
    throw new DefaultingError([invalid(`metadata.annotations[${annotation}]`, text, message)]);
  }
  return size;
}

/**
 * The number of replicas when none is given: what the autoscaler's annotations allow, nearest to the stored number, else 1. An explicit
 * number wins. Throws DefaultingError for annotations that are not numbers.
 */
export function defaultReplicas(group: Sized, old: Sized | undefined): number {
  const given: unknown = group.spec.replicas;
  if (given !== undefined && given !== null) return given as number;
  const minText = group.metadata.annotations?.[MIN_SIZE];
  const maxText = group.metadata.annotations?.[MAX_SIZE];
  if (minText === undefined || maxText === undefined) return 1;
  const min = readSize(group, MIN_SIZE, minText);
  const max = readSize(group, MAX_SIZE, maxText);
  const before = old?.spec.replicas;
  if (before === undefined || before < min) return min;
  return Math.min(before, max);
}

/** The name a default selector is made of. Throws DefaultingError while the API server has not made it up: all such selectors would be the same. */
export function selectorName(group: MachineGroup): string {
  const { name } = group.metadata as { readonly name?: string };
  if (name !== undefined) return name;
  throw new DefaultingError([
    required('spec.selector', 'is needed with metadata.generateName: set matchLabels, or metadata.name'),
  ]);
}

/** Rules that both kinds share. Source: cluster-api core/webhooks/admission/machineset.go and machinedeployment.go. */
export function checkGroup(group: MachineGroup, old: MachineGroup | undefined, ctx: AdmissionContext): FieldError[] {
  const { spec } = group;
  const path = 'spec.template.spec';
  const errors = [...checkBootstrap(spec.template.spec.bootstrap, path), ...checkSelector(group)];
  if (old && old.spec.clusterName !== spec.clusterName) {
    errors.push(
      forbidden('spec.clusterName', `cannot be changed from ${old.spec.clusterName}: make another ${group.kind}`),
    );
  }
  if (spec.clusterName !== spec.template.spec.clusterName) {
    const message = `must be the same as ${path}.clusterName (${spec.template.spec.clusterName})`;
    errors.push(invalid('spec.clusterName', spec.clusterName, message));
  }
  if (spec.template.spec.version) errors.push(...checkVersion(spec.template.spec.version, `${path}.version`));
  return [
    ...errors,
    ...(ctx.gates.MachineSetPreflightChecks ? checkSkippedPreflight(group) : []),
    ...checkTaints(spec.template.spec.taints, `${path}.taints`, ctx, true),
    ...checkNaming(spec.machineNaming?.template, 'spec.machineNaming', {
      '.cluster.name': 'cluster',
      '.machineSet.name': 'machineset',
    }),
    ...checkTemplateMetadata(spec.template.metadata, 'spec.template.metadata'),
  ];
}

function checkSelector({ spec }: MachineGroup): FieldError[] {
  const selector = parseSelector(spec.selector);
  if ('error' in selector) return [invalid('spec.selector', spec.selector, selector.error)];
  const labels = spec.template.metadata?.labels;
  if (selector.matches(labels)) return [];
  return [
    invalid('spec.template.metadata.labels', labels, `must match spec.selector ${JSON.stringify(selector.text)}`),
  ];
}

function checkSkippedPreflight(group: MachineGroup): FieldError[] {
  const text = group.metadata.annotations?.[SKIP_PREFLIGHT];
  const unknown = (text ? text.split(',') : [])
    .map((name) => name.trim())
    .filter((name) => !PREFLIGHT_CHECKS.includes(name));
  if (unknown.length === 0) return [];
  return [
    invalid(
      `metadata.annotations[${SKIP_PREFLIGHT}]`,
      unknown,
      `has unknown preflight checks: use ${PREFLIGHT_CHECKS.join(', ')}`,
    ),
  ];
}
