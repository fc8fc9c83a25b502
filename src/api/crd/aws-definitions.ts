import { AWS_CLUSTER, AWS_CLUSTER_TEMPLATE } from '../schema/infrastructure/aws-cluster.js';
import {
  AWS_CLUSTER_CONTROLLER_IDENTITY,
  AWS_CLUSTER_ROLE_IDENTITY,
  AWS_CLUSTER_STATIC_IDENTITY,
} from '../schema/infrastructure/aws-identity.js';
import { AWS_MACHINE, AWS_MACHINE_TEMPLATE } from '../schema/infrastructure/aws-machine.js';
import { AWS_MACHINE_POOL } from '../schema/infrastructure/aws-machine-pool.js';
import { INFRASTRUCTURE_GROUP, KINDS } from '../types/kinds.js';
import {
  age,
  column,
  type KindDefinition,
  type KindVersion,
  type PrinterColumn,
  providerLabels,
} from './definition.js';
import { stored } from './versions.js';

/** The one served version fulfils both contracts. */
const labels = providerLabels('infrastructure-aws', {
  'cluster.x-k8s.io/v1beta1': 'v1beta2',
  'cluster.x-k8s.io/v1beta2': 'v1beta2',
});

type AWSKind = Extract<keyof typeof KINDS, `AWS${string}`>;

function awsKind(
  kind: AWSKind,
  shortName: string,
  version: Omit<KindVersion, 'name' | 'served' | 'storage' | 'specRequired'>,
): KindDefinition {
  const { plural, namespaced } = KINDS[kind];
  return {
    group: INFRASTRUCTURE_GROUP,
    kind,
    plural,
    singular: kind.toLowerCase(),
    shortNames: [shortName],
    scope: namespaced ? 'Namespaced' : 'Cluster',
    categories: ['cluster-api'],
    labels,
    conversion: false,
    versions: [stored({ specRequired: false, ...version })],
  };
}

function clusterColumn(kind: string): PrinterColumn {
  return column(
    'Cluster',
    'string',
    '.metadata.labels.cluster\\.x-k8s\\.io/cluster-name',
    `Cluster that the ${kind} belongs to.`,
  );
}

const clusterColumns: readonly PrinterColumn[] = [
  clusterColumn('AWSCluster'),
  column('Ready', 'string', '.status.ready', 'Whether the infrastructure is ready for machines.'),
  column('VPC', 'string', '.spec.network.vpc.id', 'VPC of the cluster.'),
  column('Endpoint', 'string', '.spec.controlPlaneEndpoint', 'Where the API server is reached.', 1),
  column('Bastion IP', 'string', '.status.bastion.publicIp', 'IPv4 address of the bastion host.'),
  column('Bastion IPv6', 'string', '.status.bastion.ipv6Address', 'IPv6 address of the bastion host.'),
];

const machineColumns: readonly PrinterColumn[] = [
  clusterColumn('AWSMachine'),
  column('State', 'string', '.status.instanceState', 'State of the instance in EC2.'),
  column('Ready', 'string', '.status.ready', 'Whether the machine is ready.'),
  column('InstanceID', 'string', '.spec.providerID', 'Identity of the instance.'),
  column(
    'Machine',
    'string',
    '.metadata.ownerReferences[?(@.kind=="Machine")].name',
    'Machine that owns the AWSMachine.',
  ),
];

const poolColumns: readonly PrinterColumn[] = [
  column('Ready', 'string', '.status.ready', 'Whether the Auto Scaling group exists.'),
  column('Replicas', 'integer', '.status.replicas', 'Instances that exist.'),
  column('MinSize', 'integer', '.spec.minSize', 'Least number of instances.'),
  column('MaxSize', 'integer', '.spec.maxSize', 'Greatest number of instances.'),
  column('LaunchTemplate ID', 'string', '.status.launchTemplateID', 'Launch template of the instances.'),
];

const withStatus = { status: true } as const;
const withoutStatus = { status: false } as const;

/** The kinds of provider AWS, group infrastructure.cluster.x-k8s.io. */
export const awsDefinitions: readonly KindDefinition[] = [
  awsKind('AWSCluster', 'awsc', {
    description: 'Network, load balancer and other infrastructure of a cluster on AWS.',
    ...AWS_CLUSTER,
    printerColumns: clusterColumns,
    subresources: withStatus,
  }),
  awsKind('AWSClusterTemplate', 'awsct', {
    description: 'Template of AWSClusters.',
    ...AWS_CLUSTER_TEMPLATE,
    printerColumns: [age('AWSClusterTemplate')],
    subresources: withoutStatus,
  }),
  awsKind('AWSMachine', 'awsm', {
    description: 'An EC2 instance of a cluster.',
    ...AWS_MACHINE,
    printerColumns: machineColumns,
    subresources: withStatus,
  }),
  awsKind('AWSMachineTemplate', 'awsmt', {
    description: 'Template of AWSMachines.',
    ...AWS_MACHINE_TEMPLATE,
    printerColumns: [],
    subresources: withStatus,
  }),
  awsKind('AWSMachinePool', 'awsmp', {
    description: 'An Auto Scaling group of EC2 instances of a cluster.',
    ...AWS_MACHINE_POOL,
    printerColumns: poolColumns,
    subresources: withStatus,
  }),
  awsKind('AWSClusterControllerIdentity', 'awsci', {
    description: 'Lets clusters use the credentials of the controller.',
    ...AWS_CLUSTER_CONTROLLER_IDENTITY,
    printerColumns: [],
    subresources: withoutStatus,
  }),
  awsKind('AWSClusterRoleIdentity', 'awsri', {
    description: 'A role that clusters may use.',
    ...AWS_CLUSTER_ROLE_IDENTITY,
    printerColumns: [],
    subresources: withoutStatus,
  }),
  awsKind('AWSClusterStaticIdentity', 'awssi', {
    description: 'Long-lived credentials that clusters may use.',
    ...AWS_CLUSTER_STATIC_IDENTITY,
    printerColumns: [],
    subresources: withoutStatus,
  }),
];
