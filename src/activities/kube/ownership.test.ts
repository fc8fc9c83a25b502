import { describe, expect, test } from '@jest/globals';
import { activityWorld, keyOf } from '../../../test/helpers/activity-world.js';
import { aCluster, aControlPlane, aKubeadmConfig, aMachine } from '../../../test/helpers/fake-objects.js';
import {
  aMachineDeployment,
  anInfraCluster,
  anInfraMachine,
  infraRef,
  theTemplates,
} from '../../../test/helpers/fake-owners.js';
import type { Cluster, KubeadmConfig, KubeadmControlPlane, Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject } from '../../api/types/meta.js';
import { FINALIZER, LABEL } from '../../domain/names.js';
import { createKubeActivities } from '../index.js';

const fresh = aCluster({ spec: { infrastructureRef: infraRef('AWSCluster', 'demo') } });
const cluster = { ...fresh, spec: { ...fresh.spec, controlPlaneEndpoint: { host: 'demo.example.test', port: 6443 } } };
const external = { endpoints: ['https://e:2379'], caFile: 'a', certFile: 'b', keyFile: 'c' };
const controlPlane = aControlPlane(cluster, {
  kubeadmConfigSpec: { clusterConfiguration: { encryptionAlgorithm: 'ECDSA-P256', etcd: { external } } },
});
const deployment = aMachineDeployment(cluster, { replicas: 1 });
const clientOfEtcd = (name: string, data: Record<string, string>): KubeObject =>
  ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: 'default' },
    data: Object.fromEntries(Object.entries(data).map(([k, v]) => [k, Buffer.from(v).toString('base64')])),
  }) as KubeObject;

/** A cluster of one control plane machine and one worker, made step by step by the lanes' activities. */
async function settled() {
  const world = activityWorld({
    objects: [cluster, controlPlane, deployment, anInfraCluster(cluster, { ready: true }), ...theTemplates(cluster)],
  });
  const { kube } = world;
  const ownEtcd: KubeadmControlPlane = { ...controlPlane, spec: aControlPlane(cluster).spec };
  const own = activityWorld({ objects: [cluster, ownEtcd] });
  const ownKey = keyOf(controlPlane);
  await createKubeActivities(own.deps).assessControlPlane({ key: ownKey });
  const ca = own.kube.peek<KubeObject & { data: Record<string, string> }>(KINDS.Secret, {
    name: 'demo-ca',
    namespace: 'default',
  });
  const pem = (k: string): string => Buffer.from(ca?.data[k] ?? '', 'base64').toString();
  kube.put(clientOfEtcd('demo-etcd', { 'tls.crt': pem('tls.crt') }));
  kube.put(clientOfEtcd('demo-apiserver-etcd-client', { 'tls.crt': pem('tls.crt'), 'tls.key': pem('tls.key') }));
  const activities = createKubeActivities(world.deps);
  const lanes = async (): Promise<void> => {
    for (let round = 0; round < 3; round++) {
      for (const object of kube.all()) {
        const key = keyOf(object);
        if (object.kind === 'Cluster') await activities.assessCluster({ key });
        if (object.kind === 'KubeadmControlPlane') await activities.assessControlPlane({ key });
        if (object.kind === 'MachineDeployment') await activities.assessMachineDeployment({ key });
        if (object.kind === 'MachineSet') await activities.assessMachineSet({ key });
        if (object.kind === 'Machine') await activities.assessMachine({ key });
      }
    }
  };
  await lanes();
  await activities.createControlPlaneMachine({ key: keyOf(controlPlane), name: 'cp1' });
  const [set] = kube.all(KINDS.MachineSet);
  await activities.createWorkerMachines({ key: keyOf(set as KubeObject), names: ['w1'] });
  for (const name of ['cp1', 'w1']) {
    const config = kube.peek<KubeObject>(KINDS.KubeadmConfig, { name, namespace: 'default' }) as KubeObject;
    const data = clientOfEtcd(name, { value: '#cloud-config', format: 'cloud-config' });
    kube.put({ ...data, type: 'cluster.x-k8s.io/secret' } as KubeObject);
    kube.put({
      ...config,
      status: { dataSecretName: name, initialization: { dataSecretCreated: true } },
    } as KubeObject);
  }
  await lanes();
  return { world, lanes };
}

/** Kind/name → owners as `Kind/name` (`!` marks the controller), without those that nothing is asked of. */
function ownersOf(objects: readonly KubeObject[]): Record<string, string> {
  const entries = objects.map((o) => {
    const owners = (o.metadata.ownerReferences ?? []).map((r) => `${r.kind}/${r.name}${r.controller ? '!' : ''}`);
    return [`${o.kind}/${o.metadata.name}`, owners.join(' ')] as const;
  });
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

const finalizersOf = (objects: readonly KubeObject[]): Record<string, readonly string[]> =>
  Object.fromEntries(objects.map((o) => [`${o.kind}/${o.metadata.name}`, o.metadata.finalizers ?? []]));

describe('owners, finalizers and labels', () => {
  test('are those of upstream, and come back when somebody takes all of them away', async () => {
    const { world, lanes } = await settled();
    const { kube } = world;
    const set = kube.all(KINDS.MachineSet)[0]?.metadata.name ?? '';
    const owners = ownersOf(kube.all());
    expect(owners).toEqual({
      'AWSCluster/demo': 'Cluster/demo',
      'AWSMachine/cp1': 'Machine/cp1!',
      'AWSMachine/w1': 'Machine/w1!',
      'AWSMachineTemplate/demo': 'Cluster/demo',
      'AWSMachineTemplate/workers': 'Cluster/demo',
      'Cluster/demo': '',
      'KubeadmConfig/cp1': 'Machine/cp1!',
      'KubeadmConfig/w1': 'Machine/w1!',
      'KubeadmConfigTemplate/workers': 'Cluster/demo',
      'KubeadmControlPlane/demo-control-plane': 'Cluster/demo',
      'Machine/cp1': 'KubeadmControlPlane/demo-control-plane!',
      'Machine/w1': `MachineSet/${set}!`,
      'MachineDeployment/workers': 'Cluster/demo',
      [`MachineSet/${set}`]: 'MachineDeployment/workers!',
      'Secret/cp1': 'KubeadmConfig/cp1!',
      'Secret/demo-apiserver-etcd-client': '',
      'Secret/demo-ca': 'KubeadmControlPlane/demo-control-plane!',
      'Secret/demo-etcd': '',
      'Secret/demo-kubeconfig': 'KubeadmControlPlane/demo-control-plane!',
      'Secret/demo-proxy': 'KubeadmControlPlane/demo-control-plane!',
      'Secret/demo-sa': 'KubeadmControlPlane/demo-control-plane!',
      'Secret/w1': 'KubeadmConfig/w1!',
    });
    const finalizers = finalizersOf(kube.all());
    expect(finalizers['Machine/w1']).toEqual([FINALIZER.Machine]);
    expect(finalizers['AWSCluster/demo']).toEqual([FINALIZER.AWSCluster]);
    expect(finalizers['AWSMachine/cp1']).toEqual([FINALIZER.AWSMachine]);
    for (const object of kube.all()) {
      const { [LABEL.clusterName]: _, ...labels } = object.metadata.labels ?? {};
      kube.put({ ...object, metadata: { ...object.metadata, ownerReferences: [], finalizers: [], labels } });
    }
    await lanes();
    expect(ownersOf(kube.all())).toEqual(owners);
    expect(finalizersOf(kube.all())).toEqual(finalizers);
    const unlabelled = kube
      .all()
      .filter((o) => !/Template$|^Cluster$/.test(o.kind) && !o.metadata.labels?.[LABEL.clusterName])
      .map((o) => `${o.kind}/${o.metadata.name}`);
    expect(unlabelled.sort()).toEqual(['Secret/demo-apiserver-etcd-client', 'Secret/demo-etcd']);
  });

  test('a bootstrap config says whether it is paused, as long as it is', async () => {
    const { world, lanes } = await settled();
    const paused = (): string | undefined =>
      (
        world.kube.peek(KINDS.KubeadmConfig, { name: 'w1', namespace: 'default' }) as KubeadmConfig | undefined
      )?.status?.conditions
        ?.filter((c) => c.type === 'Paused')
        .map((c) => `${c.status} ${c.reason}`)
        .join();
    expect(paused()).toBe('False NotPaused');
    const pause = (value: boolean): void => {
      const now = world.kube.peek<Cluster>(KINDS.Cluster, cluster.metadata) as Cluster;
      world.kube.put({ ...now, spec: { ...now.spec, paused: value } });
    };
    pause(true);
    await lanes();
    expect(paused()).toBe('True Paused');
    pause(false);
    await lanes();
    expect(paused()).toBe('False NotPaused');
  });

  test('a control plane takes in a machine made by hand, but none it could not have made', async () => {
    const { world, lanes } = await settled();
    const byHand = (name: string, spec: Partial<Machine['spec']>): KubeObject => {
      const machine = aMachine(cluster, { name, spec });
      return {
        ...machine,
        metadata: { ...machine.metadata, labels: { ...machine.metadata.labels, [LABEL.controlPlane]: '' } },
      };
    };
    const other = { configRef: { apiGroup: 'x.example.com', kind: 'OtherConfig', name: 'o' } };
    for (const machine of [
      byHand('mine', {}),
      byHand('old', { version: 'v1.30.0' }),
      byHand('foreign', { bootstrap: other }),
      byHand('odd', { version: 'latest' }),
    ])
      world.kube.put(machine);
    world.kube.put(aKubeadmConfig(aMachine(cluster, { name: 'mine' })));
    world.kube.put(anInfraMachine(cluster, 'mine'));
    await lanes();
    const owners = ownersOf(world.kube.all(KINDS.Machine));
    expect(owners['Machine/mine']).toContain('KubeadmControlPlane/demo-control-plane!');
    for (const name of ['old', 'foreign', 'odd']) expect(owners[`Machine/${name}`]).toBe('Cluster/demo');
    expect(world.events).toContain('AdoptionFailed KubeadmControlPlane/demo-control-plane');
  });

  test('a control plane that no Cluster refers to touches nothing of the cluster its label names', async () => {
    const { world } = await settled();
    const stray: KubeadmControlPlane = {
      ...aControlPlane(cluster),
      metadata: { ...aControlPlane(cluster).metadata, name: 'stray' },
    };
    world.kube.put(stray);
    const before = ownersOf(world.kube.all(KINDS.Secret));
    const facts = await createKubeActivities(world.deps).assessControlPlane({ key: keyOf(stray) });
    expect(facts).toMatchObject({ clusterDeleting: true, live: 0 });
    expect(ownersOf(world.kube.all(KINDS.Secret))).toEqual(before);
  });
});
