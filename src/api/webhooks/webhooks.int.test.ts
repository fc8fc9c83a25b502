import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  type AdmittingApiServer,
  refusalOf,
  startAdmittingApiServer,
} from '../../../test/helpers/admitting-api-server.js';
import type { ApiServer } from '../../../test/helpers/api-server.js';
import { crdManifests } from '../crd/definitions.js';
import type { ObjectMeta } from '../types/meta.js';
import { KIND_WEBHOOKS } from './registry.js';

type Json = Record<string, unknown>;
interface Stored {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec: Json;
  readonly status?: Json;
}

const CORE = '/apis/cluster.x-k8s.io/v1beta2/namespaces/default';
const INFRA = '/apis/infrastructure.cluster.x-k8s.io/v1beta2';
const AWS = `${INFRA}/namespaces/default`;
const KCP = '/apis/controlplane.cluster.x-k8s.io/v1beta2/namespaces/default/kubeadmcontrolplanes';
const MERGE = 'application/merge-patch+json';

let host: AdmittingApiServer;
let api: ApiServer;
const refusal = refusalOf;

const create = (path: string, object: Json): Promise<Stored> => api.request<Stored>('POST', path, object);
const patch = (path: string, body: Json): Promise<Stored> => api.request<Stored>('PATCH', path, body, MERGE);

beforeAll(async () => {
  host = await startAdmittingApiServer();
  api = host.api;
}, 180_000);

afterAll(async () => {
  await host?.stop();
}, 30_000);

const cluster = (spec: Json, version = 'v1beta2', name = 'c'): Json => ({
  apiVersion: `cluster.x-k8s.io/${version}`,
  kind: 'Cluster',
  metadata: { name },
  spec,
});
const awsCluster = (spec: Json, name = 'c'): Json => ({
  apiVersion: 'infrastructure.cluster.x-k8s.io/v1beta2',
  kind: 'AWSCluster',
  metadata: { name },
  spec,
});
const infrastructureRef = { apiGroup: 'infrastructure.cluster.x-k8s.io', kind: 'AWSCluster', name: 'c' };

describe('admission on a real API server', () => {
  test('keeps a Cluster that is protected from deletion, and lets a move take it away', async () => {
    const protection = { 'perdure.dev/deletion-protection': 'true' };
    const object = cluster({ infrastructureRef }, 'v1beta2', 'kept');
    await create(`${CORE}/clusters`, { ...object, metadata: { name: 'kept', annotations: protection } });
    const path = `${CORE}/clusters/kept`;
    expect(await refusal(api.request('DELETE', path))).toMatch(
      /Cluster.*kept.*perdure.dev\/deletion-protection protects this cluster: remove it/,
    );
    await patch(path, { metadata: { annotations: { 'clusterctl.cluster.x-k8s.io/delete-for-move': '' } } });
    expect(await refusal(api.request('DELETE', path))).toBe('was admitted');
  });

  test('knows every kind that has a webhook', () => {
    const plurals = new Set(crdManifests().map((crd) => crd.metadata.name));
    expect(KIND_WEBHOOKS.filter(({ kind }) => !plurals.has(`${kind.plural}.${kind.group}`))).toEqual([]);
  });

  test('defaults and judges an AWSCluster through its life', async () => {
    const made = await create(`${AWS}/awsclusters`, awsCluster({ region: 'eu-west-1' }));
    expect(made.spec).toMatchObject({
      region: 'eu-west-1',
      identityRef: { kind: 'AWSClusterControllerIdentity', name: 'default' },
      controlPlaneLoadBalancer: { loadBalancerType: 'classic', scheme: 'internet-facing' },
    });
    const path = `${AWS}/awsclusters/c`;
    const filled = await patch(path, {
      spec: { controlPlaneEndpoint: { host: 'h', port: 6443 }, network: { vpc: { id: 'vpc-1' } } },
    });
    expect(filled.spec).toMatchObject({ network: { vpc: { id: 'vpc-1', availabilityZoneUsageLimit: 3 } } });
    expect(await refusal(patch(path, { spec: { controlPlaneEndpoint: { host: 'i' } } }))).toContain(
      'machines and kubeconfigs refer to it',
    );
    expect(await refusal(patch(path, { spec: { region: 'us-east-1' } }))).toContain('region cannot be changed');
    expect(await refusal(patch(path, { spec: { network: { vpc: { id: 'vpc-2' } } } }))).toContain(
      'cannot be changed once set',
    );
    expect(
      await refusal(patch(path, { spec: { controlPlaneLoadBalancer: { loadBalancerType: 'disabled' } } })),
    ).toContain('from or to disabled');
    const status = await patch(`${path}/status`, {
      status: { initialization: { provisioned: true }, failureDomains: { a: { controlPlane: true } } },
    });
    expect(status.status).toMatchObject({ ready: false, initialization: { provisioned: true } });
  });

  test('refuses with a Status that names kind, object, field and remedy', async () => {
    const text = await refusal(
      create(
        `${AWS}/awsclusters`,
        awsCluster({ network: { subnets: [{ id: 'a', cidrBlock: '192.168.0.0/24' }] } }, 'bad'),
      ),
    );
    expect(text).toContain('422');
    const status = JSON.parse(text.slice(text.indexOf('{'))) as {
      details: { causes: { field: string; reason: string }[] };
    };
    expect(status.details.causes).toEqual([
      expect.objectContaining({ field: 'spec.network.subnets[0].cidrBlock', reason: 'FieldValueInvalid' }),
    ]);
  });

  test('leaves malformed objects to the schema, which names the field', async () => {
    expect(await refusal(create(`${AWS}/awsclusters`, awsCluster({ network: [] } as Json, 'odd')))).toContain(
      'spec.network',
    );
  });

  test('converts v1beta1 requests before it judges them', async () => {
    const legacy = (spec: Json): Json =>
      cluster(
        { ...spec, infrastructureRef: { ...infrastructureRef, apiVersion: 'infrastructure.cluster.x-k8s.io/v1beta2' } },
        'v1beta1',
        'old',
      );
    const path = '/apis/cluster.x-k8s.io/v1beta1/namespaces/default/clusters';
    const network = (pods: string): Json => ({
      clusterNetwork: { pods: { cidrBlocks: [pods] }, services: { cidrBlocks: ['10.96.0.0/12'] } },
    });
    expect(await refusal(create(path, legacy(network('10.0.0.0/8'))))).toContain('overlaps 10.0.0.0/8');
    expect((await create(path, legacy(network('192.168.0.0/16')))).apiVersion).toBe('cluster.x-k8s.io/v1beta1');
  });

  test('refuses ClusterClass clearly', async () => {
    const spec = { topology: { classRef: { name: 'k' }, version: 'v1.34.0' } };
    expect(await refusal(create(`${CORE}/clusters`, cluster(spec, 'v1beta2', 'topology')))).toContain(
      'ClusterClass is not supported yet',
    );
  });

  test('guards the scale of a control plane', async () => {
    const machineTemplate = { spec: { infrastructureRef: { ...infrastructureRef, kind: 'AWSMachineTemplate' } } };
    const object = {
      apiVersion: 'controlplane.cluster.x-k8s.io/v1beta2',
      kind: 'KubeadmControlPlane',
      metadata: { name: 'k' },
      spec: { version: '1.34.0', machineTemplate },
    };
    const made = await create(KCP, object);
    expect(made.spec).toMatchObject({ replicas: 1, version: 'v1.34.0' });
    const scale = (replicas: number): Promise<Stored> => patch(`${KCP}/k/scale`, { spec: { replicas } });
    expect(await refusal(scale(2))).toContain('cannot be an even number');
    expect((await scale(3)).spec).toEqual({ replicas: 3 });
    expect(await refusal(scale(0))).toContain('at least one machine');
    expect(await refusal(patch(`${KCP}/k`, { spec: { version: 'v1.36.0' } }))).toContain('one minor version at a time');
  });

  test('keeps an AWSMachine as it is', async () => {
    const object = {
      apiVersion: 'infrastructure.cluster.x-k8s.io/v1beta2',
      kind: 'AWSMachine',
      metadata: { name: 'm' },
      spec: { instanceType: 'm5.large' },
    };
    const path = `${AWS}/awsmachines`;
    expect((await create(path, object)).spec).toMatchObject({
      cloudInit: { secureSecretsBackend: 'secrets-manager' },
      hostAffinity: 'default',
    });
    expect(
      (await patch(`${path}/m`, { spec: { providerID: 'aws:///a/i-1', instanceID: 'i-1' } })).spec['instanceID'],
    ).toBe('i-1');
    expect(await refusal(patch(`${path}/m`, { spec: { instanceType: 'c5.large' } }))).toContain(
      'cannot be modified (instanceType)',
    );
    expect(await refusal(create(path, { ...object, metadata: { name: 'n' }, spec: {} }))).toContain('instanceType');
  });

  test('had nothing to complain of', () => {
    expect(host.problems).toEqual([]);
  });
});
