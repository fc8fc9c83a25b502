import { expect, test } from '@jest/globals';
import { attributesOf } from './attributes.js';

const KEY = { kind: 'Cluster', namespace: 'default', name: 'demo', uid: 'u' };

test.each([
  ['DeleteCluster', 'Deleting'],
  ['CollectExternalResources', 'Deleting'],
  ['ScaleMachineDeployment', 'Scaling'],
  ['RollingUpgrade', 'Upgrading'],
  ['RemediateMachine', 'Repairing'],
  ['CreateCluster', 'Creating'],
])('%s is of phase %s', (operation, phase) => {
  const pairs = attributesOf(KEY, { cluster: 'default/demo', operation })
    .getAll()
    .map((pair) => [pair.key.name, pair.value]);
  expect(Object.fromEntries(pairs)).toEqual({
    PerdureCluster: 'default/demo',
    PerdureKind: 'Cluster',
    PerdureObject: 'default/demo',
    PerdureOperation: operation,
    PerdurePhase: phase,
  });
});

test('what is too long is cut, as the server takes 255 characters', () => {
  const pairs = attributesOf(KEY, { cluster: 'c'.repeat(300), reason: 'r'.repeat(300) }).getAll();
  expect(pairs.every(({ value }) => String(value).length <= 250)).toBe(true);
});
