import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { overlapsCidr, parseCidr } from '../cidr.js';
import { defaultSubnets, pickZones } from './subnets.js';

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
