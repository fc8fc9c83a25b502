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
import { aMachineDeployment, aMachineSet, anInfraCluster, infraRef } from '../../../test/helpers/fake-owners.js';
import { verdicts } from '../../../test/helpers/status-checks.js';
import type { Cluster } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject } from '../../api/types/meta.js';
import { PerdureError } from '../../domain/errors.js';
import { failureText } from '../../domain/failure.js';
import { ANNOTATION, FINALIZER, LABEL } from '../../domain/names.js';
import { generateCa } from '../bootstrap/pki.js';
import { assessCluster } from './assess-cluster.js';

const { controlPlaneEndpoint: _, ...spec } = aCluster({
  spec: { infrastructureRef: infraRef('AWSCluster', 'demo') },
}).spec;
const cluster: Cluster = { ...aCluster(), spec };
delete cluster.status;
const key = keyOf(cluster);
const infra = anInfraCluster(cluster);
const provisioned: KubeObject = {
  ...infra,
  spec: { region: 'eu-west-1', controlPlaneEndpoint: { host: 'lb', port: 6443 } },
  status: { initialization: { provisioned: true }, failureDomains: { a: { controlPlane: true } } },
} as KubeObject;
const controlPlane = aControlPlane(cluster);
const available = (object: KubeObject, more: Record<string, unknown> = {}) => ({
  ...object,
  status: {
    conditions: [{ type: 'Available', status: 'True', reason: 'A', message: '', lastTransitionTime: NOW }],
    ...more,
  },
});
const initialized = available(controlPlane, { initialization: { controlPlaneInitialized: true } });
const deployment = aMachineDeployment(cluster);
const whole = () => activityWorld({ objects: [cluster, provisioned, initialized, available(deployment)] });
const stored = (world: ActivityWorld): Cluster => world.kube.peek<Cluster>(KINDS.Cluster, cluster.metadata) as Cluster;
const put = (world: ActivityWorld, change: Partial<Cluster['metadata']>): void => {
  const now = stored(world);
  world.kube.put({ ...now, metadata: { ...now.metadata, ...change } });
};

describe('a look at a cluster', () => {
  test('that is absent, or of a younger one of its name, changes nothing', async () => {
    const world = activityWorld({ objects: [{ ...cluster, metadata: { ...cluster.metadata, uid: 'younger' } }] });
    expect(await writesOf(world.kube, () => assessCluster(world.deps, key))).toBe(0);
    await expect(assessCluster(world.deps, key)).resolves.toMatchObject({ exists: false });
  });

  test('that is new gives it finalizer, identity and lane, and tells what is missing', async () => {
    const world = activityWorld({ objects: [cluster] });
    await expect(assessCluster(world.deps, key)).resolves.toMatchObject({
      exists: true,
      hasInfrastructure: true,
      provider: 'fake',
      cloudQueue: 'fake',
      infrastructureProvisioned: false,
      available: false,
      everAvailable: false,
      cluster: 'default/demo',
    });
    const { metadata, status } = stored(world);
    expect(metadata.finalizers).toEqual([FINALIZER.Cluster]);
    expect(metadata.annotations?.[ANNOTATION.id]).toMatch(/^[0-9a-f]{16}$/);
    expect(metadata.annotations?.[ANNOTATION.lane]).toBe(`cluster/default/demo/${key.uid}`);
    expect(verdicts(status)['InfrastructureReady']).toBe('False ObjectDoesNotExist');
  });

  test('links its infrastructure and its control plane', async () => {
    const world = whole();
    await assessCluster(world.deps, key);
    const owner = { kind: 'Cluster', name: 'demo', uid: key.uid };
    const linked = world.kube.peek(KINDS.AWSCluster, infra.metadata)?.metadata;
    expect(linked).toMatchObject({
      finalizers: [FINALIZER.AWSCluster],
      labels: { [LABEL.clusterName]: 'demo' },
      ownerReferences: [owner],
    });
    expect(linked?.ownerReferences?.[0]).not.toHaveProperty('controller');
    const cp = world.kube.peek(KINDS.KubeadmControlPlane, controlPlane.metadata)?.metadata;
    expect(cp?.ownerReferences).toEqual([expect.objectContaining(owner)]);
    expect(cp?.finalizers).toBeUndefined();
  });

  test('takes the endpoint over and tells that all is well, since when', async () => {
    const world = whole();
    await expect(assessCluster(world.deps, key)).resolves.toMatchObject({
      available: true,
      everAvailable: true,
      cloudQueue: 'fake-eu-west-1',
      infrastructureProvisioned: true,
      controlPlaneInitialized: true,
      desired: { controlPlane: 1, workers: 1 },
    });
    expect(stored(world).spec.controlPlaneEndpoint).toEqual({ host: 'lb', port: 6443 });
    expect(stored(world).metadata.annotations?.[ANNOTATION.created]).toBe(NOW);
    expect(world.workload.calls.map((c) => c.path)).toEqual(['/version']);
  });

  test('tells why the workload cluster cannot be asked', async () => {
    const unreachable = new PerdureError('Transient', 'no route');
    const world = activityWorld({ objects: [cluster, provisioned, initialized], unreachable });
    await expect(assessCluster(world.deps, key)).resolves.toMatchObject({ available: false });
    expect(verdicts(stored(world).status)['RemoteConnectionProbe']).toBe('False ProbeFailed');
  });

  test('a probe that fails soon after the last answer counts as answered, until 50 s have passed', async () => {
    const unreachable = new PerdureError('Transient', 'no route');
    const world = activityWorld({ objects: [cluster, provisioned, initialized], unreachable });
    const deps = { ...world.deps, workloadAnswered: () => Date.parse(NOW) };
    world.now = '2026-01-01T00:00:49Z';
    await expect(assessCluster(deps, key)).resolves.toMatchObject({ probeAgainInSeconds: 1 });
    expect(verdicts(stored(world).status)['RemoteConnectionProbe']).toBe('True ProbeSucceeded');
    world.now = '2026-01-01T00:00:50Z';
    expect((await assessCluster(deps, key)).probeAgainInSeconds).toBeUndefined();
    expect(verdicts(stored(world).status)['RemoteConnectionProbe']).toBe('False ProbeFailed');
  });

  test('writes nothing when nothing changed', async () => {
    for (const world of [
      whole(),
      activityWorld({ objects: [cluster] }),
      activityWorld({ objects: [cluster, infra] }),
    ]) {
      await assessCluster(world.deps, key);
      world.now = '2026-02-02T00:00:00Z';
      expect(await writesOf(world.kube, () => assessCluster(world.deps, key))).toBe(0);
    }
  });

  test('killed after any write and run again comes to the same', async () => {
    const writes = await killedAfterEachWrite(
      whole,
      ({ deps }) => assessCluster(deps, key),
      (after, undisturbed, n) => expect({ n, after }).toEqual({ n, after: undisturbed }),
    );
    expect(writes).toBeGreaterThanOrEqual(6);
  });

  test('finds that the infra spec changed since it was applied', async () => {
    const applied = (generation: string) =>
      activityWorld({
        objects: [
          cluster,
          {
            ...provisioned,
            metadata: { ...infra.metadata, annotations: { [ANNOTATION.appliedGeneration]: generation } },
          },
        ],
      });
    await expect(assessCluster(applied('1').deps, key)).resolves.toMatchObject({ infrastructureStale: false });
    await expect(assessCluster(applied('0').deps, key)).resolves.toMatchObject({ infrastructureStale: true });
  });

  test('passes on a failure only while nothing that could mend it changed', async () => {
    const world = activityWorld({ objects: [cluster, infra] });
    const { attempt } = await assessCluster(world.deps, key);
    const failure = { operation: 'CreateCluster', type: 'QuotaExceeded', message: 'full', attempt } as const;
    put(world, {
      annotations: { ...stored(world).metadata.annotations, [ANNOTATION.lastFailure]: failureText(failure) },
    });
    await expect(assessCluster(world.deps, key)).resolves.toMatchObject({ failure });
    expect(verdicts(stored(world).status)['InfrastructureReady']).toBe('False QuotaExceeded');
    put(world, { annotations: { ...stored(world).metadata.annotations, [ANNOTATION.retry]: '1' } });
    await expect(assessCluster(world.deps, key)).resolves.not.toHaveProperty('failure');
  });
});

describe('a paused cluster', () => {
  const paused = { ...cluster, spec: { ...spec, paused: true } };

  test('gets its Paused condition and nothing else, nor does anything of it', async () => {
    const world = activityWorld({ objects: [paused, provisioned, initialized] });
    const before = snapshot(world.kube);
    await expect(assessCluster(world.deps, key)).resolves.toMatchObject({ paused: true });
    const after = snapshot(world.kube);
    const of = 'Cluster/default/demo';
    expect(verdicts((after[of] as Cluster).status)).toEqual({ Paused: 'True Paused' });
    expect({ ...after, [of]: undefined }).toEqual({ ...before, [of]: undefined });
    expect(after[of]?.metadata).toEqual(before[of]?.metadata);
    expect(await writesOf(world.kube, () => assessCluster(world.deps, key))).toBe(0);
  });

  test('keeps the rest of its status, and gets it back current', async () => {
    const world = whole();
    await assessCluster(world.deps, key);
    const { status } = stored(world);
    put(world, { annotations: { ...stored(world).metadata.annotations, [ANNOTATION.paused]: '' } });
    world.kube.remove(KINDS.KubeadmControlPlane, controlPlane.metadata);
    await assessCluster(world.deps, key);
    expect(verdicts(stored(world).status)).toEqual({ ...verdicts(status), Paused: 'True Paused' });
    const { [ANNOTATION.paused]: _paused, ...annotations } = stored(world).metadata.annotations ?? {};
    put(world, { annotations });
    await assessCluster(world.deps, key);
    expect(verdicts(stored(world).status)).toMatchObject({
      Paused: 'False NotPaused',
      Available: 'False NotAvailable',
    });
  });
});

describe('a deleting cluster', () => {
  const going = { ...cluster, metadata: { ...cluster.metadata, deletionTimestamp: NOW, finalizers: ['theirs'] } };

  test('and what belongs to it get no finalizers and no owners any more', async () => {
    const world = activityWorld({ objects: [going, provisioned, initialized, deployment] });
    await expect(assessCluster(world.deps, key)).resolves.toMatchObject({ deleting: true });
    expect(stored(world).metadata.finalizers).toEqual(['theirs']);
    expect(world.kube.peek(KINDS.AWSCluster, infra.metadata)?.metadata.finalizers).toBeUndefined();
    expect(verdicts(stored(world).status)['Deleting']).toBe('True WaitingForWorkersDeletion');
  });

  test.each<[string, KubeObject[], string]>([
    ['workers', [aMachine(cluster), controlPlane], 'WaitingForWorkersDeletion'],
    ['its control plane', [controlPlane], 'WaitingForControlPlaneDeletion'],
    ['its infrastructure', [infra], 'WaitingForInfrastructureDeletion'],
  ])('says that it waits for %s', async (_, objects, reason) => {
    const world = activityWorld({ objects: [going, ...objects] });
    await assessCluster(world.deps, key);
    expect(verdicts(stored(world).status)['Deleting']).toBe(`True ${reason}`);
  });
});

describe("another cluster's infrastructure", () => {
  const theirs = { apiVersion: 'cluster.x-k8s.io/v1beta2', kind: 'Cluster', name: 'other', uid: 'x' };
  const taken: KubeObject = { ...provisioned, metadata: { ...infra.metadata, ownerReferences: [theirs] } };

  test('is refused: not linked, not believed, and told', async () => {
    const world = activityWorld({ objects: [cluster, taken] });
    const before = world.kube.peek(KINDS.AWSCluster, infra.metadata);
    await expect(assessCluster(world.deps, key)).resolves.toMatchObject({
      infrastructureProvisioned: false,
      failure: { type: 'OwnershipConflict', message: expect.stringContaining('belongs to Cluster other') },
    });
    expect(world.kube.peek(KINDS.AWSCluster, infra.metadata)).toEqual(before);
    expect(verdicts(stored(world).status)['InfrastructureReady']).toBe('False OwnershipConflict');
    expect(stored(world).spec.controlPlaneEndpoint).toBeUndefined();
    expect(await writesOf(world.kube, () => assessCluster(world.deps, key))).toBe(0);
  });

  test('is taken when the other was this one before a restore', async () => {
    const restored = { ...taken, metadata: { ...taken.metadata, ownerReferences: [{ ...theirs, name: 'demo' }] } };
    const world = activityWorld({ objects: [cluster, restored] });
    await expect(assessCluster(world.deps, key)).resolves.toMatchObject({ infrastructureProvisioned: true });
    expect(world.kube.peek(KINDS.AWSCluster, infra.metadata)?.metadata.ownerReferences).toEqual([
      expect.objectContaining({ name: 'demo', uid: key.uid }),
    ]);
  });
});

test('infrastructure that others manage is linked without finalizer and followed by contract', async () => {
  const managed = { ...provisioned, metadata: { ...infra.metadata, annotations: { [ANNOTATION.managedBy]: 'x' } } };
  const world = activityWorld({ objects: [cluster, managed] });
  await expect(assessCluster(world.deps, key)).resolves.not.toHaveProperty('provider');
  expect(world.kube.peek(KINDS.AWSCluster, infra.metadata)?.metadata.finalizers).toBeUndefined();
});

describe('a cluster whose control plane is made by hand', () => {
  const { controlPlaneRef: _ref, ...standaloneSpec } = cluster.spec;
  const byHand: Cluster = { ...cluster, spec: standaloneSpec };
  const secretNames = (world: ActivityWorld): string[] => world.kube.all(KINDS.Secret).map((s) => s.metadata.name);
  const pair = async () => {
    const made = await generateCa('kubernetes', { algorithm: 'ECDSA-P256' });
    const encoded = (text: string) => Buffer.from(text).toString('base64');
    return {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'demo-ca', namespace: 'default' },
      data: { 'tls.crt': encoded(made.cert), 'tls.key': encoded(made.key) },
    } as KubeObject;
  };

  test('gets a kubeconfig of the Cluster as soon as there is a CA', async () => {
    const world = activityWorld({ objects: [byHand, provisioned] });
    await assessCluster(world.deps, key);
    expect(secretNames(world)).toEqual([]);
    world.kube.put(await pair());
    await assessCluster(world.deps, key);
    expect(secretNames(world)).toEqual(['demo-ca', 'demo-kubeconfig']);
    const owners = world.kube.all(KINDS.Secret)[1]?.metadata.ownerReferences;
    expect(owners).toMatchObject([{ kind: 'Cluster', name: 'demo', controller: true }]);
    expect(await writesOf(world.kube, () => assessCluster(world.deps, key))).toBe(0);
  });

  test('counts the machine sets that have no deployment', async () => {
    const own = aMachineSet(byHand, { replicas: 2 }, 'own');
    const ofDeployment = aMachineSet(byHand, { replicas: 5 }, 'other');
    const labels = { ...ofDeployment.metadata.labels, [LABEL.deploymentName]: 'd' };
    const world = activityWorld({
      objects: [byHand, provisioned, own, { ...ofDeployment, metadata: { ...ofDeployment.metadata, labels } }],
    });
    await expect(assessCluster(world.deps, key)).resolves.toMatchObject({ desired: { workers: 2 } });
  });
});
