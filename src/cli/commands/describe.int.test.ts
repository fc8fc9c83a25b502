import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type ApiServer, startApiServer } from '../../../test/helpers/api-server.js';
import { aHealthCheck, aRunningCluster } from '../../../test/helpers/fake-health.js';
import { aCluster, aMachine } from '../../../test/helpers/fake-objects.js';
import { aMachineDeployment, aMachinePool, aMachineSet } from '../../../test/helpers/fake-owners.js';
import { crdManifests } from '../../api/crd/definitions.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject, ResourceKind } from '../../api/types/meta.js';
import { ownerReference } from '../../domain/contract.js';
import { type KubeClient, kubeFromKubeconfigText } from '../../kube/client.js';
import { clusterTree, treeLines } from './describe.js';

let server: ApiServer;
let kube: KubeClient;
let directory: string;
let kubeconfig: string;

beforeAll(async () => {
  server = await startApiServer();
  kube = kubeFromKubeconfigText(server.kubeconfig);
  directory = await mkdtemp(path.join(tmpdir(), 'perdure-describe-'));
  kubeconfig = path.join(directory, 'kubeconfig');
  await writeFile(kubeconfig, server.kubeconfig, { mode: 0o600 });
  for (const crd of crdManifests()) await kube.create(KINDS.CustomResourceDefinition, crd);
  // an established kind still answers 429 until its storage is set up
  for (const kind of Object.values(KINDS).filter((k) => k.group.endsWith('cluster.x-k8s.io')))
    while (!(await kube.list(kind).catch(() => undefined))) await new Promise((r) => setTimeout(r, 50));
}, 180_000);

afterAll(async () => {
  await kube?.close();
  await server?.stop();
  if (directory) await rm(directory, { recursive: true, force: true });
}, 30_000);

async function create<T extends KubeObject>(kind: ResourceKind, object: T): Promise<T> {
  const { uid: _u, generation: _g, creationTimestamp: _c, ...metadata } = object.metadata;
  return kube.create(kind, { ...object, metadata });
}

test('the tree of a cluster has its machines below their owners, and its health checks', async () => {
  const cluster = await create(KINDS.Cluster, aRunningCluster());
  const deployment = await create(KINDS.MachineDeployment, aMachineDeployment(cluster));
  const set = aMachineSet(cluster);
  const ownerReferences = [ownerReference(deployment, { controller: true })];
  await create(KINDS.MachineSet, { ...set, metadata: { ...set.metadata, ownerReferences } });
  await create(KINDS.MachinePool, aMachinePool(cluster));
  const check = await create(KINDS.MachineHealthCheck, aHealthCheck(cluster));
  const restricted = {
    type: 'RemediationAllowed',
    status: 'False',
    reason: 'TooManyUnhealthy',
    message: 'Remediation is not allowed',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  };
  const { name, namespace = '' } = check.metadata;
  const status = { conditions: [restricted] };
  await kube.mergePatch(KINDS.MachineHealthCheck, { name, namespace }, { status }, { subresource: 'status' });
  const { tree } = await clusterTree({ kubeconfig, namespace: 'default' }, 'demo');
  expect(tree).toMatchObject({
    kind: 'Cluster',
    children: [
      { kind: 'MachineDeployment', name: 'workers', children: [{ kind: 'MachineSet', name: 'workers' }] },
      { kind: 'MachinePool', name: 'pool', children: [] },
      {
        kind: 'MachineHealthCheck',
        name: 'workers',
        ready: 'False',
        reason: 'TooManyUnhealthy',
        message: 'Remediation is not allowed',
        children: [],
      },
    ],
  });
});

test('a machine that is deleted shows what is in the way of it', async () => {
  const cluster = await create(KINDS.Cluster, aCluster({ name: 'going' }));
  await create(KINDS.Machine, aMachine(cluster, { name: 'going-1' }));
  const message = [
    'Drain not completed yet (started at 2026-01-01T00:00:00Z):',
    "* Pod shop/web-0: cannot evict pod as it would violate the pod's disruption budget. The disruption budget web needs 2 healthy pods and has 2 currently",
    '* Pod shop/db-0: deletionTimestamp set, but still not removed from the Node',
  ].join('\n');
  const deleting = { type: 'Deleting', status: 'True', reason: 'DrainingNode', message };
  const status = { conditions: [{ ...deleting, lastTransitionTime: '2026-01-01T00:00:00Z' }] };
  const ref = { name: 'going-1', namespace: 'default' };
  await kube.mergePatch(KINDS.Machine, ref, { status }, { subresource: 'status' });
  const { tree } = await clusterTree({ kubeconfig, namespace: 'default' }, 'going');
  expect(tree.children).toMatchObject([{ name: 'going-1', ready: 'False', reason: 'DrainingNode', message }]);
  const lines = treeLines(tree, Date.parse('2026-01-01T00:10:00Z')).map(stripVTControlCharacters);
  for (const line of message.split('\n')) expect(lines.map((l) => l.trim())).toContain(line);
});
