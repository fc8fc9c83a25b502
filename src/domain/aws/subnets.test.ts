import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { SubnetSpec } from '../../api/types/aws.js';
import { overlapsCidr, parseCidr } from '../cidr.js';
import { defaultSubnets, isEdge, isWavelength, pickZones, withIpv6Blocks } from './subnets.js';

const zones = ['us-east-1a', 'us-east-1b', 'us-east-1c'];
const blocks = (schema: 'PreferPrivate' | 'PreferPublic', count = 3, vpcCidr = '10.0.0.0/16') =>
  defaultSubnets({ clusterName: 'c', vpcCidr, zones: zones.slice(0, count), schema })?.map((s) => [s.id, s.cidrBlock]);

describe('defaultSubnets', () => {
  test('prefers private: /18 private, /20 public, as upstream', () => {
    expect(blocks('PreferPrivate')).toEqual([
      ['c-subnet-public-us-east-1a', '10.0.0.0/20'],
      ['c-subnet-private-us-east-1a', '10.0.64.0/18'],
      ['c-subnet-public-us-east-1b', '10.0.16.0/20'],
      ['c-subnet-private-us-east-1b', '10.0.128.0/18'],
      ['c-subnet-public-us-east-1c', '10.0.32.0/20'],
      ['c-subnet-private-us-east-1c', '10.0.192.0/18'],
    ]);
  });

  test('prefers public: the mirror image', () => {
    expect(blocks('PreferPublic', 1)).toEqual([
      ['c-subnet-public-us-east-1a', '10.0.128.0/17'],
      ['c-subnet-private-us-east-1a', '10.0.0.0/17'],
    ]);
  });

  test.each(['10.0.0.0/27', 'nonsense'])('gives nothing for %s', (cidr) => {
    expect(blocks('PreferPrivate', 3, cidr)).toBeUndefined();
  });

  test('gives IPv6 blocks to private ones first and leaves the first one free, as upstream', () => {
    const subnets = defaultSubnets({
      clusterName: 'c',
      vpcCidr: '10.0.0.0/16',
      zones: zones.slice(0, 2),
      schema: 'PreferPrivate',
      ipv6Cidr: '2600:1f14::/56',
    });
    expect(subnets?.map((s) => [s.id, s.isIpv6, s.ipv6CidrBlock])).toEqual([
      ['c-subnet-public-us-east-1a', true, '2600:1f14:0:3::/64'],
      ['c-subnet-private-us-east-1a', true, '2600:1f14:0:1::/64'],
      ['c-subnet-public-us-east-1b', true, '2600:1f14:0:4::/64'],
      ['c-subnet-private-us-east-1b', true, '2600:1f14:0:2::/64'],
    ]);
  });

  test('never overlaps', () => {
    fc.assert(
      fc.property(fc.integer({ min: 12, max: 22 }), fc.integer({ min: 1, max: 3 }), (prefix, count) => {
        const cidrs = (blocks('PreferPrivate', count, `10.0.0.0/${prefix}`) ?? []).map(([, c]) => parseCidr(c ?? ''));
        expect(cidrs).toHaveLength(2 * count);
        cidrs.forEach((a, i) => {
          for (const b of cidrs.slice(i + 1)) expect(a && b && overlapsCidr(a, b)).toBe(false);
        });
      }),
    );
  });
});

describe('pickZones', () => {
  test('takes the first by name', () => {
    expect(pickZones(['c', 'a', 'b'], 2, 'Ordered', 'x')).toEqual(['a', 'b']);
  });

  test('draws the same zones for the same seed and spreads over seeds', () => {
    expect(pickZones(zones, 1, 'Random', 's')).toEqual(pickZones([...zones].reverse(), 1, 'Random', 's'));
    const drawn = new Set(Array.from({ length: 40 }, (_, i) => pickZones(zones, 1, 'Random', `seed-${i}`)[0]));
    expect(drawn.size).toBe(3);
  });
});

describe('withIpv6Blocks', () => {
  const block = (list: readonly SubnetSpec[], cidr = '2600::/56') =>
    withIpv6Blocks(list, cidr)?.map((s) => s.ipv6CidrBlock);

  test('fills only what is wished and open, with what nobody has', () => {
    const list = [{ id: 'a', isIpv6: true }, { id: 'b', isIpv6: true, ipv6CidrBlock: '2600:0:0:1::/64' }, { id: 'c' }];
    expect(block(list)).toEqual(['2600:0:0:2::/64', '2600:0:0:1::/64', undefined]);
  });

  test('says when there is no room', () => {
    expect(block([{ id: 'a', isIpv6: true }], '2600::/64')).toBeUndefined();
  });
});

test('zones are told by kind, and a wavelength zone by its name until that is recorded', () => {
  expect(isEdge({ zoneType: 'local-zone' })).toBe(true);
  expect(isEdge({})).toBe(false);
  expect(isWavelength({ availabilityZone: 'us-east-1-wl1-bos-wlz-1' })).toBe(true);
  expect(isWavelength({ availabilityZone: 'us-east-1a' })).toBe(false);
});
