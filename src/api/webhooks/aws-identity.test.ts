import { describe, expect, test } from '@jest/globals';
import type {
  AllowedNamespaces,
  AWSClusterControllerIdentity,
  AWSClusterRoleIdentity,
  AWSClusterStaticIdentity,
} from '../types/aws.js';
import {
  defaultAWSClusterControllerIdentity,
  validateAWSClusterControllerIdentity,
  validateAWSClusterRoleIdentity,
  validateAWSClusterStaticIdentity,
} from './aws-identity.js';

const apiVersion = 'infrastructure.cluster.x-k8s.io/v1beta2';

function controller(name: string, allowedNamespaces?: AllowedNamespaces): AWSClusterControllerIdentity {
  return {
    apiVersion,
    kind: 'AWSClusterControllerIdentity',
    metadata: { name },
    spec: allowedNamespaces ? { allowedNamespaces } : {},
  };
}

function stored(secretRef: string): AWSClusterStaticIdentity {
  return { apiVersion, kind: 'AWSClusterStaticIdentity', metadata: { name: 's' }, spec: { secretRef } };
}

function role(spec: Partial<AWSClusterRoleIdentity['spec']> = {}): AWSClusterRoleIdentity {
  return { apiVersion, kind: 'AWSClusterRoleIdentity', metadata: { name: 'r' }, spec: { roleARN: 'arn', ...spec } };
}

const SOURCE = { kind: 'AWSClusterControllerIdentity', name: 'default' } as const;

describe('identities', () => {
  test('get the label that lets clusterctl move them, unless they have labels', () => {
    const label = { 'clusterctl.cluster.x-k8s.io/move-hierarchy': '' };
    expect(defaultAWSClusterControllerIdentity(controller('default')).metadata.labels).toEqual(label);
    const own = controller('default');
    own.metadata.labels = { a: 'b' };
    expect(defaultAWSClusterControllerIdentity(own).metadata.labels).toEqual({ a: 'b' });
  });

  test.each<[string, AllowedNamespaces, number]>([
    ['everyone', {}, 0],
    ['a list', { list: ['a'] }, 0],
    ['no list', { list: null }, 0],
    ['labels', { selector: { matchLabels: { 'a/b': 'c' } } }, 0],
    ['an expression', { selector: { matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] } }, 0],
    ['a bad label key', { selector: { matchLabels: { 'a/b/c': 'd' } } }, 1],
    ['a bad label value', { selector: { matchLabels: { a: 'b c' } } }, 1],
    ['an unknown operator', { selector: { matchExpressions: [{ key: 'a', operator: 'Is' }] } }, 1],
    ['In without values', { selector: { matchExpressions: [{ key: 'a', operator: 'In' }] } }, 1],
    ['Exists with values', { selector: { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['b'] }] } }, 1],
  ])('of allowed namespaces with %s have %d errors', (_, allowed, count) => {
    expect(validateAWSClusterControllerIdentity(controller('default', allowed), undefined).errors).toHaveLength(count);
  });

  test('of the controller is named default and cannot change', () => {
    expect(validateAWSClusterControllerIdentity(controller('other'), undefined).errors.map((e) => e.path)).toEqual([
      'metadata.name',
    ]);
    const old = controller('default');
    expect(validateAWSClusterControllerIdentity(controller('default'), old).errors).toEqual([]);
    expect(validateAWSClusterControllerIdentity(controller('default', {}), old).errors.map((e) => e.path)).toEqual([
      'spec',
    ]);
  });

  test('with a secret keep it', () => {
    expect(validateAWSClusterStaticIdentity(stored('a'), stored('a')).errors).toEqual([]);
    expect(validateAWSClusterStaticIdentity(stored('b'), stored('a')).errors.map((e) => e.path)).toEqual([
      'spec.secretRef',
    ]);
  });

  test('with a role need the identity that assumes it', () => {
    const path = 'spec.sourceIdentityRef';
    expect(validateAWSClusterRoleIdentity(role({ sourceIdentityRef: SOURCE }), undefined).errors).toEqual([]);
    expect(validateAWSClusterRoleIdentity(role(), undefined).errors.map((e) => e.path)).toEqual([path]);
    expect(
      validateAWSClusterRoleIdentity(role(), role({ sourceIdentityRef: SOURCE })).errors.map((e) => e.path),
    ).toEqual([path]);
    expect(validateAWSClusterRoleIdentity(role(), role()).errors).toEqual([]);
    const own = role({ sourceIdentityRef: { kind: 'AWSClusterRoleIdentity', name: 'r' } });
    expect(validateAWSClusterRoleIdentity(own, undefined).errors.map((e) => e.path)).toEqual([`${path}.name`]);
  });
});
