import { clusterSpecSchema, clusterStatusSchema } from '../schema/core/cluster.js';
import { machineSpecSchema, machineStatusSchema } from '../schema/core/machine.js';
import { machineDeploymentSpecSchema, machineDeploymentStatusSchema } from '../schema/core/machine-deployment.js';
import { machineDrainRuleSpecSchema } from '../schema/core/machine-drain-rule.js';
import { machineHealthCheckSpecSchema, machineHealthCheckStatusSchema } from '../schema/core/machine-health-check.js';
import { machinePoolSpecSchema, machinePoolStatusSchema } from '../schema/core/machine-pool.js';
import { machineSetSpecSchema, machineSetStatusSchema } from '../schema/core/machine-set.js';
import * as clusterV1Beta1 from '../schema/v1beta1/cluster.js';
import * as machineV1Beta1 from '../schema/v1beta1/machine.js';
import * as machineDeploymentV1Beta1 from '../schema/v1beta1/machine-deployment.js';
import * as machineHealthCheckV1Beta1 from '../schema/v1beta1/machine-health-check.js';
import * as machinePoolV1Beta1 from '../schema/v1beta1/machine-pool.js';
import * as machineSetV1Beta1 from '../schema/v1beta1/machine-set.js';
import { CORE_GROUP } from '../types/kinds.js';
import { age, column, conditionColumn, type KindDefinition, type PrinterColumn, providerLabels } from './definition.js';
import { deprecated, kind, SCALE, stored } from './versions.js';

const labels = providerLabels('cluster-api');
const cluster = column('Cluster', 'string', '.spec.clusterName', 'Cluster it belongs to.');
const paused = conditionColumn('Paused', 'Paused', 'Whether reconciliation is paused.', 10);
const desired = column('Desired', 'integer', '.spec.replicas', 'Machines wanted.');
const desiredWide = { ...desired, priority: 10 };
const phase = column('Phase', 'string', '.status.phase', 'Stage of its life.');
const templateVersion = column(
  'Version',
  'string',
  '.spec.template.spec.version',
  'Kubernetes version of its Machines.',
);

/** Counters of v1beta2. */
export function counterColumns(): PrinterColumn[] {
  return [
    column('Current', 'integer', '.status.replicas', 'Machines that exist.'),
    column('Ready', 'integer', '.status.readyReplicas', 'Machines whose Ready condition is True.'),
    column('Available', 'integer', '.status.availableReplicas', 'Machines whose Available condition is True.'),
    column('Up-to-date', 'integer', '.status.upToDateReplicas', 'Machines whose UpToDate condition is True.'),
  ];
}

/** Counters of the Machines of a Cluster; `prefix` as kubectl shows it. */
function groupColumns(prefix: string, path: string, what: string): PrinterColumn[] {
  const count = (name: string, field: string, text: string, priority?: number): PrinterColumn =>
    column(`${prefix} ${name}`, 'integer', `.status.${path}.${field}`, `${what} ${text}.`, priority);
  return [
    count('Desired', 'desiredReplicas', 'wanted'),
    count('Current', 'replicas', 'that exist', 10),
    count('Ready', 'readyReplicas', 'whose Ready condition is True', 10),
    count('Available', 'availableReplicas', 'whose Available condition is True'),
    count('Up-to-date', 'upToDateReplicas', 'whose UpToDate condition is True'),
  ];
}

function clusterKind(): KindDefinition {
  const description = 'A Kubernetes cluster.';
  const version = column(
    'Version',
    'string',
    '.spec.topology.version',
    'Kubernetes version, if a ClusterClass shapes the Cluster.',
  );
  const classColumn = (path: string): PrinterColumn =>
    column('ClusterClass', 'string', path, 'ClusterClass that shapes the Cluster, if any.');
  return kind({
    group: CORE_GROUP,
    kind: 'Cluster',
    plural: 'clusters',
    shortNames: ['cl'],
    labels,
    versions: [
      deprecated({
        description,
        spec: clusterV1Beta1.clusterSpecSchema,
        specRequired: false,
        status: clusterV1Beta1.clusterStatusSchema,
        printerColumns: [classColumn('.spec.topology.class'), phase, age('Cluster'), version],
        subresources: { status: true },
      }),
      stored({
        description,
        spec: clusterSpecSchema,
        specRequired: true,
        status: clusterStatusSchema,
        printerColumns: [
          classColumn('.spec.topology.classRef.name'),
          conditionColumn('Available', 'Available', 'Whether the Cluster passes all availability checks.'),
          ...groupColumns('CP', 'controlPlane', 'Control plane machines'),
          ...groupColumns('W', 'workers', 'Worker machines'),
          paused,
          phase,
          age('Cluster'),
          version,
        ],
        subresources: { status: true },
      }),
    ],
  });
}

function machineKind(): KindDefinition {
  const description = 'A machine that is, or becomes, a Node.';
  const version = column('Version', 'string', '.spec.version', 'Kubernetes version of the Machine.');
  const node = (name: string): PrinterColumn => column(name, 'string', '.status.nodeRef.name', 'Node of the Machine.');
  const address = (name: string, type: string): PrinterColumn =>
    column(name, 'string', `.status.addresses[?(@.type=="${type}")].address`, `${name} of the Machine.`, 10);
  return kind({
    group: CORE_GROUP,
    kind: 'Machine',
    plural: 'machines',
    shortNames: ['ma'],
    labels,
    versions: [
      deprecated({
        description,
        spec: machineV1Beta1.machineSpecSchema,
        specRequired: false,
        status: machineV1Beta1.machineStatusSchema,
        printerColumns: [
          cluster,
          node('NodeName'),
          column('ProviderID', 'string', '.spec.providerID', 'Identity of the instance.'),
          phase,
          age('Machine'),
          version,
        ],
        subresources: { status: true },
      }),
      stored({
        description,
        spec: machineSpecSchema,
        specRequired: true,
        status: machineStatusSchema,
        printerColumns: [
          cluster,
          node('Node Name'),
          column('Provider ID', 'string', '.spec.providerID', 'Identity of the instance.', 10),
          column('Failure domain', 'string', '.status.failureDomain', 'Failure domain the Machine runs in.'),
          conditionColumn('Ready', 'Ready', 'Whether the Machine passes all readiness checks.'),
          conditionColumn('Available', 'Available', 'Whether the Machine has been Ready for minReadySeconds.'),
          conditionColumn('Up-to-date', 'UpToDate', 'Whether the Machine matches what its owner asks for.'),
          address('Internal-IP', 'InternalIP'),
          address('External-IP', 'ExternalIP'),
          column('OS-Image', 'string', '.status.nodeInfo.osImage', 'OS image that the Node reports.', 10),
          paused,
          phase,
          age('Machine'),
          version,
        ],
        subresources: { status: true },
      }),
    ],
  });
}

function machineSetKind(): KindDefinition {
  const description = 'A number of equal Machines.';
  return kind({
    group: CORE_GROUP,
    kind: 'MachineSet',
    plural: 'machinesets',
    shortNames: ['ms'],
    labels,
    versions: [
      deprecated({
        description,
        spec: machineSetV1Beta1.machineSetSpecSchema,
        specRequired: false,
        status: machineSetV1Beta1.machineSetStatusSchema,
        printerColumns: [
          cluster,
          desiredWide,
          column('Replicas', 'integer', '.status.replicas', 'Machines that exist.'),
          column('Ready', 'integer', '.status.readyReplicas', 'Machines whose Node is Ready.'),
          column(
            'Available',
            'integer',
            '.status.availableReplicas',
            'Machines whose Node is Ready for minReadySeconds.',
          ),
          age('MachineSet'),
          templateVersion,
        ],
        subresources: { status: true, scale: SCALE },
      }),
      stored({
        description,
        spec: machineSetSpecSchema,
        specRequired: true,
        status: machineSetStatusSchema,
        printerColumns: [cluster, desired, ...counterColumns(), paused, age('MachineSet'), templateVersion],
        subresources: { status: true, scale: SCALE },
      }),
    ],
  });
}

function machineDeploymentKind(): KindDefinition {
  const description = 'A number of equal Machines that are replaced step by step when their template changes.';
  return kind({
    group: CORE_GROUP,
    kind: 'MachineDeployment',
    plural: 'machinedeployments',
    shortNames: ['md'],
    labels,
    versions: [
      deprecated({
        description,
        spec: machineDeploymentV1Beta1.machineDeploymentSpecSchema,
        specRequired: false,
        status: machineDeploymentV1Beta1.machineDeploymentStatusSchema,
        printerColumns: [
          cluster,
          desiredWide,
          ...legacyRolloutColumns(),
          phase,
          age('MachineDeployment'),
          templateVersion,
        ],
        subresources: { status: true, scale: SCALE },
      }),
      stored({
        description,
        spec: machineDeploymentSpecSchema,
        specRequired: true,
        status: machineDeploymentStatusSchema,
        printerColumns: [
          cluster,
          conditionColumn('Available', 'Available', 'Whether enough Machines are available.'),
          desired,
          ...counterColumns(),
          paused,
          phase,
          age('MachineDeployment'),
          templateVersion,
        ],
        subresources: { status: true, scale: SCALE },
      }),
    ],
  });
}

function machinePoolKind(): KindDefinition {
  const description = 'A number of equal machines that the infrastructure provider itself keeps at their number.';
  const scale = { specReplicasPath: SCALE.specReplicasPath, statusReplicasPath: SCALE.statusReplicasPath };
  return kind({
    group: CORE_GROUP,
    kind: 'MachinePool',
    plural: 'machinepools',
    shortNames: ['mp'],
    labels,
    versions: [
      deprecated({
        description,
        spec: machinePoolV1Beta1.machinePoolSpecSchema,
        specRequired: false,
        status: machinePoolV1Beta1.machinePoolStatusSchema,
        printerColumns: [
          cluster,
          desiredWide,
          column('Replicas', 'string', '.status.replicas', 'Instances that exist.'),
          phase,
          age('MachinePool'),
          templateVersion,
        ],
        subresources: { status: true, scale },
      }),
      stored({
        description,
        spec: machinePoolSpecSchema,
        specRequired: true,
        status: machinePoolStatusSchema,
        printerColumns: [cluster, desired, ...counterColumns(), paused, phase, age('MachinePool'), templateVersion],
        subresources: { status: true, scale },
      }),
    ],
  });
}

function machineDrainRuleKind(): KindDefinition {
  const version = {
    description: 'How Pods are drained from the Nodes of Machines that are deleted.',
    spec: machineDrainRuleSpecSchema,
    printerColumns: [
      column('Behavior', 'string', '.spec.drain.behavior', 'What is done with the Pods.'),
      column('Order', 'string', '.spec.drain.order', 'When the Pods are drained.'),
      age('MachineDrainRule'),
    ],
    subresources: { status: false },
  };
  return kind({
    group: CORE_GROUP,
    kind: 'MachineDrainRule',
    plural: 'machinedrainrules',
    labels,
    versions: [deprecated({ ...version, specRequired: true }), stored({ ...version, specRequired: true })],
  });
}

function machineHealthCheckKind(): KindDefinition {
  const description = 'Finds unhealthy Machines of a Cluster and has them replaced.';
  const expected = '.status.expectedMachines';
  const healthy = '.status.currentHealthy';
  return kind({
    group: CORE_GROUP,
    kind: 'MachineHealthCheck',
    plural: 'machinehealthchecks',
    shortNames: ['mhc', 'mhcs'],
    labels,
    versions: [
      deprecated({
        description,
        spec: machineHealthCheckV1Beta1.machineHealthCheckSpecSchema,
        specRequired: false,
        status: machineHealthCheckV1Beta1.machineHealthCheckStatusSchema,
        printerColumns: [
          cluster,
          column('ExpectedMachines', 'integer', expected, 'Machines that are checked.'),
          column('MaxUnhealthy', 'string', '.spec.maxUnhealthy', 'Most unhealthy Machines with which it acts.'),
          column('CurrentHealthy', 'integer', healthy, 'Machines that are healthy.'),
          age('MachineHealthCheck'),
        ],
        subresources: { status: true },
      }),
      stored({
        description,
        spec: machineHealthCheckSpecSchema,
        specRequired: true,
        status: machineHealthCheckStatusSchema,
        printerColumns: [
          cluster,
          column('Replicas', 'integer', expected, 'Machines that are checked.'),
          column('Healthy', 'integer', healthy, 'Machines that are healthy.'),
          paused,
          age('MachineHealthCheck'),
        ],
        subresources: { status: true },
      }),
    ],
  });
}

/** Counters of v1beta1, for kinds that roll out. */
export function legacyRolloutColumns(): PrinterColumn[] {
  return [
    column('Replicas', 'integer', '.status.replicas', 'Machines that exist.'),
    column('Ready', 'integer', '.status.readyReplicas', 'Machines whose Node is Ready.'),
    column('Updated', 'integer', '.status.updatedReplicas', 'Machines made from the present template.'),
    column('Unavailable', 'integer', '.status.unavailableReplicas', 'Machines that are missing for full capacity.'),
  ];
}

/** The kinds of group cluster.x-k8s.io. */
export const coreDefinitions: readonly KindDefinition[] = [
  clusterKind(),
  machineDeploymentKind(),
  machineDrainRuleKind(),
  machineHealthCheckKind(),
  machineKind(),
  machinePoolKind(),
  machineSetKind(),
];
