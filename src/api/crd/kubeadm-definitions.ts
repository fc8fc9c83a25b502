import {
  kubeadmConfigSpecSchema,
  kubeadmConfigStatusSchema,
  kubeadmConfigTemplateSpecSchema,
} from '../schema/bootstrap/kubeadm-config.js';
import {
  kubeadmControlPlaneSpecSchema,
  kubeadmControlPlaneStatusSchema,
  kubeadmControlPlaneTemplateSpecSchema,
} from '../schema/controlplane/kubeadm-control-plane.js';
import * as configV1Beta1 from '../schema/v1beta1/kubeadm-config.js';
import * as controlPlaneV1Beta1 from '../schema/v1beta1/kubeadm-control-plane.js';
import { BOOTSTRAP_GROUP, CONTROL_PLANE_GROUP } from '../types/kinds.js';
import { counterColumns, legacyRolloutColumns } from './core-definitions.js';
import { age, column, conditionColumn, type KindDefinition, type PrinterColumn, providerLabels } from './definition.js';
import { deprecated, kind, SCALE, stored } from './versions.js';

/** API versions of these CRDs per contract: the versions carry the names of the contracts they follow. */
const contracts = { 'cluster.x-k8s.io/v1beta1': 'v1beta1', 'cluster.x-k8s.io/v1beta2': 'v1beta2' };
const bootstrapLabels = providerLabels('bootstrap-kubeadm', contracts);
const controlPlaneLabels = providerLabels('control-plane-kubeadm', contracts);

const cluster = column(
  'Cluster',
  'string',
  ".metadata.labels['cluster\\.x-k8s\\.io/cluster-name']",
  'Cluster it belongs to.',
);
const paused = conditionColumn('Paused', 'Paused', 'Whether reconciliation is paused.', 10);
const version = column('Version', 'string', '.spec.version', 'Kubernetes version of the control plane.');

function ownedBy(owner: string): PrinterColumn {
  return column(
    owner,
    'string',
    `.metadata.ownerReferences[?(@.kind=="${owner}")].name`,
    `${owner} that owns the template.`,
  );
}

function kubeadmConfigKind(): KindDefinition {
  const description = 'How one machine becomes a Node by kubeadm.';
  return kind({
    group: BOOTSTRAP_GROUP,
    kind: 'KubeadmConfig',
    plural: 'kubeadmconfigs',
    labels: bootstrapLabels,
    versions: [
      deprecated({
        description,
        spec: configV1Beta1.kubeadmConfigSpecSchema,
        specRequired: false,
        status: configV1Beta1.kubeadmConfigStatusSchema,
        printerColumns: [cluster, age('KubeadmConfig')],
        subresources: { status: true },
      }),
      stored({
        description,
        spec: kubeadmConfigSpecSchema,
        specRequired: false,
        status: kubeadmConfigStatusSchema,
        printerColumns: [
          cluster,
          paused,
          column(
            'Data secret created',
            'string',
            '.status.initialization.dataSecretCreated',
            'Whether the Secret with the bootstrap data exists.',
          ),
          age('KubeadmConfig'),
        ],
        subresources: { status: true },
      }),
    ],
  });
}

function kubeadmConfigTemplateKind(): KindDefinition {
  const description = 'Template of KubeadmConfigs.';
  return kind({
    group: BOOTSTRAP_GROUP,
    kind: 'KubeadmConfigTemplate',
    plural: 'kubeadmconfigtemplates',
    labels: bootstrapLabels,
    versions: [
      deprecated({
        description,
        spec: configV1Beta1.kubeadmConfigTemplateSpecSchema,
        specRequired: false,
        printerColumns: [age('KubeadmConfigTemplate')],
        subresources: { status: false },
      }),
      stored({
        description,
        spec: kubeadmConfigTemplateSpecSchema,
        specRequired: false,
        printerColumns: [ownedBy('ClusterClass'), ownedBy('Cluster'), age('KubeadmConfigTemplate')],
        subresources: { status: false },
      }),
    ],
  });
}

function kubeadmControlPlaneKind(): KindDefinition {
  const description = 'A control plane made of machines that kubeadm sets up.';
  const desired = column('Desired', 'integer', '.spec.replicas', 'Machines wanted.');
  const initialized = (path: string): PrinterColumn =>
    column('Initialized', 'boolean', path, 'Whether the control plane can take requests for the first time.');
  return kind({
    group: CONTROL_PLANE_GROUP,
    kind: 'KubeadmControlPlane',
    plural: 'kubeadmcontrolplanes',
    shortNames: ['kcp'],
    labels: controlPlaneLabels,
    versions: [
      deprecated({
        description,
        spec: controlPlaneV1Beta1.kubeadmControlPlaneSpecSchema,
        specRequired: false,
        status: controlPlaneV1Beta1.kubeadmControlPlaneStatusSchema,
        printerColumns: [
          cluster,
          initialized('.status.initialized'),
          column('API Server Available', 'boolean', '.status.ready', 'Whether at least one API server is ready.'),
          { ...desired, priority: 10 },
          ...legacyRolloutColumns(),
          age('KubeadmControlPlane'),
          version,
        ],
        subresources: { status: true, scale: SCALE },
      }),
      stored({
        description,
        spec: kubeadmControlPlaneSpecSchema,
        specRequired: true,
        status: kubeadmControlPlaneStatusSchema,
        printerColumns: [
          cluster,
          conditionColumn('Available', 'Available', 'Whether the control plane passes all availability checks.'),
          desired,
          ...counterColumns(),
          paused,
          initialized('.status.initialization.controlPlaneInitialized'),
          age('KubeadmControlPlane'),
          version,
        ],
        subresources: { status: true, scale: SCALE },
      }),
    ],
  });
}

function kubeadmControlPlaneTemplateKind(): KindDefinition {
  const description = 'Template of KubeadmControlPlanes.';
  return kind({
    group: CONTROL_PLANE_GROUP,
    kind: 'KubeadmControlPlaneTemplate',
    plural: 'kubeadmcontrolplanetemplates',
    labels: controlPlaneLabels,
    versions: [
      deprecated({
        description,
        spec: controlPlaneV1Beta1.kubeadmControlPlaneTemplateSpecSchema,
        specRequired: false,
        printerColumns: [age('KubeadmControlPlaneTemplate')],
        subresources: { status: false },
      }),
      stored({
        description,
        spec: kubeadmControlPlaneTemplateSpecSchema,
        specRequired: false,
        printerColumns: [ownedBy('ClusterClass'), age('KubeadmControlPlaneTemplate')],
        subresources: { status: false },
      }),
    ],
  });
}

/** The kubeadm kinds of the bootstrap and control plane groups. */
export const kubeadmDefinitions: readonly KindDefinition[] = [
  kubeadmConfigKind(),
  kubeadmConfigTemplateKind(),
  kubeadmControlPlaneKind(),
  kubeadmControlPlaneTemplateKind(),
];
