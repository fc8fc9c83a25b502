import {
  clusterName,
  conditions,
  contractRef,
  deletionTimeouts,
  deprecatedStatus,
  failureFields,
  gates,
  machineTaints,
  objectName,
  observedGeneration,
} from '../common.js';
import { atomicList, block, bounded, flag, immutable, int32, int64, obj, oneOf, text, time } from '../lib.js';

/** Machine, cluster.x-k8s.io/v1beta2. Source: cluster-api api/core/v1beta2/machine_types.go. */

export const MACHINE_PHASES = [
  'Pending',
  'Provisioning',
  'Provisioned',
  'Running',
  'Updating',
  'Deleting',
  'Deleted',
  'Failed',
  'Unknown',
] as const;
export const ADDRESS_TYPES = ['Hostname', 'ExternalIP', 'InternalIP', 'ExternalDNS', 'InternalDNS'] as const;

function machineSpecParts() {
  return {
    required: {
      clusterName: clusterName(),
      bootstrap: obj(
        'Where the bootstrap data comes from: a config object, or a Secret brought by the user.',
        {},
        {
          configRef: contractRef('the bootstrap config'),
          dataSecretName: text(
            'Name of the Secret with the bootstrap data; excludes configRef for Machines made by hand.',
            {
              minLength: 0,
              maxLength: 253,
            },
          ),
        },
      ),
      infrastructureRef: contractRef('the infrastructure machine or its template'),
    },
    optional: {
      deletion: deletionTimeouts(),
      failureDomain: bounded(
        'Failure domain to create the machine in; one of the names in the status of the Cluster.',
        256,
      ),
      minReadySeconds: int32('How long a Machine has to be Ready before it counts as Available; default 0.', {
        minimum: 0,
      }),
      providerID: bounded(
        'Identity of the instance, the same as the providerID of the Node. Filled in by the controller.',
        512,
      ),
      readinessGates: gates('the Ready condition of the Machine'),
      taints: machineTaints(),
      version: bounded('Kubernetes version, e.g. v1.34.0; a missing v is put in front.', 256),
    },
  };
}

/** The spec of a Machine; `fixedCluster` adds the rule that its cluster cannot be changed. */
export function machineSpec(options: { readonly fixedCluster: boolean }) {
  const { required, optional } = machineSpecParts();
  const name = options.fixedCluster ? immutable(required.clusterName, 'spec.clusterName') : required.clusterName;
  return obj('Desired state of the Machine.', { ...required, clusterName: name }, optional);
}

/** corev1.NodeSystemInfo. */
export function nodeSystemInfo() {
  return obj(
    'What the kubelet says about the host.',
    {
      architecture: text('CPU architecture.'),
      bootID: text('Boot id.'),
      containerRuntimeVersion: text('Container runtime and its version.'),
      kernelVersion: text('Kernel version.'),
      kubeProxyVersion: text('Deprecated; the kubelet version.'),
      kubeletVersion: text('Kubelet version.'),
      machineID: text('Machine id.'),
      operatingSystem: text('Operating system.'),
      osImage: text('OS image.'),
      systemUUID: text('System UUID.'),
    },
    { swap: obj('Swap memory.', {}, { capacity: int64('Bytes of swap.') }) },
  );
}

export function machineAddresses() {
  const address = obj('An address of the machine.', {
    type: oneOf('Kind of address.', ADDRESS_TYPES),
    address: bounded('The address.', 256),
  });
  return atomicList('Addresses of the machine, as the infrastructure provider reports them.', address, {
    maxItems: 256,
  });
}

export function machineDeletionStatus() {
  return obj(
    'Progress of the deletion.',
    {},
    {
      nodeDrainStartTime: time('When draining began.'),
      waitForNodeVolumeDetachStartTime: time('When the wait for volumes began.'),
      waitForPreDrainHookStartTime: time('When the wait for pre-drain hooks began.'),
      waitForPreTerminateHookStartTime: time('When the wait for pre-terminate hooks began.'),
    },
  );
}

export const machineSpecSchema = machineSpec({ fixedCluster: true });

export const machineStatusSchema = block('Observed state of the Machine.', {
  addresses: machineAddresses(),
  certificatesExpiryDate: time('When the certificates of a control plane machine expire.'),
  conditions: conditions(),
  deletion: machineDeletionStatus(),
  deprecated: deprecatedStatus(failureFields()),
  failureDomain: bounded('Failure domain the machine really runs in.', 256),
  initialization: block('Progress of the first provisioning; true never goes back.', {
    bootstrapDataSecretCreated: flag('The Secret with the bootstrap data exists.'),
    infrastructureProvisioned: flag('The infrastructure is provisioned.'),
  }),
  lastUpdated: time('When the phase last changed.'),
  nodeInfo: nodeSystemInfo(),
  nodeRef: obj('The Node of the Machine.', { name: objectName('Name of the Node.') }),
  observedGeneration: observedGeneration(),
  phase: oneOf('Stage of the life of the Machine.', MACHINE_PHASES),
});
