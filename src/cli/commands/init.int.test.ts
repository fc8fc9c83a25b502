import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type ApiServer, startApiServer } from '../../../test/helpers/api-server.js';
import type { KubeObject } from '../../api/types/meta.js';
import { type KubeClient, kubeFromKubeconfigText } from '../../kube/client.js';
import { components, INSTALL_KINDS, install } from './init.js';

let server: ApiServer;
let kube: KubeClient;

beforeAll(async () => {
  server = await startApiServer();
  kube = kubeFromKubeconfigText(server.kubeconfig);
}, 120_000);
afterAll(async () => {
  await kube?.close();
  await server?.stop();
});

const versions = async (): Promise<Map<string, string | undefined>> => {
  const found = new Map<string, string | undefined>();
  for (const { kind, metadata } of components(undefined)) {
    const object = await kube.get<KubeObject>(INSTALL_KINDS[kind] ?? fail(kind), metadata);
    found.set(`${kind} ${metadata.name}`, object?.metadata.resourceVersion);
  }
  return found;
};
const fail = (kind: string): never => {
  throw new Error(`no kind ${kind}`);
};

test('init installs everything, and a second time changes nothing', async () => {
  const objects = components(undefined);
  await install(kube, objects);
  const first = await versions();
  expect([...first.values()]).not.toContain(undefined);
  await established();
  const settled = await versions();
  await install(kube, objects);
  expect(await versions()).toEqual(settled);
});

/** The API server itself writes the status of a CRD; that is over when all are served. */
async function established(): Promise<void> {
  for (;;) {
    const { items } = await server.request<{
      items: { status?: { conditions?: { type: string; status: string }[] } }[];
    }>('GET', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions');
    if (items.every((c) => c.status?.conditions?.some((x) => x.type === 'Established' && x.status === 'True'))) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
