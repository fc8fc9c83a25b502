import { describe, expect, test } from '@jest/globals';
import { activityWorld } from '../../../test/helpers/activity-world.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject } from '../../api/types/meta.js';
import { findKind, readRef, resolveKind } from './refs.js';

const { signal } = new AbortController();
const group = 'infrastructure.cluster.x-k8s.io';
const ref = { apiGroup: group, kind: 'DockerMachine', name: 'm' };
const crd = (labels: Record<string, string>, scope = 'Namespaced'): KubeObject =>
  ({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `dockermachines.${group}`, labels },
    spec: { scope },
  }) as KubeObject;
const contract = crd({ 'cluster.x-k8s.io/v1beta2': 'v1beta1_v1beta2' });

describe('a kind', () => {
  test('of ours needs no look at the API server', async () => {
    const { kube } = activityWorld();
    await expect(resolveKind(kube, { apiGroup: group, kind: 'AWSMachine' }, signal)).resolves.toBe(KINDS.AWSMachine);
    expect(kube.calls).toEqual([]);
  });

  test('of a third party is read at the newest version of its contract label, and remembered', async () => {
    const { kube } = activityWorld({ objects: [contract] });
    const expected = { group, kind: 'DockerMachine', version: 'v1beta2', plural: 'dockermachines', namespaced: true };
    await expect(resolveKind(kube, ref, signal)).resolves.toEqual(expected);
    await expect(findKind(kube, ref, signal)).resolves.toEqual(expected);
    expect(kube.calls).toHaveLength(1);
  });

  test('may be cluster-scoped', async () => {
    const { kube } = activityWorld({ objects: [crd({ 'cluster.x-k8s.io/v1beta1': 'v1beta1' }, 'Cluster')] });
    await expect(resolveKind(kube, ref, signal)).resolves.toMatchObject({ namespaced: false, version: 'v1beta1' });
  });

  test('that is not installed is named with its CRD, and is looked for again', async () => {
    const { kube } = activityWorld();
    await expect(findKind(kube, ref, signal)).resolves.toBeUndefined();
    await expect(resolveKind(kube, ref, signal)).rejects.toMatchObject({
      type: 'InvalidConfiguration',
      message: expect.stringContaining(`dockermachines.${group} is not installed; install the provider`),
    });
    kube.put(contract);
    await expect(findKind(kube, ref, signal)).resolves.toMatchObject({ version: 'v1beta2' });
  });

  test('without a contract label is refused', async () => {
    const { kube } = activityWorld({ objects: [crd({})] });
    await expect(findKind(kube, ref, signal)).rejects.toMatchObject({ type: 'InvalidConfiguration' });
  });
});

describe('a reference', () => {
  const object = { apiVersion: `${group}/v1beta2`, kind: 'DockerMachine', metadata: { name: 'm', namespace: 'ns' } };

  test('is read in the namespace of the object that has it', async () => {
    const { kube } = activityWorld({ objects: [contract, object] });
    await expect(readRef(kube, ref, 'ns', signal)).resolves.toMatchObject({ metadata: { name: 'm' } });
    await expect(readRef(kube, ref, 'other', signal)).resolves.toBeUndefined();
  });

  test('to nothing, or to a kind that is not installed, is absent', async () => {
    const { kube } = activityWorld();
    await expect(readRef(kube, undefined, 'ns', signal)).resolves.toBeUndefined();
    await expect(readRef(kube, ref, 'ns', signal)).resolves.toBeUndefined();
  });
});
