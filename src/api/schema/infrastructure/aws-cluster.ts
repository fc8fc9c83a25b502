import { duration, flag, int32, list, mapOf, obj, stringMap, text } from '../lib.js';
import {
  awsTemplateMetadata,
  conditionFields,
  identityReference,
  ingressRules,
  initialization,
  names,
  tags,
} from './aws-common.js';
import { instanceStatus } from './aws-instance.js';
import { loadBalancerSpec, loadBalancerStatus } from './aws-load-balancer.js';
import { networkSpec } from './aws-network.js';

function bastion() {
  return obj(
    'Bastion host of the cluster.',
    {},
    {
      enabled: flag('Makes a host with a public address inside the VPC.'),
      disableIngressRules: flag('Leaves the security group of the host empty; excludes allowedCIDRBlocks.'),
      allowedCIDRBlocks: list('Blocks that may connect; default everyone.', text('CIDR block.')),
      instanceType: text('Instance type; default t3.micro.'),
      ami: text('Image; default Ubuntu.'),
    },
  );
}

function s3Bucket() {
  return obj(
    'Bucket for Ignition bootstrap data; needs feature gate BootstrapFormatIgnition.',
    {
      name: text('Name of the bucket.', { minLength: 3, maxLength: 63, pattern: '^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$' }),
    },
    {
      controlPlaneIAMInstanceProfile: text('IAM instance profile that may read the data of control plane machines.'),
      nodesIAMInstanceProfiles: list('IAM instance profiles that may read the data of workers.', text('Profile name.')),
      presignedURLDuration: duration('How long presigned URLs are valid, e.g. 1h; makes the profiles unnecessary.'),
      bestEffortDeleteObjects: flag('Ignores missing permissions when objects are deleted.'),
    },
  );
}

/** `spec` of an AWSCluster. `immutable` adds the rules that compare with the stored object. */
function awsClusterSpec(options: { readonly description: string; readonly immutable: boolean }) {
  const transitions = [
    {
      rule: "(has(self.region) ? self.region : '') == (has(oldSelf.region) ? oldSelf.region : '')",
      message: 'region cannot be changed: make another cluster in the other region',
    },
    {
      rule: '!has(oldSelf.identityRef) || has(self.identityRef)',
      message: 'identityRef cannot be removed: name another identity instead',
    },
  ];
  return obj(
    options.description,
    {},
    {
      network: networkSpec(options.immutable),
      region: text('AWS region of the cluster. Cannot be changed.'),
      partition: text('AWS partition, e.g. aws-cn; default that of the region.'),
      sshKeyName: text('SSH key pair of the bastion; empty for none, absent for the one named default.'),
      controlPlaneEndpoint: obj(
        'Where the API server is reached; filled in from the load balancer. Cannot be changed once set.',
        {},
        {
          host: text('Host of the API server.', { maxLength: 512 }),
          port: int32('Port of the API server.'),
        },
      ),
      additionalTags: tags('Tags of everything that is made for the cluster.'),
      controlPlaneLoadBalancer: loadBalancerSpec('Load balancer of the API server.', 'primary', options.immutable),
      secondaryControlPlaneLoadBalancer: loadBalancerSpec(
        'Second load balancer of the API server, e.g. an internal one.',
        'secondary',
        options.immutable,
      ),
      imageLookupFormat: text(
        'Default name pattern for the image lookup of machines; knows {{.BaseOS}} and {{.K8sVersion}}.',
      ),
      imageLookupOrg: text('Default account that owns the images.'),
      imageLookupBaseOS: text('Default value of {{.BaseOS}}.'),
      bastion: bastion(),
      identityRef: identityReference(
        'Identity the cluster is made with; default AWSClusterControllerIdentity default.',
      ),
      s3Bucket: s3Bucket(),
    },
    { rules: options.immutable ? transitions : [] },
  );
}

function networkStatus() {
  const group = obj(
    'A security group.',
    { id: text('Id of the security group.'), name: text('Name of the security group.') },
    { ingressRule: ingressRules('Rules of the security group.'), tags: tags() },
  );
  return obj(
    'Network resources as observed.',
    {},
    {
      securityGroups: mapOf('Security groups by role.', group),
      apiServerElb: loadBalancerStatus('Load balancer of the API server.'),
      secondaryAPIServerELB: loadBalancerStatus('Second load balancer of the API server.'),
      natGatewaysIPs: names('Public addresses of the NAT gateways.'),
    },
  );
}

function failureDomains() {
  return mapOf(
    'Zones machines can be put into, by name.',
    obj(
      'A zone.',
      {},
      {
        controlPlane: flag('Whether control plane machines may go there.'),
        attributes: stringMap('Free-form attributes.'),
      },
    ),
  );
}

/** Root properties of AWSCluster. */
export const AWS_CLUSTER = {
  spec: awsClusterSpec({ description: 'Desired state of the cluster infrastructure.', immutable: true }),
  status: obj(
    'Observed state of the cluster infrastructure.',
    { ready: flag('True once the infrastructure is usable for the first time; contract v1beta1.', { default: false }) },
    {
      initialization: initialization('the infrastructure'),
      networkStatus: networkStatus(),
      failureDomains: failureDomains(),
      bastion: instanceStatus('The bastion host as observed.'),
      ...conditionFields(),
    },
  ),
} as const;

/** Root properties of AWSClusterTemplate; it has no status. */
export const AWS_CLUSTER_TEMPLATE = {
  spec: obj('The template. Cannot be changed.', {
    template: obj(
      'What is copied.',
      { spec: awsClusterSpec({ description: 'Spec of the clusters made from this template.', immutable: false }) },
      { metadata: awsTemplateMetadata() },
    ),
  }),
} as const;
