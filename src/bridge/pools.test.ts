import { describe, expect, test } from '@jest/globals';
import { aCluster, aControlPlane } from '../../test/helpers/fake-objects.js';
import { aMachinePool, anInfraPool } from '../../test/helpers/fake-owners.js';
import type { KubeObject } from '../api/types/meta.js';
import { ownerReference } from '../domain/contract.js';
import { isConverged } from './converged.js';
import { dependenciesOf, lanesOf } from './dependencies.js';
import { signalFor } from './signal.js';
import { tokenFor } from './token.js';
import { WorldIndex } from './world.js';

type Loose = KubeObject & { spec: Record<string, unknown>; status: Record<string, unknown> };

/** A pool whose infrastructure is there, in a cluster whose control plane is not. */
function demo() {
  const cluster = aCluster();
  const controlPlane = aControlPlane(cluster);
  const pool = { ...aMachinePool(cluster, { replicas: 2 }), status: { replicas: 2, observedGeneration: 1 } };
  const ownerReferences = [ownerReference(pool, { controller: true })];
  const owned = <T extends KubeObject>(o: T): T => ({ ...o, metadata: { ...o.metadata, ownerReferences } });
  const infra = owned(anInfraPool(cluster, { status: { replicas: 2 } }));
  const config = owned({
    apiVersion: 'bootstrap.cluster.x-k8s.io/v1beta2',
    kind: 'KubeadmConfig',
    metadata: { name: 'pool', namespace: 'default', uid: 'uid-config', generation: 1 },
  } as KubeObject);
  const objects = { cluster, controlPlane, pool, infra, config } as unknown as Record<Name, Loose>;
  const world = new WorldIndex();
  for (const o of Object.values(objects)) world.put(o);
  return { ...objects, world };
}
type Name = 'cluster' | 'controlPlane' | 'pool' | 'infra' | 'config';

/** Kinds whose lanes have something new to look at when `name` changes, and are found from it. */
function woken(name: Name, change: (object: Loose) => void): string[] {
  const { world, ...objects } = demo();
  const lanes = [objects.cluster, objects.controlPlane, objects.pool];
  const token = (o: KubeObject): string => tokenFor(o, dependenciesOf(o, world), false).hash;
  const before = lanes.map(token);
  const copy = structuredClone(objects[name]);
  change(copy);
  world.put(copy);
  const found = lanesOf(copy, world).map((ref) => ref.kind);
  const now = lanes.map((o) => (o === objects[name] ? copy : o)).map(token);
  return lanes.flatMap((o, i) => (now[i] !== before[i] && found.includes(o.kind) ? [o.kind] : [])).sort();
}

const set =
  (part: 'metadata' | 'spec' | 'status', field: string, value: unknown) =>
  (o: Loose): void => {
    (o[part] as Record<string, unknown>)[field] = value;
  };

describe('a machine pool', () => {
  test.each<[string, Name, (o: Loose) => void, string[]]>([
    ['another number of replicas', 'pool', set('spec', 'replicas', 5), ['Cluster', 'MachinePool']],
    ['what the controller fills in', 'pool', set('spec', 'providerIDList', ['x']), []],
    ['its counters', 'pool', set('status', 'replicas', 1), ['Cluster']],
    ['another size of its infrastructure', 'infra', set('spec', 'maxSize', 9), ['MachinePool']],
    ['instances that came and went', 'infra', set('spec', 'providerIDList', ['x']), []],
    ['a failure of its infrastructure', 'infra', set('status', 'failureReason', 'X'), ['MachinePool']],
    ['its bootstrap config', 'config', set('metadata', 'generation', 2), ['MachinePool']],
    [
      'a control plane that answers',
      'cluster',
      set('status', 'initialization', { infrastructureProvisioned: true, controlPlaneInitialized: true }),
      ['MachinePool'],
    ],
    ['its deletion', 'pool', set('metadata', 'deletionTimestamp', 't'), ['Cluster', 'MachinePool']],
  ])('%s wakes who waits for it', (_, name, change, expected) => {
    expect(woken(name, change)).toEqual(expected);
  });

  test('keeps a control plane that is deleted waiting', () => {
    const { controlPlane, world } = demo();
    controlPlane.metadata.deletionTimestamp = 't';
    expect(dependenciesOf(controlPlane, world)).toContainEqual({ name: 'workers', facts: 'true' });
  });

  test('is never done for a bridge that starts: its lane keeps looking', () => {
    const { pool, world } = demo();
    expect(isConverged(pool, world, false)).toBe(false);
  });

  test('is signalled as its lane, with the provider of its infrastructure', () => {
    const { pool, world } = demo();
    expect(signalFor(pool, world, 'x')).toMatchObject({
      workflowType: 'machinePoolLane',
      attributes: { PerdureKind: 'MachinePool', PerdureProvider: 'aws', PerdureCluster: 'default/demo' },
    });
  });
});
