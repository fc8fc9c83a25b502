import { describe, expect, test } from '@jest/globals';
import jsonPatch from 'fast-json-patch';
import type { KubeadmControlPlane } from '../types/index.js';
import { KINDS } from '../types/kinds.js';
import type { KubeObject, ResourceKind } from '../types/meta.js';
import { type AdmissionRequest, BadReviewError, mutate, readReview, validate } from './admission.js';
import { webhookConfigurations } from './configurations.js';
import { KIND_WEBHOOKS, type KindWebhook, mutatePath, SCALE_PATH, validatePath } from './registry.js';
import { validateScale } from './scale.js';

function webhookOf(kind: ResourceKind): KindWebhook {
  const found = KIND_WEBHOOKS.find((webhook) => webhook.kind === kind);
  if (!found) throw new Error(`no webhook for ${kind.kind}`);
  return found;
}

function request(object: unknown, extra: Partial<AdmissionRequest> = {}): AdmissionRequest {
  return { uid: 'u', operation: 'CREATE', object, ...extra };
}

const machineSet = {
  apiVersion: 'cluster.x-k8s.io/v1beta2',
  kind: 'MachineSet',
  metadata: { name: 's', namespace: 'ns' },
  spec: {
    clusterName: 'c',
    template: { spec: { clusterName: 'c', version: '1.34.0', bootstrap: { dataSecretName: 'x' } } },
  },
};
const setWebhook = webhookOf(KINDS.MachineSet);

describe('mutating reviews', () => {
  test('answer with a JSON patch that makes the defaults', () => {
    const response = mutate(setWebhook, request(machineSet));
    expect(response).toMatchObject({ uid: 'u', allowed: true, patchType: 'JSONPatch' });
    const patch = JSON.parse(Buffer.from(response.patch ?? '', 'base64').toString()) as jsonPatch.Operation[];
    const patched = jsonPatch.applyPatch(structuredClone(machineSet), patch).newDocument as unknown as KubeObject &
      Record<string, unknown>;
    expect(patched).toMatchObject({
      metadata: { labels: { 'cluster.x-k8s.io/cluster-name': 'c' } },
      spec: { replicas: 1, template: { spec: { version: 'v1.34.0' } } },
    });
    expect(mutate(setWebhook, request(patched))).toEqual({ uid: 'u', allowed: true });
  });

  test('leave the request object alone', () => {
    const before = structuredClone(machineSet);
    mutate(setWebhook, request(machineSet));
    expect(machineSet).toEqual(before);
  });

  test('use the stored object on updates', () => {
    const annotations = {
      'cluster.x-k8s.io/cluster-api-autoscaler-node-group-min-size': '1',
      'cluster.x-k8s.io/cluster-api-autoscaler-node-group-max-size': '9',
    };
    const object = { ...machineSet, metadata: { ...machineSet.metadata, annotations } };
    const oldObject = { ...object, spec: { ...object.spec, replicas: 4 } };
    const response = mutate(setWebhook, request(object, { operation: 'UPDATE', oldObject }));
    const patch = JSON.parse(Buffer.from(response.patch ?? '', 'base64').toString()) as {
      path: string;
      value: unknown;
    }[];
    expect(patch.find((p) => p.path === '/spec/replicas')?.value).toBe(4);
  });

  test('refuse what has no sensible default', () => {
    const annotations = {
      'cluster.x-k8s.io/cluster-api-autoscaler-node-group-min-size': 'x',
      'cluster.x-k8s.io/cluster-api-autoscaler-node-group-max-size': '9',
    };
    const response = mutate(setWebhook, request({ ...machineSet, metadata: { ...machineSet.metadata, annotations } }));
    expect(response).toMatchObject({ allowed: false, status: { code: 422, reason: 'Invalid' } });
  });

  test.each([
    ['a spec that is a list', { ...machineSet, spec: [] }],
    ['labels that are text', { ...machineSet, metadata: { ...machineSet.metadata, labels: 'a' } }],
    ['no metadata', { spec: {} }],
    ['no object', undefined],
  ])('let %s pass, for the schema to name what is wrong', (_, object) => {
    expect(mutate(setWebhook, request(object))).toEqual({ uid: 'u', allowed: true });
  });
});

/** A further mistake by kind. */
const WORSE: Record<string, Record<string, unknown>> = {
  Cluster: { clusterNetwork: { pods: { cidrBlocks: ['x'] } } },
  AWSCluster: { sshKeyName: ' ' },
  Machine: { version: 'x' },
};

describe('validating reviews', () => {
  const cluster = webhookOf(KINDS.Cluster);
  const metadata = { name: 'c', namespace: 'ns' };

  test('refuse with every error at once, in the shape of the API server', () => {
    const spec = { clusterNetwork: { pods: { cidrBlocks: ['x'] } } };
    const response = validate(cluster, request({ metadata, spec }));
    expect(response.allowed).toBe(false);
    expect(response.status).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      reason: 'Invalid',
      code: 422,
      message:
        'Cluster.cluster.x-k8s.io "c" is invalid: [spec: Forbidden: one of controlPlaneRef and infrastructureRef must be set, ' +
        'spec.clusterNetwork.pods.cidrBlocks[0]: Invalid value: "x": is not a CIDR block, e.g. 192.168.0.0/16]',
      details: {
        name: 'c',
        group: 'cluster.x-k8s.io',
        kind: 'Cluster',
        causes: [
          {
            reason: 'FieldValueForbidden',
            field: 'spec',
            message: 'Forbidden: one of controlPlaneRef and infrastructureRef must be set',
          },
          {
            reason: 'FieldValueInvalid',
            field: 'spec.clusterNetwork.pods.cidrBlocks[0]',
            message: 'Invalid value: "x": is not a CIDR block, e.g. 192.168.0.0/16',
          },
        ],
      },
    });
  });

  test('carry warnings of what is admitted', () => {
    const spec = { controlPlaneLoadBalancer: { loadBalancerType: 'classic' } };
    const response = validate(webhookOf(KINDS.AWSCluster), request({ metadata, spec }));
    expect(response).toEqual({ uid: 'u', allowed: true, warnings: [expect.stringContaining('deprecated')] });
  });

  test('compare with the stored object on updates only', () => {
    const old = { metadata, spec: { region: 'a' } };
    const made = { metadata, spec: { region: 'b' } };
    const webhook = webhookOf(KINDS.AWSCluster);
    expect(validate(webhook, request(made, { oldObject: old })).allowed).toBe(true);
    expect(validate(webhook, request(made, { oldObject: old, operation: 'UPDATE' })).allowed).toBe(false);
  });

  test.each([
    [
      'a Cluster with a topology',
      KINDS.Cluster,
      { topology: { classRef: { name: 'k' }, version: 'v1.34.0' } },
      { paused: true },
    ],
    [
      'an AWSCluster with a bad subnet',
      KINDS.AWSCluster,
      { network: { subnets: [{ id: 'a', cidrBlock: '192.168.0.0/24' }] } },
      { partition: 'aws' },
    ],
    [
      'a Machine with taints',
      KINDS.Machine,
      { clusterName: 'c', bootstrap: { dataSecretName: 's' }, taints: [{ key: 'a' }] },
      { providerID: 'p' },
    ],
  ])('let %s be changed elsewhere, and its finalizers go, but not get worse', (_, kind, spec, change) => {
    const update = (made: Record<string, unknown>) =>
      validate(webhookOf(kind), request(made, { operation: 'UPDATE', oldObject: { metadata, spec } })).allowed;
    expect(validate(webhookOf(kind), request({ metadata, spec })).allowed).toBe(false);
    expect(update({ metadata: { ...metadata, finalizers: [] }, spec })).toBe(true);
    expect(update({ metadata, spec: { ...spec, ...change } })).toBe(true);
    expect(update({ metadata, spec: { ...spec, ...change, ...WORSE[kind.kind] } })).toBe(false);
  });

  test('let deletions pass and need an object otherwise', () => {
    expect(validate(cluster, request(undefined, { operation: 'DELETE' })).allowed).toBe(true);
    expect(validate(cluster, request(undefined))).toMatchObject({ allowed: false, status: { code: 400 } });
  });

  test.each([
    ['text', 'x', 'not an AdmissionReview'],
    ['another kind', { kind: 'ConversionReview' }, 'not an AdmissionReview'],
    ['an old version', { kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1beta1' }, 'v1beta1'],
    ['no request', { kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1' }, 'no request'],
  ])('of %s are bad', (_, body, part) => {
    expect(() => readReview(body)).toThrow(BadReviewError);
    expect(() => readReview(body)).toThrow(part);
  });
});

describe('reviews of scale', () => {
  const external = { etcd: { external: { endpoints: ['e'], caFile: 'a', certFile: 'b', keyFile: 'c' } } };
  const control = (clusterConfiguration = {}) =>
    ({
      metadata: { name: 'k', namespace: 'ns' },
      spec: { kubeadmConfigSpec: { clusterConfiguration } },
    }) as unknown as KubeadmControlPlane;

  test.each<[number | undefined, KubeadmControlPlane, boolean]>([
    [3, control(), true],
    [2, control(), false],
    [2, control(external), true],
    [0, control(external), false],
    [undefined, control(), false],
  ])('to %s replicas', async (replicas, object, allowed) => {
    const scale = { metadata: { name: 'k', namespace: 'ns' }, spec: replicas === undefined ? {} : { replicas } };
    const response = await validateScale(
      request(scale, { operation: 'UPDATE', subResource: 'scale' }),
      async () => object,
    );
    expect(response.allowed).toBe(allowed);
    if (!allowed) expect(response.status?.details?.causes[0]?.field).toBe('spec.replicas');
  });

  test('of what does not exist are refused', async () => {
    const response = await validateScale(
      request({ metadata: { name: 'k' }, spec: { replicas: 1 } }),
      async () => undefined,
    );
    expect(response).toMatchObject({ allowed: false, status: { code: 404 } });
  });
});

describe('webhook configurations', () => {
  test('ask for every kind at its stored version, and fail closed', () => {
    const configurations = webhookConfigurations({ url: 'https://h:1/', caBundle: 'Q0E=' });
    expect(configurations.map((c) => c.kind)).toEqual([
      'MutatingWebhookConfiguration',
      'ValidatingWebhookConfiguration',
    ]);
    const all = configurations.flatMap((c) => c.webhooks);
    expect(new Set(all.map((w) => w.name)).size).toBe(all.length);
    for (const webhook of all) {
      expect(webhook).toMatchObject({
        failurePolicy: 'Fail',
        sideEffects: 'None',
        matchPolicy: 'Equivalent',
        timeoutSeconds: 10,
      });
      expect(webhook.rules[0]?.apiVersions).toEqual(['v1beta2']);
    }
    expect(configurations[1]?.webhooks).toHaveLength(KIND_WEBHOOKS.length + 1);
  });

  test('name paths as controller-runtime does', () => {
    expect(mutatePath(KINDS.Cluster)).toBe('/mutate-cluster-x-k8s-io-v1beta2-cluster');
    expect(validatePath(KINDS.AWSCluster)).toBe('/validate-infrastructure-cluster-x-k8s-io-v1beta2-awscluster');
    expect(SCALE_PATH).toBe('/validate-scale-controlplane-cluster-x-k8s-io-v1beta2-kubeadmcontrolplane');
    const [mutating] = webhookConfigurations({ url: 'https://h:1/' });
    expect(mutating?.webhooks[0]?.clientConfig).toEqual({ url: 'https://h:1/mutate-cluster-x-k8s-io-v1beta2-cluster' });
  });

  test('can point at a Service', () => {
    const service = { name: 'webhooks', namespace: 'perdure-system', port: 443 };
    const [mutating] = webhookConfigurations({ service });
    expect(mutating?.webhooks[0]?.clientConfig).toEqual({
      service: { ...service, path: '/mutate-cluster-x-k8s-io-v1beta2-cluster' },
    });
  });

  test('scope cluster-wide kinds to the cluster', () => {
    const [mutating] = webhookConfigurations({ url: 'https://h' });
    const scopes = new Map(mutating?.webhooks.map((w) => [w.name, w.rules[0]?.scope]));
    expect(scopes.get('default.awsclusterroleidentity.infrastructure.cluster.x-k8s.io')).toBe('Cluster');
    expect(scopes.get('default.machine.cluster.x-k8s.io')).toBe('Namespaced');
  });
});
