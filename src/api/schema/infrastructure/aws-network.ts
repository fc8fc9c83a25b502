import { flag, int64, list, listMap, obj, oneOf, stringMap, text } from '../lib.js';
import { elasticIpPool, ingressRules, ipamPool, tags } from './aws-common.js';

function ipv6() {
  return obj(
    'IPv6 of the VPC. Its presence, even empty, turns IPv6 on.',
    {},
    {
      cidrBlock: text('IPv6 block of a pool brought to AWS; needs poolId.'),
      poolId: text('Id of the pool that holds cidrBlock.'),
      egressOnlyInternetGatewayId: text('Egress-only internet gateway of the VPC; filled in for a managed VPC.'),
      ipamPool: ipamPool('IPv6'),
    },
  );
}

const KEEP_VPC = [
  {
    rule: "!has(oldSelf.id) || oldSelf.id == '' || (has(self.id) && self.id == oldSelf.id)",
    message: 'id cannot be changed once set: make another cluster for another VPC',
  },
];

function vpc(immutable: boolean) {
  return obj(
    'The VPC of the cluster.',
    {},
    {
      id: text('Id of an existing VPC to use; empty makes one. Cannot be changed once set.'),
      cidrBlock: text('IPv4 block of a VPC to be made; default 10.0.0.0/16. Excludes ipamPool.'),
      secondaryCidrBlocks: list(
        'Further IPv4 blocks associated with a VPC to be made, e.g. for pods.',
        obj('A block.', { ipv4CidrBlock: text('IPv4 CIDR block.', { minLength: 1 }) }),
      ),
      ipamPool: ipamPool('IPv4'),
      ipv6: ipv6(),
      internetGatewayId: text('Internet gateway of the VPC; filled in for a managed VPC.'),
      carrierGatewayId: text('Carrier gateway of the VPC for Wavelength zones; filled in for a managed VPC.', {
        rules: [{ rule: "self.startsWith('cagw-')", message: "a carrier gateway id starts with 'cagw-'" }],
      }),
      tags: tags('Tags of the VPC. Filled in by the controller.'),
      availabilityZoneUsageLimit: int64('Most availability zones to use when subnets are made.', {
        default: 3,
        minimum: 1,
      }),
      availabilityZoneSelection: oneOf(
        'Which zones are used when there are more than the limit.',
        ['Ordered', 'Random'],
        {
          default: 'Ordered',
        },
      ),
      emptyRoutesDefaultVPCSecurityGroup: flag('Removes every rule of the default security group of a VPC to be made.'),
      privateDnsHostnameTypeOnLaunch: oneOf('Host name type of instances in subnets to be made.', [
        'ip-name',
        'resource-name',
      ]),
      elasticIpPool: elasticIpPool('Pool of public IPv4 addresses for NAT gateways and the load balancer.'),
      subnetSchema: oneOf(
        'How the block is divided: PreferPrivate gives private subnets the larger parts, PreferPublic the public ones.',
        ['PreferPrivate', 'PreferPublic'],
        { default: 'PreferPrivate' },
      ),
    },
    { rules: immutable ? KEEP_VPC : [] },
  );
}

function subnet() {
  return obj(
    'A subnet.',
    { id: text('Id of an existing subnet, beginning with subnet-, or a logical name for a subnet to be made.') },
    {
      resourceID: text('Id of the subnet that was made. Filled in by the controller.'),
      cidrBlock: text('IPv4 block of the subnet.'),
      ipv6CidrBlock: text('IPv6 block of the subnet.'),
      availabilityZone: text('Zone of the subnet.'),
      isPublic: flag('Whether instances reach the internet through an internet gateway.'),
      isIpv6: flag('Whether the subnet has an IPv6 block.'),
      routeTableId: text('Route table of the subnet. Filled in by the controller.'),
      natGatewayId: text('NAT gateway in this public subnet. Filled in by the controller.'),
      tags: tags('Tags of the subnet.'),
      zoneType: oneOf('Type of the zone.', ['availability-zone', 'local-zone', 'wavelength-zone']),
      parentZoneName: text('Zone that a local or Wavelength zone hangs on.'),
    },
  );
}

function cni() {
  const rule = obj('Traffic between nodes that is let in.', {
    description: text('Purpose of the rule.'),
    protocol: text('Protocol name or number.'),
    fromPort: int64('First port.'),
    toPort: int64('Last port.'),
  });
  return obj(
    'Rules for the network plug-in; default is what Calico needs. An empty object means no rules.',
    {},
    { cniIngressRules: list('Traffic between nodes that the network plug-in needs.', rule) },
  );
}

/** `spec.network` of an AWSCluster. `immutable` adds the rules that compare with the stored object. */
export function networkSpec(immutable: boolean) {
  return obj(
    'Network of the cluster.',
    {},
    {
      vpc: vpc(immutable),
      subnets: listMap('Subnets of the cluster; empty makes a public and a private one in every used zone.', subnet(), [
        'id',
      ]),
      cni: cni(),
      securityGroupOverrides: stringMap(
        'Existing security groups to use instead of making one, by role; only in a VPC given by id.',
      ),
      additionalControlPlaneIngressRules: ingressRules('Further rules for control plane machines.'),
      additionalNodeIngressRules: ingressRules('Further rules for worker machines.'),
      nodePortIngressRuleCidrBlocks: list('Blocks that may reach node ports; default everyone.', text('CIDR block.')),
    },
  );
}
