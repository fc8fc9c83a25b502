import { describe, expect, test } from '@jest/globals';
import { anInstance } from './fixtures.js';
import { balancerKey, readInstances, readLoadBalancers, userDataBytes } from './inventory.js';

describe('the feed', () => {
  test('is read without trust: wrong types become empty, entries without identity are dropped', () => {
    expect(
      readInstances([
        { id: 'i-1', state: 'running', privateIp: null, tags: { a: 1 }, securityGroups: 'x' },
        { state: 'running' },
        7,
      ]),
    ).toMatchObject([
      {
        id: 'i-1',
        privateIp: '',
        userData: '',
        tags: { a: '' },
        securityGroups: [],
        httpTokens: 'optional',
        httpEndpoint: 'enabled',
      },
    ]);
    expect(readInstances('nonsense')).toEqual([]);
    expect(readLoadBalancers([{ name: 'x' }])).toEqual([]);
  });

  test('targets without an address are dropped', () => {
    const [lb] = readLoadBalancers([
      {
        name: 'x',
        arn: null,
        account: '1',
        region: 'r',
        dnsName: 'x.elb',
        listeners: [{ port: 6443, targets: [{ ip: null }, { ip: '10.0.0.1', port: 6443 }] }],
      },
    ]);
    expect(lb?.listeners[0]?.targets.map((t) => t.ip)).toEqual(['10.0.0.1']);
    expect(lb && balancerKey(lb)).toBe('classic/1/r/x');
  });

  test('user data is base64, anything else is meant as it stands', () => {
    const bytes = (userData: string) => userDataBytes(anInstance({ userData })).toString('latin1');
    expect(bytes(Buffer.from('#!/bin/sh\n').toString('base64'))).toBe('#!/bin/sh\n');
    expect(bytes('#cloud-config\nruncmd: []\n')).toBe('#cloud-config\nruncmd: []\n');
    expect(bytes('')).toBe('');
  });
});
