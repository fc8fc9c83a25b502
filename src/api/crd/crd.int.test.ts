import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type ApiServer, startApiServer } from '../../../test/helpers/api-server.js';
import { convertReview, createApiVersionResolver } from '../conversion/index.js';
import { crdManifests, definitions } from './definitions.js';

interface Crd {
  readonly metadata: { readonly name: string };
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
  };
}
type Object_ = {
  metadata: { resourceVersion?: string; annotations?: Record<string, string> };
  spec: Record<string, unknown>;
};

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const CLUSTERS = (version: string): string => `/apis/cluster.x-k8s.io/${version}/namespaces/default/clusters`;
const CONFIGS = '/apis/bootstrap.cluster.x-k8s.io/v1beta2/namespaces/default/kubeadmconfigs';
let server: ApiServer;
let webhook: Server;

/** The conversion webhook, with the serving certificate of the API server, which its own authority signed. */
async function startWebhook(): Promise<string> {
  const resolver = createApiVersionResolver(async (group) => `${group}/v1beta2`);
  webhook = createServer(server.serving, (request, response) => {
    json(request)
      .then((review) => convertReview(review, resolver))
      .then((answer) => response.setHeader('content-type', 'application/json').end(JSON.stringify(answer)))
      .catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  await new Promise<void>((resolve) => webhook.listen(0, '127.0.0.1', resolve));
  return `https://127.0.0.1:${(webhook.address() as AddressInfo).port}/convert`;
}

async function established(name: string): Promise<Crd> {
  for (;;) {
    const crd = await server.request<Crd>('GET', `${CRDS}/${name}`);
    const conditions = crd.status?.conditions ?? [];
    const failed = conditions.find(
      (c) => c.type === 'NonStructuralSchema' || (c.type === 'NamesAccepted' && c.status === 'False'),
    );
    if (failed) throw new Error(`${name}: ${failed.type} ${failed.message ?? ''}`);
    if (conditions.some((c) => c.type === 'Established' && c.status === 'True')) return crd;
    await delay(25);
  }
}

/** The API of a CRD appears a little after the CRD is established. */
async function created(path: string, body: unknown): Promise<Object_> {
  for (;;) {
    try {
      return await server.request<Object_>('POST', path, body);
    } catch (error) {
      if (!String(error).includes(': 404 ')) throw error;
      await delay(25);
    }
  }
}

beforeAll(async () => {
  server = await startApiServer();
  const url = await startWebhook();
  const clientConfig = { url, caBundle: Buffer.from(server.ca).toString('base64') };
  for (const manifest of crdManifests({ clientConfig })) await server.request('POST', CRDS, manifest);
}, 180_000);

afterAll(async () => {
  webhook?.closeAllConnections();
  webhook?.close();
  await server?.stop();
}, 30_000);

describe('the generated CRDs on a real API server', () => {
  test.each(definitions.map((d) => [`${d.plural}.${d.group}`]))(
    '%s is structural and established',
    async (name) => {
      const crd = await established(name);
      expect(crd.status?.conditions?.map((c) => c.type)).not.toContain('NonStructuralSchema');
    },
    60_000,
  );

  test('what was written in one version is read in the other, and nothing is lost', async () => {
    const ref = {
      apiVersion: 'infrastructure.cluster.x-k8s.io/v1beta1',
      kind: 'AWSCluster',
      name: 'i',
      namespace: 'default',
    };
    const old = {
      apiVersion: 'cluster.x-k8s.io/v1beta1',
      kind: 'Cluster',
      metadata: { name: 'old' },
      spec: { paused: false, infrastructureRef: ref, clusterNetwork: { pods: { cidrBlocks: ['10.0.0.0/8'] } } },
    };
    await created(CLUSTERS('v1beta1'), old);
    const hub = await server.request<Object_>('GET', `${CLUSTERS('v1beta2')}/old`);
    expect(hub.spec).toEqual({
      infrastructureRef: { apiGroup: 'infrastructure.cluster.x-k8s.io', kind: 'AWSCluster', name: 'i' },
      clusterNetwork: { pods: { cidrBlocks: ['10.0.0.0/8'] } },
    });

    const explicit = { ...hub, spec: { ...hub.spec, paused: false } };
    await server.request('PUT', `${CLUSTERS('v1beta2')}/old`, explicit);
    const spoke = await server.request<Object_>('GET', `${CLUSTERS('v1beta1')}/old`);
    expect(spoke.spec).toEqual({
      ...old.spec,
      infrastructureRef: { ...ref, apiVersion: 'infrastructure.cluster.x-k8s.io/v1beta2' },
    });
    const network = { pods: { cidrBlocks: ['10.1.0.0/16'] } };
    await server.request('PUT', `${CLUSTERS('v1beta1')}/old`, {
      ...spoke,
      spec: { ...spoke.spec, clusterNetwork: network },
    });
    const after = await server.request<Object_>('GET', `${CLUSTERS('v1beta2')}/old`);
    expect(after.spec).toEqual({ ...explicit.spec, clusterNetwork: network });
    expect(after.metadata.annotations).toBeUndefined();
  }, 60_000);

  test('server-side apply works in the older version too', async () => {
    const apply = (spec: unknown): Promise<Object_> =>
      server.request<Object_>(
        'PATCH',
        `${CLUSTERS('v1beta1')}/applied?fieldManager=test&force=true`,
        { apiVersion: 'cluster.x-k8s.io/v1beta1', kind: 'Cluster', metadata: { name: 'applied' }, spec },
        'application/apply-patch+yaml',
      );
    await created(CLUSTERS('v1beta2'), {
      apiVersion: 'cluster.x-k8s.io/v1beta2',
      kind: 'Cluster',
      metadata: { name: 'applied' },
      spec: { clusterNetwork: { apiServerPort: 7443 } },
    });
    await apply({ clusterNetwork: { serviceDomain: 'one.local' } });
    await apply({ clusterNetwork: { serviceDomain: 'two.local' } });
    const hub = await server.request<Object_>('GET', `${CLUSTERS('v1beta2')}/applied`);
    expect(hub.spec).toEqual({ clusterNetwork: { apiServerPort: 7443, serviceDomain: 'two.local' } });
  }, 60_000);

  test.each([
    ['an empty block', { ntp: {} }, 'should have at least 1 properties'],
    [
      'the same argument twice',
      {
        clusterConfiguration: {
          scheduler: {
            extraArgs: [
              { name: 'v', value: '1' },
              { name: 'v', value: '2' },
            ],
          },
        },
      },
      'extraArgs name must be unique',
    ],
    [
      'two layouts of a disk',
      { diskSetup: { partitions: [{ device: 'd', layout: true, diskLayout: [{ percentage: 1 }] }] } },
      'exactly one of the fields in [layout diskLayout] must be set',
    ],
  ])('%s is refused', async (_what, spec, message) => {
    const config = {
      apiVersion: 'bootstrap.cluster.x-k8s.io/v1beta2',
      kind: 'KubeadmConfig',
      metadata: { name: 'x' },
      spec,
    };
    await expect(created(CONFIGS, config)).rejects.toThrow(message);
  });

  test('a Machine cannot change its cluster', async () => {
    const path = '/apis/cluster.x-k8s.io/v1beta2/namespaces/default/machines';
    const machine = await created(path, {
      apiVersion: 'cluster.x-k8s.io/v1beta2',
      kind: 'Machine',
      metadata: { name: 'm' },
      spec: {
        clusterName: 'a',
        bootstrap: { dataSecretName: 's' },
        infrastructureRef: { apiGroup: 'infrastructure.cluster.x-k8s.io', kind: 'AWSMachine', name: 'm' },
      },
    });
    const moved = { ...machine, spec: { ...machine.spec, clusterName: 'b' } };
    await expect(server.request('PUT', `${path}/m`, moved)).rejects.toThrow('spec.clusterName cannot be changed');
  });
});
