import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { activityWorld, keyOf, NOW } from '../../../test/helpers/activity-world.js';
import { type ApiServer, startApiServer } from '../../../test/helpers/api-server.js';
import { aCluster, aControlPlane, aMachine } from '../../../test/helpers/fake-objects.js';
import { anInfraMachine } from '../../../test/helpers/fake-owners.js';
import { until } from '../../../test/helpers/perdure.js';
import { messageOf, verdicts } from '../../../test/helpers/status-checks.js';
import { crdManifests } from '../../api/crd/definitions.js';
import type { Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject, ResourceKind } from '../../api/types/meta.js';
import { ownerReference } from '../../domain/contract.js';
import { FINALIZER } from '../../domain/names.js';
import { type KubeClient, kubeFromKubeconfigText } from '../../kube/client.js';
import type { ActivityDeps } from '../deps.js';
import { awaitDeletionStage } from './stages.js';

/** One real API server stands for the management cluster and for the workload cluster. Nobody but it runs: no kubelet ends a Pod. */
let server: ApiServer;
let kube: KubeClient;
let deps: ActivityDeps;
let machine: Machine;

const SERVED = [
  KINDS.Cluster,
  KINDS.KubeadmControlPlane,
  KINDS.Machine,
  KINDS.AWSMachine,
  KINDS.KubeadmConfig,
  KINDS.MachineDrainRule,
];
const BUDGETS = '/apis/policy/v1/namespaces/shop/poddisruptionbudgets';

async function create<T extends KubeObject>(kind: ResourceKind, object: T): Promise<T> {
  const { uid: _u, generation: _g, creationTimestamp: _c, ...metadata } = object.metadata;
  return kube.create(kind, { ...object, metadata });
}

beforeAll(async () => {
  server = await startApiServer();
  kube = kubeFromKubeconfigText(server.kubeconfig);
  deps = {
    ...activityWorld().deps,
    kube,
    workload: async () => kube,
    pollMs: 50,
  };
  const names = SERVED.map((kind) => `${kind.plural}.${kind.group}`);
  for (const crd of crdManifests().filter((c) => names.includes(c.metadata.name)))
    await kube.create(KINDS.CustomResourceDefinition, crd);
  // an established kind still answers 429 until its storage is set up
  for (const kind of SERVED) await until(`kind ${kind.kind}`, 60, async () => kube.list(kind).catch(() => undefined));
  machine = await aDeletedMachine();
  await create(KINDS.Node, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' } });
  await create(KINDS.Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
}, 180_000);

afterAll(async () => {
  await kube?.close();
  await server?.stop();
}, 30_000);

async function aDeletedMachine(): Promise<Machine> {
  const cluster = await create(KINDS.Cluster, aCluster());
  const controlPlane = await create(KINDS.KubeadmControlPlane, aControlPlane(cluster));
  await create(KINDS.Machine, aMachine(cluster, { name: 'cp', controlPlane }));
  const plain = aMachine(cluster);
  const finalizers = [FINALIZER.Machine];
  const made = await create(KINDS.Machine, { ...plain, metadata: { ...plain.metadata, finalizers } });
  const infra = anInfraMachine(cluster, 'demo-1');
  const ownerReferences = [ownerReference(made, { controller: true })];
  const spec = { instanceType: 't3.large' };
  await create(KINDS.AWSMachine, { ...infra, spec, metadata: { ...infra.metadata, ownerReferences } } as KubeObject);
  const ref = { namespace: 'default', name: 'demo-1' };
  await kube.mergePatch(KINDS.Machine, ref, { status: { nodeRef: { name: 'n' } } }, { subresource: 'status' });
  await kube.delete(KINDS.Machine, ref);
  return stored();
}

async function stored(): Promise<Machine> {
  const found = await kube.get<Machine>(KINDS.Machine, { namespace: 'default', name: 'demo-1' });
  if (!found) throw new Error('the Machine is gone');
  return found;
}

/** A Pod that runs on the Node and is of no controller. */
async function aPod(namespace: string, name: string): Promise<void> {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name, labels: { app: 'web' } },
    ...{ spec: { nodeName: 'n', containers: [{ name: 'c', image: 'none' }] } },
  };
  await create(KINDS.Pod, pod);
  const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
  await kube.mergePatch(KINDS.Pod, { namespace, name }, { status }, { subresource: 'status' });
}

/** What a kubelet does with a Pod that is deleted. */
const end = (namespace: string, name: string): Promise<unknown> =>
  server.request('DELETE', `/api/v1/namespaces/${namespace}/pods/${name}`, { gracePeriodSeconds: 0 });

const drain = () => awaitDeletionStage(deps, { key: keyOf(machine), stage: 'drain', quiet: true });

/** Waits until condition Deleting of the Machine says that it is drained, and `text`. */
const says = (text: string): Promise<unknown> =>
  until(text, 30, async () => {
    const { status } = await stored();
    const isDraining = verdicts(status)['Deleting'] === 'True DrainingNode';
    return (isDraining && messageOf(status, 'Deleting')?.includes(text)) || undefined;
  });

const REFUSED =
  "cannot evict pod as it would violate the pod's disruption budget. The disruption budget web needs 2 healthy pods and has 2 currently";
const GOING = 'deletionTimestamp set, but still not removed from the Node';

describe('the drain of a real Node', () => {
  test('waits for a PodDisruptionBudget, names it on the Machine, and evicts one Pod after another as it allows', async () => {
    const budget = {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'web', namespace: 'shop' },
      spec: { minAvailable: 2, selector: { matchLabels: { app: 'web' } } },
    };
    const made = await server.request<KubeObject>('POST', BUDGETS, budget);
    /** What the disruption controller would find. */
    const allow = async (disruptionsAllowed: number): Promise<void> => {
      const counts = { currentHealthy: 2 + disruptionsAllowed, desiredHealthy: 2, expectedPods: 3, disruptionsAllowed };
      const status = { observedGeneration: made.metadata.generation ?? 1, ...counts };
      await server.request('PATCH', `${BUDGETS}/web/status`, { status }, 'application/merge-patch+json');
    };
    for (const name of ['web-1', 'web-2']) await aPod('shop', name);
    await allow(0);
    const drained = drain();
    await says(`Drain not completed yet (started at ${NOW}):\n* Pods shop/web-1, shop/web-2: ${REFUSED}`);
    await allow(1);
    await says(`* Pod shop/web-1: ${GOING}\n* Pod shop/web-2: cannot evict`);
    await end('shop', 'web-1');
    await allow(1);
    await says(`* Pod shop/web-2: ${GOING}`);
    await end('shop', 'web-2');
    await expect(drained).resolves.toMatchObject({ next: { drain: true, volumes: false } });
    // applying the rest of the status took nothing of it away
    expect((await stored()).status?.deletion).toEqual({ nodeDrainStartTime: NOW });
    await expect(kube.get(KINDS.Node, { name: 'n' })).resolves.toMatchObject({ spec: { unschedulable: true } });
  }, 60_000);

  test('says what it means that nothing is evicted from a Namespace that goes', async () => {
    await create(KINDS.Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'going' } });
    await aPod('going', 'p');
    await kube.delete(KINDS.Namespace, { name: 'going' });
    const drained = drain();
    await says('* Pod going/p: failed to evict Pod, Cannot evict pod from terminating namespace');
    await end('going', 'p');
    await drained;
  }, 60_000);
});
