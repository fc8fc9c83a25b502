import { describe, expect, test } from '@jest/globals';
import type { AWSTags } from '../../../api/types/aws.js';
import {
  missingTags,
  type Ownership,
  ownedTags,
  ownershipOf,
  TAG,
  tagList,
  tagMap,
  tagsThatFit,
  userTags,
} from './tags.js';

const me = { clusterName: 'one', clusterId: 'id-1' };
const upstream = 'sigs.k8s.io/cluster-api-provider-aws/cluster/one';

describe('ownedTags', () => {
  test('carries the id, both owner tags, role and key', () => {
    expect(ownedTags({ ...me, name: 'one-vpc', role: 'common', key: 'vpc' })).toEqual({
      Name: 'one-vpc',
      [upstream]: 'owned',
      [TAG.role]: 'common',
      [TAG.key]: 'vpc',
      [TAG.id]: 'id-1',
    });
  });

  test('lets the user name a resource but never change whose it is', () => {
    const additional = { Name: 'mine', [TAG.id]: 'other', [upstream]: 'shared', team: 'a' };
    expect(ownedTags({ ...me, name: 'one-vpc', additional })).toEqual({
      Name: 'mine',
      team: 'a',
      [upstream]: 'owned',
      [TAG.id]: 'id-1',
    });
  });

  test('says how many of the user’s have no room beside its own', () => {
    const additional = Object.fromEntries(Array.from({ length: 48 }, (_, i) => [`k${i}`, 'v']));
    expect(() => ownedTags({ ...me, name: 'one-vpc', key: 'vpc', additional })).toThrow(
      'additionalTags of one-vpc are too many: AWS takes 50 tags, and with those that Perdure sets it would be 52; remove 2',
    );
  });
});

describe('tagsThatFit', () => {
  const many = (count: number): AWSTags => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, 'v']));

  test.each<[string, AWSTags, AWSTags, string[], string[]]>([
    ['all where there is room', { a: '1', b: '2' }, many(48), ['a', 'b'], []],
    ['the first ones where there is less', { a: '1', b: '2', z: '3' }, many(48), ['b', 'z'], ['a']],
    ['none where there is none', { a: '1', z: '3' }, many(50), [], ['z', 'a']],
    ['a new value of one that is there', { k1: 'new', a: '1' }, many(50), ['k1'], ['a']],
    ['and those of AWS do not count', { a: '1' }, { ...many(49), 'aws:cloudformation:stack-id': 'x' }, ['a'], []],
  ])('takes %s', (_, wanted, actual, fits, left) => {
    const result = tagsThatFit(wanted, actual, ['z', 'b']);
    expect(Object.keys(result.fits).sort()).toEqual(fits);
    expect(result.left).toEqual(left);
  });
});

test.each<[string, Record<string, string> | undefined, Ownership]>([
  ['our id', { [TAG.id]: 'id-1' }, 'ours'],
  ['our id beside the name of another', { [TAG.id]: 'id-1', [upstream.replace('one', 'two')]: 'owned' }, 'ours'],
  ["another's id beside our name", { [TAG.id]: 'id-2', [upstream]: 'owned' }, 'foreign'],
  ['our name alone', { [upstream]: 'owned' }, 'upstream'],
  ['our name as shared', { [upstream]: 'shared' }, 'none'],
  ['the cloud controller manager only', { 'kubernetes.io/cluster/one': 'owned' }, 'none'],
  ['nothing', undefined, 'none'],
])('a resource with %s is judged', (_, tags, owner) => {
  expect(ownershipOf(tags, me)).toBe(owner);
});

test('lists are sorted and survive a round trip', () => {
  const tags = { b: '2', a: '1' };
  expect(tagList(tags)).toEqual([
    { Key: 'a', Value: '1' },
    { Key: 'b', Value: '2' },
  ]);
  expect(tagMap(tagList(tags))).toEqual(tags);
  expect(missingTags({ a: '1', b: '3', c: '4' }, tags)).toEqual({ b: '3', c: '4' });
});

test('reserved keys are not taken from users', () => {
  expect(
    userTags({
      team: 'a',
      Name: 'x',
      [TAG.id]: 'y',
      'kubernetes.io/cluster/one': 'owned',
      'aws:x': '1',
      [TAG.elb]: '1',
    }),
  ).toEqual({ team: 'a' });
});
