import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  assignBalancers,
  assignPodCidr,
  attach,
  contains,
  EMULATOR_ADDRESS,
  formatAddress,
  formatCidr,
  parseAddress,
  parseCidr,
} from './addresses.js';

describe('addresses', () => {
  test('are read and written', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (n) => expect(parseAddress(formatAddress(n))).toBe(n)),
    );
  });

  test.each(['', '1.2.3', '1.2.3.256', 'a.b.c.d', '1.2.3.4.5'])('refuses %p', (text) =>
    expect(() => parseAddress(text)).toThrow('not an IPv4 address'),
  );
  test.each(['10.0.0.0', '10.0.0.0/33', '10.0.0.0/x'])('refuses block %p', (text) =>
    expect(() => parseCidr(text)).toThrow('not an IPv4 CIDR'),
  );

  test('drops host bits of a block', () => {
    expect(formatCidr(parseCidr('10.1.2.3/16'))).toBe('10.1.0.0/16');
    expect(formatCidr(parseCidr('255.255.255.255/0'))).toBe('0.0.0.0/0');
    expect(contains(parseCidr('10.1.0.0/16'), '10.2.0.0')).toBe(false);
    expect(contains(parseCidr('10.1.0.0/16'), '10.1.255.255')).toBe(true);
  });
});

describe('attach', () => {
  test('puts the machine on a link as wide as the VPC', () => {
    expect(attach({ privateIp: '10.0.64.9', vpcCidr: '10.0.0.0/16', subnetCidr: '10.0.64.0/18' })).toEqual({
      address: '10.0.64.9/16',
      gateway: '10.0.0.1',
      gatewayAddress: '10.0.0.1/16',
      nameserver: '10.0.0.2',
    });
  });

  test('routes a secondary block of the VPC through its own gateway', () => {
    expect(attach({ privateIp: '100.64.1.9', vpcCidr: '10.0.0.0/16', subnetCidr: '100.64.1.0/24' })).toEqual({
      address: '100.64.1.9/24',
      gateway: '100.64.1.1',
      gatewayAddress: '100.64.1.1/24',
      nameserver: '10.0.0.2',
    });
  });
});

describe('assignBalancers', () => {
  test('gives every key two addresses of its own, the same for the same keys, and keeps known ones', () => {
    const keys = fc.uniqueArray(fc.string({ minLength: 1 }), { maxLength: 40 });
    fc.assert(
      fc.property(keys, keys, (first, second) => {
        const one = assignBalancers(first, new Map());
        expect(assignBalancers([...first].reverse(), new Map())).toEqual(new Map([...one]));
        const two = assignBalancers(second, one);
        expect([...two.keys()].sort()).toEqual([...second].sort());
        for (const key of second) if (one.has(key)) expect(two.get(key)).toEqual(one.get(key));
        const all = [...two.values()].flatMap(({ vip, loopback }) => [vip, loopback]);
        expect(new Set(all).size).toBe(all.length);
        expect(all).not.toContain(EMULATOR_ADDRESS);
        expect(all.filter((a) => a.startsWith('127.0.') || a.startsWith('127.1.'))).toEqual([]);
      }),
    );
  });
});

describe('assignPodCidr', () => {
  test('gives the lowest free /24', () => {
    expect(assignPodCidr('10.244.0.0/16', new Set(['10.244.0.0/24', '10.244.2.0/24']))).toBe('10.244.1.0/24');
  });
  test('gives a small range whole, once', () => {
    expect(assignPodCidr('10.9.0.0/26', new Set())).toBe('10.9.0.0/26');
    expect(() => assignPodCidr('10.9.0.0/26', new Set(['10.9.0.0/26']))).toThrow('no free /26');
  });
  test('says when all are taken', () => {
    const taken = new Set(Array.from({ length: 4 }, (_, i) => `10.9.${i}.0/24`));
    expect(() => assignPodCidr('10.9.0.0/22', taken)).toThrow('no free /24 for another machine');
  });
});
