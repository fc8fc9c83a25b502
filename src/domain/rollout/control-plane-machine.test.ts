import { describe, expect, test } from '@jest/globals';
import { aCluster, aControlPlane, aMachine } from '../../../test/helpers/fake-objects.js';
import type { Machine } from '../../api/types/index.js';
import { ANNOTATION } from '../names.js';
import { controlPlaneMachine, isReplaced, lastRemediation, recordOf, recordText } from './control-plane-machine.js';

const NOW = '2026-01-01T00:00:00Z';
const cluster = aCluster();
const controlPlane = aControlPlane(cluster);
const TYPES = [
  'APIServerPodHealthy',
  'ControllerManagerPodHealthy',
  'SchedulerPodHealthy',
  'EtcdPodHealthy',
  'EtcdMemberHealthy',
  'NodeKubeadmLabelsAndTaintsSet',
];
function machine(name: string, bad: Record<string, 'False' | 'Unknown'> = {}, annotations = {}, node = true): Machine {
  const made = aMachine(cluster, { name, controlPlane });
  const states = { ...Object.fromEntries(TYPES.map((t) => [t, 'True'])), ...bad };
  const conditions = Object.entries(states).map(([type, status]) => ({
    ...{ type, status, reason: 'R', message: `${type} says so`, lastTransitionTime: NOW },
  }));
  return {
    ...made,
    metadata: { ...made.metadata, annotations, creationTimestamp: NOW },
    status: { conditions, ...(node ? { nodeRef: { name: `node-${name}` } } : {}) },
  } as Machine;
}
const FLAG = { HealthCheckSucceeded: 'False', OwnerRemediated: 'False' } as const;
const view = (m: Machine, managed = true) => controlPlaneMachine(m, managed, []);

describe('a control plane machine as its planner sees it', () => {
  test('has no problem when all its components work', () => {
    expect(view(machine('a'))).toMatchObject({ healthy: true, problems: [], node: 'node-a', upToDate: true });
  });

  test('names each predicate that fails', () => {
    const { problems } = view(machine('a', { SchedulerPodHealthy: 'False', EtcdMemberHealthy: 'Unknown' }));
    expect(problems).toEqual([
      {
        about: 'components',
        message: 'Machine a reports SchedulerPodHealthy condition is false (SchedulerPodHealthy says so)',
      },
      {
        about: 'etcd',
        message: 'Machine a reports EtcdMemberHealthy condition is unknown (EtcdMemberHealthy says so)',
      },
    ]);
    expect(view(machine('a', { EtcdMemberHealthy: 'Unknown' }), false).problems).toEqual([]);
    expect(view({ ...machine('a'), status: { nodeRef: { name: 'n' } } } as Machine).problems[0]?.message).toBe(
      'Machine a does not have APIServerPodHealthy condition',
    );
  });

  test('without a Node says only that', () => {
    const message = 'Machine a does not have a corresponding Node yet (Machine.status.nodeRef not set)';
    expect(view(machine('a', {}, {}, false)).problems).toEqual([{ about: 'components', message }]);
  });

  test('is replaced only when the health check asks its owner to', () => {
    expect(view(machine('a', { HealthCheckSucceeded: 'False' }))).toMatchObject({ sick: true });
    expect(view(machine('a', { HealthCheckSucceeded: 'False' }))).not.toHaveProperty('urgency');
    expect(view(machine('a', FLAG))).toMatchObject({ sick: true, urgency: 0 });
  });

  test('is the more urgent the worse it is, and most when a person asks', () => {
    const urgency = (m: Machine) => view(m).urgency ?? -1;
    const order = [
      machine('a', FLAG, { [ANNOTATION.remediateMachine]: '' }),
      machine('a', FLAG, {}, false),
      machine('a', { ...FLAG, EtcdMemberHealthy: 'False' }),
      machine('a', { ...FLAG, EtcdPodHealthy: 'Unknown', APIServerPodHealthy: 'False' }),
      machine('a', { ...FLAG, EtcdPodHealthy: 'Unknown' }),
      machine('a', { ...FLAG, APIServerPodHealthy: 'False' }),
      machine('a', { ...FLAG, ControllerManagerPodHealthy: 'False' }),
      machine('a', { ...FLAG, SchedulerPodHealthy: 'False' }),
      machine('a', { ...FLAG, NodeKubeadmLabelsAndTaintsSet: 'False' }),
      machine('a', FLAG),
    ].map(urgency);
    expect([...order].sort((x, y) => y - x)).toEqual(order);
    expect(new Set(order).size).toBe(order.length);
  });
});

describe('the record of a replacement', () => {
  const record = { machine: 'old', timestamp: NOW, retryCount: 3 };

  test("survives upstream's annotation, and nonsense is as good as absent", () => {
    expect(recordOf(recordText(record))).toEqual(record);
    expect(recordOf(`{"machine":"m","timestamp":"${NOW}"}`)).toEqual({ machine: 'm', timestamp: NOW, retryCount: 0 });
    for (const text of [undefined, '', 'x', '{}', '{"machine":"m","timestamp":"never"}', 'null'])
      expect(recordOf(text)).toBeUndefined();
  });

  test('is over when the machine that it was made for exists, or a younger one', () => {
    const successor = machine('new', {}, { [ANNOTATION.remediationFor]: recordText(record) });
    const young = {
      ...machine('young'),
      metadata: { ...machine('young').metadata, creationTimestamp: '2026-01-02T00:00:00Z' },
    };
    expect(isReplaced(record, [machine('a'), machine('old')])).toBe(false);
    expect(isReplaced(record, [successor])).toBe(true);
    expect(isReplaced(record, [young])).toBe(true);
    expect(isReplaced({ ...record, machine: 'young' }, [young])).toBe(false);
  });

  test('that counts as the last is the one in progress, else the latest', () => {
    const later = { machine: 'x', timestamp: '2026-01-02T00:00:00Z', retryCount: 0 };
    const both = [record, later].map((r, i) => machine(`m${i}`, {}, { [ANNOTATION.remediationFor]: recordText(r) }));
    expect(lastRemediation(undefined, both)).toEqual(later);
    expect(lastRemediation(record, both)).toEqual(record);
    expect(lastRemediation(undefined, [])).toBeUndefined();
  });
});
