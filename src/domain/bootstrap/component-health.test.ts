import { describe, expect, test } from '@jest/globals';
import { aCluster, aControlPlane, aMachine } from '../../../test/helpers/fake-objects.js';
import type { KubeObject, Machine } from '../../api/types/index.js';
import {
  type ComponentsView,
  componentConditions,
  type EtcdObservation,
  everyCondition,
  mismatches,
} from './component-health.js';
import { podCondition } from './static-pods.js';

const cluster = aCluster();
const controlPlane = aControlPlane(cluster);
const ROLE = 'node-role.kubernetes.io/control-plane';

function machineOn(node: string | undefined, change: { deleting?: boolean; providerID?: string } = {}): Machine {
  const machine = aMachine(cluster, {
    name: `m-${node ?? 'new'}`,
    controlPlane,
    spec: change.providerID ? { providerID: change.providerID } : {},
    ...(node ? { status: { nodeRef: { name: node } } } : {}),
  });
  return change.deleting
    ? { ...machine, metadata: { ...machine.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }
    : machine;
}

type Extra = { taints?: { key: string; effect: string }[]; ready?: string; label?: boolean };
function aNode(
  name: string,
  { taints = [{ key: ROLE, effect: 'NoSchedule' }], ready = 'True', label = true }: Extra = {},
): KubeObject {
  const node = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: label ? { [ROLE]: '' } : {} },
    spec: { taints },
    status: { conditions: [{ type: 'Ready', status: ready }] },
  };
  return node;
}

function aPod(
  component: string,
  node: string,
  status: object = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
): KubeObject {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `${component}-${node}`, namespace: 'kube-system' },
    status,
  };
  return pod;
}

const podsOn = (node: string): KubeObject[] =>
  ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'etcd'].map((c) => aPod(c, node));
const healthyEtcd: EtcdObservation = { members: [{ id: '1', name: 'a', learner: false }], alarms: [] };
const text = (view: Partial<ComponentsView>): Record<string, string> => {
  const full: ComponentsView = {
    machine: machineOn('a'),
    node: aNode('a'),
    pods: podsOn('a'),
    etcd: healthyEtcd,
    wantsTaint: true,
    ...view,
  };
  return Object.fromEntries(
    componentConditions(full).map((c) => [c.type, `${c.status} ${c.reason}${c.message ? `: ${c.message}` : ''}`]),
  );
};

describe('componentConditions', () => {
  test('a healthy machine', () => {
    expect(text({})).toEqual({
      APIServerPodHealthy: 'True Running',
      ControllerManagerPodHealthy: 'True Running',
      SchedulerPodHealthy: 'True Running',
      EtcdPodHealthy: 'True Running',
      EtcdMemberHealthy: 'True Healthy',
      NodeKubeadmLabelsAndTaintsSet: 'True Set',
    });
  });

  test.each([
    ['kube-apiserver', 'APIServerPodHealthy'],
    ['kube-controller-manager', 'ControllerManagerPodHealthy'],
    ['kube-scheduler', 'SchedulerPodHealthy'],
    ['etcd', 'EtcdPodHealthy'],
  ])('the pod of %s while it starts, and once it has ended', (component, type) => {
    const others = podsOn('a').filter((pod) => pod.metadata.name !== `${component}-a`);
    const of = (phase: string) => text({ pods: [...others, aPod(component, 'a', { phase })] })[type];
    expect(of('Pending')).toBe('False Provisioning: Waiting to be scheduled');
    expect(of('Failed')).toBe('False Failed: All the containers have been terminated');
  });

  test('of a machine that is deleted, whose Node is gone, everything goes', () => {
    const machine = machineOn('a', { deleting: true });
    const said = text({ machine, node: undefined });
    expect(new Set(Object.values(said))).toEqual(new Set(['False Deleting: Machine is deleting']));
    expect(said).toHaveProperty('NodeKubeadmLabelsAndTaintsSet');
  });

  test('with an external etcd nothing is said of it', () => {
    expect(Object.keys(text({ etcd: undefined }))).toEqual([
      'APIServerPodHealthy',
      'ControllerManagerPodHealthy',
      'SchedulerPodHealthy',
      'NodeKubeadmLabelsAndTaintsSet',
    ]);
  });

  test.each<[string, Partial<ComponentsView>, string]>([
    [
      'before it has a providerID',
      { machine: machineOn(undefined) },
      'Unknown InspectionFailed: Waiting for AWSMachine to report spec.providerID',
    ],
    [
      'before its Node exists',
      { machine: machineOn(undefined, { providerID: 'aws:///a/i-1' }) },
      'Unknown InspectionFailed: Waiting for a Node with spec.providerID aws:///a/i-1 to exist',
    ],
    ['when its Node is gone', { node: undefined }, 'Unknown InspectionFailed: Node a does not exist'],
    [
      'when its Node is unreachable',
      { node: aNode('a', { taints: [{ key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' }] }) },
      'Unknown InspectionFailed: Node a is unreachable',
    ],
    [
      'when its kubelet is silent',
      { node: aNode('a', { ready: 'Unknown' }) },
      'Unknown InspectionFailed: Node Ready condition is Unknown, Pod data might be stale',
    ],
    ['when it is deleting', { machine: machineOn('a', { deleting: true }) }, 'False Deleting: Machine is deleting'],
    ['when a pod is missing', { pods: [] }, 'False DoesNotExist: Pod does not exist'],
  ])('%s its pods are judged so', (_what, view, expected) => {
    expect(text(view)['APIServerPodHealthy']).toBe(expected);
  });

  test('an etcd member is judged by etcd even when its Node is silent', () => {
    expect(text({ node: undefined })['EtcdMemberHealthy']).toBe('True Healthy');
  });

  test.each<[string, EtcdObservation, string]>([
    ['unreachable', { error: 'no route' }, 'Unknown InspectionFailed: Failed to connect to etcd: no route'],
    [
      'without it',
      {
        members: [
          { id: '2', name: 'b', learner: false },
          { id: '3', name: '', learner: false },
        ],
        alarms: [],
      },
      'False NotHealthy: Etcd reports the cluster is composed by [b name not set yet for member with id 3], but the etcd member hosted on Machine m-a (a) is not included',
    ],
    [
      'a learner',
      { members: [{ id: '1', name: 'a', learner: true }], alarms: [] },
      'False NotHealthy: Waiting for learner etcd member to be promoted',
    ],
    [
      'with alarms',
      {
        members: healthyEtcd.members,
        alarms: [
          { memberId: '1', name: 'NOSPACE' },
          { memberId: '2', name: 'CORRUPT' },
        ],
      } as EtcdObservation,
      'False NotHealthy: Etcd reports alarms: NOSPACE',
    ],
  ])('an etcd that is %s', (_what, etcd, expected) => {
    expect(text({ etcd })['EtcdMemberHealthy']).toBe(expected);
  });

  test.each<[string, KubeObject, boolean, string]>([
    [
      'both missing',
      aNode('a', { label: false, taints: [] }),
      true,
      `False NotSet: Node a does not have the ${ROLE} label and the ${ROLE}:NoSchedule taint`,
    ],
    [
      'the taint missing',
      aNode('a', { taints: [] }),
      true,
      `False NotSet: Node a does not have the ${ROLE}:NoSchedule taint`,
    ],
    ['the taint not asked for', aNode('a', { taints: [] }), false, 'True Set'],
  ])('kubeadm marks: %s', (_what, node, wantsTaint, expected) => {
    expect(text({ node, wantsTaint })['NodeKubeadmLabelsAndTaintsSet']).toBe(expected);
  });
});

describe('podCondition', () => {
  const judge = (status: object) => {
    const { status: s, reason, message } = podCondition('T', 'etcd', aNode('a'), [aPod('etcd', 'a', status)]);
    return [s, reason, message ?? ''];
  };
  const scheduled = { type: 'PodScheduled', status: 'True' };
  const begun = { type: 'Initialized', status: 'True' };

  test.each<[string, object, string[]]>([
    ['not scheduled', { phase: 'Pending' }, ['False', 'Provisioning', 'Waiting to be scheduled']],
    [
      'initializing',
      { phase: 'Pending', conditions: [scheduled] },
      ['False', 'Provisioning', 'Running init containers'],
    ],
    [
      'pulling',
      {
        phase: 'Pending',
        conditions: [scheduled, begun],
        containerStatuses: [{ state: { waiting: { reason: 'ErrImagePull' } } }],
      },
      ['False', 'Provisioning', 'ErrImagePull'],
    ],
    ['starting', { phase: 'Pending', conditions: [scheduled, begun] }, ['False', 'Provisioning', '']],
    [
      'probing',
      { phase: 'Running', containerStatuses: [{ state: {} }] },
      ['False', 'Provisioning', 'Waiting for startup or readiness probes'],
    ],
    [
      'waiting',
      { phase: 'Running', containerStatuses: [{ state: { waiting: { reason: 'ContainerCreating' } } }] },
      ['False', 'Provisioning', 'ContainerCreating'],
    ],
    [
      'crashing',
      {
        phase: 'Running',
        containerStatuses: [
          { state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: { terminated: { exitCode: 1 } } },
        ],
      },
      ['False', 'Failed', 'CrashLoopBackOff'],
    ],
    [
      'terminated',
      { phase: 'Running', containerStatuses: [{ state: { terminated: { reason: 'Error' } } }] },
      ['False', 'Failed', 'Error'],
    ],
    ['failed', { phase: 'Failed' }, ['False', 'Failed', 'All the containers have been terminated']],
    ['succeeded', { phase: 'Succeeded' }, ['False', 'Failed', 'All the containers have been terminated']],
    ['unknown', { phase: 'Unknown' }, ['Unknown', 'InspectionFailed', 'Pod is reporting Unknown status']],
  ])('%s', (_what, status, expected) => {
    expect(judge(status)).toEqual(expected);
  });
});

test('everyCondition speaks of all components', () => {
  expect(everyCondition(true, 'Unknown', 'ConnectionDown', 'm').map((c) => c.type)).toEqual([
    'APIServerPodHealthy',
    'ControllerManagerPodHealthy',
    'SchedulerPodHealthy',
    'EtcdPodHealthy',
    'EtcdMemberHealthy',
    'NodeKubeadmLabelsAndTaintsSet',
  ]);
});

test('mismatches name Nodes and members without Machine, but not while a machine starts', () => {
  const members = [
    { id: '1', name: 'a', learner: false },
    { id: '9', name: '', learner: true },
  ];
  expect(mismatches([machineOn('a')], ['a', 'stray'], members)).toEqual({
    nodes: ['Control plane Node stray does not have a corresponding Machine'],
    members: ['Etcd member 9 (Name not yet assigned) does not have a corresponding Machine'],
  });
  expect(mismatches([machineOn('a'), machineOn(undefined)], ['a', 'stray'], undefined)).toEqual({
    nodes: [],
    members: [],
  });
});
