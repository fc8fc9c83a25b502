import { describe, expect, test } from '@jest/globals';
import type { AWSClusterSpec, AWSLoadBalancerSpec } from '../types/aws.js';
import { checkLoadBalancers, checkLoadBalancerUpdates } from './aws-load-balancer.js';

const PRIMARY = 'spec.controlPlaneLoadBalancer';
const SECONDARY = 'spec.secondaryControlPlaneLoadBalancer';
const nlb: AWSLoadBalancerSpec = { loadBalancerType: 'nlb', scheme: 'internet-facing' };
const inner: AWSLoadBalancerSpec = { name: 'in', loadBalancerType: 'nlb', scheme: 'internal' };

function spec(primary: AWSLoadBalancerSpec, secondary?: AWSLoadBalancerSpec, ipv6 = false): AWSClusterSpec {
  return {
    controlPlaneLoadBalancer: primary,
    ...(secondary ? { secondaryControlPlaneLoadBalancer: secondary } : {}),
    ...(ipv6 ? { network: { vpc: { ipv6: {} } } } : {}),
  };
}

const disabled: AWSLoadBalancerSpec = {
  loadBalancerType: 'disabled',
  name: 'n',
  crossZoneLoadBalancing: true,
  subnets: ['s'],
  healthCheckProtocol: 'TCP',
  additionalSecurityGroups: ['sg'],
  additionalListeners: [{ port: 1 }],
  ingressRules: [{ description: '', protocol: 'tcp', fromPort: 1, toPort: 1 }],
  preserveClientIP: true,
  disableHostsRewrite: true,
  targetGroupIPType: 'ipv4',
};

const CASES: [string, AWSClusterSpec, string[]][] = [
  ['a classic one', spec({ loadBalancerType: 'classic' }), []],
  ['a network one with targets', spec({ ...nlb, targetGroupIPType: 'ipv4' }), []],
  ['IPv6 targets in an IPv6 VPC', spec({ ...nlb, targetGroupIPType: 'ipv6' }, undefined, true), []],
  ['two of different schemes', spec(nlb, inner), []],
  ['a disabled one', spec({ loadBalancerType: 'disabled', scheme: 'internet-facing' }), []],
  [
    'targets of a classic one',
    spec({ loadBalancerType: 'classic', targetGroupIPType: 'ipv4' }),
    [`${PRIMARY}.targetGroupIPType`],
  ],
  [
    'IPv6 targets in an IPv4 VPC',
    spec({ ...nlb, additionalListeners: [{ port: 1, targetGroupIPType: 'ipv6' }] }),
    [`${PRIMARY}.additionalListeners[0].targetGroupIPType`],
  ],
  [
    'a rule of two sources',
    spec({
      ...nlb,
      ingressRules: [
        {
          description: '',
          protocol: 'tcp',
          fromPort: 1,
          toPort: 1,
          cidrBlocks: ['10.0.0.0/8'],
          sourceSecurityGroupIds: ['sg'],
        },
      ],
    }),
    [`${PRIMARY}.ingressRules[0]`],
  ],
  [
    'settings of a disabled one',
    spec(disabled),
    Object.keys(disabled)
      .filter((k) => k !== 'loadBalancerType')
      .map((k) => `${PRIMARY}.${k}`),
  ],
  ['a second one without name', spec(nlb, { ...inner, name: '' }), [`${SECONDARY}.name`]],
  ['a second one of the same name', spec({ ...nlb, name: 'in' }, inner), [`${SECONDARY}.name`]],
  ['a second one of the same scheme', spec(nlb, { ...inner, scheme: 'internet-facing' }), [`${SECONDARY}.scheme`]],
  [
    'a second one that is classic',
    spec(nlb, { ...inner, loadBalancerType: 'classic' }),
    [`${SECONDARY}.loadBalancerType`],
  ],
];

const CHANGES: [string, AWSClusterSpec, AWSClusterSpec, string[]][] = [
  ['nothing', spec(nlb, inner), spec(nlb, inner), []],
  ['a second one being added', spec(nlb), spec(nlb, inner), []],
  ['classic to network', spec({ loadBalancerType: 'classic' }), spec({ loadBalancerType: 'nlb' }), []],
  [
    'the check of a classic one',
    spec({ loadBalancerType: 'classic' }),
    spec({ loadBalancerType: 'classic', healthCheckProtocol: 'TCP' }),
    [],
  ],
  ['defaults of one stored without', {}, spec({ loadBalancerType: 'classic', scheme: 'internet-facing' }), []],
  ['the scheme', spec(nlb), spec({ ...nlb, scheme: 'internal' }), [`${PRIMARY}.scheme`]],
  ['the scheme of one stored without', {}, spec({ scheme: 'internal' }), [`${PRIMARY}.scheme`]],
  ['the name', spec(nlb), spec({ ...nlb, name: 'n' }), [`${PRIMARY}.name`]],
  ['to disabled', spec(nlb), spec({ ...nlb, loadBalancerType: 'disabled' }), [`${PRIMARY}.loadBalancerType`]],
  ['from disabled', spec({ ...nlb, loadBalancerType: 'disabled' }), spec(nlb), [`${PRIMARY}.loadBalancerType`]],
  [
    'the check of a network one',
    spec(nlb),
    spec({ ...nlb, healthCheckProtocol: 'HTTPS' }),
    [`${PRIMARY}.healthCheckProtocol`],
  ],
  ['the address family', spec({ ...nlb, targetGroupIPType: 'ipv4' }), spec(nlb), [`${PRIMARY}.targetGroupIPType`]],
  ['the second one being removed', spec(nlb, inner), spec(nlb), [SECONDARY]],
  ['the name of the second one', spec(nlb, inner), spec(nlb, { ...inner, name: 'x' }), [`${SECONDARY}.name`]],
];

describe('control plane load balancers', () => {
  test.each(CASES)('judge %s', (_, given, paths) => {
    expect(checkLoadBalancers(given).map((e) => e.path)).toEqual(paths);
  });

  test.each(CHANGES)('judge the change of %s', (_, from, to, paths) => {
    expect(checkLoadBalancerUpdates(from, to).map((e) => e.path)).toEqual(paths);
  });
});
