import { describe, expect, test } from '@jest/globals';
import type { AWSMachineStatus } from '../../../api/types/aws.js';
import { PerdureError } from '../../../domain/errors.js';
import type { MachineScope } from './machine-scope.js';
import { type StatusFacts, telling, writeStatus } from './machine-status.js';

/** As much of a scope as writing status needs; what was written can be read from it. */
function aScope(signal = new AbortController().signal): { scope: MachineScope; said: () => Record<string, string> } {
  const status: AWSMachineStatus = {};
  const scope = {
    ctx: { machine: { metadata: {} }, infraMachine: { metadata: {} }, signal },
    cloud: { deps: { now: () => new Date('2026-01-01T00:00:00Z') } },
    object: { metadata: {}, spec: {}, status },
    recordStatus: async (change: (copy: AWSMachineStatus) => void) => change(status),
  };
  const said = () =>
    Object.fromEntries((status.conditions ?? []).map((c) => [c.type, `${c.status} ${c.reason ?? ''}`.trim()]));
  return { scope: scope as unknown as MachineScope, said };
}

const facts = (state: string): StatusFacts => ({
  instance: { InstanceId: 'i-1', State: { Name: state as 'running' } },
});

describe('the status of a machine', () => {
  test.each<[string, StatusFacts, string]>([
    ['runs', facts('running'), 'True'],
    ['starts', facts('pending'), 'False InstanceNotReady'],
    ['was stopped', facts('stopped'), 'False InstanceStopped'],
    ['is gone', { instance: undefined }, 'False InstanceNotFound'],
  ])('whose instance %s says so', async (_, seen, word) => {
    const { scope, said } = aScope();
    await writeStatus(scope, seen);
    expect(said()).toMatchObject({ InstanceReady: word, Ready: word });
  });

  const denied = new PerdureError('Unauthorized', 'the role may not do this');
  const PARTS = [
    ['InstanceReady', 'InstanceProvisionFailed'],
    ['SecurityGroupsReady', 'SecurityGroupsSyncFailed'],
    ['ELBAttached', 'ELBAttachFailed'],
    ['ELBAttached', 'ELBDetachFailed'],
  ] as const;

  test.each(PARTS)('says that a part of it failed: %s, %s', async (type, reason) => {
    const { scope, said } = aScope();
    await expect(telling(scope, type, reason, () => Promise.reject(denied))).rejects.toBe(denied);
    expect(said()).toEqual({ [type]: `False ${reason}` });
  });

  test('says nothing of what passes by itself, nor once it is cancelled', async () => {
    const busy = aScope();
    const throttled = new PerdureError('Throttled', 'too many calls');
    await expect(telling(busy.scope, 'ELBAttached', 'ELBAttachFailed', () => Promise.reject(throttled))).rejects.toBe(
      throttled,
    );
    const over = aScope(AbortSignal.abort());
    await expect(telling(over.scope, 'ELBAttached', 'ELBAttachFailed', () => Promise.reject(denied))).rejects.toBe(
      denied,
    );
    expect([busy.said(), over.said()]).toEqual([{}, {}]);
  });
});
