import type { KubeadmConfigSpec } from '../../api/types/index.js';
import { changedPaths } from '../json.js';

/** The gate that new control plane machines get by default; it comes and goes with the version. */
const DEFAULT_GATE = 'ControlPlaneKubeletLocalMode';

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What kubeadm, the API server or a later version of either assumes for a field that is not there. */
const DEFAULTS: Readonly<Json> = {
  format: 'cloud-config',
  imagePullPolicy: 'IfNotPresent',
  imagePullSerial: true,
};

/** Lists of arguments, whose order says nothing. */
const UNORDERED = new Set(['extraArgs', 'kubeletExtraArgs']);

/**
 * Whether a machine made from `current` would be made the same from `wished` today. Init and join are compared each with its own half; defaults that
 * appeared since, discovery, and what is changed inside the workload cluster without new machines (DNS) do not count. Source: capi kcp
 * filters.go matchesKubeadmConfig, bootstrapv1 compare.go.
 */
export function sameKubeadmConfig(
  current: KubeadmConfigSpec | undefined,
  wished: KubeadmConfigSpec | undefined,
): boolean {
  return kubeadmConfigDifferences(current, wished).length === 0;
}

/** The fields in which the two would make a different machine, sorted; empty when they would not. */
export function kubeadmConfigDifferences(
  current: KubeadmConfigSpec | undefined,
  wished: KubeadmConfigSpec | undefined,
): string[] {
  const role = roleOf(current);
  const made = canonical(comparable(current, wished, role));
  return changedPaths(made, canonical(comparable(wished, wished, role))).map((path) => path.join('.'));
}

/** A join configuration that holds nothing but timeouts comes from the conversion of a v1beta1 cluster configuration. */
function roleOf(spec: KubeadmConfigSpec | undefined): 'init' | 'join' {
  const { timeouts: _, ...rest } = spec?.joinConfiguration ?? {};
  return spec?.joinConfiguration !== undefined && Object.keys(rest).length > 0 ? 'join' : 'init';
}

function comparable(
  spec: KubeadmConfigSpec | undefined,
  wished: KubeadmConfigSpec | undefined,
  role: 'init' | 'join',
): Json {
  const { initConfiguration, joinConfiguration, clusterConfiguration, ...rest } = spec ?? {};
  const shared = { ...rest, clusterConfiguration: clusterPart(clusterConfiguration, wished) };
  if (role === 'init') return { ...shared, initConfiguration };
  const { discovery: _, controlPlane, nodeRegistration, ...join } = joinConfiguration ?? {};
  const wishedJoin = wished?.joinConfiguration;
  return {
    ...shared,
    joinConfiguration: {
      ...join,
      controlPlane,
      // what was filled in for want of a wish is no difference
      ...(wishedJoin?.nodeRegistration === undefined ? {} : { nodeRegistration }),
    },
  };
}

function clusterPart(
  configuration: KubeadmConfigSpec['clusterConfiguration'],
  wished: KubeadmConfigSpec | undefined,
): Json {
  const { dns: _, featureGates, controlPlaneEndpoint, ...rest } = configuration ?? {};
  const { [DEFAULT_GATE]: gate, ...gates } = featureGates ?? {};
  const wishes = wished?.clusterConfiguration;
  return {
    ...rest,
    ...(wishes?.controlPlaneEndpoint === undefined ? {} : { controlPlaneEndpoint }),
    featureGates: { ...gates, ...(wishes?.featureGates?.[DEFAULT_GATE] === undefined ? {} : { [DEFAULT_GATE]: gate }) },
  };
}

/** Keys sorted, defaults and what is empty left out; an empty list of taints is a wish of its own. */
function canonical(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => canonical(item));
    return UNORDERED.has(key) ? items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : items;
  }
  if (!isObject(value)) return value;
  const entries = Object.entries(value)
    .map(([k, v]) => [k, canonical(v, k)] as const)
    .filter(([k, v]) => !isNothing(k, v))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries);
}

function isNothing(key: string, value: unknown): boolean {
  if (value === undefined || value === null || DEFAULTS[key] === value) return true;
  if (Array.isArray(value)) return value.length === 0 && key !== 'taints';
  return isObject(value) && Object.keys(value).length === 0;
}
