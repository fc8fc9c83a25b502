import { apiVersionOf } from '../../api/types/kinds.js';
import { isFailure } from '../../domain/errors.js';
import type { Kube } from '../../kube/kube.js';
import { pause } from '../waits/pause.js';
import { WORKLOAD } from './kinds.js';

const NAME = 'perdure-cluster-deletion';
const MANAGER = 'perdure-collect';
const PROBE = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { namespace: 'default', name: 'perdure-freeze-probe' },
  spec: { type: 'LoadBalancer', ports: [{ port: 1, protocol: 'TCP' }] },
};
/** API servers take up a new policy within a second or so. */
const PROBES = 30;
const PROBE_MS = 500;

/** True for a Service or another object that would make a cloud do something anew; what is there already may be changed, or it could not go. */
const POLICY = {
  failurePolicy: 'Fail',
  matchConstraints: {
    resourceRules: [
      { apiGroups: [''], apiVersions: ['*'], operations: ['CREATE', 'UPDATE'], resources: ['services'] },
      { apiGroups: ['networking.k8s.io'], apiVersions: ['*'], operations: ['CREATE'], resources: ['ingresses'] },
      { apiGroups: ['gateway.networking.k8s.io'], apiVersions: ['*'], operations: ['CREATE'], resources: ['gateways'] },
    ],
  },
  validations: [
    {
      expression:
        "request.kind.kind == 'Service' && (object.spec.type != 'LoadBalancer' || (request.operation == 'UPDATE' && oldObject.spec.type == 'LoadBalancer'))",
      message: 'this cluster is being deleted: nothing that makes a load balancer can be created any more',
      reason: 'Forbidden',
    },
  ],
};

/**
 * Has the workload cluster refuse new load balancers from now on, and answers true once it does. False: it knows no such policies (Kubernetes before 1.30), or does not
 * apply them. Idempotent. Users' automation makes Services again that are deleted, and the cloud would be left with what nobody removes any more.
 */
export async function freeze(workload: Kube, signal: AbortSignal, pollMs: number): Promise<boolean> {
  const options = { fieldManager: MANAGER, signal };
  const { ValidatingAdmissionPolicy: policy, ValidatingAdmissionPolicyBinding: binding } = WORKLOAD;
  const metadata = { name: NAME };
  try {
    await workload.apply(
      policy,
      { apiVersion: apiVersionOf(policy), kind: policy.kind, metadata, spec: POLICY },
      options,
    );
    const spec = { policyName: NAME, validationActions: ['Deny'] };
    await workload.apply(binding, { apiVersion: apiVersionOf(binding), kind: binding.kind, metadata, spec }, options);
  } catch (error) {
    if (isFailure(error, 'NotFound')) return false;
    throw error;
  }
  for (let i = 0; i < PROBES; i++) {
    if (await isFrozen(workload, signal)) return true;
    await pause(Math.min(PROBE_MS, pollMs), signal);
  }
  return false;
}

async function isFrozen(workload: Kube, signal: AbortSignal): Promise<boolean> {
  try {
    await workload.create(WORKLOAD.Service, PROBE, { fieldManager: MANAGER, dryRun: true, signal });
    return false;
  } catch (error) {
    signal.throwIfAborted();
    return isFailure(error, 'InvalidConfiguration') || isFailure(error, 'Unauthorized');
  }
}
