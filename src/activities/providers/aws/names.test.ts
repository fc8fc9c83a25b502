import { describe, expect, test } from '@jest/globals';
import {
  base36,
  clientToken,
  defaultLoadBalancerName,
  loadBalancerNameFromHost,
  regionOfZone,
  resourceName,
  rivalLoadBalancerName,
  seededUuid,
  targetGroupName,
} from './names.js';

describe('load balancer names', () => {
  test.each([
    [true, 'prod', 'prod-apiserver'],
    [true, 'prod.eu', 'prod-eu-apiserver'],
    [false, 'prod', 'team-prod-apiserver'],
    [true, 'a'.repeat(22), `${'a'.repeat(22)}-apiserver`],
  ])('classic %s of %s is %s', (classic, cluster, name) => {
    expect(defaultLoadBalancerName({ namespace: 'team', cluster, classic })).toBe(name);
  });

  test('long ones are hashed to 32 characters, differently for different clusters', () => {
    const name = (cluster: string): string => defaultLoadBalancerName({ namespace: 'n', cluster, classic: true });
    expect(name('a'.repeat(23))).toMatch(/^[0-9a-z]{28}-k8s$/);
    expect(name('a'.repeat(23))).not.toBe(name('a'.repeat(24)));
  });

  test('the second choice depends on the cluster id', () => {
    const naming = { namespace: 'n', cluster: 'c', classic: true };
    expect(rivalLoadBalancerName(naming, '1')).toMatch(/^[0-9a-z]{28}-k8s$/);
    expect(rivalLoadBalancerName(naming, '1')).not.toBe(rivalLoadBalancerName(naming, '2'));
  });

  test.each([
    ['one-apiserver-1234567890.us-east-1.elb.amazonaws.com', 'one-apiserver'],
    ['internal-one-apiserver-1234567890.eu-central-1.elb.amazonaws.com', 'one-apiserver'],
    ['default-one-apiserver-3321e175bf2fc649.elb.us-east-1.amazonaws.com', 'default-one-apiserver'],
    ['one-apiserver-0123456789abcdef.elb.cn-north-1.amazonaws.com.cn', 'one-apiserver'],
    ['api.example.com', undefined],
    ['10.0.0.1', undefined],
  ])('of %s is %s', (host, name) => {
    expect(loadBalancerNameFromHost(host)).toBe(name);
  });

  test('target group names fit 32 characters and differ by port', () => {
    const names = [6443, 8132].map((port) => targetGroupName('id', 'balancer', port, port === 6443));
    for (const name of names) expect(name).toMatch(/^(apiserver|additional)-target-[0-9a-z]{14}$/);
    expect(new Set(names).size).toBe(2);
    for (const name of names) expect(name.length).toBeLessThanOrEqual(32);
  });
});

describe('tokens and ids', () => {
  test('a token is stable, fits EC2, and differs by owner, purpose and generation', () => {
    const tokens = [clientToken('a', 'x'), clientToken('b', 'x'), clientToken('a', 'y'), clientToken('a', 'x', '1')];
    expect(clientToken('a', 'x')).toBe(tokens[0]);
    expect(new Set(tokens).size).toBe(4);
    for (const token of tokens) expect(token.length).toBeLessThanOrEqual(64);
  });

  test('a seeded uuid looks like one', () => {
    expect(seededUuid('x')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(base36('x', 28)).toHaveLength(28);
  });
});

test.each([
  ['us-east-1a', 'us-east-1'],
  ['us-gov-west-1b', 'us-gov-west-1'],
  ['us-east-1-bos-1a', 'us-east-1'],
  ['nonsense', undefined],
])('the region of zone %s is %s', (zone, region) => {
  expect(regionOfZone(zone)).toBe(region);
});

test('a group name that looks like an id is marked', () => {
  expect(resourceName.securityGroup('sg-1', 'node')).toBe('@sg-1-node');
  expect(resourceName.securityGroup('one', 'node')).toBe('one-node');
});
