import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { AWSClusterSpec } from '../../api/types/aws.js';
import {
  type AtomicRule,
  atomicRule,
  describeRule,
  desiredIngress,
  diffRules,
  type GroupRole,
  groupRoles,
  ruleKey,
} from './ingress.js';

const rules = (role: GroupRole, spec: AWSClusterSpec = {}, natIPs: string[] = [], apiServerPort = 6443): string[] =>
  desiredIngress(role, { spec, apiServerPort, vpcCidr: '10.0.0.0/16', natIPs, groupId: (r) => `sg-${r}` }).map(
    describeRule,
  );

const custom = (over: object): AWSClusterSpec => ({
  controlPlaneLoadBalancer: {
    ingressRules: [{ description: 'o', protocol: 'tcp', fromPort: 6443, toPort: 6443, ...over }],
  },
});

describe('desiredIngress', () => {
  test('control plane: CNI, API, etcd', () => {
    expect(rules('controlplane')).toEqual([
      'tcp 179 from sg-controlplane',
      'tcp 179 from sg-node',
      '4 from sg-controlplane',
      '4 from sg-node',
      'tcp 6443 from sg-apiserver-lb',
      'tcp 6443 from sg-controlplane',
      'tcp 6443 from sg-node',
      'tcp 2379 from sg-controlplane',
      'tcp 2380 from sg-controlplane',
    ]);
  });

  test('node: CNI, node ports, kubelet', () => {
    expect(rules('node', { network: { cni: { cniIngressRules: [] } } })).toEqual([
      'tcp 30000-32767 from 0.0.0.0/0',
      'tcp 10250 from sg-controlplane',
      'tcp 10250 from sg-node',
    ]);
  });

  test.each<[string, AWSClusterSpec, string[], number, string[]]>([
    ['open by default', {}, [], 6443, ['tcp 6443 from 0.0.0.0/0']],
    ['open by default, whatever NAT exists', {}, ['1.2.3.4'], 443, ['tcp 443 from 0.0.0.0/0']],
    [
      'internal',
      { controlPlaneLoadBalancer: { scheme: 'internal' } },
      [],
      6443,
      ['tcp 6443 from 10.0.0.0/16', 'tcp 6443 from 0.0.0.0/0'],
    ],
    [
      'custom with NAT',
      custom({ cidrBlocks: ['9.0.0.0/8'] }),
      ['1.2.3.4'],
      6443,
      ['tcp 6443 from 1.2.3.4/32', 'tcp 6443 from 9.0.0.0/8'],
    ],
    [
      'from NAT itself',
      custom({ natGatewaysIPsSource: true }),
      ['1.2.3.4'],
      6443,
      ['tcp 6443 from 1.2.3.4/32', 'tcp 6443 from 1.2.3.4/32'],
    ],
    [
      'from roles',
      custom({ sourceSecurityGroupRoles: ['node'], sourceSecurityGroupIds: ['sg-a'] }),
      ['1.2.3.4'],
      6443,
      ['tcp 6443 from 1.2.3.4/32', 'tcp 6443 from sg-a', 'tcp 6443 from sg-node'],
    ],
  ])('load balancer: %s', (_, spec, nat, port, expected) => {
    expect(rules('apiserver-lb', spec, nat, port)).toEqual(expected);
  });

  test('a rule from NAT addresses waits for them', () => {
    expect(() => rules('apiserver-lb', custom({ natGatewaysIPsSource: true }))).toThrow(
      expect.objectContaining({ type: 'NotYet' }),
    );
  });

  test('the service group is empty for a classic balancer and lets an NLB through', () => {
    expect(rules('lb')).toEqual([]);
    const nlb = { loadBalancerType: 'nlb' as const, additionalListeners: [{ port: 8132 }] };
    expect(rules('lb', { controlPlaneLoadBalancer: nlb })).toEqual([
      'tcp 6443 from 10.0.0.0/16',
      'tcp 8132 from 10.0.0.0/16',
    ]);
    expect(rules('lb', { controlPlaneLoadBalancer: { ...nlb, preserveClientIP: true } })[0]).toBe(
      'tcp 6443 from 0.0.0.0/0',
    );
    expect(rules('lb', { secondaryControlPlaneLoadBalancer: { name: 'x' } })).toEqual(['tcp 6443 from 10.0.0.0/16']);
  });

  test('an additional rule without source means the control plane', () => {
    const network = {
      cni: { cniIngressRules: [] },
      additionalNodeIngressRules: [{ description: 'x', protocol: 'udp' as const, fromPort: 1, toPort: 2 }],
    };
    expect(rules('node', { network })).toContain('udp 1-2 from sg-controlplane');
  });
});

describe('diffRules', () => {
  const rule = fc
    .tuple(fc.constantFrom('tcp', '6', '-1', '4', 'icmp'), fc.integer({ min: 1, max: 3 }), fc.constantFrom('a', 'b'))
    .map(([protocol, port, value]): AtomicRule => atomicRule(protocol, port, port, { type: 'group', value }));

  test('applying the difference gives the desired set, and then nothing differs', () => {
    fc.assert(
      fc.property(fc.array(rule), fc.array(rule), (current, desired) => {
        const { revoke, authorize } = diffRules(current, desired);
        const gone = new Set(revoke.map(ruleKey));
        const after = [...current.filter((r) => !gone.has(ruleKey(r))), ...authorize];
        expect(new Set(after.map(ruleKey))).toEqual(new Set(desired.map(ruleKey)));
        expect(diffRules(after, desired)).toEqual({ revoke: [], authorize: [] });
      }),
    );
  });

  test('aliases, absent ports and descriptions are no difference', () => {
    const from = { type: 'cidr' as const, value: '0.0.0.0/0' };
    const pairs = [
      [atomicRule('6', 1, 1, from), atomicRule('tcp', 1, 1, from, 'text')],
      [atomicRule('4', undefined, undefined, from), atomicRule('4', -1, 65535, from)],
      [atomicRule('-1', 0, 0, from), atomicRule('all', undefined, undefined, from)],
    ] as const;
    for (const [a, b] of pairs) expect(diffRules([a], [b])).toEqual({ revoke: [], authorize: [] });
  });
});

describe('in a VPC with IPv6', () => {
  const both = (role: GroupRole, spec: AWSClusterSpec = {}): string[] =>
    desiredIngress(role, {
      spec: { ...spec, network: { ...spec.network, vpc: { ipv6: {} } } },
      apiServerPort: 6443,
      vpcCidr: '10.0.0.0/16',
      vpcCidr6: '2600::/56',
      natIPs: ['1.2.3.4'],
      groupId: (r) => `sg-${r}`,
    }).map(describeRule);

  test('node ports and the API are open to both families', () => {
    expect(both('node')).toEqual(
      expect.arrayContaining(['tcp 30000-32767 from 0.0.0.0/0', 'tcp 30000-32767 from ::/0']),
    );
    expect(both('apiserver-lb')).toEqual(['tcp 6443 from 0.0.0.0/0', 'tcp 6443 from ::/0']);
  });

  test('kubelets come from the VPC’s own block where the API is closed to others', () => {
    expect(both('apiserver-lb', custom({ cidrBlocks: ['9.0.0.0/8'] }))).toEqual([
      'tcp 6443 from 1.2.3.4/32',
      'tcp 6443 from 2600::/56',
      'tcp 6443 from 9.0.0.0/8',
    ]);
  });

  test('a network balancer reaches its targets from both blocks', () => {
    expect(both('lb', { controlPlaneLoadBalancer: { loadBalancerType: 'nlb' } })).toEqual([
      'tcp 6443 from 10.0.0.0/16',
      'tcp 6443 from 2600::/56',
    ]);
  });
});

describe('a bastion', () => {
  test.each<[string, NonNullable<AWSClusterSpec['bastion']>, string[]]>([
    ['open', { enabled: true }, ['tcp 22 from 0.0.0.0/0']],
    [
      'limited',
      { enabled: true, allowedCIDRBlocks: ['9.0.0.0/8', '2600::/16'] },
      ['tcp 22 from 9.0.0.0/8', 'tcp 22 from 2600::/16'],
    ],
    ['closed', { enabled: true, disableIngressRules: true }, []],
  ])('%s', (_, bastion, expected) => {
    expect(rules('bastion', { bastion })).toEqual(expected);
    expect(rules('node', { bastion })).toContain('tcp 22 from sg-bastion');
    expect(rules('controlplane', { bastion })).toContain('tcp 22 from sg-bastion');
  });

  test('has a group only where there is one', () => {
    expect(groupRoles({})).not.toContain('bastion');
    expect(groupRoles({ bastion: { enabled: true } })).toContain('bastion');
    expect(rules('node')).not.toContain('tcp 22 from sg-bastion');
  });
});
