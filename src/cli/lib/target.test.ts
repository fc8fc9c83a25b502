import { describe, expect, test } from '@jest/globals';
import { KINDS } from '../../api/types/kinds.js';
import { isWorkflowId, parseTarget } from './target.js';

describe('parseTarget', () => {
  test.each([
    ['cluster/demo', 'Cluster', 'demo'],
    ['Machine/demo-md-0-abcde', 'Machine', 'demo-md-0-abcde'],
    ['machinedeployments/a', 'MachineDeployment', 'a'],
    ['KCP/a', 'KubeadmControlPlane', 'a'],
    ['ms/a', 'MachineSet', 'a'],
    ['mp/a', 'MachinePool', 'a'],
    ['mhc/a', 'MachineHealthCheck', 'a'],
  ])('%s', (text, kind, name) => {
    expect(parseTarget(text)).toMatchObject({ kind: { kind }, name });
  });

  test.each(['', 'demo', 'cluster/', '/demo', 'secret/demo', 'awscluster/demo', 'cluster/a/b'])(
    'refuses %j',
    (text) => {
      expect(() => parseTarget(text)).toThrow(`${text} is not KIND/NAME with a kind of cluster, machine`);
    },
  );

  test('takes only the kinds it is given', () => {
    expect(() => parseTarget('ma/a', [KINDS.MachineSet])).toThrow('ma/a is not KIND/NAME with a kind of machineset');
  });
});

test.each([
  ['cluster/demo', false],
  ['demo', false],
  ['machine/default/demo-md-0-abcde/0c6c/ProvisionMachine/1', true],
])('isWorkflowId(%s) is %s', (text, expected) => {
  expect(isWorkflowId(text)).toBe(expected);
});
