import { describe, expect, test } from '@jest/globals';
import { FakeKube } from '../../../test/helpers/fake-kube.js';
import { aCluster, aControlPlane, aKubeadmConfig, aMachine } from '../../../test/helpers/fake-objects.js';
import type { KubeObject, Machine } from '../../api/types/index.js';
import { PerdureError } from '../../domain/errors.js';
import type { KubeClient } from '../../kube/client.js';
import type { Secret } from '../bootstrap/secrets.js';
import type { EtcdClient, EtcdState } from './etcd.js';
import { type InspectionDeps, inspectControlPlane, type OpenEtcd } from './health.js';

const NOW = '2026-01-01T00:00:00Z';
const ROLE = 'node-role.kubernetes.io/control-plane';
const STATE: EtcdState = {
  members: [
    { id: '1', name: 'a', learner: false },
    { id: '2', name: 'b', learner: false },
  ],
  leaderId: '1',
  alarms: [],
  alarmed: [],
};

function setup(nodes: string[] = ['a', 'b']) {
  const kube = new FakeKube();
  const workload = new FakeKube();
  const cluster = kube.put(aCluster());
  const controlPlane = kube.put(aControlPlane(cluster));
  const machines: Machine[] = nodes.map((name) => {
    const machine = kube.put(aMachine(cluster, { name: `m-${name}`, controlPlane, status: { nodeRef: { name } } }));
    kube.put(aKubeadmConfig(machine));
    workload.put({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, labels: { [ROLE]: '' } },
      spec: { taints: [{ key: ROLE, effect: 'NoSchedule' }] },
    } as KubeObject);
    for (const component of ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'etcd']) {
      const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
      const metadata = { name: `${component}-${name}`, namespace: 'kube-system', labels: { tier: 'control-plane' } };
      workload.put({ apiVersion: 'v1', kind: 'Pod', metadata, status } as KubeObject);
    }
    return machine;
  });
  kube.put({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'demo-etcd', namespace: 'default' },
    data: { 'tls.crt': 'eA==', 'tls.key': 'eA==' },
  } as Secret);
  workload.put({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'kubeadm-config', namespace: 'kube-system' } });
  const signal = new AbortController().signal;
  const deps: InspectionDeps = {
    kube,
    workload: () => Promise.resolve(workload as unknown as KubeClient),
    scope: () => ({ signal, heartbeat: () => {} }),
    now: () => NOW,
  };
  return { kube, workload, cluster, machines, deps };
}

/** Members that answer with `state`, or with an error where `down` names them; `asked` lists whom was asked and closed. */
function members(state = STATE, down: readonly string[] = []) {
  const asked: string[] = [];
  const open: OpenEtcd = (_workload, node) => {
    asked.push(node);
    if (down.includes(node))
      return Promise.reject(new PerdureError('Transient', `etcd member ${node} cannot be reached: refused`));
    const client: EtcdClient = {
      node,
      view: () => Promise.resolve(state),
      moveLeader: () => Promise.resolve(),
      removeMember: () => Promise.resolve(),
      close: () => Promise.resolve(void asked.push(`closed ${node}`)),
    };
    return Promise.resolve(client);
  };
  return { open, asked };
}

const statuses = (
  conditions: ReadonlyMap<string, readonly { type: string; status: string; reason: string }[]>,
  machine: string,
) => Object.fromEntries((conditions.get(machine) ?? []).map((c) => [c.type, `${c.status} ${c.reason}`]));

describe('inspectControlPlane', () => {
  test('a healthy control plane', async () => {
    const { deps, cluster, machines } = setup();
    const { open, asked } = members();
    const seen = await inspectControlPlane(deps, cluster, machines, true, open);
    expect(seen).toMatchObject({ initialized: true, etcd: STATE, mismatches: { nodes: [], members: [] } });
    expect(seen.connectionError).toBeUndefined();
    expect(new Set(Object.values(statuses(seen.conditions, 'm-a')))).toEqual(
      new Set(['True Running', 'True Healthy', 'True Set']),
    );
    expect(asked).toEqual(['a', 'closed a']);
  });

  test('one member that is down does not hide the others', async () => {
    const { deps, cluster, machines } = setup();
    const { open, asked } = members(STATE, ['a']);
    const seen = await inspectControlPlane(deps, cluster, machines, true, open);
    expect(asked).toEqual(['a', 'b', 'closed b']);
    expect(seen.etcd).toEqual(STATE);
  });

  test('members last known as healthy are asked first, deleting ones last', async () => {
    const { deps, cluster, machines } = setup(['a', 'b', 'c']);
    const [a, b, c] = machines as [Machine, Machine, Machine];
    const healthy = {
      type: 'EtcdMemberHealthy',
      status: 'True',
      reason: 'Healthy',
      message: '',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    } as const;
    const order = [
      { ...a, metadata: { ...a.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } },
      b,
      { ...c, status: { ...c.status, conditions: [healthy] } },
    ];
    const { open, asked } = members(STATE, ['a', 'b', 'c']);
    await inspectControlPlane(deps, cluster, order, true, open);
    expect(asked).toEqual(['c', 'b', 'a']);
  });

  test('an etcd that nobody reaches is Unknown with all reasons, the pods are still judged', async () => {
    const { deps, cluster, machines } = setup();
    const seen = await inspectControlPlane(deps, cluster, machines, true, members(STATE, ['a', 'b']).open);
    expect(seen.etcd).toBeUndefined();
    expect(statuses(seen.conditions, 'm-a')).toMatchObject({
      EtcdMemberHealthy: 'Unknown InspectionFailed',
      APIServerPodHealthy: 'True Running',
    });
    const message = seen.conditions.get('m-a')?.find((c) => c.type === 'EtcdMemberHealthy')?.message;
    expect(message).toBe(
      'Failed to connect to etcd: etcd member a cannot be reached: refused; etcd member b cannot be reached: refused',
    );
  });

  test('a workload cluster that does not answer is its own answer', async () => {
    const { deps, cluster, machines } = setup();
    const down = {
      ...deps,
      workload: () => Promise.reject(new PerdureError('Transient', 'the API server does not answer')),
    };
    const seen = await inspectControlPlane(down, cluster, machines, true, members().open);
    expect(seen).toMatchObject({ initialized: false, connectionError: 'the API server does not answer' });
    expect(new Set(Object.values(statuses(seen.conditions, 'm-b')))).toEqual(new Set(['Unknown ConnectionDown']));
  });

  test('one that broke off just now leaves what was last seen, and says Unknown only of what was never seen', async () => {
    const { deps, cluster, machines } = setup();
    const healthy = { type: 'EtcdMemberHealthy', status: 'True', reason: 'Healthy', message: '' } as const;
    const seenBefore = machines.map((m) => ({ ...m, status: { ...m.status, conditions: [healthy] } }) as Machine);
    const down = {
      ...deps,
      workload: () => Promise.reject(new PerdureError('Transient', 'refused')),
      workloadAnswered: () => Date.parse(NOW) - 299_000,
    };
    const lost = { type: 'RemoteConnectionProbe', status: 'False', reason: 'ProbeFailed', message: '' } as const;
    const told = { ...cluster, status: { conditions: [{ ...lost, lastTransitionTime: '2025-12-31T00:00:00Z' }] } };
    const seen = await inspectControlPlane(down, told, seenBefore, true, members().open);
    expect(seen).toMatchObject({ connectionError: 'refused', held: true });
    expect(statuses(seen.conditions, 'm-b')).toMatchObject({
      EtcdMemberHealthy: 'True Healthy',
      APIServerPodHealthy: 'Unknown ConnectionDown',
    });
    const later = { ...down, workloadAnswered: () => Date.parse(NOW) - 300_000 };
    const gone = await inspectControlPlane(later, told, seenBefore, true, members().open);
    expect(gone.held).toBeUndefined();
    expect(statuses(gone.conditions, 'm-b')).toMatchObject({ EtcdMemberHealthy: 'Unknown ConnectionDown' });
  });

  test('an abort is not an answer', async () => {
    const { deps, cluster, machines } = setup();
    const abort = new AbortController();
    abort.abort(new Error('cancelled'));
    const gone = {
      ...deps,
      scope: () => ({ signal: abort.signal, heartbeat: () => {} }),
      workload: () => Promise.reject(new Error('cancelled')),
    };
    await expect(inspectControlPlane(gone, cluster, machines, true, members().open)).rejects.toThrow('cancelled');
  });

  test('strangers are named, a Node without its label is still found', async () => {
    const { deps, cluster, machines, workload } = setup();
    workload.put({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'stray', labels: { [ROLE]: '' } } });
    workload.put({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'b', labels: {} },
      spec: { taints: [] },
    } as KubeObject);
    const state = { ...STATE, members: [...STATE.members, { id: '3', name: 'gone', learner: false }] };
    const seen = await inspectControlPlane(deps, cluster, machines, true, members(state).open);
    expect(seen.mismatches).toEqual({
      nodes: ['Control plane Node stray does not have a corresponding Machine'],
      members: ['Etcd member gone does not have a corresponding Machine'],
    });
    expect(statuses(seen.conditions, 'm-b')).toMatchObject({
      NodeKubeadmLabelsAndTaintsSet: 'False NotSet',
      APIServerPodHealthy: 'True Running',
    });
  });

  test('with an external etcd nobody is asked', async () => {
    const { deps, cluster, machines } = setup();
    const { open, asked } = members();
    const seen = await inspectControlPlane(deps, cluster, machines, false, open);
    expect(asked).toEqual([]);
    expect(seen.conditions.get('m-a')?.map((c) => c.type)).not.toContain('EtcdMemberHealthy');
  });
});
