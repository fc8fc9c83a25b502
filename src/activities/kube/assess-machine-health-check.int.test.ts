import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type ActivityWorld, activityWorld, keyOf } from '../../../test/helpers/activity-world.js';
import { type ApiServer, startApiServer } from '../../../test/helpers/api-server.js';
import { aCondition, aHealthCheck, aNode, aRunningCluster, aTarget } from '../../../test/helpers/fake-health.js';
import { verdicts } from '../../../test/helpers/status-checks.js';
import { crdManifests } from '../../api/crd/definitions.js';
import type { Cluster, Machine, MachineHealthCheck } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { Condition, KubeObject, ObjectKey, ResourceKind } from '../../api/types/meta.js';
import { type KubeClient, kubeFromKubeconfigText } from '../../kube/client.js';
import type { ActivityDeps } from '../deps.js';
import { assessMachineHealthCheck } from './assess-machine-health-check.js';

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const group = 'remediation.example.com';
const kindOf = (kind: string): ResourceKind => ({
  group,
  version: 'v1alpha1',
  kind,
  plural: `${kind.toLowerCase()}s`,
  namespaced: true,
});
const [TEMPLATE, REQUEST] = [kindOf('RebootTemplate'), kindOf('Reboot')] as const;

let server: ApiServer;
let kube: KubeClient;
let world: ActivityWorld;
let deps: ActivityDeps;
let cluster: Cluster;
let now = '2026-01-01T00:00:00Z';

beforeAll(async () => {
  server = await startApiServer();
  kube = kubeFromKubeconfigText(server.kubeconfig);
  world = activityWorld();
  deps = { ...world.deps, kube, now: () => now };
  const own = crdManifests().filter((crd) =>
    ['Cluster', 'Machine', 'MachineHealthCheck'].some((kind) =>
      crd.metadata.name.startsWith(`${kind.toLowerCase()}s.`),
    ),
  );
  for (const crd of [...own, looseCrd(TEMPLATE), looseCrd(REQUEST)]) await server.request('POST', CRDS, crd);
  for (const kind of [KINDS.Cluster, KINDS.Machine, KINDS.MachineHealthCheck, TEMPLATE, REQUEST])
    while (!(await kube.list(kind).catch(() => undefined))) await new Promise((r) => setTimeout(r, 50));
  cluster = await create<Cluster>(KINDS.Cluster, aRunningCluster());
}, 180_000);

afterAll(async () => {
  await kube?.close();
  await server?.stop();
}, 30_000);

function looseCrd({ plural, kind }: ResourceKind): KubeObject {
  const crd = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      scope: 'Namespaced',
      versions: [
        {
          name: 'v1alpha1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        },
      ],
    },
  };
  return crd;
}

/** Creates the object, and its status, which the API server takes apart from it. */
async function create<T extends KubeObject & { status?: unknown }>(kind: ResourceKind, object: T): Promise<T> {
  const { uid: _u, generation: _g, creationTimestamp: _c, ...metadata } = object.metadata;
  const { status, ...rest } = object;
  const made = await kube.create<T>(kind, { ...rest, metadata } as T);
  if (status === undefined) return made;
  const { name, namespace = '' } = metadata;
  return kube.mergePatch<T>(kind, { name, namespace }, { status }, { subresource: 'status' });
}

async function say(manager: string, name: string, ...conditions: Condition[]): Promise<void> {
  const metadata = { name, namespace: 'default' };
  const object = { apiVersion: 'cluster.x-k8s.io/v1beta2', kind: 'Machine', metadata };
  const status = conditions.length > 0 ? { status: { conditions } } : {};
  await kube.apply(KINDS.Machine, { ...object, ...status }, { fieldManager: manager, subresource: 'status' });
}

const machine = (name: string) => kube.get<Machine>(KINDS.Machine, { namespace: 'default', name });
const on = async (name: string) => verdicts((await machine(name))?.status);
const look = (key: ObjectKey) => assessMachineHealthCheck(deps, key);
const node = (name: string, ...ready: [Condition['status'], string]) => world.workload.put(aNode(name, ...ready));

/** A health check of one machine, whose Node fell silent an hour ago. */
async function checked(name: string, spec: Partial<MachineHealthCheck['spec']> = {}): Promise<ObjectKey> {
  const labels = { pool: name };
  const target = aTarget(cluster, name);
  await create(KINDS.Machine, {
    ...target,
    metadata: { ...target.metadata, labels: { ...target.metadata.labels, ...labels } },
  });
  node(name, 'Unknown', '2025-12-31T23:00:00Z');
  const check = aHealthCheck(cluster, { selector: { matchLabels: labels }, ...spec });
  return keyOf(await create(KINDS.MachineHealthCheck, { ...check, metadata: { ...check.metadata, name } }));
}

describe('a health check on a real API server', () => {
  test('asks the owner, lets it have its say, and takes back what it said when the machine has recovered', async () => {
    const key = await checked('a');
    await look(key);
    const bad = { HealthCheckSucceeded: 'False UnhealthyNode' };
    expect(await on('a')).toEqual({ ...bad, OwnerRemediated: 'False WaitingForRemediation' });

    const before = (await machine('a'))?.status?.conditions?.find((c) => c.type === 'OwnerRemediated');
    await say('owner', 'a', { ...(before as Condition), reason: 'RemediationDeferred', message: 'others come first' });
    await say('perdure-machine', 'a', aCondition('Ready', 'False'));
    now = '2026-01-01T00:01:00Z';
    await look(key);
    expect(await on('a')).toEqual({ ...bad, OwnerRemediated: 'False RemediationDeferred', Ready: 'False R' });

    node('a', 'True', now);
    await expect(look(key)).resolves.toMatchObject({ healthy: 1, expected: 1 });
    const good = { HealthCheckSucceeded: 'True HealthCheckSucceeded', Ready: 'False R' };
    expect(await on('a')).toEqual({ ...good, OwnerRemediated: 'False RemediationDeferred' });
    await say('owner', 'a');
    expect(await on('a')).toEqual(good);
  });

  test('what nobody answered goes at once', async () => {
    const key = await checked('b');
    await look(key);
    node('b', 'True', now);
    await look(key);
    expect(await on('b')).toEqual({ HealthCheckSucceeded: 'True HealthCheckSucceeded' });
  });

  test('comes to rest: looking again, later, changes no version', async () => {
    const key = await checked('c');
    await look(key);
    const versions = async () =>
      Promise.all(
        [KINDS.Machine, KINDS.MachineHealthCheck].map(
          async (kind) =>
            (await kube.get<KubeObject>(kind, { namespace: 'default', name: 'c' }))?.metadata.resourceVersion,
        ),
      );
    const before = await versions();
    now = '2026-01-01T00:02:00Z';
    await look(key);
    expect(await versions()).toEqual(before);
  });

  test('has its numbers and targets taken, also when they are none', async () => {
    const check = aHealthCheck(cluster, { selector: { matchLabels: { pool: 'none' } } });
    const stored = await create(KINDS.MachineHealthCheck, { ...check, metadata: { ...check.metadata, name: 'none' } });
    await look(keyOf(stored));
    const read = await kube.get<MachineHealthCheck>(KINDS.MachineHealthCheck, { namespace: 'default', name: 'none' });
    expect(read?.status).toMatchObject({ expectedMachines: 0, currentHealthy: 0, remediationsAllowed: 0, targets: [] });
  });

  test('asks somebody else by a request, deletes it when it is not needed any more', async () => {
    const templateRef = { apiVersion: `${group}/v1alpha1`, kind: 'RebootTemplate', name: 'reboot' };
    const template = {
      apiVersion: `${group}/v1alpha1`,
      kind: 'RebootTemplate',
      metadata: { name: 'reboot', namespace: 'default' },
      spec: { template: { spec: { retryLimit: 1 } } },
    };
    const key = await checked('d', { remediation: { templateRef } });
    await expect(look(key)).resolves.toHaveProperty('trouble');
    expect(await on('d')).toMatchObject({ ExternallyRemediated: 'False RemediationTemplateNotFound' });
    await create(TEMPLATE, template);
    await expect(look(key)).resolves.not.toHaveProperty('trouble');
    const request = () => kube.get<KubeObject>(REQUEST, { namespace: 'default', name: 'd' });
    expect(await request()).toMatchObject({ spec: { retryLimit: 1 }, metadata: { ownerReferences: [{ name: 'd' }] } });
    expect(await on('d')).toEqual({
      HealthCheckSucceeded: 'False UnhealthyNode',
      ExternallyRemediated: 'False WaitingForRemediation',
    });
    node('d', 'True', now);
    await look(key);
    expect(await request()).toBeUndefined();
    expect(await on('d')).toEqual({ HealthCheckSucceeded: 'True HealthCheckSucceeded' });
  });
});
