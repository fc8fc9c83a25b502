import { parse } from 'yaml';
import type { ClusterConfiguration, KubeadmConfigSpec } from '../../api/types/index.js';
import { withFeatureGates } from '../bootstrap/control-plane-config.js';
import { clusterConfigurationFor, kubeadmYaml } from '../bootstrap/kubeadm-config.js';
import type { Plain } from '../bootstrap/kubeadm-parts.js';
import { type KubeadmApi, kubeadmApiFor } from '../bootstrap/kubeadm-version.js';
import { PerdureError } from '../errors.js';

/** What a control plane wishes of the configuration that kubeadm keeps in its cluster. */
export interface ConfigurationWish {
  /** Names the control plane in errors. */
  readonly object: string;
  readonly version: string;
  readonly spec: KubeadmConfigSpec | undefined;
}

/** Fields that a control plane decides, by block; what else stands there was written by kubeadm or a person and stays. */
const COMPONENT = ['extraArgs', 'extraEnvs', 'extraVolumes'];
const BLOCKS: Readonly<Record<string, readonly string[]>> = {
  apiServer: [...COMPONENT, 'certSANs'],
  controllerManager: COMPONENT,
  scheduler: COMPONENT,
};
const LOCAL_ETCD = [
  'imageRepository',
  'imageTag',
  'dataDir',
  'extraArgs',
  'extraEnvs',
  'serverCertSANs',
  'peerCertSANs',
];

/** What kubeadm writes where nothing is wished: it says the same as nothing. Source: kubeadm apis v1beta4/defaults.go. */
const DEFAULTS: Readonly<Record<string, unknown>> = {
  certificateValidityPeriod: '8760h0m0s',
  encryptionAlgorithm: 'RSA-2048',
};
const DATA_DIR = '/var/lib/etcd';

/**
 * The text of key ClusterConfiguration in ConfigMap kubeadm-config after a control plane's wishes: Kubernetes version, kubeadm API version, image
 * repository, feature gates, components, etcd, certificates. `undefined` when it says all that already. Throws `InvalidConfiguration` when
 * `text` is no kubeadm configuration. Source: capi UpdateClusterConfiguration and its mutators.
 */
export function updatedClusterConfiguration(text: string, wish: ConfigurationWish): string | undefined {
  const current = parsedConfiguration(text, wish.object);
  const api = kubeadmApiFor(wish.object, 'spec.version', wish.version);
  const base = { ...inApi(current, api), kubernetesVersion: versionText(wish.version) };
  const configuration = wish.spec?.clusterConfiguration;
  const next = configuration === undefined ? base : withWishes(base, api, configuration, wish);
  return changedText(current, next);
}

/** The same text with the image that CoreDNS was given; `undefined` when it says so already. */
export function withDnsImage(text: string, object: string, dns: ClusterConfiguration['dns']): string | undefined {
  const current = parsedConfiguration(text, object);
  const { imageRepository: _r, imageTag: _t, ...rest } = block(current, 'dns');
  const { imageRepository, imageTag } = dns ?? {};
  const wanted = { ...rest, ...(imageRepository ? { imageRepository } : {}), ...(imageTag ? { imageTag } : {}) };
  return changedText(current, { ...current, dns: wanted });
}

function parsedConfiguration(text: string, object: string): Plain {
  let value: unknown;
  try {
    value = parse(text);
  } catch {
    // answered below, without the parser's quotations from the text
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Plain;
  throw new PerdureError(
    'InvalidConfiguration',
    `${object}: key ClusterConfiguration of ConfigMap kube-system/kubeadm-config in the workload cluster is no YAML mapping; restore what kubeadm wrote there`,
    { details: { field: 'data.ClusterConfiguration' } },
  );
}

const versionText = (version: string): string => (version.startsWith('v') ? version : `v${version}`);

function block(of: Plain, name: string): Plain {
  const value = of[name];
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Plain) : {};
}

/** The same configuration in another version of kubeadm's API, as far as they differ in what they keep. */
function inApi(current: Plain, api: KubeadmApi): Plain {
  const apiVersion = `kubeadm.k8s.io/${api}`;
  if (current['apiVersion'] === apiVersion) return current;
  const next: Plain = { ...current, apiVersion };
  for (const name of Object.keys(BLOCKS)) if (name in current) next[name] = argsInApi(block(current, name), api);
  const etcd = block(current, 'etcd');
  if ('local' in etcd) next['etcd'] = { ...etcd, local: argsInApi(block(etcd, 'local'), api) };
  if (api === 'v1beta4' && 'apiServer' in current) {
    // moved to the configuration of each machine
    const { timeoutForControlPlane: _, ...apiServer } = block(next, 'apiServer');
    next['apiServer'] = apiServer;
  }
  return next;
}

function argsInApi(part: Plain, api: KubeadmApi): Plain {
  const args = part['extraArgs'];
  if (typeof args !== 'object' || args === null) return part;
  if (api === 'v1beta4' && !Array.isArray(args)) {
    const sorted = Object.entries(args).sort(([a], [b]) => (a < b ? -1 : 1));
    return { ...part, extraArgs: sorted.map(([name, value]) => ({ name, value: String(value) })) };
  }
  if (api === 'v1beta3' && Array.isArray(args)) {
    const pairs = (args as { name: string; value: string }[]).map((a) => [a.name, a.value]);
    return { ...part, extraArgs: Object.fromEntries(pairs) };
  }
  return part;
}

function withWishes(base: Plain, api: KubeadmApi, configuration: ClusterConfiguration, wish: ConfigurationWish): Plain {
  const gated = withFeatureGates(wish.object, { clusterConfiguration: configuration }, wish.version);
  const wanted = clusterConfigurationFor(api, gated.clusterConfiguration);
  const next: Plain = { ...base };
  for (const [name, fields] of Object.entries(BLOCKS)) {
    const decided = decide(block(base, name), block(wanted, name), fields);
    if (name in base || Object.keys(decided).length > 0) next[name] = decided;
  }
  next['etcd'] = etcdOf(block(base, 'etcd'), block(wanted, 'etcd'));
  if (configuration.imageRepository) next['imageRepository'] = configuration.imageRepository;
  setOrDrop(next, 'featureGates', wanted['featureGates']);
  for (const [name, meant] of Object.entries(DEFAULTS)) {
    if (wanted[name] !== undefined || next[name] !== meant) setOrDrop(next, name, wanted[name]);
  }
  return next;
}

/** `current` with `fields` as in `wanted`, absent where it has none. */
function decide(current: Plain, wanted: Plain, fields: readonly string[]): Plain {
  const kept = Object.entries(current).filter(([name]) => !fields.includes(name));
  const decided = fields.flatMap((name) => (wanted[name] === undefined ? [] : [[name, wanted[name]] as const]));
  return Object.fromEntries([...kept, ...decided]);
}

/** A cluster's etcd is local or external for life. */
function etcdOf(current: Plain, wanted: Plain): Plain {
  if ('external' in wanted !== 'external' in current && Object.keys(current).length > 0) return current;
  if ('external' in wanted) return { ...current, external: wanted['external'] };
  const local = decide(block(current, 'local'), block(wanted, 'local'), LOCAL_ETCD);
  return { ...current, local: { ...local, dataDir: local['dataDir'] || DATA_DIR } };
}

function setOrDrop(next: Plain, name: string, value: unknown): void {
  if (value === undefined) delete next[name];
  else next[name] = value;
}

function changedText(current: Plain, next: Plain): string | undefined {
  return sameValue(current, next) ? undefined : kubeadmYaml(next);
}

function sameValue(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => key in b && sameValue((a as Plain)[key], (b as Plain)[key]))
  );
}
