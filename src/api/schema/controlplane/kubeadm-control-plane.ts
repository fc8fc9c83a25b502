import { kubeadmConfigSpec } from '../bootstrap/kubeadm-config.js';
import {
  conditions,
  contractRef,
  deletionTimeouts,
  deprecatedStatus,
  failureFields,
  gates,
  machineNaming,
  machineTaints,
  observedGeneration,
  replicaCounters,
  scaleSelector,
  statusVersions,
  templateMetadata,
} from '../common.js';
import { rolloutAfter } from '../core/machine-deployment.js';
import { block, bounded, flag, int32, intOrString, obj, oneOf, seconds, time } from '../lib.js';

/** KubeadmControlPlane and its template, controlplane.cluster.x-k8s.io/v1beta2. Source: cluster-api api/controlplane/kubeadm/v1beta2. */

export function controlPlaneMaxSurge() {
  return intOrString('Machines above the wanted number during a rollout: 0 or 1; 0 needs 3 replicas, default 1.');
}

function rollout() {
  return block('How a change is rolled out.', {
    after: rolloutAfter(),
    before: block('Replaces machines ahead of an event.', {
      certificatesExpiryDays: int32('Days before its certificates expire that a machine is replaced.', { minimum: 7 }),
    }),
    strategy: obj(
      'How machines are replaced.',
      { type: oneOf('The only strategy is RollingUpdate.', ['RollingUpdate']) },
      {
        rollingUpdate: block('Limits of a rolling update.', {
          maxSurge: controlPlaneMaxSurge(),
        }),
      },
      { minProperties: 1 },
    ),
  });
}

function remediation() {
  return block('How unhealthy machines are replaced.', {
    maxRetry: int32('How often a replacement that fails is tried again; default for ever.'),
    minHealthyPeriodSeconds: seconds(
      'How long a machine has to be healthy for the count of retries to start anew; default 3600.',
    ),
    retryPeriodSeconds: seconds('How long to wait between retries; default 0.'),
  });
}

const naming = () => machineNaming('{{ .cluster.name }} and {{ .kubeadmControlPlane.name }}');

export const kubeadmControlPlaneSpecSchema = obj(
  'Desired state of the KubeadmControlPlane.',
  {
    machineTemplate: obj(
      'Template of the control plane machines.',
      {
        spec: obj(
          'What the Machines get.',
          { infrastructureRef: contractRef('the template of the infrastructure machines') },
          {
            deletion: deletionTimeouts(),
            readinessGates: gates('the Ready condition of the Machine'),
            taints: machineTaints(),
          },
        ),
      },
      { metadata: templateMetadata() },
    ),
    version: bounded('Kubernetes version, e.g. v1.34.0; may go up by one minor version at a time.', 256),
  },
  {
    kubeadmConfigSpec: kubeadmConfigSpec(),
    machineNaming: naming(),
    remediation: remediation(),
    replicas: int32('Number of machines, odd with a local etcd; default 1.'),
    rollout: rollout(),
  },
);

export const kubeadmControlPlaneStatusSchema = block('Observed state of the KubeadmControlPlane.', {
  ...replicaCounters(),
  conditions: conditions(),
  deprecated: deprecatedStatus({
    ...failureFields(),
    readyReplicas: int32('Machines whose Node is Ready.'),
    unavailableReplicas: int32('Machines that are missing for full capacity.'),
    updatedReplicas: int32('Machines made from the present spec.'),
  }),
  initialization: block('Progress of the first provisioning; true never goes back.', {
    controlPlaneInitialized: flag('The control plane can take requests.'),
  }),
  lastRemediation: obj('The last replacement of an unhealthy machine.', {
    machine: bounded('Name of the machine.', 253),
    retryCount: int32('How often the replacement was tried.', { minimum: 0 }),
    time: time('When the replacement began.'),
  }),
  observedGeneration: observedGeneration(),
  selector: scaleSelector(),
  version: bounded('The lowest version of the machines.', 256),
  versions: statusVersions(),
});

export const kubeadmControlPlaneTemplateSpecSchema = obj('The template.', {
  template: block('What is copied into each KubeadmControlPlane.', {
    metadata: templateMetadata(),
    spec: block('Part of the spec of the KubeadmControlPlane.', {
      kubeadmConfigSpec: kubeadmConfigSpec(),
      machineNaming: naming(),
      machineTemplate: block('Template of the control plane machines.', {
        metadata: templateMetadata(),
        spec: block('What the Machines get.', { deletion: deletionTimeouts(), taints: machineTaints() }),
      }),
      remediation: remediation(),
      rollout: rollout(),
    }),
  }),
});
