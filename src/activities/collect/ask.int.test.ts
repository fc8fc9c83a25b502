import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { type ActivityWorld, activityWorld, keyOf } from '../../../test/helpers/activity-world.js';
import { type ApiServer, startApiServer } from '../../../test/helpers/api-server.js';
import { aCluster } from '../../../test/helpers/fake-objects.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject } from '../../api/types/meta.js';
import { readPath } from '../../domain/contract.js';
import { type KubeClient, kubeFromKubeconfigText } from '../../kube/client.js';
import { askControllers, takeInventory } from './ask.js';
import { WORKLOAD } from './kinds.js';

/** A real API server as the workload cluster: its admission policies are what is tested. */
jest.setTimeout(120_000);

let server: ApiServer;
let workload: KubeClient;
let world: ActivityWorld;
const cluster = aCluster();
const key = keyOf(cluster);

beforeAll(async () => {
  server = await startApiServer();
  workload = kubeFromKubeconfigText(server.kubeconfig);
  world = activityWorld({ objects: [cluster] });
  world = { ...world, deps: { ...world.deps, workload: async () => workload, pollMs: 100 } };
}, 900_000);

afterAll(async () => {
  await workload?.close();
  await server?.stop();
});

const service = (name: string, type: string): KubeObject =>
  ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: 'default', name },
    spec: { type, ports: [{ port: 80 }] },
  }) as KubeObject;
const refusal = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'was admitted',
    (error: Error) => error.message,
  );

test('a cluster that is to go writes down what it made, makes no more, and its controllers clean up', async () => {
  const made = await workload.create(WORKLOAD.Service, {
    ...service('web', 'LoadBalancer'),
    metadata: { namespace: 'default', name: 'web', finalizers: ['service.kubernetes.io/load-balancer-cleanup'] },
  } as KubeObject);
  await workload.create(WORKLOAD.Service, service('inner', 'ClusterIP'));
  await workload.create(KINDS.PersistentVolume, {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: 'pv' },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      persistentVolumeReclaimPolicy: 'Retain',
      csi: { driver: 'ebs.csi.aws.com', volumeHandle: 'vol-1' },
    },
  } as KubeObject);

  await expect(takeInventory(world.deps, key)).resolves.toEqual({ found: 2, frozen: true });
  const record = world.kube.peek(KINDS.ConfigMap, { namespace: 'default', name: 'demo-external-resources' });
  const inventory = JSON.parse(String(readPath(record, 'data.inventory'))) as { items: object[] };
  expect(inventory.items).toEqual([
    { source: 'PersistentVolume pv', ids: ['vol-1'], retain: true },
    { source: 'Service default/web', ids: [`a${(made.metadata.uid ?? '').replaceAll('-', '')}`.slice(0, 32)] },
  ]);

  const refused = /this cluster is being deleted: nothing that makes a load balancer can be created any more/;
  expect(await refusal(workload.create(WORKLOAD.Service, service('late', 'LoadBalancer')))).toMatch(refused);
  const late = { namespace: 'default', name: 'inner' };
  expect(await refusal(workload.mergePatch(WORKLOAD.Service, late, { spec: { type: 'LoadBalancer' } }))).toMatch(
    refused,
  );
  const ingress = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { namespace: 'default', name: 'site' },
    spec: { defaultBackend: { service: { name: 'web', port: { number: 80 } } } },
  } as KubeObject;
  expect(await refusal(workload.create(WORKLOAD.Ingress, ingress))).toMatch(refused);
  expect(await refusal(workload.create(WORKLOAD.Service, service('plain', 'ClusterIP')))).toBe('was admitted');

  // the cloud controller takes its finalizer off once the balancer is gone, which the policy must let it do
  const cleaned = (async () => {
    for (;;) {
      const stored = await workload.get<KubeObject>(WORKLOAD.Service, { namespace: 'default', name: 'web' });
      if (!stored?.metadata.deletionTimestamp) continue;
      return workload.mergePatch(WORKLOAD.Service, stored.metadata as { name: string; namespace: string }, {
        metadata: { finalizers: null },
      });
    }
  })();
  await expect(askControllers(world.deps, key, false)).resolves.toEqual({ left: [] });
  await cleaned;
  const left = await workload.list<KubeObject>(WORKLOAD.Service, { namespace: 'default' });
  expect(left.map((one) => one.metadata.name).sort()).toEqual(['inner', 'kubernetes', 'plain']);
  await expect(takeInventory(world.deps, key)).resolves.toMatchObject({ frozen: true, found: 2 });
});
