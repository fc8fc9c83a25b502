import { describe, expect, test } from '@jest/globals';
import type { Machine } from '../../api/types/index.js';
import { remediatingCondition } from './remediating.js';

const condition = (type: string, message = '') => ({
  type,
  status: 'False',
  reason: 'Because',
  message,
  lastTransitionTime: '2026-08-01T00:00:00Z',
});

const machine = (name: string, ...conditions: readonly ReturnType<typeof condition>[]): Machine =>
  ({ metadata: { name }, spec: {}, status: { conditions } }) as unknown as Machine;

const sick = (name: string): Machine => machine(name, condition('HealthCheckSucceeded'));
const flagged = (name: string, word: string): Machine =>
  machine(name, condition('HealthCheckSucceeded'), condition('OwnerRemediated', word));

describe('remediating', () => {
  test('machines that are to be replaced say what becomes of them', () => {
    const machines = [machine('a'), flagged('b', 'Machine is deleting'), sick('c')];
    expect(remediatingCondition(machines, 'MachineSet')).toEqual({
      type: 'Remediating',
      status: 'True',
      reason: 'Remediating',
      message: '* Machine b: Machine is deleting',
    });
  });

  test.each([
    { machines: [machine('a')], by: 'MachineSet', message: undefined },
    {
      machines: [sick('b')],
      by: 'MachineSet',
      message: 'Machine b is not healthy (not to be remediated by MachineSet)',
    },
    { machines: [sick('b')], by: undefined, message: 'Machine b is not healthy (not to be remediated)' },
    {
      machines: ['e', 'd', 'c', 'b', 'a'].map(sick),
      by: 'MachineSet',
      message: 'Machines a, b, c, … (2 more) are not healthy (not to be remediated by MachineSet)',
    },
    // asked for by a health check that has changed its mind: nobody acts on it
    { machines: [machine('a', condition('OwnerRemediated'))], by: 'MachineSet', message: undefined },
  ])('nothing is replaced: $message', ({ machines, by, message }) => {
    expect(remediatingCondition(machines, by)).toEqual({
      type: 'Remediating',
      status: 'False',
      reason: 'NotRemediating',
      ...(message === undefined ? {} : { message }),
    });
  });
});
