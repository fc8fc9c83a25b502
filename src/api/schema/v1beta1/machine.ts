import { clusterName, failureFields, machineTaints, v1beta1Conditions } from '../common.js';
import { ADDRESS_TYPES, MACHINE_PHASES, machineDeletionStatus, nodeSystemInfo } from '../core/machine.js';
import { bounded, flag, immutable, list, obj, oneOf, text, time } from '../lib.js';
import { nodeTimeouts, objectRef, observedGeneration, readinessGates, v1beta2Status } from './common.js';

/** Machine, cluster.x-k8s.io/v1beta1. Source: cluster-api api/core/v1beta1/machine_types.go. */

/** The phases that v1beta1 knows: a Machine that is Updating shows as Running. */
const PHASES = MACHINE_PHASES.filter((phase) => phase !== 'Updating');

export function machineSpec(options: { readonly fixedCluster: boolean }) {
  return obj(
    'Desired state of the Machine.',
    {
      clusterName: options.fixedCluster ? immutable(clusterName(), 'spec.clusterName') : clusterName(),
      bootstrap: obj(
        'Where the bootstrap data comes from.',
        {},
        {
          configRef: objectRef('the bootstrap config'),
          dataSecretName: text('Name of the Secret with the bootstrap data.', { minLength: 0, maxLength: 253 }),
        },
      ),
      infrastructureRef: objectRef('the infrastructure machine or its template'),
    },
    {
      ...nodeTimeouts(),
      failureDomain: bounded('Failure domain to create the machine in.', 256),
      providerID: bounded('Identity of the instance. Filled in by the controller.', 512),
      readinessGates: readinessGates('the Ready condition of the Machine'),
      taints: machineTaints(),
      version: bounded('Kubernetes version, e.g. v1.34.0.', 256),
    },
  );
}

export const machineSpecSchema = machineSpec({ fixedCluster: true });

const address = obj('An address of the machine.', {
  type: oneOf('Kind of address.', ADDRESS_TYPES),
  address: bounded('The address.', 256),
});

export const machineStatusSchema = obj(
  'Observed state of the Machine.',
  {},
  {
    ...failureFields(),
    addresses: list('Addresses of the machine, as the infrastructure provider reports them.', address),
    bootstrapReady: flag('The bootstrap data exists.'),
    certificatesExpiryDate: time('When the certificates of a control plane machine expire.'),
    conditions: v1beta1Conditions(),
    deletion: machineDeletionStatus(),
    infrastructureReady: flag('The infrastructure is provisioned.'),
    lastUpdated: time('When the phase last changed.'),
    nodeInfo: nodeSystemInfo(),
    nodeRef: objectRef('the Node'),
    observedGeneration: observedGeneration(),
    phase: oneOf('Stage of the life of the Machine.', PHASES),
    v1beta2: v1beta2Status({}),
  },
);
