import { describe, expect, test } from '@jest/globals';
import { formatSeconds } from '../../domain/go-duration.js';
import { converterOf, DATA_ANNOTATION, type KindConverter } from './convert.js';
import { MAX_INT32, parseSeconds } from './duration.js';
import { getPath, type JsonObject, setPath } from './json.js';

/** Single rules of the conversion, by example. */

const apiVersionOf = (group: string): string => `${group}/v1beta2`;

function converter(kind: string): KindConverter {
  const group = kind.startsWith('KubeadmControlPlane')
    ? 'controlplane.cluster.x-k8s.io'
    : kind.startsWith('Kubeadm')
      ? 'bootstrap.cluster.x-k8s.io'
      : 'cluster.x-k8s.io';
  const found = converterOf(group, kind);
  if (!found) throw new Error(`no converter of ${kind}`);
  return found;
}

function object(kind: string, version: string, parts: JsonObject): JsonObject {
  return { apiVersion: `${converter(kind).group}/${version}`, kind, metadata: { name: 'a', namespace: 'n' }, ...parts };
}

const up = (kind: string, parts: JsonObject): JsonObject => converter(kind).up(object(kind, 'v1beta1', parts));
const down = (kind: string, parts: JsonObject): JsonObject =>
  converter(kind).down(object(kind, 'v1beta2', parts), apiVersionOf);

/** The v1beta2 object after a v1beta1 client read it, changed one field and wrote it back. */
function edit(kind: string, hub: JsonObject, change: (spoke: JsonObject) => void): JsonObject {
  const spoke = structuredClone(down(kind, hub));
  change(spoke);
  return converter(kind).up(spoke);
}

describe('durations', () => {
  test.each([
    ['0', 0],
    ['0s', 0],
    ['90s', 90],
    ['1h30m', 5400],
    ['1.5h', 5400],
    ['1m0.9s', 60],
    ['999ms', 0],
    ['1h0m0s', 3600],
    ['.5m', 30],
    ['100000000h', MAX_INT32],
    ['-5s', 0],
  ])('%s is %d seconds', (text, seconds) => expect(parseSeconds(text)).toBe(seconds));

  test.each(['', 's', '5', '1d', '1h 2m', 'abc', '1h-2m'])('"%s" is none', (text) =>
    expect(parseSeconds(text)).toBeUndefined(),
  );

  test.each([
    [0, '0s'],
    [59, '59s'],
    [60, '1m0s'],
    [3600, '1h0m0s'],
    [90_061, '25h1m1s'],
  ])('%d seconds are written %s', (seconds, text) => {
    expect(formatSeconds(seconds)).toBe(text);
    expect(parseSeconds(text)).toBe(seconds);
  });

  test('one that is none is refused with its field', () => {
    const spec = {
      machineTemplate: { infrastructureRef: {}, nodeDrainTimeout: '5 minutes' },
      kubeadmConfigSpec: {},
      version: 'v1.34.0',
    };
    expect(() => up('KubeadmControlPlane', { spec })).toThrow(
      'spec.machineTemplate.nodeDrainTimeout: "5 minutes" is no duration: write it like 1h30m or 90s',
    );
  });
});

describe('flags', () => {
  test('false of v1beta1 says nothing, true does', () => {
    expect(
      up('Cluster', { spec: { paused: false, controlPlaneRef: { kind: 'K', name: 'k', apiVersion: 'g/v1' } } })['spec'],
    ).toEqual({
      controlPlaneRef: { apiGroup: 'g', kind: 'K', name: 'k' },
    });
    expect(getPath(up('Cluster', { spec: { paused: true } }), 'spec.paused')).toBe(true);
  });

  test.each([
    ['kept', false, (spoke: JsonObject) => setPath(spoke, 'metadata.labels', { x: 'y' })],
    ['kept when a Go client drops it', false, (spoke: JsonObject) => delete (spoke['spec'] as JsonObject)['paused']],
    ['replaced by true', true, (spoke: JsonObject) => setPath(spoke, 'spec.paused', true)],
  ])('an explicit false of v1beta2 is %s', (_what, expected, change) => {
    const hub = edit('Cluster', { spec: { paused: false, clusterNetwork: { serviceDomain: 'x' } } }, change);
    expect(getPath(hub, 'spec.paused')).toBe(expected);
  });

  test('true of v1beta2 that a client turned off becomes absent', () => {
    const hub = edit('Cluster', { spec: { paused: true, clusterNetwork: { serviceDomain: 'x' } } }, (spoke) => {
      setPath(spoke, 'spec.paused', false);
    });
    expect(hub['spec']).toEqual({ clusterNetwork: { serviceDomain: 'x' } });
  });
});

describe('references', () => {
  const spec = { infrastructureRef: { apiGroup: 'g.io', kind: 'Infra', name: 'i' } };

  test('get the version that was looked up and the namespace of the object', () => {
    expect(getPath(down('Cluster', { spec }), 'spec.infrastructureRef')).toEqual({
      apiVersion: 'g.io/v1beta2',
      kind: 'Infra',
      name: 'i',
      namespace: 'n',
    });
  });

  test('lose version, uid and the rest', () => {
    const ref = {
      apiVersion: 'g.io/v1alpha7',
      kind: 'Infra',
      name: 'i',
      namespace: 'n',
      uid: 'u',
      resourceVersion: '1',
      fieldPath: 'f',
    };
    expect(up('Cluster', { spec: { infrastructureRef: ref } })['spec']).toEqual(spec);
  });

  test('that say nothing are left out', () => {
    const spec = { paused: true, infrastructureRef: {}, controlPlaneRef: { name: '' } };
    expect(up('Cluster', { spec })['spec']).toEqual({ paused: true });
  });

  test('to a Node keep its name', () => {
    const status = { nodeRef: { apiVersion: 'v1', kind: 'Node', name: 'n1', uid: 'u' } };
    const hub = up('Machine', { spec: {}, status });
    expect(hub['status']).toEqual({ nodeRef: { name: 'n1' } });
    expect(getPath(converter('Machine').down(hub, apiVersionOf), 'status.nodeRef')).toEqual({
      apiVersion: 'v1',
      kind: 'Node',
      name: 'n1',
    });
  });
});

describe('what v1beta2 cannot hold', () => {
  test('is left out: zeros, empty strings, lists and blocks of Go clients', () => {
    const spec = {
      paused: false,
      controlPlaneEndpoint: { host: '', port: 0 },
      clusterNetwork: { apiServerPort: 0, serviceDomain: '', pods: { cidrBlocks: ['10.0.0.0/8'] } },
      topology: {
        class: 'c',
        version: 'v1.34.0',
        controlPlane: { metadata: {} },
        workers: { machineDeployments: [] },
        variables: null,
      },
    };
    expect(up('Cluster', { spec, status: { infrastructureReady: false, controlPlaneReady: false } })['spec']).toEqual({
      clusterNetwork: { pods: { cidrBlocks: ['10.0.0.0/8'] } },
      topology: { classRef: { name: 'c' }, version: 'v1.34.0' },
    });
  });

  test('but an empty list of taints, an empty control plane block and an empty Secret name mean something', () => {
    const join = { controlPlane: { localAPIEndpoint: {} }, nodeRegistration: { taints: [] } };
    expect(up('KubeadmConfig', { spec: { joinConfiguration: join } })['spec']).toEqual({
      joinConfiguration: { controlPlane: {}, nodeRegistration: { taints: [] } },
    });
    const bootstrap = { dataSecretName: '' };
    expect(
      getPath(up('Machine', { spec: { bootstrap, clusterName: 'c', infrastructureRef: {} } }), 'spec.bootstrap'),
    ).toEqual(bootstrap);
  });
});

describe('conditions and counters', () => {
  const legacy = [{ type: 'Ready', status: 'False', severity: 'Info', lastTransitionTime: '2026-01-01T00:00:00Z' }];
  const modern = [
    { type: 'Ready', status: 'True', reason: 'R', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' },
  ];

  test('are never translated, each version keeps its own', () => {
    const status = {
      conditions: legacy,
      readyReplicas: 2,
      replicas: 3,
      v1beta2: { conditions: modern, readyReplicas: 1 },
    };
    const hub = up('MachineDeployment', { spec: {}, status });
    expect(hub['status']).toEqual({
      conditions: modern,
      readyReplicas: 1,
      replicas: 3,
      deprecated: { v1beta1: { conditions: legacy, readyReplicas: 2 } },
    });
    expect(converter('MachineDeployment').down(hub, apiVersionOf)['status']).toEqual(status);
  });

  test('a control plane is ready when a replica is', () => {
    const ready = (replicas: number): unknown =>
      getPath(
        down('KubeadmControlPlane', { spec: {}, status: { deprecated: { v1beta1: { readyReplicas: replicas } } } }),
        'status.ready',
      );
    expect([ready(0), ready(1)]).toEqual([false, true]);
  });
});

describe('fields that v1beta1 does not have', () => {
  const hub = { spec: { minReadySeconds: 5, version: 'v1' }, status: { phase: 'Updating', failureDomain: 'a' } };

  test('come back', () => {
    const spoke = down('Machine', hub);
    expect(spoke['spec']).toEqual({ version: 'v1' });
    expect(spoke['status']).toEqual({ phase: 'Running' });
    expect(converter('Machine').up(spoke)).toEqual(object('Machine', 'v1beta2', hub));
  });

  test('come back beside a change, which stands', () => {
    const changed = edit('Machine', hub, (spoke) => setPath(spoke, 'status.phase', 'Deleting'));
    expect(changed['status']).toEqual({ phase: 'Deleting', failureDomain: 'a' });
    expect(changed['spec']).toEqual(hub.spec);
  });

  test('go with the item of a list that a client removed, and stay with the others whatever their place', () => {
    const file = (path: string, append: boolean): JsonObject => ({ path, append, content: 'x' });
    const spec = { files: [file('/a', false), file('/b', false)] };
    const changed = edit('KubeadmConfig', { spec }, (spoke) => {
      setPath(spoke, 'spec.files', [
        { path: '/new', content: 'y' },
        { path: '/b', content: 'z' },
      ]);
    });
    expect(getPath(changed, 'spec.files')).toEqual([
      { path: '/new', content: 'y' },
      { path: '/b', append: false, content: 'z' },
    ]);
  });

  test('the order of arguments comes back, a changed argument is changed', () => {
    const arg = (name: string, value: string): JsonObject => ({ name, value });
    const spec = { clusterConfiguration: { scheduler: { extraArgs: [arg('v', '1'), arg('a', '2')] } } };
    expect(edit('KubeadmConfig', { spec }, () => undefined)['spec']).toEqual(spec);
    const changed = edit('KubeadmConfig', { spec }, (spoke) => {
      setPath(spoke, 'spec.clusterConfiguration.scheduler.extraArgs', { v: '1', a: '3' });
    });
    expect(getPath(changed, 'spec.clusterConfiguration.scheduler.extraArgs')).toEqual([arg('a', '3'), arg('v', '1')]);
  });
});

describe('a health check', () => {
  const remediationTemplate = { apiVersion: 'g.example/v1', kind: 'RebootTemplate', name: 't', namespace: 'n' };
  const unhealthyConditions = [{ type: 'Ready', status: 'False', timeout: '5m0s' }];

  test('is taken apart into checks and remediation, and put together again', () => {
    const spec = {
      clusterName: 'c',
      selector: { matchLabels: { a: 'b' } },
      unhealthyConditions,
      nodeStartupTimeout: '0s',
      maxUnhealthy: '40%',
      unhealthyRange: '[1-2]',
      remediationTemplate,
    };
    const hub = up('MachineHealthCheck', { spec });
    expect(hub['spec']).toEqual({
      clusterName: 'c',
      selector: { matchLabels: { a: 'b' } },
      checks: {
        nodeStartupTimeoutSeconds: 0,
        unhealthyNodeConditions: [{ type: 'Ready', status: 'False', timeoutSeconds: 300 }],
      },
      remediation: {
        triggerIf: { unhealthyLessThanOrEqualTo: '40%', unhealthyInRange: '[1-2]' },
        templateRef: { apiVersion: 'g.example/v1', kind: 'RebootTemplate', name: 't' },
      },
    });
    expect(converter('MachineHealthCheck').down(hub, apiVersionOf)['spec']).toEqual(spec);
  });

  test('knows no counter from zero when a v1beta1 client has held it', () => {
    const status = { currentHealthy: 0, expectedMachines: 2 };
    expect(edit('MachineHealthCheck', { status }, () => undefined)['status']).toEqual(status);
    expect(up('MachineHealthCheck', { status: { ...status, remediationsAllowed: 0 } })['status']).toEqual({
      expectedMachines: 2,
    });
  });
});

describe('moved fields', () => {
  test('one timeout of v1beta1 becomes one for init and one for join', () => {
    const spec = {
      clusterConfiguration: { apiServer: { timeoutForControlPlane: '5m0s' } },
      joinConfiguration: { discovery: { timeout: '1m0s' } },
    };
    const hub = up('KubeadmConfig', { spec });
    expect(hub['spec']).toEqual({
      initConfiguration: { timeouts: { controlPlaneComponentHealthCheckSeconds: 300 } },
      joinConfiguration: { timeouts: { controlPlaneComponentHealthCheckSeconds: 300, tlsBootstrapSeconds: 60 } },
    });
    expect(converter('KubeadmConfig').down(hub, apiVersionOf)['spec']).toEqual(spec);
  });

  test('other timeouts survive a v1beta1 client', () => {
    const spec = { initConfiguration: { timeouts: { etcdAPICallSeconds: 9 } }, verbosity: 1 };
    const changed = edit('KubeadmConfig', { spec }, (spoke) => setPath(spoke, 'spec.verbosity', 2));
    expect(changed['spec']).toEqual({ ...spec, verbosity: 2 });
  });

  test('the strategy of a deployment is taken apart', () => {
    const strategy = { rollingUpdate: { maxSurge: 1, deletePolicy: 'Oldest' }, remediation: { maxInFlight: '20%' } };
    const hub = up('MachineDeployment', {
      spec: { strategy, rolloutAfter: '2026-01-01T00:00:00Z', minReadySeconds: 3 },
    });
    expect(hub['spec']).toEqual({
      deletion: { order: 'Oldest' },
      remediation: { maxInFlight: '20%' },
      rollout: { after: '2026-01-01T00:00:00Z', strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } },
      template: { spec: { minReadySeconds: 3 } },
    });
  });

  test('failure domains become a list sorted by name', () => {
    const hub = up('Cluster', { spec: {}, status: { failureDomains: { b: { controlPlane: true }, a: {} } } });
    expect(getPath(hub, 'status.failureDomains')).toEqual([{ name: 'a' }, { name: 'b', controlPlane: true }]);
  });

  test('of two disk layouts the list of partitions wins', () => {
    const disk = { device: 'd', layout: true, diskLayout: [{ percentage: 100 }] };
    const hub = up('KubeadmConfig', { spec: { diskSetup: { partitions: [disk] } } });
    expect(getPath(hub, 'spec.diskSetup.partitions')).toEqual([{ device: 'd', diskLayout: [{ percentage: 100 }] }]);
  });

  test('v1beta1 gets the kubeadm block that it requires', () => {
    expect(getPath(down('KubeadmControlPlane', { spec: { version: 'v1' } }), 'spec.kubeadmConfigSpec')).toEqual({});
    expect(
      getPath(
        down('KubeadmControlPlaneTemplate', { spec: { template: { metadata: { labels: { a: 'b' } } } } }),
        'spec.template.spec',
      ),
    ).toEqual({
      kubeadmConfigSpec: {},
    });
  });
});

describe('the annotation', () => {
  test('holds the hub object without metadata and is gone after the way up', () => {
    const spec = { clusterNetwork: { serviceDomain: 'x' } };
    const spoke = down('Cluster', { spec });
    const data = (getPath(spoke, 'metadata.annotations') as JsonObject)[DATA_ANNOTATION];
    expect(JSON.parse(String(data))).toEqual({ apiVersion: 'cluster.x-k8s.io/v1beta2', kind: 'Cluster', spec });
    expect(converter('Cluster').up(spoke)['metadata']).toEqual({ name: 'a', namespace: 'n' });
  });

  test('of a MachineSet does not exist', () => {
    expect(down('MachineSet', { spec: { clusterName: 'c' } })['metadata']).toEqual({ name: 'a', namespace: 'n' });
  });

  test.each(['', 'no json', '[]', 'null', '7'])('with "%s" in it is removed and changes nothing', (text) => {
    const metadata = { name: 'a', namespace: 'n', annotations: { other: 'x', [DATA_ANNOTATION]: text } };
    expect(up('Cluster', { metadata, spec: { paused: true } })).toEqual(
      object('Cluster', 'v1beta2', {
        metadata: { name: 'a', namespace: 'n', annotations: { other: 'x' } },
        spec: { paused: true },
      }),
    );
  });

  test('written by upstream works too', () => {
    const saved = {
      kind: 'Cluster',
      apiVersion: 'cluster.x-k8s.io/v1beta2',
      spec: { paused: false, controlPlaneEndpoint: { host: 'h', port: 1 } },
    };
    const metadata = { name: 'a', namespace: 'n', annotations: { [DATA_ANNOTATION]: JSON.stringify(saved) } };
    const spec = {
      controlPlaneEndpoint: { host: 'h', port: 1 },
      controlPlaneRef: { apiVersion: 'g/v1', kind: 'K', name: 'k' },
    };
    expect(up('Cluster', { metadata, spec })['spec']).toEqual({
      ...saved.spec,
      controlPlaneRef: { apiGroup: 'g', kind: 'K', name: 'k' },
    });
  });

  test('an object without spec converts both ways, as the API server sends for managed fields', () => {
    const bare = { apiVersion: 'cluster.x-k8s.io/v1beta1', kind: 'Cluster', metadata: {} };
    expect(converter('Cluster').up(bare)).toEqual({ ...bare, apiVersion: 'cluster.x-k8s.io/v1beta2' });
    expect(
      getPath(converter('Cluster').down({ ...bare, apiVersion: 'cluster.x-k8s.io/v1beta2' }, apiVersionOf), 'spec'),
    ).toBeUndefined();
  });
});
