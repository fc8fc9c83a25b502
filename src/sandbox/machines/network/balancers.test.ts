import { describe, expect, test } from '@jest/globals';
import { aLoadBalancer, anInstance } from '../fixtures.js';
import { balancerKey, type InventoryTarget } from '../inventory.js';
import { agentConfig, serviceAddresses } from './agent-config.js';
import { balancerConfigs, readCheck } from './balancers.js';
import { hostListeners } from './networks.js';

const check = (target: string, changes = {}) => ({
  target,
  intervalSeconds: 10,
  timeoutSeconds: 4,
  healthyThreshold: 2,
  unhealthyThreshold: 6,
  ...changes,
});
const target = (changes: Partial<InventoryTarget> = {}): InventoryTarget => ({
  instanceId: 'i-1',
  ip: '10.0.1.5',
  port: 6443,
  state: 'running',
  ...changes,
});
const at = { vip: '198.18.3.4', loopback: '127.70.1.1' };

describe('readCheck', () => {
  test.each([
    ['TCP:6443', { kind: 'tcp', port: 6443, path: '/' }],
    ['SSL:443', { kind: 'tcp', port: 443 }],
    ['HTTPS:6443/readyz', { kind: 'https', port: 6443, path: '/readyz' }],
    ['HTTP:traffic-port/healthz?x=1', { kind: 'http', port: undefined, path: '/healthz?x=1' }],
    ['TCP:traffic-port', { kind: 'tcp', port: undefined }],
    ['nonsense', { kind: 'tcp', port: undefined }],
  ])('%s', (text, expected) => expect(readCheck(check(text))).toMatchObject(expected));

  test('scales times down and keeps them within bounds', () => {
    expect(readCheck(check('TCP:1'))).toMatchObject({
      intervalMs: 1_000,
      timeoutMs: 3_000,
      healthyThreshold: 2,
      unhealthyThreshold: 2,
    });
    expect(readCheck(check('TCP:1', { intervalSeconds: 1, timeoutSeconds: 0, healthyThreshold: 1 }))).toMatchObject({
      intervalMs: 500,
      timeoutMs: 2_000,
      healthyThreshold: 1,
    });
    expect(readCheck(undefined)).toMatchObject({ kind: 'tcp', intervalMs: 1_000 });
  });
});

describe('balancerConfigs', () => {
  test('serves running targets only, and several target groups of one port as one', () => {
    const lb = aLoadBalancer({
      listeners: [
        {
          port: 6443,
          protocol: 'TCP',
          targets: [target(), target({ instanceId: 'i-2', ip: '10.0.1.6', state: 'stopped' })],
          healthCheck: check('HTTPS:6443/readyz'),
        },
        {
          port: 6443,
          protocol: 'TCP',
          targets: [target(), target({ instanceId: '', ip: '10.0.9.9' })],
          healthCheck: undefined,
        },
        { port: 22623, protocol: 'TCP', targets: [], healthCheck: undefined },
      ],
    });
    const configs = balancerConfigs(lb, at);
    expect(configs.map((c) => [c.port, c.vip, c.check.kind])).toEqual([
      [6443, '198.18.3.4', 'https'],
      [22623, '198.18.3.4', 'tcp'],
    ]);
    expect(configs[0]?.targets).toEqual([
      { id: 'i-1', ip: '10.0.1.5', port: 6443 },
      { id: '10.0.9.9', ip: '10.0.9.9', port: 6443 },
    ]);
    expect(hostListeners([lb], new Map([[balancerKey(lb), at]]))).toEqual([
      { key: `${balancerKey(lb)}:6443`, address: '127.70.1.1', port: 6443 },
      { key: `${balancerKey(lb)}:22623`, address: '127.70.1.1', port: 22623 },
    ]);
  });
});

describe('agentConfig', () => {
  test('knows names, resolvers and metadata of one VPC', () => {
    const lb = aLoadBalancer();
    const config = agentConfig(
      [anInstance()],
      [lb, aLoadBalancer({ arn: '', name: 'unplaced' })],
      new Map([[balancerKey(lb), at]]),
    );
    expect(config.names).toEqual({
      'aws.perdure.internal': '198.18.0.1',
      'instance-data.ec2.internal': '169.254.169.254',
      'ip-10-0-1-5.eu-west-1.compute.internal': '10.0.1.5',
      'api-1.elb.eu-west-1.amazonaws.com': '198.18.3.4',
    });
    expect(config.dnsAddresses).toEqual(['10.0.0.2', '169.254.169.253']);
    expect(config.balancers).toHaveLength(1);
    expect(serviceAddresses(config)).toEqual([
      '10.0.0.2',
      '169.254.169.253',
      '169.254.169.254',
      '198.18.0.1',
      '198.18.3.4',
    ]);
  });
});
