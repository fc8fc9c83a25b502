import { labelSelector } from '../common.js';
import { atomicList, block, int32, obj, oneOf } from '../lib.js';

/**
 * MachineDrainRule, cluster.x-k8s.io; v1beta1 and v1beta2 are the same. Source: cluster-api api/core/v1beta2/machinedrainrules_types.go.
 */

const DRAIN_BEHAVIORS = ['Drain', 'Skip', 'WaitCompleted'] as const;

const unique = (field: string) => ({
  minItems: 1,
  maxItems: 32,
  rules: [
    {
      rule: 'self.all(x, self.exists_one(y, x == y))',
      message: `entries in ${field} must be unique: remove the others`,
    },
  ],
});

const machineSelector = () =>
  block('Machines that match all of its selectors.', {
    clusterSelector: labelSelector('Labels of the Cluster; without one, of any Cluster.'),
    selector: labelSelector('Labels of the Machine; without any, all Machines.'),
  });

const podSelector = () =>
  block('Pods that match all of its selectors.', {
    namespaceSelector: labelSelector('Labels of the Namespace of the Pod; without any, all Namespaces.'),
    selector: labelSelector('Labels of the Pod; without any, all Pods.'),
  });

export const machineDrainRuleSpecSchema = obj(
  'Desired state of the MachineDrainRule.',
  {
    drain: obj(
      'Whether and when Pods are drained.',
      {
        behavior: oneOf(
          'Drain evicts the Pods, Skip leaves them, WaitCompleted waits until they have finished without evicting them.',
          DRAIN_BEHAVIORS,
        ),
      },
      {
        order: int32(
          'Pods of a lower order are gone before those of a higher one are evicted; default 0. Only with behavior Drain.',
        ),
      },
    ),
  },
  {
    machines: atomicList(
      'Machines the rule is for: those that match any of these; without any, all Machines of its namespace.',
      machineSelector(),
      unique('machines'),
    ),
    pods: atomicList(
      'Pods the rule is for: those that match any of these; without any, all Pods.',
      podSelector(),
      unique('pods'),
    ),
  },
);
