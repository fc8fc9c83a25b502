import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { KubeObject, OwnerReference } from '../api/types/meta.js';
import { ANNOTATION, FINALIZER } from '../domain/names.js';
import { isConverged } from './converged.js';
import { dependenciesOf, lanesOf, lanesOfRevision } from './dependencies.js';
import { hasLost } from './lost.js';
import { refKey, refOf } from './references.js';
import { priorityOf, signalFor } from './signal.js';
import { reasonFor, type Token, tokenFor } from './token.js';
import { childIntervalOf, isWaiting } from './waiting.js';
import { WorldIndex } from './world.js';

type Loose = KubeObject & { spec?: Record<string, unknown>; status?: Record<string, unknown> };
type Change = (object: Loose) => void;

function make(kind: string, name: string, spec: Record<string, unknown> = {}, owner?: Loose): Loose {
  const ownerReferences: OwnerReference[] = owner
    ? [
        {
          apiVersion: owner.apiVersion,
          kind: owner.kind,
          name: owner.metadata.name,
          uid: owner.metadata.uid ?? '',
          controller: true,
        },
      ]
    : [];
  const namespace = kind.endsWith('Identity') ? {} : { namespace: 'default' };
  const metadata = {
    ...namespace,
    name,
    uid: `${kind}-${name}`,
    generation: 1,
    labels: {},
    annotations: {},
    ownerReferences,
  };
  return { apiVersion: 'x/v1', kind, metadata, spec, status: {} };
}

const ref = (kind: string, name: string) => ({ apiGroup: 'x', kind, name });
const conditions = (...types: string[]) =>
  types.map((type) => ({ type, status: 'True', reason: 'R', message: '', lastTransitionTime: 't' }));

/** A converged cluster with one control plane machine and one worker, as after a quiet night. */
function demo(now = Date.now) {
  const cluster = make('Cluster', 'demo', {
    infrastructureRef: ref('AWSCluster', 'demo'),
    controlPlaneRef: ref('KubeadmControlPlane', 'demo-cp'),
    controlPlaneEndpoint: { host: 'lb', port: 6443 },
  });
  const identity = make('AWSClusterRoleIdentity', 'prod');
  const infra = make('AWSCluster', 'demo', { identityRef: { kind: 'AWSClusterRoleIdentity', name: 'prod' } }, cluster);
  const cp = make('KubeadmControlPlane', 'demo-cp', {
    replicas: 1,
    machineTemplate: { spec: { infrastructureRef: ref('AWSMachineTemplate', 'cp') } },
  });
  const template = make('AWSMachineTemplate', 'cp');
  const md = make('MachineDeployment', 'md', {
    clusterName: 'demo',
    replicas: 1,
    template: { spec: { bootstrap: { configRef: ref('KubeadmConfigTemplate', 'md') } } },
  });
  const ms = make('MachineSet', 'ms', { clusterName: 'demo', replicas: 1 }, md);
  const machine = (name: string, owner: Loose) =>
    make(
      'Machine',
      name,
      {
        clusterName: 'demo',
        infrastructureRef: ref('AWSMachine', name),
        bootstrap: { configRef: ref('KubeadmConfig', name) },
      },
      owner,
    );
  const cpMachine = machine('cp-1', cp);
  cpMachine.metadata.labels = { 'cluster.x-k8s.io/control-plane': '' };
  const worker = machine('w-1', ms);
  const awsMachine = make('AWSMachine', 'w-1', {}, worker);
  const config = make('KubeadmConfig', 'w-1', {}, worker);
  const secret = make('Secret', 'demo-ca');
  secret.metadata.labels = { 'cluster.x-k8s.io/cluster-name': 'demo' };
  const mhc = make('MachineHealthCheck', 'mhc', {
    clusterName: 'demo',
    selector: { matchLabels: { pool: 'blue' } },
    checks: { unhealthyMachineConditions: [{ type: 'Custom', status: 'False', timeoutSeconds: 60 }] },
  });
  worker.metadata.labels = { pool: 'blue' };
  const objects = {
    cluster,
    mhc,
    identity,
    infra,
    cp,
    template,
    kct: make('KubeadmConfigTemplate', 'md'),
    md,
    ms,
    cpMachine,
    worker,
    awsMachine,
    config,
    secret,
    awsCp: make('AWSMachine', 'cp-1', {}, cpMachine),
    kcCp: make('KubeadmConfig', 'cp-1', {}, cpMachine),
  };
  for (const o of [cp, md, ms])
    o.status = {
      observedGeneration: 1,
      replicas: 1,
      readyReplicas: 1,
      availableReplicas: 1,
      upToDateReplicas: 1,
      conditions: conditions('Available', 'MachinesReady'),
    };
  for (const o of [cluster, cpMachine, worker])
    o.status = { observedGeneration: 1, conditions: conditions('Available', 'Ready') };
  worker.status = {
    ...worker.status,
    conditions: conditions('Available', 'Ready', 'NodeHealthy', 'HealthCheckSucceeded'),
  };
  mhc.status = {
    observedGeneration: 1,
    expectedMachines: 1,
    currentHealthy: 1,
    targets: ['w-1'],
    conditions: conditions('RemediationAllowed'),
  };
  const world = new WorldIndex(now);
  for (const o of Object.values(objects)) world.put(o);
  return { ...objects, world };
}
type Demo = ReturnType<typeof demo>;
type Name = Exclude<keyof Demo, 'world'>;
const LANES: readonly Name[] = ['cluster', 'cp', 'md', 'ms', 'cpMachine', 'worker', 'mhc'];

function tokens(d: Demo): Map<Name, Token> {
  return new Map(LANES.map((name) => [name, tokenFor(d[name], dependenciesOf(d[name], d.world), false)]));
}

/** Names of the lanes whose token changes when `name` does, and what they would be told. */
function woken(name: Name, change: Change): Record<string, string> {
  const d = demo();
  const before = tokens(d);
  const copy = structuredClone(d[name]);
  change(copy);
  // An object whose labels or owners changed is looked at as it was, too.
  const formerly = lanesOf(d[name], d.world);
  d.world.put(copy);
  const changed = tokens({ ...d, [name]: copy });
  const lanes = new Set([...formerly, ...lanesOf(copy, d.world)].map(refKey));
  const result: Record<string, string> = {};
  for (const lane of LANES) {
    const [a, b] = [before.get(lane), changed.get(lane)];
    if (!a || !b || a.hash === b.hash) continue;
    // Whoever has a new token must also be looked at.
    expect(lanes).toContain(refKey(refOf(d[lane])));
    result[lane] = reasonFor(a, b);
  }
  return result;
}

describe('what wakes whom', () => {
  const status =
    (fields: Record<string, unknown>): Change =>
    (o) => {
      o.status = { ...o.status, ...fields };
    };
  test.each<[string, Name, Change, Record<string, string>]>([
    ['a new spec wakes its own lane', 'cluster', (o) => (o.metadata.generation = 2), { cluster: 'spec changed' }],
    [
      'a label wakes its own lane',
      'worker',
      (o) => (o.metadata.labels = { a: 'b' }),
      { worker: 'labels or annotations changed', mhc: 'Machine w-1 changed' },
    ],
    [
      'the retry annotation wakes its own lane',
      'worker',
      (o) => (o.metadata.annotations = { 'perdure.dev/retry': '2' }),
      { worker: 'labels or annotations changed' },
    ],
    [
      'our bookkeeping wakes nobody',
      'worker',
      (o) =>
        (o.metadata.annotations = {
          'perdure.dev/lane': 'x',
          'kubectl.kubernetes.io/last-applied-configuration': '{}',
          'machinedeployment.clusters.x-k8s.io/revision': '2',
        }),
      {},
    ],
    [
      'the label of its cluster wakes nobody',
      'cp',
      (o) => (o.metadata.labels = { 'cluster.x-k8s.io/cluster-name': 'demo' }),
      {},
    ],
    [
      'a finalizer and a version wake nobody',
      'worker',
      (o) => Object.assign(o.metadata, { finalizers: ['f'], resourceVersion: '9' }),
      {},
    ],
    ['own status wakes nobody', 'cluster', status({ phase: 'Provisioned', observedGeneration: 2 }), {}],
    [
      'a machine ready wakes its owner and its Cluster',
      'worker',
      status({ conditions: conditions('Ready', 'NodeHealthy', 'HealthCheckSucceeded') }),
      { ms: 'Machine w-1 changed', cluster: 'Machine w-1 changed' },
    ],
    [
      'a control plane machine wakes the control plane',
      'cpMachine',
      status({ nodeRef: { name: 'n' } }),
      { cp: 'Machine cp-1 changed', cluster: 'Machine cp-1 changed' },
    ],
    [
      'a MachineSet wakes its MachineDeployment only',
      'ms',
      status({ availableReplicas: 0 }),
      { md: 'MachineSet ms changed' },
    ],
    [
      'a MachineDeployment wakes its Cluster',
      'md',
      status({ replicas: 2 }),
      { cluster: 'MachineDeployment md changed' },
    ],
    [
      'a control plane wakes its Cluster',
      'cp',
      status({ initialization: { controlPlaneInitialized: true } }),
      { cluster: 'KubeadmControlPlane demo-cp changed' },
    ],
    [
      'another version of the control plane wakes the sets that it holds up',
      'cp',
      status({ version: 'v1.35.0' }),
      {
        cluster: 'KubeadmControlPlane demo-cp changed',
        ms: 'versions of the control plane changed',
      },
    ],
    [
      'a version of the topology wakes the sets that it holds up',
      'cluster',
      (o) => (o.spec = { ...o.spec, topology: { version: 'v1.35.0' } }),
      { ms: 'versions of the control plane changed' },
    ],
    [
      'a limit of replacements wakes the sets that go by it',
      'md',
      (o) => (o.spec = { ...o.spec, remediation: { maxInFlight: 2 } }),
      { ms: 'remediation of its deployment changed' },
    ],
    [
      'checks that a template spares its sets wake them',
      'kct',
      (o) => (o.metadata.annotations = { [ANNOTATION.skipPreflight]: 'All' }),
      { md: 'KubeadmConfigTemplate md changed' },
    ],
    ['bootstrap data wakes nobody: the operation follows it', 'config', status({ dataSecretName: 's' }), {}],
    [
      'the expiry of certificates wakes the Machine that shows it',
      'config',
      (o) => (o.metadata.annotations = { [ANNOTATION.certificatesExpiry]: '2027-01-01T00:00:00Z' }),
      { worker: 'KubeadmConfig w-1 changed' },
    ],
    [
      'a provider ID wakes nobody: it is filled in, not wished',
      'awsMachine',
      (o) => (o.spec = { providerID: 'aws:///a/i-1' }),
      {},
    ],
    ['addresses of an instance wake nobody', 'awsMachine', status({ addresses: [{}] }), {}],
    [
      'provisioned infrastructure wakes nobody: the operation follows it',
      'infra',
      status({ initialization: { provisioned: true } }),
      {},
    ],
    [
      'an identity wakes the Clusters that use it',
      'identity',
      (o) => (o.metadata.generation = 2),
      { cluster: 'AWSClusterRoleIdentity prod changed' },
    ],
    [
      'a template made anew wakes who uses it',
      'template',
      (o) => (o.metadata.uid = 'new'),
      { cp: 'AWSMachineTemplate cp changed' },
    ],
    [
      'a certificate wakes the control plane',
      'secret',
      (o) => (o.metadata.uid = 'new'),
      { cp: 'Secret demo-ca changed' },
    ],
  ])('%s', (_, name, change, expected) => {
    expect(woken(name, change)).toEqual(expected);
  });

  describe('of a health check', () => {
    const fine = conditions('Available', 'Ready', 'NodeHealthy', 'HealthCheckSucceeded');
    const but = (type: string, to: string, time = 't'): Change =>
      status({
        conditions: [
          ...fine.filter((c) => c.type !== type),
          { type, status: to, reason: 'R', message: '', lastTransitionTime: time },
        ],
      });
    const note =
      (name: string): Change =>
      (o) =>
        (o.metadata.annotations = { [name]: '' });
    const machine = 'Machine w-1 changed';

    test.each<[string, Name, Change, string | undefined]>([
      ['the Node of a machine that is ill', 'worker', but('NodeHealthy', 'False'), machine],
      ['a machine that gets its Node', 'worker', status({ conditions: fine, nodeRef: { name: 'n' } }), machine],
      ['infrastructure of a machine', 'worker', but('InfrastructureReady', 'True'), machine],
      ['a condition of a machine that it looks at', 'worker', but('Custom', 'False'), machine],
      ['another one', 'worker', but('Other', 'False'), undefined],
      ['its own verdict', 'worker', but('HealthCheckSucceeded', 'False'), undefined],
      ['that it asked the owner', 'worker', but('OwnerRemediated', 'False'), undefined],
      ['an owner that is done', 'worker', but('OwnerRemediated', 'True'), machine],
      ['a person who wants the machine replaced', 'worker', note('cluster.x-k8s.io/remediate-machine'), machine],
      ['a person who wants it spared', 'worker', note('cluster.x-k8s.io/skip-remediation'), machine],
      ['a machine that goes', 'worker', (o) => (o.metadata.deletionTimestamp = 't'), machine],
      ['a machine it does not select', 'cpMachine', but('NodeHealthy', 'False'), undefined],
      ['the first control plane of its cluster', 'cluster', but('ControlPlaneInitialized', 'True'), 'Cluster changed'],
      ['infrastructure of its cluster', 'cluster', but('InfrastructureReady', 'True'), 'Cluster changed'],
      ['anything else of its cluster', 'cluster', but('WorkersAvailable', 'True'), undefined],
      ['its own numbers', 'mhc', status({ currentHealthy: 0 }), undefined],
      ['its spec', 'mhc', (o) => (o.metadata.generation = 2), 'spec changed'],
    ])('%s', (_, name, change, reason) => {
      expect(woken(name, change)['mhc']).toBe(reason);
    });

    test('a condition that came, went and came again meanwhile', () => {
      const d = demo();
      const look = (time: string): string => {
        const worker = structuredClone(d.worker);
        but('Custom', 'False', time)(worker);
        d.world.put(worker);
        return tokenFor(d.mhc, dependenciesOf(d.mhc, d.world), false).hash;
      };
      expect(look('t1')).not.toBe(look('t2'));
    });
  });

  test('an initialised control plane and provisioned infrastructure of the Cluster wake all that wait for it', () => {
    const change = status({ initialization: { controlPlaneInitialized: true, infrastructureProvisioned: true } });
    const lanes = woken('cluster', change);
    expect(Object.keys(lanes)).toEqual(['cp', 'cpMachine', 'worker']);
    expect(new Set(Object.values(lanes))).toEqual(new Set(['Cluster changed']));
  });

  test('a vanished object wakes who depended on it', () => {
    const d = demo();
    const before = tokens(d);
    const lanes = lanesOf(d.worker, d.world).map(refKey);
    d.world.remove(d.worker);
    const changed = LANES.filter((lane) => lane !== 'worker' && before.get(lane)?.hash !== tokens(d).get(lane)?.hash);
    expect(changed).toEqual(['cluster', 'ms', 'mhc']);
    for (const lane of changed) expect(lanes).toContain(refKey(refOf(d[lane])));
  });

  test('workers that go wake a control plane that waits for them to be deleted', () => {
    const d = demo();
    const cp = structuredClone(d.cp);
    cp.metadata.deletionTimestamp = 't';
    d.world.put(cp);
    const before = tokenFor(cp, dependenciesOf(cp, d.world), false);
    expect(lanesOf(d.worker, d.world).map(refKey)).toContain(refKey(refOf(cp)));
    d.world.remove(d.worker);
    expect(reasonFor(before, tokenFor(cp, dependenciesOf(cp, d.world), false))).toBe('workers changed');
  });

  test('another revision of a set or deployment has the Nodes of their machines looked at, nothing else has', () => {
    const d = demo();
    const looks = (name: Name, change: Change): string[] => {
      const after = structuredClone(d[name]);
      change(after);
      return lanesOfRevision(d[name], after, d.world).map(refKey);
    };
    const revised: Change = (o) => (o.metadata.annotations = { [ANNOTATION.revision]: '2' });
    expect(looks('md', revised)).toEqual(['Machine/default/w-1']);
    expect(looks('ms', revised)).toEqual(['Machine/default/w-1']);
    expect(looks('cp', revised)).toEqual([]);
    expect(looks('md', status({ replicas: 2 }))).toEqual([]);
  });

  test('an object that nobody owns yet is found by the reference to it', () => {
    const d = demo();
    const infra = { ...d.infra, metadata: { ...d.infra.metadata, ownerReferences: [] } };
    expect(lanesOf(infra, d.world).map(refKey)).toEqual(['Cluster/default/demo']);
  });

  test('any change of any object reaches every lane whose token it changes', () => {
    const names = Object.keys(demo()).filter((key): key is Name => key !== 'world');
    const anyChange = fc.record({
      generation: fc.integer({ min: 1, max: 3 }),
      deletionTimestamp: fc.option(fc.constant('t'), { nil: undefined }),
      uid: fc.constantFrom('u1', 'u2'),
      replicas: fc.integer({ min: 0, max: 2 }),
      provisioned: fc.boolean(),
      phase: fc.constantFrom('A', 'B'),
      paused: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.constantFrom(...names), anyChange, (name, c) => {
        woken(name, (o) => {
          Object.assign(o.metadata, { generation: c.generation, deletionTimestamp: c.deletionTimestamp });
          if (!LANES.includes(name)) o.metadata.uid = c.uid;
          o.spec = { ...o.spec, paused: c.paused };
          o.status = {
            ...o.status,
            phase: c.phase,
            replicas: c.replicas,
            initialization: { provisioned: c.provisioned, infrastructureProvisioned: c.provisioned },
          };
        });
      }),
    );
  });
});

describe('paused', () => {
  test('one token for as long as it lasts, deletion included', () => {
    const d = demo();
    const paused = tokenFor(d.worker, dependenciesOf(d.worker, d.world), true);
    const later = structuredClone(d.worker);
    Object.assign(later.metadata, { generation: 5, deletionTimestamp: 't', labels: { a: 'b' } });
    d.world.remove(d.awsMachine);
    expect(tokenFor(later, dependenciesOf(later, d.world), true).hash).toBe(paused.hash);
    const running = tokenFor(d.worker, dependenciesOf(d.worker, d.world), false);
    expect(running.hash).not.toBe(paused.hash);
    expect(reasonFor(running, paused)).toBe('paused');
    expect(reasonFor(paused, running)).toBe('resumed');
  });
});

describe('converged', () => {
  const check = (name: Name, change: Change, paused = false): boolean => {
    const d = demo();
    const copy = structuredClone(d[name]);
    change(copy);
    d.world.put(copy);
    return isConverged(copy, d.world, paused);
  };

  test.each(LANES)('a quiet %s needs no signal', (name) => {
    expect(check(name, () => undefined)).toBe(true);
  });

  test.each<[string, Name, Change]>([
    ['a spec not yet acted on', 'cluster', (o) => (o.metadata.generation = 2)],
    ['a deletion', 'worker', (o) => (o.metadata.deletionTimestamp = 't')],
    ['a missing condition', 'worker', (o) => (o.status = { observedGeneration: 1, conditions: conditions('Ready') })],
    ['a recorded failure', 'worker', (o) => (o.metadata.annotations = { 'perdure.dev/last-failure': 'x' })],
    ['a machine that was not healthy', 'mhc', (o) => Object.assign(o.status ?? {}, { currentHealthy: 0 })],
    ['a machine it did not know', 'mhc', (o) => Object.assign(o.status ?? {}, { targets: ['w-0'] })],
    ['remediation that is not allowed', 'mhc', (o) => Object.assign(o.status ?? {}, { conditions: [] })],
    [
      'a rollout that the clock begins',
      'md',
      (o) => Object.assign(o.spec ?? {}, { rollout: { after: '2999-01-01T00:00:00Z' } }),
    ],
    ['counters below the wish', 'ms', (o) => Object.assign(o.status ?? {}, { readyReplicas: 0 })],
    [
      'a status that still says paused',
      'md',
      (o) => (o.status = { ...o.status, conditions: conditions('Available', 'Paused') }),
    ],
  ])('%s needs a signal', (_, name, change) => {
    expect(check(name, change)).toBe(false);
  });

  test('a machine fewer than the status says needs a signal', () => {
    const d = demo();
    d.world.remove(d.worker);
    expect(isConverged(d.ms, d.world, false)).toBe(false);
  });

  test('a Node that has become ill since needs a signal', () => {
    const d = demo();
    const worker = structuredClone(d.worker);
    worker.status = { ...worker.status, conditions: conditions('Ready', 'HealthCheckSucceeded') };
    d.world.put(worker);
    expect(isConverged(d.mhc, d.world, false)).toBe(false);
  });

  test('infrastructure changed since it was last acted on needs a signal', () => {
    const d = demo();
    d.world.put({
      ...d.infra,
      metadata: { ...d.infra.metadata, generation: 2, annotations: { 'perdure.dev/applied-generation': '1' } },
    });
    expect(isConverged(d.cluster, d.world, false)).toBe(false);
  });

  test('a kubeconfig that is due for renewal wakes the control plane, once', () => {
    let now = Date.parse('2026-01-01T00:00:00Z');
    const d = demo(() => now);
    const metadata = {
      ...d.secret.metadata,
      name: 'demo-kubeconfig',
      uid: 'k',
      annotations: { 'perdure.dev/renew-after': '2026-07-01T00:00:00Z' },
    };
    d.world.put({ ...d.secret, metadata });
    const token = () => tokenFor(d.cp, dependenciesOf(d.cp, d.world), false);
    const before = token();
    expect(isConverged(d.cp, d.world, false)).toBe(true);
    now = Date.parse('2026-07-01T00:00:01Z');
    expect(token().hash).not.toBe(before.hash);
    expect(isConverged(d.cp, d.world, false)).toBe(false);
    expect(token().hash).toBe(token().hash);
  });

  test('a machine that the clock makes outdated wakes the control plane, once', () => {
    let now = Date.parse('2026-01-01T00:00:00Z');
    const d = demo(() => now);
    const metadata = { ...d.cp.metadata, annotations: { 'perdure.dev/renew-after': '2026-07-01T00:00:00Z' } };
    const cp = { ...d.cp, metadata };
    d.world.put(cp);
    const token = () => tokenFor(cp, dependenciesOf(cp, d.world), false);
    const before = token();
    expect(isConverged(cp, d.world, false)).toBe(true);
    now = Date.parse('2026-07-01T00:00:01Z');
    expect(reasonFor(before, token())).toBe('time changed');
    expect(isConverged(cp, d.world, false)).toBe(false);
  });

  test('a paused object is done when its status says so', () => {
    expect(check('md', () => undefined, true)).toBe(false);
    expect(check('md', (o) => (o.status = { conditions: conditions('Paused') }), true)).toBe(true);
  });
});

describe('waiting', () => {
  const finalizers = [FINALIZER.Machine];
  const setUp = (change: Change = () => undefined, early = false) => {
    const d = demo();
    const worker = structuredClone(d.worker);
    worker.metadata.finalizers = finalizers;
    worker.spec = { ...worker.spec, providerID: undefined };
    change(worker);
    d.world.put(worker);
    const status = { initialization: { infrastructureProvisioned: true, controlPlaneInitialized: early } };
    const cluster: Loose = { ...d.cluster, status };
    d.world.put(cluster);
    return isWaiting(worker, d.world, false);
  };

  test('a new worker of a cluster without control plane needs no signal; once that is there it does', () => {
    expect(setUp()).toBe(true);
    expect(setUp(undefined, true)).toBe(false);
  });

  test.each<[string, Change]>([
    ['made by hand', (o) => (o.metadata.ownerReferences = [])],
    ['not assessed by its set', (o) => (o.metadata.finalizers = [])],
    ['deleted', (o) => (o.metadata.deletionTimestamp = 't')],
    ['failed', (o) => (o.metadata.annotations = { 'perdure.dev/last-failure': 'x' })],
    ['to be tried again', (o) => (o.metadata.annotations = { 'perdure.dev/retry': '1' })],
    ['provisioned before', (o) => (o.spec = { ...o.spec, providerID: 'x' })],
    ['with bootstrap data of its own', (o) => (o.spec = { ...o.spec, bootstrap: { dataSecretName: 'x' } })],
    ['of a cluster that is not there', (o) => (o.spec = { ...o.spec, clusterName: 'other' })],
  ])('a machine %s needs one', (_, change) => {
    expect(setUp(change)).toBe(false);
  });

  test.each<[string, Change, number]>([
    ['is created', () => undefined, 60],
    ['failed', (o) => (o.metadata.annotations = { 'perdure.dev/last-failure': 'x' }), 15],
    ['was created once', (o) => (o.metadata.annotations = { 'perdure.dev/available-since': 't' }), 15],
    ['is deleted', (o) => (o.metadata.deletionTimestamp = 't'), 15],
  ])('a cluster that %s may lag behind what is below it', (_, change, seconds) => {
    const { cluster } = demo();
    change(cluster);
    expect(childIntervalOf(cluster, { Cluster: 15_000 })).toBe(seconds * 1_000);
  });
});

describe('what somebody took away', () => {
  const owned = (...owners: readonly (readonly [uid: string, controller: boolean])[]): KubeObject => ({
    apiVersion: 'x/v1',
    kind: 'Machine',
    metadata: {
      name: 'm',
      uid: 'm',
      ownerReferences: owners.map(([uid, controller]) => ({
        apiVersion: 'x/v1',
        kind: 'K',
        name: uid,
        uid,
        controller,
      })),
    },
  });
  const having = (metadata: Partial<KubeObject['metadata']>): KubeObject => ({
    ...owned(),
    metadata: { name: 'm', uid: 'm', ...metadata },
  });
  const label = (value: string) => ({ labels: { 'cluster.x-k8s.io/cluster-name': value } });

  test.each<[string, KubeObject, KubeObject, boolean]>([
    ['the owner', owned(['a', false]), owned(), true],
    ['the controller', owned(['a', true]), owned(), true],
    ['that it is the controller', owned(['a', true]), owned(['a', false]), true],
    ['one owner of two', owned(['a', false], ['b', false]), owned(['b', false]), true],
    ['nothing, when a controller takes over', owned(['a', false]), owned(['b', true]), false],
    ['nothing, when another controller does', owned(['a', true]), owned(['b', true]), false],
    ['nothing, when an owner comes', owned(), owned(['a', false]), false],
    ['our finalizer', having({ finalizers: [FINALIZER.Machine] }), having({ finalizers: ['other'] }), true],
    ['the finalizer of somebody else', having({ finalizers: ['other'] }), having({}), false],
    ['the label', having(label('a')), having(label('b')), true],
    ['nothing from what goes', having(label('a')), having({ deletionTimestamp: 't' }), false],
    ['nothing from its successor', having(label('a')), having({ uid: 'younger' }), false],
  ])('%s', (_, before, after, lost) => {
    expect(hasLost(before, after)).toBe(lost);
  });

  test('from bootstrap data is restored by the Machine', () => {
    const d = demo();
    const data = make('Secret', 'w-1', {}, d.config);
    expect(lanesOf(data, d.world).map(refKey)).toEqual(['Machine/default/w-1']);
  });
});

describe('the signal', () => {
  test('names lane, change, cluster, provider and priority', () => {
    const d = demo();
    expect(signalFor(d.worker, d.world, 'why')).toEqual({
      workflowType: 'machineLane',
      workflowId: 'machine/default/w-1/Machine-w-1',
      input: { key: { kind: 'Machine', namespace: 'default', name: 'w-1', uid: 'Machine-w-1' } },
      change: { generation: 1, deleting: false, reason: 'why' },
      summary: 'Machine default/w-1',
      details: '`kubectl -n default describe machines.cluster.x-k8s.io w-1`\n\nopened because: why',
      memo: { apiVersion: 'x/v1', kind: 'Machine', namespace: 'default', name: 'w-1', uid: 'Machine-w-1' },
      attributes: {
        PerdureCluster: 'default/demo',
        PerdureKind: 'Machine',
        PerdureObject: 'default/w-1',
        PerdureProvider: 'aws',
      },
      priority: 3,
      fairnessKey: 'default/demo',
    });
    expect(signalFor(d.cp, d.world, 'why').attributes['PerdureCluster']).toBe('default/demo');
  });

  test('puts deletions before the control plane and that before workers', () => {
    const d = demo();
    expect([d.cluster, d.cp, d.cpMachine, d.worker].map(priorityOf)).toEqual([2, 2, 2, 3]);
    expect(priorityOf({ ...d.worker, metadata: { ...d.worker.metadata, deletionTimestamp: 't' } })).toBe(1);
  });
});

test('the index forgets old owners, clusters and references of an object', () => {
  const d = demo();
  const moved = structuredClone(d.worker);
  moved.metadata.ownerReferences = [];
  moved.spec = { clusterName: 'other' };
  d.world.put(moved);
  expect(d.world.ownedBy(d.ms.metadata.uid)).toEqual([]);
  expect(d.world.inCluster('default', 'demo')).not.toContain(d.worker);
  expect(d.world.inCluster('default', 'other')).toEqual([moved]);
  expect(d.world.referrers(refOf(d.awsMachine))).toEqual([]);
  d.world.remove({ ...moved, metadata: { ...moved.metadata, uid: 'an older one' } });
  expect(d.world.get(refOf(moved))).toBe(moved);
});
