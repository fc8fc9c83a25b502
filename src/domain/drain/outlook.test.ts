import { describe, expect, test } from '@jest/globals';
import { aCluster, aControlPlane, aMachine } from '../../../test/helpers/fake-objects.js';
import type { Machine } from '../../api/types/index.js';
import type { KubeObject } from '../../api/types/meta.js';
import { ANNOTATION } from '../names.js';
import {
  type DeletionOutlook,
  deletionOutlook,
  foreignHooks,
  hooksOf,
  type NodeView,
  nodeIsLeftAlone,
  type OutlookInput,
  PRE_DRAIN_HOOK,
  PRE_TERMINATE_HOOK,
} from './outlook.js';

const cluster = aCluster();
const T0 = '2026-01-01T00:00:00Z';
const now = Date.parse(T0);
const infrastructure: KubeObject = {
  apiVersion: 'infrastructure.cluster.x-k8s.io/v1beta2',
  kind: 'AWSMachine',
  metadata: { name: 'm' },
};
const annotated = (...keys: string[]): Machine => {
  const machine = aMachine(cluster);
  return {
    ...machine,
    metadata: { ...machine.metadata, annotations: Object.fromEntries(keys.map((k) => [k, ''])) },
  };
};
const timed = (
  deletion: NonNullable<Machine['spec']['deletion']>,
  times: NonNullable<Machine['status']>['deletion'] = {},
): Machine => aMachine(cluster, { spec: { deletion }, status: { deletion: times } });

function applies(machine: Machine, change: Partial<OutlookInput> = {}): (keyof DeletionOutlook)[] {
  const outlook = deletionOutlook({ machine, infrastructure, node: true, member: false, now, ...change });
  return (Object.keys(outlook) as (keyof DeletionOutlook)[]).filter((stage) => outlook[stage]);
}

describe('the stages of a deletion', () => {
  const hook = (prefix: string): string => `${prefix}/test`;
  const started = (seconds: number): string => new Date(now - seconds * 1000).toISOString();

  test.each<[string, Machine, Partial<OutlookInput>, (keyof DeletionOutlook)[]]>([
    ['of a worker', annotated(), {}, ['drain', 'volumes']],
    ['of a machine whose Node is left alone', annotated(hook(PRE_DRAIN_HOOK)), { node: false }, []],
    ['of a control plane machine', annotated(), { member: true }, ['drain', 'volumes', 'member']],
    [
      'with hooks',
      annotated(hook(PRE_DRAIN_HOOK), hook(PRE_TERMINATE_HOOK)),
      {},
      ['preDrainHooks', 'drain', 'volumes', 'preTerminateHooks'],
    ],
    [
      'with a pre-terminate hook, whose Node is left alone',
      annotated(hook(PRE_TERMINATE_HOOK)),
      { node: false },
      ['preTerminateHooks'],
    ],
    ['that is not to be drained', annotated(ANNOTATION.excludeNodeDraining), {}, ['volumes']],
    ['whose volumes are not waited for', annotated(ANNOTATION.excludeVolumeDetach), {}, ['drain']],
    ['whose infra machine is gone', annotated(), { infrastructure: undefined }, []],
    [
      'whose infra machine goes',
      annotated(),
      { infrastructure: { ...infrastructure, metadata: { name: 'm', deletionTimestamp: T0 } } },
      [],
    ],
    ['whose drain has time', timed({ nodeDrainTimeoutSeconds: 10 }), {}, ['drain', 'volumes']],
    [
      'whose drain still has time',
      timed({ nodeDrainTimeoutSeconds: 10 }, { nodeDrainStartTime: started(9) }),
      {},
      ['drain', 'volumes'],
    ],
    [
      'whose drain took too long',
      timed({ nodeDrainTimeoutSeconds: 10 }, { nodeDrainStartTime: started(10) }),
      {},
      ['volumes'],
    ],
    [
      'whose drain may take for ever',
      timed({ nodeDrainTimeoutSeconds: 0 }, { nodeDrainStartTime: started(1e6) }),
      {},
      ['drain', 'volumes'],
    ],
    [
      'whose volumes took too long',
      timed({ nodeVolumeDetachTimeoutSeconds: 10 }, { waitForNodeVolumeDetachStartTime: started(10) }),
      {},
      ['drain'],
    ],
    [
      'that got to the pre-terminate hooks: nothing is drained any more',
      timed({}, { waitForPreTerminateHookStartTime: T0 }),
      { member: true },
      ['member'],
    ],
  ])('%s', (_, machine, change, expected) => {
    expect(applies(machine, change)).toEqual(expected);
  });

  test('the hook of the control plane is ours to remove, where the control plane is ours', () => {
    const keys = [ANNOTATION.kcpCleanup, `${PRE_TERMINATE_HOOK}/b`, `${PRE_TERMINATE_HOOK}/a`, 'other'];
    const worker = annotated(...keys);
    const member = { ...aMachine(cluster, { controlPlane: aControlPlane(cluster) }) };
    const { annotations } = worker.metadata;
    const ours = { ...member, metadata: { ...member.metadata, ...(annotations ? { annotations } : {}) } };
    expect(hooksOf(worker, PRE_TERMINATE_HOOK)).toEqual([...keys.slice(0, 3)].sort());
    expect(foreignHooks(ours)).toEqual([`${PRE_TERMINATE_HOOK}/a`, `${PRE_TERMINATE_HOOK}/b`]);
    expect(foreignHooks(worker)).toHaveLength(3);
  });
});

describe('a Node', () => {
  const view: NodeView = { clusterDeleting: false, nodeName: 'n', controlPlaneMachines: 1 };
  const controlPlane = (deleting: boolean, external: boolean) => ({ controlPlane: { deleting, external } });

  test.each<[string, Partial<NodeView>, string | undefined]>([
    ['of a cluster that stays', {}, undefined],
    ['beside a control plane that stays', controlPlane(false, false), undefined],
    ['of a cluster that goes', { clusterDeleting: true }, 'the cluster is being deleted'],
    ['that nobody saw', { nodeName: undefined }, 'the machine has no Node'],
    ['whose control plane goes', controlPlane(true, true), 'the control plane is being deleted'],
    ['without a control plane machine', { controlPlaneMachines: 0 }, 'no control plane machine is left'],
    ['of a managed control plane', { controlPlaneMachines: 0, ...controlPlane(false, true) }, undefined],
  ])('%s', (_, change, reason) => {
    expect(nodeIsLeftAlone({ ...view, ...change })).toBe(reason);
  });
});
