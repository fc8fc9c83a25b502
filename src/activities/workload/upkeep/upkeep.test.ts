import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { type ActivityWorld, activityWorld, keyOf } from '../../../../test/helpers/activity-world.js';
import { aCluster, aControlPlane, aKubeadmConfig, aMachine } from '../../../../test/helpers/fake-objects.js';
import { COREFILE, kubeadmParts } from '../../../../test/helpers/kubeadm-cluster.js';
import type { ClusterConfiguration, KubeadmConfig, KubeadmControlPlane, Machine } from '../../../api/types/index.js';
import { KINDS } from '../../../api/types/kinds.js';
import type { KubeObject } from '../../../api/types/meta.js';
import { readPath } from '../../../domain/contract.js';
import { PerdureError } from '../../../domain/errors.js';
import { ANNOTATION } from '../../../domain/names.js';
import type { ReadExpiry } from './certificates.js';
import { upkeepDue } from './due.js';
import { finishControlPlaneUpgrade, finishUpgrade, prepareControlPlaneUpgrade, prepareUpgrade } from './index.js';

const cluster = aCluster();
const SYSTEM = 'kube-system';
const EXPIRES = '2027-03-04T05:06:07Z';
const read: ReadExpiry = async () => new Date(EXPIRES);

function controlPlaneWith(configuration?: ClusterConfiguration, annotations?: Record<string, string>) {
  const made = aControlPlane(
    cluster,
    configuration ? { kubeadmConfigSpec: { clusterConfiguration: configuration } } : {},
  );
  return annotations ? { ...made, metadata: { ...made.metadata, annotations } } : made;
}

interface Scene {
  readonly world: ActivityWorld;
  readonly controlPlane: KubeadmControlPlane;
  readonly machine: Machine;
  readonly due: () => Promise<string[]>;
  readonly finish: (reader?: ReadExpiry) => Promise<void>;
}

/** A cluster that kubeadm v1.33 made, and a control plane of v1.34.4 with one machine. */
function scene(
  options: {
    configuration?: ClusterConfiguration;
    annotations?: Record<string, string>;
    image?: string;
    corefile?: string;
    unreachable?: Error;
  } = {},
): Scene {
  const controlPlane = controlPlaneWith(options.configuration, options.annotations);
  const machine = { ...aMachine(cluster, { name: 'cp-1', controlPlane }), status: { nodeRef: { name: 'node-1' } } };
  const objects = [
    cluster,
    controlPlane,
    machine,
    aKubeadmConfig(machine, { joinConfiguration: { controlPlane: {} } }),
  ];
  const world = activityWorld({ objects, ...(options.unreachable ? { unreachable: options.unreachable } : {}) });
  for (const object of Object.values(kubeadmParts(options.image, options.corefile))) world.workload.put(object);
  return {
    world,
    controlPlane,
    machine,
    due: () => upkeepDue(world.deps, cluster, controlPlane, [machine]),
    finish: (reader = read) => finishUpgrade(world.deps, cluster, controlPlane, reader),
  };
}

const writesOf = ({ world }: Scene): string[] =>
  [...world.workload.writes(), ...world.kube.writes()].map((c) => `${c.verb} ${c.kind}/${c.name}`);
const dataOf = ({ world }: Scene, name: string): Record<string, string> =>
  (world.workload.peek(KINDS.ConfigMap, { namespace: SYSTEM, name }) as KubeObject & { data: Record<string, string> })
    .data;
const imageOf = ({ world }: Scene, kind: 'DaemonSet' | 'Deployment', name: string): unknown =>
  readPath(world.workload.peek(KINDS[kind], { namespace: SYSTEM, name }), 'spec.template.spec.containers.0.image');
const keyRead = ({ world }: Scene): unknown =>
  readPath(
    world.workload.peek(KINDS.Deployment, { namespace: SYSTEM, name: 'coredns' }),
    'spec.template.spec.volumes.0.configMap.items.0.key',
  );
const expiryOf = ({ world, machine }: Scene): string | undefined =>
  world.kube.peek<KubeadmConfig>(KINDS.KubeadmConfig, machine.metadata)?.metadata.annotations?.[
    ANNOTATION.certificatesExpiry
  ];

describe('prepareUpgrade', () => {
  test('makes permissions, brings kubeadm-config to the version, and then writes no more', async () => {
    const s = scene({ configuration: { apiServer: { certSANs: ['a.test'] } } });
    await prepareUpgrade(s.world.deps, cluster, s.controlPlane);
    expect(writesOf(s)).toEqual([
      'create ClusterRole/kubeadm:get-nodes',
      'create ClusterRoleBinding/kubeadm:get-nodes',
      'create ClusterRoleBinding/kubeadm:apiserver-kubelet-client',
      'update ConfigMap/kubeadm-config',
    ]);
    expect(parse(dataOf(s, 'kubeadm-config')['ClusterConfiguration'] ?? '')).toMatchObject({
      kubernetesVersion: 'v1.34.4',
      apiServer: { certSANs: ['a.test'] },
      networking: { podSubnet: '192.168.0.0/16' },
    });
    await prepareControlPlaneUpgrade(s.world.deps, keyOf(s.controlPlane));
    expect(writesOf(s)).toHaveLength(4);
  });

  test('leaves a binding as somebody wants it, and takes one made meanwhile for its own', async () => {
    const s = scene();
    const name = 'kubeadm:get-nodes';
    const own = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name }, rules: [] };
    s.world.workload.put(own);
    const exists = new PerdureError('Conflict', 'x', { details: { alreadyExists: true } });
    s.world.workload.failNext({ verb: 'create', kind: 'ClusterRoleBinding' }, exists);
    await prepareUpgrade(s.world.deps, cluster, s.controlPlane);
    expect(s.world.workload.peek(KINDS.ClusterRole, { name })).toMatchObject({ rules: [] });
  });

  test('goes on when kubeadm-config was changed in between', async () => {
    const s = scene();
    let others = 1;
    s.world.workload.before((call) => {
      if (call.verb !== 'update' || call.kind !== 'ConfigMap' || others-- < 1) return;
      const now = s.world.workload.peek<KubeObject & { data: Record<string, string> }>(KINDS.ConfigMap, {
        namespace: SYSTEM,
        name: 'kubeadm-config',
      });
      if (now) s.world.workload.put({ ...now, data: { ...now.data, other: '1' } });
    });
    await prepareUpgrade(s.world.deps, cluster, s.controlPlane);
    expect(dataOf(s, 'kubeadm-config')).toMatchObject({
      other: '1',
      ClusterConfiguration: expect.stringContaining('v1.34.4'),
    });
  });

  test.each([
    ['is missing', undefined],
    ['has no key ClusterConfiguration', {}],
  ])('says when kubeadm-config %s', async (problem, data) => {
    const s = scene();
    const ref = { namespace: SYSTEM, name: 'kubeadm-config' };
    if (data) s.world.workload.put({ apiVersion: 'v1', kind: 'ConfigMap', metadata: ref, data } as KubeObject);
    else s.world.workload.remove(KINDS.ConfigMap, ref);
    await expect(prepareUpgrade(s.world.deps, cluster, s.controlPlane)).rejects.toMatchObject({
      type: 'NotFound',
      message: expect.stringMatching(new RegExp(`^kubeadmcontrolplane default/demo-control-plane: .*${problem}`)),
    });
  });

  test('throws why the cluster cannot be reached', async () => {
    const s = scene({ unreachable: new PerdureError('Transient', 'down') });
    await expect(prepareUpgrade(s.world.deps, cluster, s.controlPlane)).rejects.toMatchObject({ type: 'Transient' });
  });

  test.each<[string, (c: KubeadmControlPlane) => KubeadmControlPlane]>([
    ['paused', (c) => ({ ...c, metadata: { ...c.metadata, annotations: { [ANNOTATION.paused]: '' } } })],
    ['being deleted', (c) => ({ ...c, metadata: { ...c.metadata, deletionTimestamp: EXPIRES, finalizers: ['x'] } })],
    ['another one of that name', (c) => ({ ...c, metadata: { ...c.metadata, uid: 'other' } })],
  ])('does nothing for a control plane that is %s', async (_name, change) => {
    const s = scene();
    s.world.kube.put(change(s.controlPlane));
    await prepareControlPlaneUpgrade(s.world.deps, keyOf(s.controlPlane));
    await finishControlPlaneUpgrade(s.world.deps, keyOf(s.controlPlane));
    expect(writesOf(s)).toEqual([]);
  });
});

describe('finishUpgrade', () => {
  const configuration: ClusterConfiguration = { dns: { imageTag: 'v1.12.1' } };

  test('brings kube-proxy and CoreDNS, notes the expiry, and then nothing is due and nothing written', async () => {
    const s = scene({ configuration });
    expect(await s.due()).toEqual(['kube-proxy', 'CoreDNS', 'certificate expiry']);
    expect(writesOf(s)).toEqual([]);
    await s.finish();
    expect(imageOf(s, 'DaemonSet', 'kube-proxy')).toBe('registry.k8s.io/kube-proxy:v1.34.4');
    expect(imageOf(s, 'Deployment', 'coredns')).toBe('registry.k8s.io/coredns/coredns:v1.12.1');
    expect(dataOf(s, 'coredns')).toEqual({ Corefile: COREFILE, 'Corefile-backup': COREFILE });
    expect(dataOf(s, 'kubeadm-config')['ClusterConfiguration']).toContain('imageTag: v1.12.1');
    expect(s.world.workload.peek(KINDS.ClusterRole, { name: 'system:coredns' })).toMatchObject({
      rules: [{}, { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'] }],
    });
    expect(expiryOf(s)).toBe(EXPIRES);
    expect(await s.due()).toEqual([]);
    const before = writesOf(s).length;
    await s.finish();
    expect(writesOf(s)).toHaveLength(before);
  });

  test('leaves alone what the annotations name', async () => {
    const annotations = { [ANNOTATION.skipKubeProxy]: '', [ANNOTATION.skipCoreDNS]: '' };
    const s = scene({ configuration, annotations });
    expect(await s.due()).toEqual(['certificate expiry']);
    await s.finish();
    expect(writesOf(s)).toEqual(['update KubeadmConfig/cp-1']);
  });

  test('without a wish for CoreDNS it stays as kubeadm installed it, unread', async () => {
    const s = scene();
    await s.finish();
    expect(imageOf(s, 'Deployment', 'coredns')).toBe('registry.k8s.io/coredns/coredns:v1.12.0');
    expect(s.world.workload.calls.filter((c) => c.name === 'coredns')).toEqual([]);
  });

  test('where kubeadm installed neither, there is nothing to do', async () => {
    const s = scene({ configuration });
    s.world.workload.remove(KINDS.DaemonSet, { namespace: SYSTEM, name: 'kube-proxy' });
    s.world.workload.remove(KINDS.Deployment, { namespace: SYSTEM, name: 'coredns' });
    expect(await s.due()).toEqual(['certificate expiry']);
    await s.finish();
    expect(writesOf(s)).toEqual(['update KubeadmConfig/cp-1']);
  });

  test('the image repository moves kube-proxy and CoreDNS', async () => {
    const s = scene({ configuration: { imageRepository: 'my.reg/k8s' } });
    await s.finish();
    expect(imageOf(s, 'DaemonSet', 'kube-proxy')).toBe('my.reg/k8s/kube-proxy:v1.34.4');
    expect(imageOf(s, 'Deployment', 'coredns')).toBe('my.reg/k8s/coredns:v1.12.0');
  });

  test('a Corefile that cannot be migrated stays, with all else of CoreDNS, and keeps nothing else from being done', async () => {
    const corefile = '. {\n  errors\n';
    const s = scene({ configuration, corefile });
    expect(await s.due()).toContain('CoreDNS');
    await expect(s.finish()).rejects.toMatchObject({
      type: 'InvalidConfiguration',
      message: expect.stringContaining('never closed'),
    });
    expect(writesOf(s)).toEqual(['update DaemonSet/kube-proxy', 'update KubeadmConfig/cp-1']);
    expect(dataOf(s, 'coredns')).toEqual({ Corefile: corefile });
  });

  test('a machine whose certificate cannot be read keeps no other from being noted, and is due again', async () => {
    const s = scene();
    const other = {
      ...aMachine(cluster, { name: 'cp-0', controlPlane: s.controlPlane }),
      status: { nodeRef: { name: 'node-0' } },
    };
    s.world.kube.put(other);
    s.world.kube.put(aKubeadmConfig(other));
    const failing: ReadExpiry = async (_workload, node) => {
      if (node === 'node-0') throw new PerdureError('Transient', 'no answer');
      return new Date(EXPIRES);
    };
    await expect(s.finish(failing)).rejects.toMatchObject({ message: 'no answer' });
    expect(expiryOf(s)).toBe(EXPIRES);
    expect(await upkeepDue(s.world.deps, cluster, s.controlPlane, [other, s.machine])).toEqual(['certificate expiry']);
  });

  test('a known date is not read again, one taken away is', async () => {
    const s = scene();
    const config = s.world.kube.peek<KubeadmConfig>(KINDS.KubeadmConfig, s.machine.metadata) as KubeadmConfig;
    const known = { [ANNOTATION.certificatesExpiry]: '2026-01-01T00:00:00Z' };
    s.world.kube.put({ ...config, metadata: { ...config.metadata, annotations: known } });
    await s.finish(() => Promise.reject(new Error('read')));
    s.world.kube.put(config);
    await s.finish();
    expect(expiryOf(s)).toBe(EXPIRES);
  });

  test('nothing is due of what cannot be asked', async () => {
    const s = scene({ configuration, unreachable: new PerdureError('Transient', 'down') });
    expect(await s.due()).toEqual([]);
    const t = scene({ configuration });
    t.world.workload.failNext({ verb: 'get' }, new PerdureError('Transient', 'down'), { times: 9 });
    expect(await t.due()).toEqual(['certificate expiry']);
  });

  test('a machine without Node, on its way out, or without config of kubeadm is not asked', async () => {
    const s = scene();
    const { status: _, ...nodeless } = s.machine;
    const leaving = { ...s.machine, metadata: { ...s.machine.metadata, deletionTimestamp: EXPIRES } };
    const bare = { ...s.machine, spec: { ...s.machine.spec, bootstrap: { dataSecretName: 'x' } } };
    for (const machine of [nodeless, leaving, bare]) {
      expect(await upkeepDue(s.world.deps, cluster, s.controlPlane, [machine as Machine])).toEqual(['kube-proxy']);
    }
  });
});

describe('a Corefile that changes', () => {
  const before = '. {\n  kubernetes a {\n    transfer to *\n  }\n}\n';
  const after = '. {\n  kubernetes a {\n  }\n  transfer a {\n      to *\n  }\n}\n';
  const old = { image: 'registry.k8s.io/coredns:1.7.0', corefile: before };
  const changing = () => scene({ ...old, configuration: { dns: { imageTag: 'v1.8.6' } } });

  test('is read by the old image from the backup until the new image is set', async () => {
    const s = changing();
    const seen: string[] = [];
    s.world.workload.after(() => {
      const corefile = dataOf(s, 'coredns')[String(keyRead(s))];
      const note = `${imageOf(s, 'Deployment', 'coredns')} reads ${corefile === before ? 'old' : 'new'}`;
      if (seen.at(-1) !== note) seen.push(note);
    });
    await s.finish();
    expect(seen).toEqual(['registry.k8s.io/coredns:1.7.0 reads old', 'registry.k8s.io/coredns:v1.8.6 reads new']);
    expect(dataOf(s, 'coredns')).toEqual({ Corefile: after, 'Corefile-backup': before });
  });

  test('killed after each write and run again, it ends the same', async () => {
    const calm = changing();
    await calm.finish();
    const total = calm.world.workload.writes().length;
    expect(total).toBeGreaterThan(5);
    for (let n = 1; n <= total; n++) {
      const s = changing();
      const stop = s.world.workload.after(() => {
        if (s.world.workload.writes().length >= n) throw new Error('killed');
      });
      await s.finish().catch(() => undefined);
      stop();
      await s.finish();
      expect([n, dataOf(s, 'coredns'), imageOf(s, 'Deployment', 'coredns'), keyRead(s)]).toEqual([
        n,
        { Corefile: after, 'Corefile-backup': before },
        'registry.k8s.io/coredns:v1.8.6',
        'Corefile',
      ]);
    }
  });

  test('edited while it is updated, it is planned again', async () => {
    const s = changing();
    s.world.workload.before((call) => {
      if (call.verb === 'update' && call.name === 'coredns' && call.kind === 'Deployment')
        s.world.workload.put({ ...kubeadmParts(old.image, '. {\n}\n').corefile });
    });
    await expect(s.finish()).rejects.toMatchObject({ type: 'Conflict' });
    expect(dataOf(s, 'coredns')['Corefile']).toBe('. {\n}\n');
  });
});
