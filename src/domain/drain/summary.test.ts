import { describe, expect, test } from '@jest/globals';
import { aCluster, aMachine } from '../../../test/helpers/fake-objects.js';
import type { Machine } from '../../api/types/index.js';
import { deletionSummary, legacyDeletion } from './summary.js';

const at = (minutes: number): string => new Date(Date.UTC(2026, 0, 1, 0, minutes)).toISOString();
const plain = aMachine(aCluster());
const machine = (deletion: NonNullable<Machine['status']>['deletion'] = {}): Machine => ({
  ...plain,
  metadata: { ...plain.metadata, deletionTimestamp: at(0) },
  status: { deletion },
});
const deleting = (reason: string, message = '') => ({ type: 'Deleting', status: 'True', reason, message }) as const;

describe('what Ready says of a deletion', () => {
  const blocked = [
    'Drain not completed yet (started at x):',
    '* Pod a/b: deletionTimestamp set, but still not removed from the Node',
    "* Pod a/c: cannot evict pod as it would violate the pod's disruption budget. The disruption budget c needs 2",
    '* Pod a/d: failed to evict Pod, forbidden',
    '* Pod a/e: waiting for completion',
  ].join('\n');
  const causes =
    ', delay likely due to PodDisruptionBudgets, Pods not terminating, Pod eviction errors, Pods not completed yet';
  const drainedFrom = (minutes: number) => machine({ nodeDrainStartTime: at(minutes) });

  test.each<[string, Machine, string, number, string]>([
    ['only the stage', drainedFrom(0), 'DrainingNode', 15, 'in progress, stage: DrainingNode'],
    ['that it takes long', drainedFrom(12), 'DrainingNode', 16, 'in progress since more than 15m, stage: DrainingNode'],
    [
      'what holds a long drain up',
      drainedFrom(1),
      'DrainingNode',
      16,
      `in progress since more than 15m, stage: DrainingNode${causes}`,
    ],
    [
      'nothing of a drain that is over',
      drainedFrom(1),
      'WaitingForVolumeDetach',
      16,
      'in progress since more than 15m, stage: WaitingForVolumeDetach',
    ],
  ])('%s', (_, object, reason, minutes, text) => {
    expect(deletionSummary(object, deleting(reason, blocked), at(minutes))).toBe(`Machine deletion ${text}`);
  });

  test('nothing of a Machine that stays', () => {
    expect(deletionSummary(plain, { type: 'Deleting', status: 'False', reason: 'NotDeleting' }, at(0))).toBe('');
  });
});

describe('the stages for clients of v1beta1', () => {
  const short = (object: Machine, reason: string): string[] =>
    legacyDeletion(object, deleting(reason, 'm')).map((c) => `${c.type} ${c.status} ${c.reason ?? ''}`.trim());

  test.each<[string, NonNullable<Machine['status']>['deletion'], string, string[]]>([
    ['none yet', {}, 'Deleting', []],
    ['the first', {}, 'WaitingForPreDrainHook', ['PreDrainDeleteHookSucceeded False WaitingExternalHook']],
    [
      'one after another',
      { waitForPreDrainHookStartTime: at(0), nodeDrainStartTime: at(1) },
      'DrainingNode',
      ['PreDrainDeleteHookSucceeded True', 'DrainingSucceeded False Draining'],
    ],
    [
      'all that were, at the end',
      { nodeDrainStartTime: at(1), waitForPreTerminateHookStartTime: at(2) },
      'WaitingForInfrastructureDeletion',
      ['DrainingSucceeded True', 'PreTerminateDeleteHookSucceeded True'],
    ],
  ])('are %s', (_, deletion, reason, expected) => {
    expect(short(machine(deletion), reason)).toEqual(expected);
  });

  test('are none for a Machine that stays', () => {
    expect(legacyDeletion(plain, undefined)).toEqual([]);
  });
});
