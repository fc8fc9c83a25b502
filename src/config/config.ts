import { existsSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import type { AlsoSynced } from '../domain/bootstrap/node-sync.js';
import { readAlsoSynced } from './also-synced.js';
import { type Address, type Environment, type Reader, reader } from './environment.js';
import { type Features, readFeatures } from './features.js';

export interface TemporalConfig {
  /** `host:port` of the frontend. */
  readonly address: string;
  readonly namespace: string;
  /** Absent: no TLS. Files are read when connecting. */
  readonly tls?: TemporalTls;
  /** File with the API key of Temporal Cloud; read again for each call, so that it may rotate. */
  readonly apiKeyFile?: string;
  /** Where people open the Temporal UI, for links. */
  readonly uiUrl?: string;
}

export interface TemporalTls {
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly serverName?: string;
}

export interface KubeConfigSource {
  /** Path of the management cluster's kubeconfig; absent means the service account of this pod. */
  readonly kubeconfig?: string;
  readonly context?: string;
  /** Client-side limit of requests per second, and burst; absent means none. */
  readonly limit?: { readonly qps: number; readonly burst: number };
}

export interface WatchConfig {
  /** Empty: all namespaces. */
  readonly namespaces: readonly string[];
  /** Only objects with label `cluster.x-k8s.io/watch-filter` of this value are acted on. */
  readonly filter?: string;
}

export interface LeaderElectionConfig {
  readonly enabled: boolean;
  readonly namespace: string;
  readonly name: string;
}

export interface WebhookConfig {
  readonly listen: Address;
  /** Directory with `tls.crt` and `tls.key`. */
  readonly certDir?: string;
}

export interface Config {
  readonly temporal: TemporalConfig;
  readonly kube: KubeConfigSource;
  readonly watch: WatchConfig;
  readonly leaderElection: LeaderElectionConfig;
  /** Serves /healthz, /readyz and /metrics. */
  readonly health: Address;
  readonly webhooks: WebhookConfig;
  readonly log: { readonly level: LogLevelName };
  /** Built tools, downloaded nothing that cannot be made again. */
  readonly cacheDir: string;
  /** JSON file of host → address for names the system's resolver does not know: the sandbox's load balancers. */
  readonly hostsFile?: string;
  readonly features: Features;
  /** What else of Machines goes to their Nodes: the bridge watches over it, the workers bring it there. */
  readonly alsoSynced: AlsoSynced;
  /** Names this process in leases, logs and Temporal: pod or host name and process id. */
  readonly identity: string;
  /** Variables that begin with PERDURE_ and mean nothing: probably misspelt. */
  readonly unknown: readonly string[];
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const;
export type LogLevelName = (typeof LOG_LEVELS)[number];

/** Every variable Perdure reads under its own prefix. */
const KNOWN: ReadonlySet<string> = new Set([
  'PERDURE_TEMPORAL_ADDRESS',
  'PERDURE_TEMPORAL_NAMESPACE',
  'PERDURE_TEMPORAL_TLS',
  'PERDURE_TEMPORAL_TLS_CA_FILE',
  'PERDURE_TEMPORAL_TLS_CERT_FILE',
  'PERDURE_TEMPORAL_TLS_KEY_FILE',
  'PERDURE_TEMPORAL_TLS_SERVER_NAME',
  'PERDURE_TEMPORAL_API_KEY_FILE',
  'PERDURE_TEMPORAL_UI_URL',
  'PERDURE_KUBECONFIG',
  'PERDURE_KUBE_CONTEXT',
  'PERDURE_KUBE_QPS',
  'PERDURE_KUBE_BURST',
  'PERDURE_NAMESPACES',
  'PERDURE_WATCH_FILTER',
  'PERDURE_LEADER_ELECTION',
  'PERDURE_LEADER_ELECTION_NAMESPACE',
  'PERDURE_LEADER_ELECTION_NAME',
  'PERDURE_HEALTH_ADDRESS',
  'PERDURE_WEBHOOK_ADDRESS',
  'PERDURE_WEBHOOK_CERT_DIR',
  'PERDURE_LOG_LEVEL',
  'PERDURE_CACHE_DIR',
  'PERDURE_FEATURES',
  'PERDURE_AWS_SERVICE_ENDPOINTS',
  'PERDURE_MANAGER_NAMESPACE',
  'PERDURE_HOSTS_FILE',
  'PERDURE_NODE_INITIALIZATION',
  'PERDURE_ADDITIONAL_SYNC_MACHINE_LABELS',
  'PERDURE_ADDITIONAL_SYNC_MACHINE_ANNOTATIONS',
  'PERDURE_CLOUD_ACTIVITIES_PER_SECOND',
  'PERDURE_SWEEP_EVERY',
  'PERDURE_POLL_MS',
  'PERDURE_SANDBOX_DIR',
  'PERDURE_MACHINE_TREE',
  'PERDURE_AWS_ENDPOINT',
]);

/** Reads and validates the whole configuration. Throws `InvalidConfiguration` that names every wrong variable, its value and what is wanted. */
export function readConfig(environment: Environment = process.env): Config {
  const read = reader(environment);
  const config: Config = {
    temporal: readTemporal(read),
    kube: readKube(read, environment),
    watch: readWatch(read),
    leaderElection: {
      enabled: read.flag('PERDURE_LEADER_ELECTION', true),
      namespace: read.text('PERDURE_LEADER_ELECTION_NAMESPACE') ?? read.text('POD_NAMESPACE', 'perdure-system'),
      name: read.text('PERDURE_LEADER_ELECTION_NAME', 'perdure-bridge'),
    },
    health: read.address('PERDURE_HEALTH_ADDRESS', '0.0.0.0:9440'),
    webhooks: {
      listen: read.address('PERDURE_WEBHOOK_ADDRESS', '0.0.0.0:9443'),
      ...optional('certDir', file(read, 'PERDURE_WEBHOOK_CERT_DIR')),
    },
    log: { level: read.oneOf('PERDURE_LOG_LEVEL', LOG_LEVELS, 'info') },
    cacheDir: cacheDir(environment),
    ...optional('hostsFile', read.text('PERDURE_HOSTS_FILE')),
    features: readFeatures(read),
    alsoSynced: readAlsoSynced(read),
    identity: `${read.text('POD_NAME') ?? hostname()}_${process.pid}`,
    unknown: Object.keys(environment).filter((name) => name.startsWith('PERDURE_') && !KNOWN.has(name)),
  };
  read.check();
  return config;
}

/** `PERDURE_CACHE_DIR`, else `perdure` below `XDG_CACHE_HOME` (which must be absolute, says the specification) or `~/.cache`. */
export function cacheDir(environment: Environment = process.env): string {
  const own = environment['PERDURE_CACHE_DIR']?.trim();
  if (own) return resolve(own);
  const xdg = environment['XDG_CACHE_HOME']?.trim();
  const base = xdg && isAbsolute(xdg) ? xdg : join(environment['HOME']?.trim() || homedir(), '.cache');
  return join(base, 'perdure');
}

/** A copy of this process's environment with changes, for a child process. `undefined` removes a variable. */
export function childEnvironment(
  changes: Environment = {},
  environment: Environment = process.env,
): Record<string, string> {
  const merged: Record<string, string> = {};
  for (const [name, value] of Object.entries({ ...environment, ...changes }))
    if (value !== undefined) merged[name] = value;
  return merged;
}

function readTemporal(read: Reader): TemporalConfig {
  const { host, port } = read.address('PERDURE_TEMPORAL_ADDRESS', 'localhost:7233');
  const apiKeyFile = file(read, 'PERDURE_TEMPORAL_API_KEY_FILE');
  const tls: TemporalTls = {
    ...optional('caFile', file(read, 'PERDURE_TEMPORAL_TLS_CA_FILE')),
    ...optional('certFile', file(read, 'PERDURE_TEMPORAL_TLS_CERT_FILE')),
    ...optional('keyFile', file(read, 'PERDURE_TEMPORAL_TLS_KEY_FILE')),
    ...optional('serverName', read.text('PERDURE_TEMPORAL_TLS_SERVER_NAME')),
  };
  if ((tls.certFile === undefined) !== (tls.keyFile === undefined)) {
    read.problem('PERDURE_TEMPORAL_TLS_CERT_FILE', 'needs PERDURE_TEMPORAL_TLS_KEY_FILE, and the other way round');
  }
  // Any TLS setting, or an API key, which must not travel in clear, turns TLS on.
  const useTls = read.flag('PERDURE_TEMPORAL_TLS', apiKeyFile !== undefined || Object.keys(tls).length > 0);
  return {
    address: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
    namespace: read.text('PERDURE_TEMPORAL_NAMESPACE', 'default'),
    ...(useTls ? { tls } : {}),
    ...optional('apiKeyFile', apiKeyFile),
    ...optional('uiUrl', url(read, 'PERDURE_TEMPORAL_UI_URL')),
  };
}

function readKube(read: Reader, environment: Environment): KubeConfigSource {
  const qps = read.number('PERDURE_KUBE_QPS', 0, [0, 100_000]);
  const kubeconfig = kubeconfigPath(read, environment);
  return {
    ...optional('kubeconfig', kubeconfig),
    ...optional('context', read.text('PERDURE_KUBE_CONTEXT')),
    ...(qps > 0
      ? { limit: { qps, burst: read.number('PERDURE_KUBE_BURST', Math.max(1, 2 * qps), [1, 100_000]) } }
      : {}),
  };
}

/** As kubectl chooses, save that inside a pod the service account comes before `~/.kube/config`. */
function kubeconfigPath(read: Reader, environment: Environment): string | undefined {
  const own = file(read, 'PERDURE_KUBECONFIG');
  if (own !== undefined) return own;
  const paths = (read.text('KUBECONFIG') ?? '').split(delimiter).filter((path) => path !== '');
  if (paths.length > 1) read.problem('KUBECONFIG', 'lists several files; name one in PERDURE_KUBECONFIG');
  if (paths[0] !== undefined) return file(read, 'KUBECONFIG');
  if (read.text('KUBERNETES_SERVICE_HOST') !== undefined) return undefined;
  return join(environment['HOME']?.trim() || homedir(), '.kube', 'config');
}

const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

function readWatch(read: Reader): WatchConfig {
  const namespaces = [...new Set(read.list('PERDURE_NAMESPACES'))].sort();
  for (const namespace of namespaces) {
    if (!NAMESPACE.test(namespace)) read.problem('PERDURE_NAMESPACES', `"${namespace}" is not a namespace name`);
  }
  return { namespaces, ...optional('filter', read.text('PERDURE_WATCH_FILTER')) };
}

function file(read: Reader, name: string): string | undefined {
  const path = read.text(name);
  if (path === undefined) return undefined;
  if (!existsSync(path)) read.problem(name, `no file at ${path}`);
  return resolve(path);
}

function url(read: Reader, name: string): string | undefined {
  const text = read.text(name);
  if (text !== undefined && !URL.canParse(text)) read.problem(name, `want a URL, got "${text}"`);
  return text?.replace(/\/$/, '');
}

function optional<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>);
}
