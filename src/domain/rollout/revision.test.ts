import { expect, test } from '@jest/globals';
import { aCluster, aMachine } from '../../../test/helpers/fake-objects.js';
import { aMachineDeployment, aMachineSet } from '../../../test/helpers/fake-owners.js';
import type { KubeObject } from '../../api/types/meta.js';
import { ANNOTATION, LABEL } from '../names.js';
import { isOutdatedRevision } from './revision.js';

const cluster = aCluster();
const bare = aMachine(cluster);
const machine = { ...bare, metadata: { ...bare.metadata, labels: { [LABEL.deploymentName]: 'workers' } } };
function revised<T extends KubeObject>(object: T, revision: string | undefined): T {
  const annotations = revision === undefined ? {} : { [ANNOTATION.revision]: revision };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

test.each<[string, string | undefined, string | undefined, boolean]>([
  ['the current set', '2', '2', false],
  ['an old set', '1', '2', true],
  ['numbers, not text', '9', '10', true],
  ['a set that is ahead of its deployment for a moment', '3', '2', false],
  ['a set that nobody has numbered', undefined, '1', true],
  ['neither numbered', undefined, undefined, false],
])('a machine of %s', (_, set, deployment, expected) => {
  const owners = [revised(aMachineSet(cluster), set), revised(aMachineDeployment(cluster), deployment)] as const;
  expect(isOutdatedRevision(machine, ...owners)).toBe(expected);
  expect(isOutdatedRevision(bare, ...owners)).toBe(false);
});

test('nobody can tell when the set or the deployment is gone', () => {
  expect(isOutdatedRevision(machine, undefined, aMachineDeployment(cluster))).toBeUndefined();
  expect(isOutdatedRevision(machine, aMachineSet(cluster), undefined)).toBeUndefined();
  expect(isOutdatedRevision(bare, undefined, undefined)).toBe(false);
});
