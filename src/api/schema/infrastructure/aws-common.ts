import { conditions, v1beta1Conditions } from '../common.js';
import { bounded, flag, int64, list, obj, oneOf, stringMap, text } from '../lib.js';

const SECURITY_GROUP_ROLES = ['bastion', 'node', 'controlplane', 'apiserver-lb', 'lb', 'node-eks-additional'] as const;
const PROTOCOLS = ['-1', '4', 'tcp', 'udp', 'icmp', '58', '50'] as const;
const IDENTITY_KINDS = ['AWSClusterControllerIdentity', 'AWSClusterRoleIdentity', 'AWSClusterStaticIdentity'] as const;

/** A list of ids or names. */
export function names(description: string) {
  return list(description, text('One of them.'));
}

export function tags(description = 'Tags of the resource.') {
  return stringMap(description);
}

export function elasticIpPool(description: string) {
  return obj(
    description,
    {},
    {
      publicIpv4Pool: text('Id of a public IPv4 pool brought to AWS; begins with ipv4pool-ec2-.', { maxLength: 30 }),
      publicIpv4PoolFallbackOrder: oneOf(
        'What to do when the pool is empty: amazon-pool takes an address from Amazon, none fails.',
        ['amazon-pool', 'none'],
      ),
    },
  );
}

export function ipamPool(family: 'IPv4' | 'IPv6') {
  return obj(
    `IPAM pool the ${family} block of the VPC is taken from; excludes cidrBlock.`,
    {},
    {
      id: text('Id of the IPAM pool.'),
      name: text('Name of the IPAM pool, looked up when no id is given.'),
      netmaskLength: int64(`Prefix length to allocate; default ${family === 'IPv4' ? 16 : 56}.`),
    },
  );
}

/** Reference to an existing resource by id or by filters. */
export function resourceReference(description: string) {
  const filter = obj('A filter.', {
    name: text('Name of an EC2 filter, e.g. tag:Name.'),
    values: list('Values of which one has to match.', text('Value, case-sensitive.')),
  });
  return obj(
    description,
    {},
    { id: text('Id of the resource.'), filters: list('EC2 filters that find the resource.', filter) },
  );
}

export function identityReference(description: string) {
  return obj(description, {
    kind: oneOf('Kind of the identity.', IDENTITY_KINDS),
    name: text('Name of the identity.', { minLength: 1 }),
  });
}

function ingressRule() {
  return obj(
    'Traffic that is let in.',
    {
      description: text('Purpose of the rule, shown in the AWS console.'),
      protocol: oneOf(
        'Protocol name or number; -1 is every protocol, 4 is IP-in-IP, 50 is ESP, 58 is ICMPv6.',
        PROTOCOLS,
      ),
      fromPort: int64('First port, or the ICMP type.'),
      toPort: int64('Last port, or the ICMP code.'),
    },
    {
      cidrBlocks: list('IPv4 blocks that may connect; excludes security group sources.', text('IPv4 CIDR block.')),
      ipv6CidrBlocks: list('IPv6 blocks that may connect; excludes security group sources.', text('IPv6 CIDR block.')),
      sourceSecurityGroupIds: list(
        'Security groups that may connect; excludes CIDR blocks.',
        text('Security group id.'),
      ),
      sourceSecurityGroupRoles: list(
        'Roles whose security groups may connect; excludes CIDR blocks.',
        oneOf('Security group role.', SECURITY_GROUP_ROLES),
      ),
      natGatewaysIPsSource: flag('Lets the NAT gateways of the cluster connect; excludes every other source.'),
    },
  );
}

export function ingressRules(description: string) {
  return list(description, ingressRule());
}

/** Labels and annotations for what is made from a template; unlike the core kinds, AWS templates may say `metadata: {}`. */
export function awsTemplateMetadata() {
  return obj(
    'Metadata for the objects made from this template.',
    {},
    {
      labels: stringMap('Labels for the objects made from this template.'),
      annotations: stringMap('Annotations for the objects made from this template.'),
    },
  );
}

/** Status fields of both contracts that every AWS kind with a status has. */
export function conditionFields() {
  return {
    conditions: v1beta1Conditions(),
    v1beta2: obj('Status fields in the shape of contract v1beta2.', {}, { conditions: conditions() }),
  };
}

/** `status.initialization.provisioned`, contract v1beta2. */
export function initialization(what: string) {
  return obj(
    'Progress of the first provisioning, as contract v1beta2 defines it.',
    {},
    { provisioned: flag(`True once ${what} is usable for the first time; never goes back.`) },
    { minProperties: 1 },
  );
}

export function addresses() {
  const address = obj('An address.', {
    type: oneOf('Kind of address.', ['Hostname', 'ExternalIP', 'InternalIP', 'ExternalDNS', 'InternalDNS']),
    address: bounded('The address.', 256),
  });
  return list('Addresses of the instance.', address);
}
