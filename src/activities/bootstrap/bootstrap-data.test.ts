import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { parse, parseAllDocuments } from 'yaml';
import { FakeKube } from '../../../test/helpers/fake-kube.js';
import { aCluster, aControlPlane, aKubeadmConfig, aMachine } from '../../../test/helpers/fake-objects.js';
import type { Cluster, KubeadmConfig, KubeadmConfigSpec, KubeadmControlPlane, Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import { PerdureError } from '../../domain/errors.js';
import type { KubeClient } from '../../kube/client.js';
import {
  type BootstrapDeps,
  ensureBootstrapData,
  ensureCertificates,
  ensureKubeconfig,
  keepBootstrapToken,
} from './index.js';
import { type Secret, secretText } from './secrets.js';

const NOW = '2026-01-02T03:04:05Z';
const ECDSA = { clusterConfiguration: { encryptionAlgorithm: 'ECDSA-P256' as const } };
const initialized = { initialization: { infrastructureProvisioned: true, controlPlaneInitialized: true } };

interface World {
  readonly kube: FakeKube;
  readonly workload: FakeKube;
  readonly deps: BootstrapDeps;
  readonly cluster: Cluster;
  add(
    name: string,
    role: 'control-plane' | 'worker',
    spec?: KubeadmConfigSpec,
  ): { machine: Machine; config: KubeadmConfig };
  bootstrap(name: string): ReturnType<typeof ensureBootstrapData>;
  secret(name: string): string;
  config(name: string): KubeadmConfig | undefined;
}

async function aWorld(
  options: { cluster?: Parameters<typeof aCluster>[0]; certificates?: boolean } = {},
): Promise<World> {
  const kube = new FakeKube();
  const workload = new FakeKube();
  const signal = new AbortController().signal;
  const deps: BootstrapDeps = {
    kube,
    workload: () => Promise.resolve(workload as unknown as KubeClient),
    now: () => NOW,
    scope: () => ({ signal, heartbeat: () => {} }),
  };
  const cluster = kube.put(aCluster(options.cluster));
  const controlPlane = kube.put(aControlPlane(cluster, { kubeadmConfigSpec: ECDSA }));
  if (options.certificates !== false) await ensureCertificates(deps, { cluster, controlPlane, initialized: false });
  const config = (name: string) => kube.peek<KubeadmConfig>(KINDS.KubeadmConfig, { namespace: 'default', name });
  return {
    kube,
    workload,
    deps,
    cluster,
    config,
    add(name, role, spec = {}) {
      const machine = kube.put(aMachine(cluster, { name, ...(role === 'control-plane' ? { controlPlane } : {}) }));
      return { machine, config: kube.put(aKubeadmConfig(machine, spec)) };
    },
    async bootstrap(name) {
      const machine = kube.peek<Machine>(KINDS.Machine, { namespace: 'default', name });
      const found = config(name);
      const current = kube.peek<Cluster>(KINDS.Cluster, cluster.metadata);
      if (!machine || !found || !current) throw new Error(`no machine ${name}`);
      return await ensureBootstrapData(deps, { cluster: current, machine, config: found });
    },
    secret(name) {
      const secret = kube.peek<Secret>(KINDS.Secret, { namespace: 'default', name });
      return secret ? (secretText(secret, 'value') ?? '') : '';
    },
  };
}

function files(userData: string): Map<string, { content: string; owner: string; permissions: string }> {
  const list = (
    parse(userData) as { write_files: { path: string; content: string; owner: string; permissions: string }[] }
  ).write_files;
  return new Map(list.map((file) => [file.path, file]));
}

const conditions = (config: KubeadmConfig | undefined) =>
  Object.fromEntries(
    (config?.status?.conditions ?? []).map((c) => [
      c.type,
      `${c.status} ${c.reason}${c.message ? `: ${c.message}` : ''}`,
    ]),
  );
const v1beta1 = (config: KubeadmConfig | undefined) =>
  Object.fromEntries(
    (config?.status?.deprecated?.v1beta1?.conditions ?? []).map((c) => [
      c.type,
      `${c.status} ${c.reason ?? ''}`.trim(),
    ]),
  );

describe('the first control plane machine', () => {
  test('gets kubeadm init with the certificates, and the config tells', async () => {
    const world = await aWorld();
    const { config } = world.add('cp-1', 'control-plane', ECDSA);
    const result = await world.bootstrap('cp-1');

    const data = world.secret('cp-1');
    expect(result).toEqual({ dataSecretName: 'cp-1', sha256: createHash('sha256').update(data).digest('hex') });
    expect(data.startsWith('## template: jinja\n#cloud-config\n')).toBe(true);
    const written = files(data);
    expect([...written.keys()]).toEqual([
      '/etc/kubernetes/pki/ca.crt',
      '/etc/kubernetes/pki/ca.key',
      '/etc/kubernetes/pki/etcd/ca.crt',
      '/etc/kubernetes/pki/etcd/ca.key',
      '/etc/kubernetes/pki/front-proxy-ca.crt',
      '/etc/kubernetes/pki/front-proxy-ca.key',
      '/etc/kubernetes/pki/sa.pub',
      '/etc/kubernetes/pki/sa.key',
      '/run/kubeadm/kubeadm.yaml',
      '/run/cluster-api/placeholder',
    ]);
    expect(written.get('/etc/kubernetes/pki/ca.key')).toMatchObject({ owner: 'root:root', permissions: '0600' });
    expect(written.get('/etc/kubernetes/pki/ca.crt')).toMatchObject({ owner: 'root:root', permissions: '0640' });
    const [clusterConfiguration, initConfiguration] = parseAllDocuments(
      written.get('/run/kubeadm/kubeadm.yaml')?.content ?? '',
    ).map((d) => d.toJS() as Record<string, unknown>);
    expect(clusterConfiguration).toMatchObject({
      apiVersion: 'kubeadm.k8s.io/v1beta4',
      kind: 'ClusterConfiguration',
      clusterName: 'demo',
      kubernetesVersion: 'v1.34.4',
      controlPlaneEndpoint: 'demo.example.test:6443',
      networking: { dnsDomain: 'cluster.local', podSubnet: '192.168.0.0/16', serviceSubnet: '10.96.0.0/12' },
    });
    expect(initConfiguration).toMatchObject({ kind: 'InitConfiguration', nodeRegistration: { taints: null } });
    expect((parse(data) as { runcmd: string[] }).runcmd).toEqual([
      'kubeadm init --config /run/kubeadm/kubeadm.yaml && echo success > /run/cluster-api/bootstrap-success.complete',
    ]);

    const stored = world.kube.peek<Secret>(KINDS.Secret, { namespace: 'default', name: 'cp-1' });
    expect(stored).toMatchObject({
      type: 'cluster.x-k8s.io/secret',
      metadata: {
        labels: { 'cluster.x-k8s.io/cluster-name': 'demo' },
        ownerReferences: [{ kind: 'KubeadmConfig', name: 'cp-1', uid: config.metadata.uid, controller: true }],
      },
    });
    expect(stored && secretText(stored, 'format')).toBe('cloud-config');
    expect(world.config('cp-1')?.status).toMatchObject({
      dataSecretName: 'cp-1',
      initialization: { dataSecretCreated: true },
      observedGeneration: 1,
    });
    expect(conditions(world.config('cp-1'))).toEqual({
      CertificatesAvailable: 'True Available',
      DataSecretAvailable: 'True Available',
      Ready: 'True Ready',
    });
    expect(v1beta1(world.config('cp-1'))).toEqual({
      CertificatesAvailable: 'True',
      DataSecretAvailable: 'True',
      Ready: 'True',
    });
  });

  test('is never rendered again, and a second run writes nothing', async () => {
    const world = await aWorld();
    world.add('cp-1', 'control-plane', ECDSA);
    const first = await world.bootstrap('cp-1');
    world.kube.put({ ...(world.config('cp-1') as KubeadmConfig), spec: { verbosity: 9 } });
    await world.bootstrap('cp-1');
    const before = world.kube.writes().length;
    expect(await world.bootstrap('cp-1')).toEqual(first);
    expect(world.kube.writes()).toHaveLength(before);
  });

  test('a second control plane machine waits for the one that holds the lock', async () => {
    const world = await aWorld();
    world.add('cp-1', 'control-plane', ECDSA);
    world.add('cp-2', 'control-plane', ECDSA);
    await world.bootstrap('cp-1');
    await expect(world.bootstrap('cp-2')).rejects.toMatchObject({
      type: 'NotYet',
      message: 'waiting for machine cp-1 to initialize the control plane',
    });
    expect(conditions(world.config('cp-2'))['DataSecretAvailable']).toBe(
      'False NotAvailable: waiting for machine cp-1 to initialize the control plane',
    );
    expect(world.secret('cp-2')).toBe('');
  });

  test('takes over when the holder of the lock is gone', async () => {
    const world = await aWorld();
    world.add('cp-1', 'control-plane', ECDSA);
    world.add('cp-2', 'control-plane', ECDSA);
    await world.bootstrap('cp-1');
    world.kube.remove(KINDS.Machine, { namespace: 'default', name: 'cp-1' });
    await expect(world.bootstrap('cp-2')).rejects.toMatchObject({ type: 'NotYet' });
    await expect(world.bootstrap('cp-2')).resolves.toMatchObject({ dataSecretName: 'cp-2' });
  });

  test('one that cannot be rendered frees the lock for another', async () => {
    const world = await aWorld();
    world.add('cp-1', 'control-plane', {
      ...ECDSA,
      files: [{ path: '/x', contentFrom: { secret: { name: 'absent', key: 'k' } } }],
    });
    world.add('cp-2', 'control-plane', ECDSA);
    await expect(world.bootstrap('cp-1')).rejects.toMatchObject({ type: 'NotFound' });
    await expect(world.bootstrap('cp-2')).resolves.toMatchObject({ dataSecretName: 'cp-2' });
  });

  test('a failing API server does not free the lock', async () => {
    const world = await aWorld();
    world.add('cp-1', 'control-plane', ECDSA);
    world.add('cp-2', 'control-plane', ECDSA);
    world.kube.failNext(
      { verb: 'create', kind: 'Secret', name: 'cp-1' },
      new PerdureError('Transient', 'API server answered 503'),
    );
    await expect(world.bootstrap('cp-1')).rejects.toMatchObject({ type: 'Transient' });
    await expect(world.bootstrap('cp-2')).rejects.toMatchObject({ type: 'NotYet' });
  });

  test('waits for the certificates of its control plane object', async () => {
    const world = await aWorld({ certificates: false });
    world.add('cp-1', 'control-plane');
    await expect(world.bootstrap('cp-1')).rejects.toMatchObject({
      type: 'NotYet',
      message: expect.stringMatching(/secret default\/demo-/),
    });
  });

  test('makes the certificates itself when there is no control plane object', async () => {
    const { controlPlaneRef: _none, ...spec } = aCluster().spec;
    const world = await aWorld({ certificates: false, cluster: {} });
    world.kube.put({ ...world.cluster, spec });
    world.add('cp-1', 'control-plane', ECDSA);
    await world.bootstrap('cp-1');
    expect(
      world.kube.peek<Secret>(KINDS.Secret, { namespace: 'default', name: 'demo-ca' })?.metadata.ownerReferences?.[0]
        ?.kind,
    ).toBe('KubeadmConfig');
  });
});

describe('killed at any line', () => {
  test('a lost answer at every write still ends with one Secret and the right status', async () => {
    for (let lost = 1; ; lost++) {
      const world = await aWorld();
      world.add('cp-1', 'control-plane', ECDSA);
      let writes = 0;
      let struck = false;
      world.kube.after((call) => {
        if (!struck && ['create', 'apply', 'mergePatch', 'update', 'delete'].includes(call.verb) && ++writes === lost) {
          struck = true;
          throw new PerdureError('Transient', 'connection reset');
        }
      });
      const first = await world.bootstrap('cp-1').then(
        () => 'done',
        () => 'lost',
      );
      const rendered = world.secret('cp-1');
      await world.bootstrap('cp-1');
      if (rendered !== '') expect(world.secret('cp-1')).toBe(rendered);
      expect(conditions(world.config('cp-1'))['Ready']).toBe('True Ready');
      expect(world.config('cp-1')?.status?.dataSecretName).toBe('cp-1');
      if (first === 'done') {
        expect(lost).toBeGreaterThan(2);
        return;
      }
    }
  });

  test('a status lost in a move is restored from the machine', async () => {
    const world = await aWorld();
    world.add('cp-1', 'control-plane', ECDSA);
    await world.bootstrap('cp-1');
    const { status: _lost, ...config } = world.config('cp-1') as KubeadmConfig;
    const moved = world.kube.put({ ...config, metadata: { ...config.metadata, uid: 'after-the-move' } });
    const machine = world.kube.peek<Machine>(KINDS.Machine, { namespace: 'default', name: 'cp-1' }) as Machine;
    world.kube.put({
      ...machine,
      spec: { ...machine.spec, bootstrap: { ...machine.spec.bootstrap, dataSecretName: 'cp-1' } },
    });
    const before = world.secret('cp-1');
    await world.bootstrap('cp-1');
    expect(world.secret('cp-1')).toBe(before);
    expect(world.config('cp-1')?.status?.dataSecretName).toBe('cp-1');
    expect(world.kube.peek(KINDS.Secret, { namespace: 'default', name: 'cp-1' })?.metadata.ownerReferences).toEqual([
      expect.objectContaining({ kind: 'KubeadmConfig', uid: moved.metadata.uid, controller: true }),
    ]);
  });

  test('the leftover of a former config of that name is replaced, not reused', async () => {
    const world = await aWorld();
    world.add('cp-1', 'control-plane', ECDSA);
    await world.bootstrap('cp-1');
    const old = world.secret('cp-1');
    world.kube.remove(KINDS.KubeadmConfig, { namespace: 'default', name: 'cp-1' });
    const { config } = world.add('cp-1', 'control-plane', { ...ECDSA, verbosity: 3 });
    await world.bootstrap('cp-1');
    expect(world.secret('cp-1')).not.toBe(old);
    expect(
      world.kube.peek(KINDS.Secret, { namespace: 'default', name: 'cp-1' })?.metadata.ownerReferences,
    ).toMatchObject([{ uid: config.metadata.uid }]);
  });

  test("somebody else's Secret of that name is refused", async () => {
    const world = await aWorld();
    world.add('cp-1', 'control-plane', ECDSA);
    world.kube.put({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'cp-1', namespace: 'default' },
      data: { value: 'eA==' },
    } as Secret);
    await expect(world.bootstrap('cp-1')).rejects.toMatchObject({ type: 'OwnershipConflict' });
    expect(world.secret('cp-1')).toBe('x');
  });
});

describe('machines that join', () => {
  const join = (world: World, name: string) =>
    parse(files(world.secret(name)).get('/run/kubeadm/kubeadm-join-config.yaml')?.content ?? '') as Record<
      string,
      never
    >;

  test('a worker gets a token of the workload cluster, pins, endpoint and the uninitialized taint', async () => {
    const world = await aWorld({ cluster: { status: initialized } });
    world.add('w-1', 'worker');
    await world.bootstrap('w-1');
    const tokens = world.workload.all<Secret>(KINDS.Secret);
    expect(tokens).toHaveLength(1);
    const [token] = tokens as [Secret];
    expect(token).toMatchObject({ type: 'bootstrap.kubernetes.io/token', metadata: { namespace: 'kube-system' } });
    expect(secretText(token, 'expiration')).toBe('2026-01-02T03:19:05Z');
    expect(secretText(token, 'auth-extra-groups')).toBe('system:bootstrappers:kubeadm:default-node-token');
    expect(join(world, 'w-1')).toEqual({
      apiVersion: 'kubeadm.k8s.io/v1beta4',
      kind: 'JoinConfiguration',
      discovery: {
        bootstrapToken: {
          token: `${secretText(token, 'token-id')}.${secretText(token, 'token-secret')}`,
          apiServerEndpoint: 'demo.example.test:6443',
          caCertHashes: [expect.stringMatching(/^sha256:[0-9a-f]{64}$/)],
        },
      },
      nodeRegistration: { taints: [{ key: 'node.cluster.x-k8s.io/uninitialized', effect: 'NoSchedule' }] },
    });
    expect([...files(world.secret('w-1')).keys()]).toEqual([
      '/run/kubeadm/kubeadm-join-config.yaml',
      '/run/cluster-api/placeholder',
    ]);
    // The token stays out of the stored spec.
    expect(world.config('w-1')?.spec).toBeUndefined();
  });

  test('a control plane machine also gets the certificates, and the lock is freed', async () => {
    const world = await aWorld();
    world.add('cp-1', 'control-plane', ECDSA);
    world.add('cp-2', 'control-plane', ECDSA);
    await world.bootstrap('cp-1');
    expect(world.kube.all(KINDS.ConfigMap)).toHaveLength(1);
    world.kube.put({ ...world.cluster, status: initialized });
    await world.bootstrap('cp-2');
    expect(world.kube.all(KINDS.ConfigMap)).toHaveLength(0);
    expect([...files(world.secret('cp-2')).keys()]).toContain('/etc/kubernetes/pki/etcd/ca.key');
    expect(join(world, 'cp-2')).toMatchObject({
      controlPlane: { localAPIEndpoint: {} },
      nodeRegistration: { taints: null },
    });
  });

  test('an attempt that is run again makes no second token', async () => {
    const world = await aWorld({ cluster: { status: initialized } });
    world.add('w-1', 'worker');
    world.kube.failNext(
      { verb: 'create', kind: 'Secret', name: 'w-1' },
      new PerdureError('Transient', 'connection reset'),
      { times: 2 },
    );
    await expect(world.bootstrap('w-1')).rejects.toMatchObject({ type: 'Transient' });
    await expect(world.bootstrap('w-1')).rejects.toMatchObject({ type: 'Transient' });
    await world.bootstrap('w-1');
    expect(world.workload.all(KINDS.Secret)).toHaveLength(1);
  });

  test('its token is kept alive while the Node is awaited, but not one of an init or of the user', async () => {
    const world = await aWorld();
    const first = world.add('cp-1', 'control-plane', ECDSA);
    await world.bootstrap('cp-1');
    const cluster = world.kube.put({ ...world.cluster, status: initialized });
    const { machine } = world.add('w-1', 'worker');
    const given = world.add('w-2', 'worker', {
      joinConfiguration: { discovery: { bootstrapToken: { token: 'abcdef.0123456789abcdef' } } },
    });
    await world.bootstrap('w-1');
    await world.bootstrap('w-2');
    const later = { ...world.deps, now: () => '2026-01-02T03:14:05Z' };
    const keep = (m: Machine, name: string) =>
      keepBootstrapToken(later, { cluster, machine: m, config: world.config(name) as KubeadmConfig });
    expect(await keep(machine, 'w-1')).toBe(true);
    expect(await keep(machine, 'w-1')).toBe(false);
    expect(await keep(given.machine, 'w-2')).toBe(false);
    expect(secretText(world.workload.all<Secret>(KINDS.Secret)[0] as Secret, 'expiration')).toBe(
      '2026-01-02T03:29:05Z',
    );
    expect(
      await keepBootstrapToken(later, {
        cluster: world.cluster,
        machine: first.machine,
        config: world.config('cp-1') as KubeadmConfig,
      }),
    ).toBe(false);
  });

  test('discovery given by the user is respected', async () => {
    const world = await aWorld({ cluster: { status: initialized } });
    const bootstrapToken = {
      token: 'abcdef.0123456789abcdef',
      apiServerEndpoint: '10.0.0.1:6443',
      caCertHashes: ['sha256:00'],
    };
    world.add('w-1', 'worker', { joinConfiguration: { discovery: { bootstrapToken } } });
    world.add('w-2', 'worker', {
      joinConfiguration: { discovery: { file: { kubeConfigPath: '/etc/kubernetes/discovery.conf' } } },
    });
    await world.bootstrap('w-1');
    await world.bootstrap('w-2');
    expect(join(world, 'w-1')['discovery']).toEqual({ bootstrapToken });
    expect(join(world, 'w-2')['discovery']).toEqual({ file: { kubeConfigPath: '/etc/kubernetes/discovery.conf' } });
    expect(world.workload.all(KINDS.Secret)).toHaveLength(0);
  });

  test('a discovery file is written with endpoint and CA of the cluster', async () => {
    const world = await aWorld({ cluster: { status: initialized } });
    const user = { exec: { command: 'aws', args: ['eks'] } };
    world.add('w-1', 'worker', {
      joinConfiguration: { discovery: { file: { kubeConfigPath: '/etc/d.conf', kubeConfig: { user } } } },
    });
    await world.bootstrap('w-1');
    const file = files(world.secret('w-1')).get('/etc/d.conf');
    const kubeconfig = parse(file?.content ?? '') as {
      clusters: [{ cluster: Record<string, string> }];
      users: unknown;
    };
    expect(kubeconfig.clusters[0].cluster['server']).toBe('https://demo.example.test:6443');
    expect(
      Buffer.from(kubeconfig.clusters[0].cluster['certificate-authority-data'] ?? '', 'base64').toString(),
    ).toContain('BEGIN CERTIFICATE');
    expect(kubeconfig.users).toMatchObject([
      { user: { exec: { command: 'aws', apiVersion: 'client.authentication.k8s.io/v1', interactiveMode: 'Never' } } },
    ]);
    expect(file).toMatchObject({ permissions: '0640' });
  });

  test.each<[string, Parameters<typeof aCluster>[0], RegExp]>([
    ['the infrastructure', { status: {} }, /infrastructure of cluster default\/demo/],
    ['the control plane', {}, /control plane of cluster default\/demo to be initialized/],
    ['the endpoint', { status: initialized, spec: { controlPlaneEndpoint: {} } }, /spec\.controlPlaneEndpoint/],
  ])('a worker waits for %s and says so', async (_what, cluster, message) => {
    const world = await aWorld({
      cluster: { status: { initialization: { infrastructureProvisioned: true } }, ...cluster },
    });
    if (cluster?.status) world.kube.put({ ...world.cluster, status: cluster.status });
    world.add('w-1', 'worker');
    await expect(world.bootstrap('w-1')).rejects.toMatchObject({
      type: 'NotYet',
      message: expect.stringMatching(message),
    });
    expect(conditions(world.config('w-1'))['DataSecretAvailable']).toMatch(message);
    expect(v1beta1(world.config('w-1'))['Ready']).toMatch(/^False WaitingFor/);
  });

  test('a missing CA after initialization is an error that says what to do', async () => {
    const world = await aWorld({ cluster: { status: initialized } });
    world.add('w-1', 'worker');
    world.kube.remove(KINDS.Secret, { namespace: 'default', name: 'demo-ca' });
    await expect(world.bootstrap('w-1')).rejects.toMatchObject({
      type: 'NotFound',
      message: expect.stringMatching(/demo-ca \(cluster CA\) is missing; restore it/),
    });
    expect(conditions(world.config('w-1'))['CertificatesAvailable']).toMatch(/^Unknown InternalError/);
    expect(v1beta1(world.config('w-1'))['CertificatesAvailable']).toBe('False CertificatesCorrupted');
  });
});

describe('what the user got wrong', () => {
  const secret = (name: string, data: Record<string, string | Buffer>): Secret => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: 'default' },
    data: Object.fromEntries(Object.entries(data).map(([k, v]) => [k, Buffer.from(v).toString('base64')])),
  });

  test.each<[string, KubeadmConfigSpec, RegExp]>([
    [
      'a missing Secret',
      { files: [{ path: '/a', contentFrom: { secret: { name: 'absent', key: 'k' } } }] },
      /spec\.files\[0\]\.contentFrom\.secret\.name "absent": secret default\/absent does not exist; create it/,
    ],
    [
      'a missing key',
      { files: [{ path: '/a', contentFrom: { secret: { name: 'there', key: 'nope' } } }] },
      /spec\.files\[0\]\.contentFrom\.secret\.key "nope": secret default\/there has no such key/,
    ],
    [
      'a missing password',
      { users: [{ name: 'u', passwdFrom: { secret: { name: 'there', key: 'nope' } } }] },
      /spec\.users\[0\]\.passwdFrom\.secret\.key "nope"/,
    ],
    [
      'a worker as control plane',
      { joinConfiguration: { controlPlane: {} } },
      /spec\.joinConfiguration\.controlPlane is set, but machine default\/w-1 is a worker/,
    ],
    [
      'a template that cannot be evaluated',
      { files: [{ path: '/a', content: '{{ if .x }}', contentFormat: 'Template' }] },
      /spec\.files\[0\] \(\/a\): contentFormat Template/,
    ],
  ])('%s is named with its field and a remedy', async (what, spec, message) => {
    const world = await aWorld({ cluster: { status: initialized } });
    world.kube.put(secret('there', { k: 'v' }));
    world.add('w-1', 'worker', spec);
    await expect(world.bootstrap('w-1')).rejects.toMatchObject({
      // what is missing may come: it is looked for again
      type: what.startsWith('a missing') ? 'NotFound' : 'InvalidConfiguration',
      message: expect.stringMatching(message),
    });
    expect(conditions(world.config('w-1'))['DataSecretAvailable']).toMatch(message);
    expect(v1beta1(world.config('w-1'))['DataSecretAvailable']).toBe('False DataSecretGenerationFailed');
  });

  test('data beyond what a Secret holds names the largest file', async () => {
    const world = await aWorld({ cluster: { status: initialized } });
    world.kube.put(secret('big', { k: 'x'.repeat((1 << 20) + 1) }));
    world.add('w-1', 'worker', {
      files: [
        { path: '/small', content: 'x' },
        { path: '/big', contentFrom: { secret: { name: 'big', key: 'k' } } },
      ],
    });
    await expect(world.bootstrap('w-1')).rejects.toMatchObject({
      type: 'InvalidConfiguration',
      message: expect.stringMatching(
        /more than the 1048576 a Secret can hold; the largest part is spec\.files\[1\] \(\/big\) with 1048577 bytes/,
      ),
    });
    expect(world.secret('w-1')).toBe('');
  });

  test('contents, passwords and templates come from where they are kept', async () => {
    const world = await aWorld({ cluster: { status: initialized } });
    world.kube.put(secret('there', { text: 'hello', binary: Buffer.from([0, 255, 1]), hash: '$6$abc' }));
    world.add('w-1', 'worker', {
      files: [
        { path: '/text', contentFrom: { secret: { name: 'there', key: 'text' } } },
        { path: '/binary', contentFrom: { secret: { name: 'there', key: 'binary' } } },
        { path: '/template', content: 'version={{ .controlPlane.version }}', contentFormat: 'Template' },
      ],
      users: [{ name: 'admin', passwdFrom: { secret: { name: 'there', key: 'hash' } } }],
    });
    await world.bootstrap('w-1');
    const data = parse(world.secret('w-1')) as { write_files: unknown[]; users: unknown[] };
    expect(data.write_files.slice(0, 3)).toEqual([
      { path: '/text', content: 'hello\n' },
      { path: '/binary', content: 'AP8B', encoding: 'base64' },
      { path: '/template', content: 'version=v1.34.4\n' },
    ]);
    expect(data.users).toEqual([{ name: 'admin', passwd: '$6$abc' }]);
  });
});

test('the kubeconfig is signed by the CA that was made', async () => {
  const world = await aWorld();
  const controlPlane = world.kube.all<KubeadmControlPlane>(KINDS.KubeadmControlPlane)[0] as KubeadmControlPlane;
  expect(await ensureKubeconfig(world.deps, { cluster: world.cluster, controlPlane })).toMatchObject({
    secretName: 'demo-kubeconfig',
    action: 'created',
  });
});
