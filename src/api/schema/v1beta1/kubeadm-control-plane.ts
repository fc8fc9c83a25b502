import { failureFields, machineTaints, scaleSelector, statusVersions, v1beta1Conditions } from '../common.js';
import { controlPlaneMaxSurge } from '../controlplane/kubeadm-control-plane.js';
import { rolloutAfter } from '../core/machine-deployment.js';
import { bounded, duration, flag, int32, obj, oneOf, time } from '../lib.js';
import {
  machineNamingStrategy,
  nodeTimeouts,
  objectRef,
  observedGeneration,
  readinessGates,
  templateMetadata,
  v1beta2Counters,
  v1beta2Status,
} from './common.js';
import { kubeadmConfigSpec } from './kubeadm-config.js';

/** KubeadmControlPlane and its template, controlplane.cluster.x-k8s.io/v1beta1. Source: cluster-api api/controlplane/kubeadm/v1beta1. */

function commonFields() {
  return {
    machineNamingStrategy: machineNamingStrategy('{{ .cluster.name }} and {{ .kubeadmControlPlane.name }}'),
    remediationStrategy: obj(
      'How unhealthy machines are replaced.',
      {},
      {
        maxRetry: int32('How often a replacement that fails is tried again; default for ever.'),
        minHealthyPeriod: duration(
          'How long a machine has to be healthy for the count of retries to start anew; default 1h.',
        ),
        retryPeriod: duration('How long to wait between retries; default 0.'),
      },
    ),
    rolloutAfter: rolloutAfter(),
    rolloutBefore: obj(
      'Replaces machines ahead of an event.',
      {},
      { certificatesExpiryDays: int32('Days before its certificates expire that a machine is replaced; at least 7.') },
    ),
    rolloutStrategy: obj(
      'How machines are replaced.',
      {},
      {
        rollingUpdate: obj('Limits of a rolling update.', {}, { maxSurge: controlPlaneMaxSurge() }),
        type: oneOf('The only strategy is RollingUpdate.', ['RollingUpdate']),
      },
      { default: { rollingUpdate: { maxSurge: 1 }, type: 'RollingUpdate' } },
    ),
  };
}

export const kubeadmControlPlaneSpecSchema = obj(
  'Desired state of the KubeadmControlPlane.',
  {
    kubeadmConfigSpec: kubeadmConfigSpec(),
    machineTemplate: obj(
      'Template of the control plane machines.',
      { infrastructureRef: objectRef('the template of the infrastructure machines') },
      {
        ...nodeTimeouts(),
        metadata: templateMetadata(),
        readinessGates: readinessGates('the Ready condition of the Machine'),
        taints: machineTaints(),
      },
    ),
    version: bounded('Kubernetes version, e.g. v1.34.0; may go up by one minor version at a time.', 256),
  },
  { ...commonFields(), replicas: int32('Number of machines, odd with a local etcd; default 1.') },
);

export const kubeadmControlPlaneStatusSchema = obj(
  'Observed state of the KubeadmControlPlane.',
  {},
  {
    ...failureFields(),
    conditions: v1beta1Conditions(),
    initialized: flag('The control plane can take requests for the first time.'),
    lastRemediation: obj('The last replacement of an unhealthy machine.', {
      machine: bounded('Name of the machine.', 253),
      retryCount: int32('How often the replacement was tried.'),
      timestamp: time('When the replacement began.'),
    }),
    observedGeneration: observedGeneration(),
    ready: flag('At least one API server is ready.'),
    readyReplicas: int32('Machines whose Node is Ready.'),
    replicas: int32('Machines that exist.'),
    selector: scaleSelector(),
    unavailableReplicas: int32('Machines that are missing for full capacity.'),
    updatedReplicas: int32('Machines made from the present spec.'),
    v1beta2: v1beta2Status(v1beta2Counters()),
    version: bounded('The lowest version of the machines.', 256),
    versions: statusVersions(),
  },
);

export const kubeadmControlPlaneTemplateSpecSchema = obj('The template.', {
  template: obj(
    'What is copied into each KubeadmControlPlane.',
    {
      spec: obj(
        'Part of the spec of the KubeadmControlPlane.',
        { kubeadmConfigSpec: kubeadmConfigSpec() },
        {
          ...commonFields(),
          machineTemplate: obj(
            'Template of the control plane machines.',
            {},
            { ...nodeTimeouts(), metadata: templateMetadata(), taints: machineTaints() },
          ),
        },
      ),
    },
    { metadata: templateMetadata() },
  ),
});
