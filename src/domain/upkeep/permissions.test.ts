import { describe, expect, test } from '@jest/globals';
import { kubeadmPermissions, withEndpointSlices } from './permissions.js';

const always = ['ClusterRole kubeadm:get-nodes', 'ClusterRoleBinding kubeadm:get-nodes'];
const admins = 'ClusterRoleBinding kubeadm:cluster-admins';
const kubelet = 'ClusterRoleBinding kubeadm:apiserver-kubelet-client';

test.each([
  ['v1.28.4', [...always, admins, kubelet]],
  ['v1.29.0-rc.1', [...always, admins, kubelet]],
  ['v1.30.0', [...always, kubelet]],
  ['v1.37.9', [...always, kubelet]],
  ['v1.38.0', always],
])('machines of %s need %j', (version, wanted) => {
  expect(kubeadmPermissions('kcp a/b', version).map((o) => `${o.kind} ${o.metadata.name}`)).toEqual(wanted);
});

describe('withEndpointSlices', () => {
  const role = (rules: { apiGroups: string[]; resources: string[]; verbs: string[] }[]) => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'system:coredns' },
    rules,
  });
  const services = { apiGroups: [''], resources: ['services'], verbs: ['list', 'watch'] };
  const slices = { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] };

  test('adds what is missing, and nothing twice', () => {
    expect(withEndpointSlices(role([services]))?.rules).toEqual([services, slices]);
    expect(withEndpointSlices(role([{ ...slices, verbs: ['list'] }]))?.rules).toHaveLength(2);
    expect(withEndpointSlices(role([services, slices]))).toBeUndefined();
    expect(withEndpointSlices(role([{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]))).toBeUndefined();
  });
});
