import { describe, expect, test } from '@jest/globals';
import type { KubeObject, OwnerReference } from '../api/types/meta.js';
import {
  contractVersion,
  controllerOf,
  endpointOf,
  failureDomainsOf,
  foreignOwner,
  hasOwner,
  isControlPlaneInitialized,
  isControlPlaneMachine,
  isDataSecretCreated,
  isDeleting,
  isPaused,
  isProvisioned,
  ownerReference,
  pluralOf,
  readPath,
  readyConditionOf,
  withOwner,
} from './contract.js';

const GROUP = 'cluster.x-k8s.io';
const object = (kind: string, name: string, metadata: Partial<KubeObject['metadata']> = {}): KubeObject => ({
  apiVersion: `${GROUP}/v1beta2`,
  kind,
  metadata: { name, uid: `uid-${name}`, ...metadata },
});
const reference = (kind: string, name: string, change: Partial<OwnerReference> = {}): OwnerReference => ({
  apiVersion: `${GROUP}/v1beta2`,
  kind,
  name,
  uid: `uid-${name}`,
  ...change,
});

describe('reads by path', () => {
  test('stop at whatever is not an object', () => {
    expect(readPath({ a: { b: 1 } }, 'a.b')).toBe(1);
    expect(readPath({ a: null }, 'a.b')).toBeUndefined();
    expect(readPath('text', 'length')).toBeUndefined();
    expect(readPath(undefined, 'a')).toBeUndefined();
  });

  test.each([
    [isProvisioned, { initialization: { provisioned: true } }, { ready: true }],
    [isDataSecretCreated, { initialization: { dataSecretCreated: true } }, { ready: true }],
    [isControlPlaneInitialized, { initialization: { controlPlaneInitialized: true } }, { initialized: true }],
  ])('%p knows both contracts', (read, v1beta2, v1beta1) => {
    expect([read({ status: v1beta2 }), read({ status: v1beta1 }), read({ status: {} }), read(undefined)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  test('take an endpoint only with host and port', () => {
    const at = (host: unknown, port: unknown) => endpointOf({ spec: { controlPlaneEndpoint: { host, port } } });
    expect(at('h', 6443)).toEqual({ host: 'h', port: 6443 });
    expect([at('', 6443), at('h', 0), at('h', undefined), endpointOf({})]).toEqual(Array(4).fill(undefined));
  });

  test('take failure domains of both contracts, sorted, without fields the Cluster does not have', () => {
    const list = [{ name: 'b', controlPlane: true, extra: 1 }, { name: 'a', attributes: { x: 'y' } }, { noName: true }];
    const map = { b: { controlPlane: true }, a: { attributes: { x: 'y' } } };
    const expected = [
      { name: 'a', attributes: { x: 'y' } },
      { name: 'b', controlPlane: true },
    ];
    expect(failureDomainsOf({ status: { failureDomains: list } })).toEqual(expected);
    expect(failureDomainsOf({ status: { failureDomains: map } })).toEqual(expected);
    expect(failureDomainsOf(undefined)).toEqual([]);
  });

  test('mirror the Ready condition of either API generation', () => {
    const ready = { type: 'Ready', status: 'False', reason: 'R' };
    expect(readyConditionOf({ status: { conditions: [ready] } })).toEqual(ready);
    const newer = { ...ready, status: 'True' };
    expect(readyConditionOf({ status: { conditions: [ready], v1beta2: { conditions: [newer] } } })).toEqual(newer);
    expect(readyConditionOf({ status: { conditions: 'odd' } })).toBeUndefined();
  });
});

describe('what an object says of itself', () => {
  test('is paused by its annotation or by its Cluster', () => {
    const machine = object('Machine', 'm');
    const marked = object('Machine', 'm', { annotations: { 'cluster.x-k8s.io/paused': '' } });
    const paused = { ...object('Cluster', 'c'), spec: { paused: true } };
    expect([isPaused(machine, undefined), isPaused(marked, undefined), isPaused(machine, paused)]).toEqual([
      false,
      true,
      true,
    ]);
  });

  test('is deleting, is of the control plane', () => {
    expect(isDeleting(object('Machine', 'm', { deletionTimestamp: 't' }))).toBe(true);
    expect(isControlPlaneMachine(object('Machine', 'm', { labels: { [`${GROUP}/control-plane`]: '' } }))).toBe(true);
    expect(isControlPlaneMachine(object('Machine', 'm'))).toBe(false);
  });
});

describe('owners', () => {
  const set = object('MachineSet', 's');

  test('are found again whatever version or incarnation named them', () => {
    const wanted = ownerReference(set, { controller: true });
    const old = reference('MachineSet', 's', { apiVersion: `${GROUP}/v1beta1`, uid: 'before the move' });
    const other = reference('Cluster', 'c');
    expect(withOwner([old, other], wanted)).toEqual([other, wanted]);
    expect(withOwner(undefined, wanted)).toEqual([wanted]);
    expect(withOwner(withOwner([other], wanted), wanted)).toEqual([other, wanted]);
  });

  test('are there only with uid, version and role', () => {
    const wanted = ownerReference(set, { controller: true });
    const carries = (change: Partial<OwnerReference>): boolean =>
      hasOwner(object('Machine', 'm', { ownerReferences: [{ ...wanted, ...change }] }), wanted);
    expect(carries({})).toBe(true);
    expect([
      carries({ uid: 'x' }),
      carries({ controller: false }),
      carries({ apiVersion: `${GROUP}/v1beta1` }),
    ]).toEqual([false, false, false]);
    expect(controllerOf(object('Machine', 'm', { ownerReferences: [wanted] }))).toEqual(wanted);
  });

  test.each<[string, OwnerReference[], string | undefined]>([
    ['nobody', [], undefined],
    ['its holder until the Machine exists', [reference('MachineSet', 's')], undefined],
    ['its Machine', [reference('Machine', 'm', { controller: true })], undefined],
    ['its Machine before a restore', [reference('Machine', 'm', { controller: true, uid: 'old' })], undefined],
    ['another Machine', [reference('Machine', 'n', { controller: true })], 'n'],
    ['another Machine, though not as controller', [reference('Machine', 'n')], 'n'],
    ['another controller of any kind', [reference('Pool', 'p', { controller: true })], 'p'],
    [
      'the same name in another group',
      [reference('Machine', 'm', { apiVersion: 'other.io/v1', controller: true })],
      'm',
    ],
  ])('an infra machine of %s', (_, ownerReferences, foreign) => {
    expect(foreignOwner(object('AWSMachine', 'm', { ownerReferences }), object('Machine', 'm'))?.name).toBe(foreign);
  });
});

describe('third-party kinds', () => {
  test.each([
    ['DockerMachine', 'dockermachines'],
    ['Metal3Cluster', 'metal3clusters'],
    ['AWSClusterRoleIdentity', 'awsclusterroleidentities'],
    ['NetworkPolicy', 'networkpolicies'],
    ['Gateway', 'gateways'],
    ['Ingress', 'ingresses'],
    ['Box', 'boxes'],
    ['Patch', 'patches'],
  ])('%s is plural as %s', (kind, plural) => {
    expect(pluralOf(kind)).toBe(plural);
  });

  test.each<[Record<string, string> | undefined, string | undefined]>([
    [{ [`${GROUP}/v1beta2`]: 'v1beta1_v1beta2' }, 'v1beta2'],
    [{ [`${GROUP}/v1beta2`]: 'v1beta2', [`${GROUP}/v1beta1`]: 'v1' }, 'v1beta2'],
    [{ [`${GROUP}/v1beta1`]: 'v1alpha3_v1_v1beta9' }, 'v1'],
    [{ [`${GROUP}/v1beta1`]: 'v1beta9_v1beta10' }, 'v1beta10'],
    [{ [`${GROUP}/v1beta1`]: 'v1_v2alpha1_v2beta1' }, 'v1'],
    [{ [`${GROUP}/v1beta1`]: 'odd_v1alpha1' }, 'v1alpha1'],
    [{ [`${GROUP}/v1beta1`]: '' }, undefined],
    [{}, undefined],
    [undefined, undefined],
  ])('are read at the newest version of the contract labels: %j', (labels, version) => {
    expect(contractVersion(labels)).toBe(version);
  });
});
