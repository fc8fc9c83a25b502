import fc, { type Arbitrary } from 'fast-check';
import { isObject } from '../../src/api/conversion/json.js';
import { formatSeconds } from '../../src/domain/go-duration.js';
import type { ArbitraryOptions } from './arbitrary.js';

/**
 * What v1beta1 can say and v1beta2 cannot: each entry keeps such values out of the property tests and says why losing them is right. They are the
 * losses that upstream tolerates too (source: cluster-api core/webhooks/conversion/conversion_test.go and the two kubeadm ones).
 */
export interface ToleratedLoss {
  readonly reason: string;
  readonly omit?: RegExp;
  readonly require?: RegExp;
  readonly at?: readonly [RegExp, Arbitrary<unknown>];
  readonly adjust?: readonly [RegExp, (value: unknown) => unknown];
}

export const NAMESPACE = 'team-a';
/** What the conversion finds for the groups that the tests refer to. */
export const apiVersionOf = (group: string): string => `${group}/v1beta2`;

const name = fc.constantFrom('a', 'b-2', 'c.example');
const kind = fc.constantFrom('AWSCluster', 'KubeadmControlPlane', 'AWSMachineTemplate');
const group = fc.constantFrom('infrastructure.cluster.x-k8s.io', 'controlplane.cluster.x-k8s.io', 'example.com');
const ref = fc
  .record({ kind, name, group }, { noNullPrototype: true })
  .map(({ group: g, ...rest }) => ({ apiVersion: apiVersionOf(g), ...rest, namespace: NAMESPACE }));
const nodeRef = name.map((n) => ({ apiVersion: 'v1', kind: 'Node', name: n }));
const wholeSeconds = (min: number): Arbitrary<string> => fc.integer({ min, max: 1_000_000 }).map(formatSeconds);

function layoutOrList(disk: unknown): unknown {
  return isObject(disk) && disk['diskLayout'] !== undefined ? { ...disk, layout: false } : disk;
}

function withType(strategy: unknown): unknown {
  if (!isObject(strategy)) return strategy;
  const limits = strategy['rollingUpdate'];
  const limited = isObject(limits) && (limits['maxSurge'] !== undefined || limits['maxUnavailable'] !== undefined);
  return limited ? { type: 'RollingUpdate', ...strategy } : strategy;
}

function computedReady(status: unknown): unknown {
  if (!isObject(status)) return status;
  const { ready: _ready, ...rest } = status;
  const replicas = rest['readyReplicas'];
  // Nothing but ready: false says nothing at all.
  return Object.keys(rest).length === 0 ? undefined : { ...rest, ready: typeof replicas === 'number' && replicas > 0 };
}

/** For every kind. */
const COMMON: readonly ToleratedLoss[] = [
  {
    reason: 'objects that the schema of v1beta1 let through and its webhooks refused: a template without Machine',
    require: /^spec\.template(\.spec)?$/,
  },
  {
    reason: 'objects that the schema of v1beta1 let through and its webhooks refused: names that are no DNS names',
    at: [/topology\.(class|workers\.machine(Deployments|Pools)\.\*\.name)$/, name],
  },
  {
    reason: 'durations become whole seconds and are written in Go notation; no timeout needs a fraction of a second',
    at: [/(Timeout|timeout|Period|ttl|timeoutForControlPlane)$/, wholeSeconds(0)],
  },
  {
    reason: 'retryPeriod could not be left out in v1beta1, so 0 says nothing',
    at: [/retryPeriod$/, wholeSeconds(1)],
  },
  {
    reason:
      'references keep group, kind and name: the version is looked up, the namespace is that of the object, the rest was never used',
    at: [/(configRef|infrastructureRef|controlPlaneRef|remediationTemplate)$/, ref],
  },
  { reason: 'the Node of a Machine is known by its name alone', at: [/nodeRef$/, nodeRef] },
  {
    reason: 'flags that v1beta1 could not leave out: false says nothing',
    at: [
      /(^spec\.paused|infrastructureReady|controlPlaneReady|bootstrapReady|initialized|readOnly|append|strict|unsafeSkipCAVerification|insecureSkipTLSVerify|provideClusterInfo)$/,
      fc.constant(true),
    ],
  },
  {
    reason: 'numbers for which 0 means "not set" in v1beta1 and v1beta2 has a lower bound of 1',
    at: [
      /(apiServerPort|controlPlaneEndpoint\.port|bindPort|observedGeneration|certificatesExpiryDays)$/,
      fc.integer({ min: 7, max: 60_000 }),
    ],
  },
  {
    reason: 'fields that v1beta1 already ignored',
    omit: /(topology\.rolloutAfter|definitionFrom|progressDeadlineSeconds|revisionHistoryLimit|useExperimentalRetryJoin)$/,
  },
  {
    reason: 'parts of the kubeadm configuration that the controller takes from the Cluster and the Machine',
    omit: /(clusterConfiguration\.(clusterName|kubernetesVersion|networking)|(cluster|init|join)Configuration\.(apiVersion|kind))$/,
  },
  {
    reason: 'v1beta2 requires the type of a strategy; its absence meant RollingUpdate',
    adjust: [/(\bstrategy|rolloutStrategy)$/, withType],
  },
  {
    reason: 'v1beta2 takes either layout or diskLayout; the list of partitions always won',
    adjust: [/diskSetup\.partitions\.\*$/, layoutOrList],
  },
];

/** For one kind. */
const BY_KIND: Readonly<Record<string, readonly ToleratedLoss[]>> = {
  KubeadmConfig: [
    {
      reason: 'ready is a flag that v1beta1 could not leave out: false says nothing',
      at: [/^status\.ready$/, fc.constant(true)],
    },
  ],
  MachineHealthCheck: [
    {
      reason: 'counters that v1beta1 could not leave out: 0 says nothing',
      at: [/^status\.(currentHealthy|expectedMachines|remediationsAllowed)$/, fc.integer({ min: 1, max: 500 })],
    },
  ],
  KubeadmControlPlane: [
    { reason: 'ready is computed: it says whether any replica is ready', adjust: [/^status$/, computedReady] },
    {
      reason: 'a strategy block without limits still is a RollingUpdate',
      adjust: [/rolloutStrategy$/, (v) => (isObject(v) ? { type: 'RollingUpdate', ...v } : v)],
    },
  ],
  KubeadmControlPlaneTemplate: [
    {
      reason: 'a strategy block without limits still is a RollingUpdate',
      adjust: [/rolloutStrategy$/, (v) => (isObject(v) ? { type: 'RollingUpdate', ...v } : v)],
    },
  ],
};

/** Options that keep the tolerated losses of a kind out of generated v1beta1 objects; empty blocks, lists and strings too, as v1beta2 has none. */
export function withoutLosses(kindName: string, root: 'spec' | 'status'): ArbitraryOptions {
  const losses = [...COMMON, ...(BY_KIND[kindName] ?? [])];
  const full = (path: string): string => (path === '' ? root : `${root}.${path}`);
  return {
    noEmpty: true,
    omit: (path) => losses.some(({ omit }) => omit?.test(full(path))),
    require: (path) => losses.some(({ require }) => require?.test(full(path))),
    at: (path) => losses.findLast(({ at }) => at?.[0].test(full(path)))?.at?.[1],
    adjust: (path) => {
      const found = losses.filter(({ adjust }) => adjust?.[0].test(full(path)));
      return found.length === 0 ? undefined : (value) => found.reduce((v, { adjust }) => adjust?.[1](v), value);
    },
  };
}
