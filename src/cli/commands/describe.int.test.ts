import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type ApiServer, startApiServer } from '../../../test/helpers/api-server.js';
import { aHealthCheck, aRunningCluster } from '../../../test/helpers/fake-health.js';
import { aMachineDeployment, aMachineSet } from '../../../test/helpers/fake-owners.js';
import { crdManifests } from '../../api/crd/definitions.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject, ResourceKind } from '../../api/types/meta.js';
import { ownerReference } from '../../domain/contract.js';
import { type KubeClient, kubeFromKubeconfigText } from '../../kube/client.js';
import { clusterTree } from './describe.js';

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
