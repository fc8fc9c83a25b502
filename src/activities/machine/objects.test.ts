import { describe, expect, test } from '@jest/globals';
import {
  type ActivityWorld,
  activityWorld,
  keyOf,
  killedAfterEachWrite,
  NOW,
  type WorldOptions,
} from '../../../test/helpers/activity-world.js';
import { aCluster, aControlPlane, aKubeadmConfig, aMachine } from '../../../test/helpers/fake-objects.js';
import { anInfraCluster, anInfraMachine, infraRef } from '../../../test/helpers/fake-owners.js';
import { verdicts } from '../../../test/helpers/status-checks.js';
import type { Cluster, Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject } from '../../api/types/meta.js';
import { ownerReference } from '../../domain/contract.js';
import { PerdureError } from '../../domain/errors.js';
import { FINALIZER } from '../../domain/names.js';
import { machineBootstrap, machineRemoveObjects } from './objects.js';

const cluster = aCluster({ spec: { infrastructureRef: infraRef('AWSCluster', 'demo') } });
const plain = aMachine(cluster);
const machine: Machine = {
  ...plain,
  metadata: { ...plain.metadata, deletionTimestamp: NOW, finalizers: [FINALIZER.Machine] },
  spec: { ...plain.spec, bootstrap: { ...plain.spec.bootstrap, dataSecretName: 'demo-1' } },
  status: { nodeRef: { name: 'node-1' } },
};
const key = keyOf(machine);
const owned = (object: KubeObject, finalizers: string[] = []): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, finalizers, ownerReferences: [ownerReference(machine, { controller: true })] },
});
const infra = owned(anInfraMachine(cluster, 'demo-1'), [FINALIZER.AWSMachine]);
const config = owned(aKubeadmConfig(plain));
const secret = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'demo-1', namespace: 'default', ownerReferences: [ownerReference(config, { controller: true })] },
} as KubeObject;
/** A control plane machine that stays: somebody must answer for the Node's deletion to mean anything. */
const survivor = aMachine(cluster, { name: 'cp', controlPlane: aControlPlane(cluster) });
const whole = [cluster, anInfraCluster(cluster), machine, infra, config, secret, survivor];

function world(objects: readonly KubeObject[] = whole, options: Partial<WorldOptions> = {}): ActivityWorld {
  const made = activityWorld({ objects, ...options });
  made.workload.put({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1' } } as KubeObject);
  return made;
}
const left = (w: ActivityWorld): string[] =>
  w.kube
    .all()
    .map((o) => `${o.kind}/${o.metadata.name}`)
    .filter((name) => name.endsWith('/demo-1'))
    .sort();
const nodes = (w: ActivityWorld): number => w.workload.all(KINDS.Node).length;

describe('removing the objects of a machine', () => {
  test('takes infra machine, config, Secret, Node and finalizer, in that order', async () => {
    const w = world();
    const gone: string[] = [];
    w.kube.after((call) => {
      if (call.verb === 'delete' || call.verb === 'update') gone.push(`${call.verb} ${call.kind}`);
    });
    w.workload.after((call) => {
      if (call.verb === 'delete') gone.push(`delete ${call.kind}`);
    });
    await machineRemoveObjects(w.deps, key);
    expect(gone).toEqual([
      'delete AWSMachine',
      'update AWSMachine',
      'delete KubeadmConfig',
      'delete Secret',
      'delete Node',
      'update Machine',
    ]);
    expect(left(w)).toEqual([]);
  });

  test('is the same twice, and nothing to do for a Machine that is gone', async () => {
    const w = world();
    await machineRemoveObjects(w.deps, key);
    const writes = w.kube.writes().length;
    await machineRemoveObjects(w.deps, key);
    expect(w.kube.writes()).toHaveLength(writes);
  });

  test('killed after any write and run again leaves nothing', async () => {
    const writes = await killedAfterEachWrite(
      () => world(),
      ({ deps }) => machineRemoveObjects(deps, key),
      (after, undisturbed, n) => expect({ n, after }).toEqual({ n, after: undisturbed }),
    );
    expect(writes).toBeGreaterThanOrEqual(5);
  });

  test('waits for the finalizers of others, and says so', async () => {
    const held = { ...config, metadata: { ...config.metadata, finalizers: ['theirs.io/wait'] } };
    const w = world(whole.map((o) => (o === config ? held : o)));
    let told = '';
    w.onBeat = () => {
      const stored = w.kube.peek<Machine>(KINDS.Machine, machine.metadata);
      told ||= stored?.status?.conditions?.find((c) => c.type === 'Deleting')?.message ?? '';
      if (told) w.kube.remove(KINDS.KubeadmConfig, config.metadata);
    };
    await machineRemoveObjects(w.deps, key);
    expect(told).toBe('KubeadmConfig demo-1 still has finalizers theirs.io/wait');
    expect(left(w)).toEqual([]);
  });

  test('leaves what another owner has', async () => {
    const other = ownerReference(aMachine(cluster, { name: 'other' }), { controller: true });
    const theirs = (o: KubeObject): KubeObject => ({ ...o, metadata: { ...o.metadata, ownerReferences: [other] } });
    const w = world([cluster, anInfraCluster(cluster), machine, theirs(infra), theirs(config), theirs(secret)]);
    await machineRemoveObjects(w.deps, key);
    expect(left(w)).toEqual(['AWSMachine/demo-1', 'KubeadmConfig/demo-1', 'Secret/demo-1']);
    expect(w.kube.peek(KINDS.AWSMachine, infra.metadata)?.metadata).toMatchObject({
      finalizers: [FINALIZER.AWSMachine],
    });
  });

  test('leaves the objects of a younger Machine of that name', async () => {
    const w = world();
    let replaced = false;
    w.kube.before((call) => {
      if (call.verb !== 'get' || call.kind !== 'Machine' || replaced || w.kube.calls.length < 3) return;
      replaced = true;
      w.kube.put({ ...machine, metadata: { ...plain.metadata, uid: 'younger' } });
    });
    await machineRemoveObjects(w.deps, key);
    expect(left(w)).toEqual(['AWSMachine/demo-1', 'KubeadmConfig/demo-1', 'Machine/demo-1', 'Secret/demo-1']);
  });

  test('does not need kinds that were uninstalled', async () => {
    const ref = { apiGroup: 'gone.io', kind: 'GoneMachine', name: 'x' };
    const w = world([
      cluster,
      { ...machine, spec: { ...machine.spec, infrastructureRef: ref } } as Machine,
      config,
      survivor,
    ]);
    await machineRemoveObjects(w.deps, key);
    expect(left(w)).toEqual([]);
  });

  test.each<[string, Cluster | undefined]>([
    ['Cluster', undefined],
    ['infra cluster', cluster],
  ])('keeps an infra machine whose instance nobody can terminate for want of its %s', async (_, present) => {
    const w = world([...(present ? [present] : []), machine, infra, config]);
    await expect(machineRemoveObjects(w.deps, key)).rejects.toMatchObject({
      type: 'NotFound',
      message: expect.stringContaining(`remove the instance by hand and then finalizer ${FINALIZER.AWSMachine}`),
    });
    expect(left(w)).toEqual(['AWSMachine/demo-1', 'KubeadmConfig/demo-1', 'Machine/demo-1']);
    w.kube.put({ ...infra, metadata: { ...infra.metadata, finalizers: [] } });
    await machineRemoveObjects(w.deps, key);
    expect(left(w)).toEqual([]);
  });

  test('needs no Cluster where no instance can have been made', async () => {
    const early = { ...machine, spec: plain.spec };
    const w = world([early, infra, config]);
    await machineRemoveObjects(w.deps, key);
    expect(left(w)).toEqual([]);
  });
});

describe('the Node of a machine', () => {
  test.each<[string, KubeObject[]]>([
    [
      'in a cluster that goes as a whole',
      whole.map((o) =>
        o === cluster
          ? { ...cluster, metadata: { ...cluster.metadata, deletionTimestamp: NOW, finalizers: ['x'] } }
          : o,
      ),
    ],
    ['when no control plane machine stays', whole.filter((o) => o !== survivor)],
    ['that was never seen', whole.map((o) => (o === machine ? ({ ...machine, status: {} } as Machine) : o))],
  ])('is left alone %s', async (_, objects) => {
    const w = world(objects);
    await machineRemoveObjects(w.deps, key);
    expect(nodes(w)).toBe(1);
    expect(left(w)).toEqual([]);
  });

  test('that joined but was never recorded is found by its providerID', async () => {
    const unseen: Machine = { ...machine, spec: { ...machine.spec, providerID: 'fake:///1' }, status: {} };
    const w = world(whole.map((o) => (o === machine ? unseen : o)));
    const mine = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-x' }, spec: { providerID: 'fake:///1' } };
    w.workload.put(mine as KubeObject);
    await machineRemoveObjects(w.deps, key);
    expect(w.workload.all(KINDS.Node).map((n) => n.metadata.name)).toEqual(['node-1']);
  });

  test.each([
    ['the time that the Machine allows', 60, 6],
    ['ten seconds where the deletion took longer than that before', 1, 1],
  ])('is given up after %s, with an Event', async (_, nodeDeletionTimeoutSeconds, tries) => {
    const unreachable = new PerdureError('Transient', 'no route');
    const hasty: Machine = { ...machine, spec: { ...machine.spec, deletion: { nodeDeletionTimeoutSeconds } } };
    const w = world(
      whole.map((o) => (o === machine ? hasty : o)),
      { unreachable },
    );
    const beat = 'Deleting Node node-1 failed: no route';
    w.onBeat = (details) => {
      if (details === beat) w.now = new Date(Date.parse(w.now) + 10_001).toISOString();
    };
    await machineRemoveObjects(w.deps, key);
    expect(w.beats.filter((b) => b === beat)).toHaveLength(tries);
    expect(w.events).toEqual(['FailedDeleteNode Machine/demo-1']);
    expect(left(w)).toEqual([]);
  });

  test('is not waited for any longer when its cluster goes', async () => {
    const unreachable = new PerdureError('Transient', 'no route');
    const patient: Machine = { ...machine, spec: { ...machine.spec, deletion: { nodeDeletionTimeoutSeconds: 0 } } };
    const w = world(
      whole.map((o) => (o === machine ? patient : o)),
      { unreachable },
    );
    w.onBeat = () => {
      w.kube.put({ ...cluster, metadata: { ...cluster.metadata, deletionTimestamp: NOW, finalizers: ['x'] } });
    };
    await machineRemoveObjects(w.deps, key);
    expect([left(w), w.events]).toEqual([[], []]);
  });

  test('is tried for until it works when the Machine allows any time', async () => {
    const patient: Machine = { ...machine, spec: { ...machine.spec, deletion: { nodeDeletionTimeoutSeconds: 0 } } };
    const w = world(whole.map((o) => (o === machine ? patient : o)));
    w.workload.failNext({ verb: 'delete' }, new Error('reset'), { times: 3 });
    await machineRemoveObjects(w.deps, key);
    expect(nodes(w)).toBe(0);
    expect(w.beats.filter((b) => b === 'Deleting Node node-1 failed: reset')).toHaveLength(3);
  });
});

describe('the bootstrap data of a machine', () => {
  const fresh = (...objects: KubeObject[]) =>
    activityWorld({ objects: [cluster, anInfraCluster(cluster), ...objects] });
  const rendered = { ...config, status: { dataSecretName: 'theirs', initialization: { dataSecretCreated: true } } };

  test('that is there already is answered without a look at anything else', async () => {
    await expect(machineBootstrap(fresh(machine).deps, key)).resolves.toEqual({ dataSecretName: 'demo-1' });
  });

  test('of a third party is taken over once it is made', async () => {
    const ref = { apiGroup: 'bootstrap.cluster.x-k8s.io', kind: 'OtherConfig', name: 'demo-1' };
    const crd = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'otherconfigs.bootstrap.cluster.x-k8s.io', labels: { 'cluster.x-k8s.io/v1beta2': 'v1' } },
    } as KubeObject;
    const theirs = { ...rendered, apiVersion: 'bootstrap.cluster.x-k8s.io/v1', kind: 'OtherConfig' };
    const w = fresh({ ...plain, spec: { ...plain.spec, bootstrap: { configRef: ref } } } as Machine, crd, {
      ...theirs,
      status: {},
    } as KubeObject);
    await expect(machineBootstrap(w.deps, key)).rejects.toMatchObject({ type: 'NotYet' });
    const stored = w.kube.all().find((o) => o.kind === 'OtherConfig') as KubeObject;
    w.kube.put({ ...stored, status: theirs.status } as KubeObject);
    await expect(machineBootstrap(w.deps, key)).resolves.toEqual({ dataSecretName: 'theirs' });
    const spec = w.kube.peek<Machine>(KINDS.Machine, plain.metadata)?.spec;
    expect(spec?.bootstrap).toEqual({ configRef: ref, dataSecretName: 'theirs' });
  });

  test.each<[string, KubeObject[], string]>([
    ['a Machine that is gone', [], 'NotFound'],
    ['a config that does not exist yet', [plain], 'NotYet'],
    [
      "another machine's config",
      [
        plain,
        {
          ...config,
          metadata: { ...config.metadata, ownerReferences: [ownerReference(survivor, { controller: true })] },
        },
      ],
      'OwnershipConflict',
    ],
  ])('is not made for %s', async (_, objects, type) => {
    await expect(machineBootstrap(fresh(...objects).deps, key)).rejects.toMatchObject({ type });
  });

  test('waits for its turn, and tells so on the config', async () => {
    const w = fresh(plain, aKubeadmConfig(plain));
    await expect(machineBootstrap(w.deps, key)).rejects.toMatchObject({ type: 'NotYet' });
    const stored = w.kube.peek<KubeObject & { status?: unknown }>(KINDS.KubeadmConfig, config.metadata);
    expect(verdicts(stored?.status)['DataSecretAvailable']).toBe('False NotAvailable');
  });
});
