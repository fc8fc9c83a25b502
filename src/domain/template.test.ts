import { describe, expect, test } from '@jest/globals';
import type { MachineDeployment, MachineSet } from '../api/types/index.js';
import { currentSet, sameTemplate, selectorText, setIdentity } from './template.js';

const NOW = Date.parse('2026-03-01T00:00:00Z');
const infrastructureRef = { apiGroup: 'infrastructure.cluster.x-k8s.io', kind: 'AWSMachineTemplate', name: 't' };
const configRef = { apiGroup: 'bootstrap.cluster.x-k8s.io', kind: 'KubeadmConfigTemplate', name: 'b' };
type Template = MachineDeployment['spec']['template'];
const template = (spec: Partial<Template['spec']> = {}): Template => ({
  spec: { clusterName: 'c', version: 'v1.34.4', bootstrap: { configRef }, infrastructureRef, ...spec },
});
const deployment = (spec: Partial<Template['spec']> = {}, name = 'md'): MachineDeployment => ({
  apiVersion: 'cluster.x-k8s.io/v1beta2',
  kind: 'MachineDeployment',
  metadata: { name, namespace: 'ns', uid: 'u' },
  spec: { clusterName: 'c', replicas: 1, selector: { matchLabels: { a: 'b' } }, template: template(spec) },
});
const set = (
  name: string,
  replicas: number,
  change: Partial<MachineSet['metadata']> = {},
  of = template(),
): MachineSet =>
  ({
    apiVersion: 'cluster.x-k8s.io/v1beta2',
    kind: 'MachineSet',
    metadata: { name, creationTimestamp: '2026-01-01T00:00:00Z', ...change },
    spec: { clusterName: 'c', replicas, selector: {}, template: of },
  }) as MachineSet;

describe('a template', () => {
  test.each<[string, Partial<Template['spec']>, boolean]>([
    ['version', { version: 'v1.35.0' }, false],
    ['failure domain', { failureDomain: 'a' }, false],
    ['bootstrap reference', { bootstrap: { configRef: { ...configRef, name: 'other' } } }, false],
    ['data secret', { bootstrap: { dataSecretName: 's' } }, false],
    ['infrastructure reference', { infrastructureRef: { ...infrastructureRef, name: 'other' } }, false],
    ['minReadySeconds', { minReadySeconds: 5 }, true],
    ['readiness gates', { readinessGates: [{ conditionType: 'X' }] }, true],
    ['deletion timeouts', { deletion: { nodeDrainTimeoutSeconds: 5 } }, true],
    ['taints', { taints: [{ key: 'a', effect: 'NoSchedule', propagation: 'Always' }] }, true],
  ])('with another %s: whether the machines stay the same', (_, change, same) => {
    expect(sameTemplate(template(), template(change))).toBe(same);
    expect(setIdentity(deployment(change), NOW).hash === setIdentity(deployment(), NOW).hash).toBe(same);
  });
});

describe('the current set', () => {
  test('is the one with most replicas, then the oldest, then by name; never one that goes', () => {
    const old = set('old', 9, {}, template({ version: 'v1.33.0' }));
    const going = set('going', 5, { deletionTimestamp: 't' });
    const young = set('a', 2, { creationTimestamp: '2026-01-02T00:00:00Z' });
    expect(
      currentSet(deployment(), [old, going, young, set('c', 2), set('b', 2), set('z', 1)], NOW)?.metadata.name,
    ).toBe('b');
    expect(currentSet(deployment(), [old, going], NOW)).toBeUndefined();
  });

  test('has a name that follows from deployment and template alone', () => {
    expect(setIdentity(deployment(), NOW)).toEqual(setIdentity(deployment(), NOW));
    expect(setIdentity(deployment(), NOW).name).not.toBe(setIdentity(deployment({ version: 'v1.35.0' }), NOW).name);
    expect(setIdentity(deployment(), NOW).name).toMatch(/^md-\w{5}$/);
    expect(setIdentity(deployment({}, 'x'.repeat(80)), NOW).name).toHaveLength(63);
    expect(setIdentity(deployment(), NOW).hash).toMatch(/^\d+-\w{5}$/);
  });
});

describe('a selector as text', () => {
  test.each<[Parameters<typeof selectorText>[0], string]>([
    [undefined, ''],
    [{}, ''],
    [{ matchLabels: { b: '2', a: '1' } }, 'a=1,b=2'],
    [
      {
        matchLabels: { a: '1' },
        matchExpressions: [
          { key: 'b', operator: 'In', values: ['y', 'x'] },
          { key: 'c', operator: 'NotIn', values: ['z'] },
          { key: 'd', operator: 'Exists' },
          { key: 'e', operator: 'DoesNotExist' },
        ],
      },
      'a=1,b in (x,y),c notin (z),d,!e',
    ],
  ])('%j', (selector, text) => {
    expect(selectorText(selector)).toBe(text);
  });
});
