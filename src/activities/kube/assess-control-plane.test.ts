import { describe, expect, test } from '@jest/globals';
import {
  type ActivityWorld,
  activityWorld,
  keyOf,
  killedAfterEachWrite,
  NOW,
  snapshot,
  writesOf,
} from '../../../test/helpers/activity-world.js';
import { aCluster, aControlPlane, aMachine } from '../../../test/helpers/fake-objects.js';
import { anInfraCluster, infraRef, theTemplates } from '../../../test/helpers/fake-owners.js';
import { verdicts } from '../../../test/helpers/status-checks.js';
import type { Cluster, KubeadmControlPlane, Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject } from '../../api/types/meta.js';
import { ownerReference } from '../../domain/contract.js';
import { ANNOTATION, FINALIZER } from '../../domain/names.js';
import { assessControlPlane } from './assess-control-plane.js';

const external = { endpoints: ['https://e:2379'], caFile: 'a', certFile: 'b', keyFile: 'c' };
const cluster: Cluster = {
  ...aCluster({ spec: { infrastructureRef: infraRef('AWSCluster', 'demo') } }),
  status: {
    initialization: { infrastructureProvisioned: true },
    failureDomains: [{ name: 'b', controlPlane: true }, { name: 'a' }],
  },
};
/** Etcd is external: asking it takes a real one, which the tests of the workload room do. */
const controlPlane = aControlPlane(cluster, {
  replicas: 1,
  kubeadmConfigSpec: { clusterConfiguration: { encryptionAlgorithm: 'ECDSA-P256', etcd: { external } } },
});
const key = keyOf(controlPlane);
const machine: Machine = {
  ...aMachine(cluster, { name: 'cp1', controlPlane, spec: { providerID: 'fake:///1' } }),
  status: { nodeRef: { name: 'node-1' }, conditions: [] },
};
const secret = (purpose: string, data: Record<string, string>): KubeObject =>
  ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `demo-${purpose}`, namespace: 'default' },
    type: 'cluster.x-k8s.io/secret',
    data: Object.fromEntries(Object.entries(data).map(([k, v]) => [k, Buffer.from(v).toString('base64')])),
  }) as KubeObject;
const templates = theTemplates(cluster);
const stored = (world: ActivityWorld) =>
  world.kube.peek<KubeadmControlPlane>(KINDS.KubeadmControlPlane, controlPlane.metadata) as KubeadmControlPlane;
const secretsOf = (world: ActivityWorld): string[] =>
  world.kube
    .all(KINDS.Secret)
    .map((s) => s.metadata.name)
    .sort();

/** The cluster's certificates and kubeconfig, made once for all tests, and what the user brings to reach the external etcd. */
async function theSecrets(): Promise<KubeObject[]> {
  const clusterConfiguration = { encryptionAlgorithm: 'ECDSA-P256' as const };
  const ownEtcd = { ...controlPlane, spec: { ...controlPlane.spec, kubeadmConfigSpec: { clusterConfiguration } } };
  const world = activityWorld({ objects: [cluster, ownEtcd] });
  await assessControlPlane(world.deps, key);
  const made = world.kube.all<KubeObject & { data: Record<string, string> }>(KINDS.Secret);
  const pair = made.find((s) => s.metadata.name === 'demo-ca')?.data ?? {};
  return [...made, { ...secret('apiserver-etcd-client', {}), data: pair } as KubeObject];
}
let secrets: Promise<KubeObject[]> | undefined;

async function settled(...more: KubeObject[]): Promise<ActivityWorld> {
  secrets ??= theSecrets();
  const objects = [cluster, controlPlane, anInfraCluster(cluster), ...templates, ...(await secrets), ...more];
  return activityWorld({ objects });
}

/** The workload cluster as kubeadm leaves it: its ConfigMap, a node, and running static pods. */
function initialized(world: ActivityWorld, without: readonly string[] = []): ActivityWorld {
  const put = (
    kind: string,
    name: string,
    rest: Record<string, unknown>,
    metadata: Record<string, unknown> = {},
  ): void => {
    world.workload.put({ apiVersion: 'v1', kind, metadata: { name, ...metadata }, ...rest } as KubeObject);
  };
  put('ConfigMap', 'kubeadm-config', {}, { namespace: 'kube-system' });
  const role = 'node-role.kubernetes.io/control-plane';
  const taints = [{ key: role, effect: 'NoSchedule' }];
  put(
    'Node',
    'node-1',
    { spec: { taints }, status: { conditions: [{ type: 'Ready', status: 'True' }] } },
    { labels: { [role]: '' } },
  );
  for (const component of ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'].filter(
    (c) => !without.includes(c),
  )) {
    const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
    put(
      'Pod',
      `${component}-node-1`,
      { status },
      { namespace: 'kube-system', labels: { tier: 'control-plane', component } },
    );
  }
  return world;
}

describe('a look at a control plane', () => {
  test('that is absent changes nothing', async () => {
    const world = activityWorld();
    await expect(assessControlPlane(world.deps, key)).resolves.toMatchObject({ exists: false, machines: [] });
    expect(world.kube.writes()).toEqual([]);
  });

  test('that is new makes certificates and kubeconfig, and tells where machines may go', async () => {
    const own = aControlPlane(cluster, {
      kubeadmConfigSpec: { clusterConfiguration: { encryptionAlgorithm: 'ECDSA-P256' } },
    });
    const world = activityWorld({ objects: [cluster, own, ...templates] });
    await expect(assessControlPlane(world.deps, keyOf(own))).resolves.toMatchObject({
      exists: true,
      desired: 1,
      machines: [],
      infrastructureProvisioned: true,
      endpoint: true,
      initialized: false,
      certificatesAvailable: true,
      failureDomains: ['b'],
      clusterDeleting: false,
      cluster: 'default/demo',
    });
    expect(secretsOf(world)).toEqual(['demo-ca', 'demo-etcd', 'demo-kubeconfig', 'demo-proxy', 'demo-sa']);
    const status = world.kube.peek<KubeadmControlPlane>(KINDS.KubeadmControlPlane, own.metadata);
    expect(status?.metadata.finalizers).toEqual([FINALIZER.KubeadmControlPlane]);
    expect(verdicts(status?.status)).toMatchObject({
      CertificatesAvailable: 'True Available',
      Available: 'False NotAvailable',
    });
    const template = world.kube.all().find((o) => o.kind === 'AWSMachineTemplate' && o.metadata.name === 'demo');
    expect(template?.metadata.ownerReferences).toEqual([ownerReference(cluster, { controller: false })]);
  });

  test('tells what certificate is missing, and goes on', async () => {
    const world = activityWorld({ objects: [cluster, controlPlane] });
    await expect(assessControlPlane(world.deps, key)).resolves.toMatchObject({ certificatesAvailable: false });
    expect(verdicts(stored(world).status)['CertificatesAvailable']).toBe('False NotAvailable');
  });

  test('finds out that it is initialized and how its machines are, and says so on them', async () => {
    const world = initialized(await settled(machine));
    await expect(assessControlPlane(world.deps, key)).resolves.toMatchObject({
      initialized: true,
      machines: [{ name: 'cp1', healthy: true, upToDate: true, hasNode: true }],
    });
    expect(verdicts(world.kube.peek<Machine>(KINDS.Machine, machine.metadata)?.status)).toMatchObject({
      APIServerPodHealthy: 'True Running',
      ControllerManagerPodHealthy: 'True Running',
      SchedulerPodHealthy: 'True Running',
      UpToDate: 'True UpToDate',
    });
    expect(verdicts(stored(world).status)).toMatchObject({
      Initialized: 'True Initialized',
      Available: 'True Available',
    });
  });

  test('finds a machine ill whose component does not run, and outdated of another version', async () => {
    const outdated = { ...machine, spec: { ...machine.spec, version: 'v1.33.0' } };
    const world = initialized(await settled(outdated), ['kube-scheduler']);
    await expect(assessControlPlane(world.deps, key)).resolves.toMatchObject({
      machines: [{ healthy: false, upToDate: false }],
    });
    expect(verdicts(stored(world).status)['Available']).toBe('False NotAvailable');
  });

  test('brings labels, time-outs and gates of the template to its machines, which stay up to date', async () => {
    const { machineTemplate } = controlPlane.spec;
    const changed: KubeadmControlPlane = {
      ...controlPlane,
      spec: {
        ...controlPlane.spec,
        machineTemplate: {
          metadata: { labels: { tier: 'gold' } },
          spec: {
            ...machineTemplate.spec,
            deletion: { nodeDrainTimeoutSeconds: 60 },
            readinessGates: [{ conditionType: 'Gate' }],
          },
        },
      },
    };
    const world = initialized(await settled(machine));
    world.kube.put(changed);
    await expect(assessControlPlane(world.deps, key)).resolves.toMatchObject({ machines: [{ upToDate: true }] });
    const synced = world.kube.peek<Machine>(KINDS.Machine, machine.metadata);
    expect(synced?.metadata.labels).toMatchObject({ tier: 'gold' });
    expect(synced?.spec.deletion).toEqual({ nodeDrainTimeoutSeconds: 60 });
    expect(synced?.spec.readinessGates?.map((g) => g.conditionType)).toContain('Gate');
    world.kube.put({ ...controlPlane, metadata: changed.metadata });
    await assessControlPlane(world.deps, key);
    expect(world.kube.peek<Machine>(KINDS.Machine, machine.metadata)?.metadata.labels).not.toHaveProperty('tier');
  });

  test('notes when the clock will make a machine outdated, and that it has', async () => {
    const world = initialized(await settled(machine));
    const noted = () => stored(world).metadata.annotations?.[ANNOTATION.renewAfter];
    const after = { ...controlPlane, spec: { ...controlPlane.spec, rollout: { after: '2026-03-01T00:00:00Z' } } };
    world.kube.put(after as KubeadmControlPlane);
    await expect(assessControlPlane(world.deps, key)).resolves.toMatchObject({ machines: [{ upToDate: true }] });
    expect(noted()).toBe('2026-03-01T00:00:00.000Z');
    world.now = '2026-03-01T00:00:01Z';
    await expect(assessControlPlane(world.deps, key)).resolves.toMatchObject({
      machines: [{ outdated: ['KubeadmControlPlane spec.rollout.after expired'] }],
    });
    expect(noted()).toBeUndefined();
  });

  test('writes nothing when nothing changed', async () => {
    for (const world of [
      initialized(await settled(machine)),
      await settled(),
      activityWorld({ objects: [controlPlane] }),
    ]) {
      await assessControlPlane(world.deps, key);
      world.now = '2026-01-02T00:00:00Z';
      expect(await writesOf(world.kube, () => assessControlPlane(world.deps, key))).toBe(0);
    }
  });

  test('killed after any write and run again comes to the same', async () => {
    const template = await settled(machine);
    const writes = await killedAfterEachWrite(
      () => initialized(activityWorld({ objects: template.kube.all() })),
      ({ deps }) => assessControlPlane(deps, key),
      (after, undisturbed, n) => expect({ n, after }).toEqual({ n, after: undisturbed }),
    );
    expect(writes).toBeGreaterThanOrEqual(4);
  });

  test('begins a new attempt when its missing template appears', async () => {
    const world = await settled();
    const { attempt } = await assessControlPlane(world.deps, key);
    for (const template of templates) world.kube.remove({ ...KINDS.AWSMachineTemplate }, template.metadata);
    await expect(assessControlPlane(world.deps, key)).resolves.not.toMatchObject({ attempt });
  });

  test('that is paused gives it its Paused condition and nothing else', async () => {
    const world = initialized(await settled(machine));
    const paused = {
      ...controlPlane,
      metadata: { ...controlPlane.metadata, annotations: { [ANNOTATION.paused]: '' } },
    };
    world.kube.put(paused);
    const before = snapshot(world.kube);
    await expect(assessControlPlane(world.deps, key)).resolves.toMatchObject({ paused: true });
    expect(verdicts(stored(world).status)).toEqual({ Paused: 'True Paused' });
    const of = `KubeadmControlPlane/default/${controlPlane.metadata.name}`;
    expect({ ...snapshot(world.kube), [of]: 0 }).toEqual({ ...before, [of]: 0 });
  });

  test('that is deleting makes nothing any more', async () => {
    const going = {
      ...controlPlane,
      metadata: { ...controlPlane.metadata, deletionTimestamp: NOW, finalizers: ['theirs'] },
    };
    const worker = aMachine(cluster, { name: 'w' });
    const world = activityWorld({ objects: [cluster, going, worker] });
    await expect(assessControlPlane(world.deps, key)).resolves.toMatchObject({ deleting: true, workersExist: true });
    expect(secretsOf(world)).toEqual([]);
    expect(stored(world).metadata.finalizers).toEqual(['theirs']);
    expect(verdicts(stored(world).status)['Deleting']).toBe('True WaitingForWorkersDeletion');
  });

  test('without its cluster waits', async () => {
    const world = activityWorld({ objects: [controlPlane] });
    await expect(assessControlPlane(world.deps, key)).resolves.toMatchObject({
      clusterDeleting: true,
      endpoint: false,
    });
    expect(stored(world).metadata.finalizers).toBeUndefined();
  });
});
