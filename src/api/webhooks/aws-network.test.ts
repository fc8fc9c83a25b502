import { describe, expect, test } from '@jest/globals';
import type { IngressRule, NetworkSpec } from '../types/aws.js';
import { checkNetwork } from './aws-network.js';

const OWNED = { 'sigs.k8s.io/cluster-api-provider-aws/cluster/c': 'owned' };

function rule(extra: Partial<IngressRule>): IngressRule {
  return { description: 'd', protocol: 'tcp', fromPort: 1, toPort: 2, ...extra };
}

const ACCEPTED: [string, NetworkSpec][] = [
  ['nothing', {}],
  [
    'blocks of the default VPC',
    {
      subnets: [
        { id: 'a', cidrBlock: '10.0.0.0/24' },
        { id: 'b', cidrBlock: '10.0.1.0/24' },
      ],
    },
  ],
  [
    'blocks of a given VPC block',
    { vpc: { cidrBlock: '10.1.0.0/16' }, subnets: [{ id: 'a', cidrBlock: '10.1.0.0/24' }] },
  ],
  [
    'blocks of a secondary block',
    {
      vpc: { cidrBlock: '10.1.0.0/16', secondaryCidrBlocks: [{ ipv4CidrBlock: '100.64.0.0/16' }] },
      subnets: [{ id: 'a', cidrBlock: '100.64.0.0/24' }],
    },
  ],
  [
    'any block in a VPC of the user',
    { vpc: { id: 'vpc-1', cidrBlock: '10.1.0.0/16' }, subnets: [{ id: 'subnet-1', cidrBlock: '172.16.0.0/24' }] },
  ],
  ['any block with a pool', { vpc: { ipamPool: { name: 'p' } }, subnets: [{ id: 'a', cidrBlock: '172.16.0.0/24' }] }],
  ['IPv6 by presence', { vpc: { ipv6: {} }, subnets: [{ id: 'a', ipv6CidrBlock: '2001:db8:0:1::/64' }] }],
  [
    'an IPv6 block with its pool',
    {
      vpc: { ipv6: { cidrBlock: '2001:db8::/56', poolId: 'p' } },
      subnets: [{ id: 'a', ipv6CidrBlock: '2001:db8:0:1::/64' }],
    },
  ],
  ['an edge subnet with its parent', { subnets: [{ id: 'a', zoneType: 'local-zone', parentZoneName: 'z' }] }],
  [
    'an address pool',
    { vpc: { elasticIpPool: { publicIpv4Pool: 'ipv4pool-ec2-1', publicIpv4PoolFallbackOrder: 'none' } } },
  ],
  [
    'rules of each source',
    {
      additionalNodeIngressRules: [
        rule({ cidrBlocks: ['10.0.0.0/8'] }),
        rule({ sourceSecurityGroupIds: ['sg-1'] }),
        rule({ natGatewaysIPsSource: true }),
      ],
    },
  ],
  ['node port blocks', { nodePortIngressRuleCidrBlocks: ['0.0.0.0/0', '::/0'] }],
];

const REFUSED: [string, NetworkSpec, string[]][] = [
  ['a VPC block that is none', { vpc: { cidrBlock: '10.0.0.0' } }, ['vpc.cidrBlock']],
  ['a VPC block with leading zeros', { vpc: { cidrBlock: '010.0.0.0/16' } }, ['vpc.cidrBlock']],
  ['a VPC block with host bits', { vpc: { cidrBlock: '10.0.0.1/16' } }, ['vpc.cidrBlock']],
  ['a VPC block of the wrong family', { vpc: { cidrBlock: '2001:db8::/56' } }, ['vpc.cidrBlock']],
  ['a block and a pool', { vpc: { cidrBlock: '10.0.0.0/16', ipamPool: { id: 'p' } } }, ['vpc.cidrBlock']],
  ['a pool without id or name', { vpc: { ipamPool: {} } }, ['vpc.ipamPool']],
  ['an IPv6 block without its pool', { vpc: { ipv6: { cidrBlock: '2001:db8::/56' } } }, ['vpc.ipv6.poolId']],
  ['an IPv6 block that is none', { vpc: { ipv6: { cidrBlock: '10.0.0.0/16', poolId: 'p' } } }, ['vpc.ipv6.cidrBlock']],
  [
    'an IPv6 pool and a block',
    { vpc: { ipv6: { ipamPool: { id: 'p' }, cidrBlock: '2001:db8::/56' } } },
    ['vpc.ipv6.ipamPool'],
  ],
  [
    'a secondary block that is the primary',
    { vpc: { cidrBlock: '10.0.0.0/16', secondaryCidrBlocks: [{ ipv4CidrBlock: '10.0.0.0/16' }] } },
    ['vpc.secondaryCidrBlocks[0].ipv4CidrBlock'],
  ],
  [
    'secondary blocks that overlap',
    { vpc: { secondaryCidrBlocks: [{ ipv4CidrBlock: '100.64.0.0/16' }, { ipv4CidrBlock: '100.64.1.0/24' }] } },
    ['vpc.secondaryCidrBlocks[1].ipv4CidrBlock'],
  ],
  [
    'secondary blocks with a pool',
    { vpc: { ipamPool: { id: 'p' }, secondaryCidrBlocks: [{ ipv4CidrBlock: '100.64.0.0/16' }] } },
    ['vpc.secondaryCidrBlocks'],
  ],
  ['a subnet outside the default VPC', { subnets: [{ id: 'a', cidrBlock: '10.1.0.0/24' }] }, ['subnets[0].cidrBlock']],
  [
    'a subnet larger than the VPC',
    { vpc: { cidrBlock: '10.0.0.0/16' }, subnets: [{ id: 'a', cidrBlock: '10.0.0.0/15' }] },
    ['subnets[0].cidrBlock'],
  ],
  [
    'a subnet outside a VPC that we made',
    { vpc: { id: 'vpc-1', cidrBlock: '10.0.0.0/16', tags: OWNED }, subnets: [{ id: 'a', cidrBlock: '10.1.0.0/24' }] },
    ['subnets[0].cidrBlock'],
  ],
  [
    'subnets that overlap',
    {
      subnets: [
        { id: 'a', cidrBlock: '10.0.0.0/24' },
        { id: 'b', cidrBlock: '10.0.0.128/25' },
      ],
    },
    ['subnets[1].cidrBlock'],
  ],
  [
    'equal IPv6 subnets',
    {
      vpc: { ipv6: {} },
      subnets: [
        { id: 'a', ipv6CidrBlock: '2001:db8::/64' },
        { id: 'b', ipv6CidrBlock: '2001:db8::/64' },
      ],
    },
    ['subnets[1].ipv6CidrBlock'],
  ],
  [
    'a subnet outside the IPv6 block',
    {
      vpc: { ipv6: { cidrBlock: '2001:db8::/56', poolId: 'p' } },
      subnets: [{ id: 'a', ipv6CidrBlock: '2001:db9::/64' }],
    },
    ['subnets[0].ipv6CidrBlock'],
  ],
  [
    'a subnet block that is none',
    { subnets: [{ id: 'a', cidrBlock: 'x/24', ipv6CidrBlock: '::1' }] },
    ['subnets[0].cidrBlock', 'subnets[0].ipv6CidrBlock'],
  ],
  [
    'an edge subnet without its parent',
    { subnets: [{ id: 'a', zoneType: 'wavelength-zone' }] },
    ['subnets[0].parentZoneName'],
  ],
  [
    'an address pool without fallback',
    { vpc: { elasticIpPool: { publicIpv4Pool: 'ipv4pool-ec2-1' } } },
    ['vpc.elasticIpPool.publicIpv4PoolFallbackOrder'],
  ],
  [
    'a fallback without address pool',
    { vpc: { elasticIpPool: { publicIpv4PoolFallbackOrder: 'none' } } },
    ['vpc.elasticIpPool.publicIpv4Pool'],
  ],
  [
    'an address pool that is none',
    { vpc: { elasticIpPool: { publicIpv4Pool: 'pool', publicIpv4PoolFallbackOrder: 'none' } } },
    ['vpc.elasticIpPool.publicIpv4Pool'],
  ],
  [
    'a rule of two sources',
    {
      additionalControlPlaneIngressRules: [
        rule({}),
        rule({ cidrBlocks: ['10.0.0.0/8'], sourceSecurityGroupRoles: ['node'] }),
      ],
    },
    ['additionalControlPlaneIngressRules[1]'],
  ],
  [
    'a rule of NAT gateways and blocks',
    { additionalNodeIngressRules: [rule({ natGatewaysIPsSource: true, ipv6CidrBlocks: ['::/0'] })] },
    ['additionalNodeIngressRules[0]'],
  ],
  [
    'a rule with a bad block',
    { additionalNodeIngressRules: [rule({ cidrBlocks: ['::/0'] })] },
    ['additionalNodeIngressRules[0].cidrBlocks[0]'],
  ],
  [
    'a node port block that is none',
    { nodePortIngressRuleCidrBlocks: ['10.0.0.0/33'] },
    ['nodePortIngressRuleCidrBlocks[0]'],
  ],
];

describe('network of an AWSCluster', () => {
  test.each(ACCEPTED)('accepts %s', (_, network) => {
    expect(checkNetwork(network, 'n')).toEqual([]);
  });

  test.each(REFUSED)('refuses %s', (_, network, paths) => {
    expect(checkNetwork(network, 'n').map((e) => e.path)).toEqual(paths.map((path) => `n.${path}`));
  });

  test('says what a block clashes with', () => {
    const errors = checkNetwork(
      {
        subnets: [
          { id: 'a', cidrBlock: '10.0.0.0/24' },
          { id: 'b', cidrBlock: '10.0.0.0/25' },
        ],
      },
      'n',
    );
    expect(errors[0]?.message).toBe('overlaps 10.0.0.0/24 of n.subnets[0].cidrBlock: choose a block that is free');
  });
});
