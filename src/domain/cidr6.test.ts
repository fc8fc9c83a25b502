import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { canonical6, subnet6 } from './cidr6.js';

describe('subnet6', () => {
  test.each([
    ['2600:1f14:4000::/56', 0, '2600:1f14:4000::/64'],
    ['2600:1f14:4000::/56', 255, '2600:1f14:4000:ff::/64'],
    ['2600:1f14:4000:100::/64', 0, '2600:1f14:4000:100::/64'],
  ])('%s number %i', (block, index, expected) => {
    expect(subnet6(block, index)).toBe(expected);
  });

  test.each([
    ['2600:1f14:4000::/56', 256],
    ['2600:1f14:4000::/56', -1],
    ['2600:1f14:4000::/72', 0],
    ['10.0.0.0/16', 0],
    ['nonsense', 0],
  ])('%s has no number %i', (block, index) => {
    expect(subnet6(block, index)).toBeUndefined();
  });

  test('parts differ', () => {
    fc.assert(
      fc.property(fc.nat(255), fc.nat(255), (a, b) => {
        expect(subnet6('2600::/56', a) === subnet6('2600::/56', b)).toBe(a === b);
      }),
    );
  });
});

test('two ways of writing a block are one', () => {
  expect(canonical6('2600:0:0:0::/64')).toBe(canonical6('2600::/64'));
  expect(canonical6('nonsense')).toBeUndefined();
});
