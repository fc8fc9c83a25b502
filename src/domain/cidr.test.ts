import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Cidr, containsCidr, formatCidr, overlapsCidr, parseCidr, splitCidr } from './cidr.js';

const block = (text: string): Cidr => {
  const cidr = parseCidr(text);
  if (!cidr) throw new Error(`bad test block ${text}`);
  return cidr;
};

const anyBlock = fc
  .tuple(fc.integer({ min: 0, max: 0xffffffff }), fc.integer({ min: 8, max: 24 }))
  .map(([address, prefix]) => ({ base: address - (address % 2 ** (32 - prefix)), prefix }));

describe('cidr', () => {
  test.each(['10.0.0.0/16', '0.0.0.0/0', '255.255.255.255/32', '192.168.4.0/22'])(
    '%s survives a round trip',
    (text) => {
      expect(formatCidr(block(text))).toBe(text);
    },
  );

  test.each(['10.0.0.1/16', '10.0.0.0/33', '10.0.0/16', '256.0.0.0/8', '::/0', ''])('refuses %s', (text) => {
    expect(parseCidr(text)).toBeUndefined();
  });

  test.each([
    ['10.0.0.0/16', 4, ['10.0.0.0/18', '10.0.64.0/18', '10.0.128.0/18', '10.0.192.0/18']],
    ['10.0.0.0/18', 3, ['10.0.0.0/20', '10.0.16.0/20', '10.0.32.0/20']],
    ['10.0.0.0/16', 1, ['10.0.0.0/16']],
  ])('splits %s into %i', (text, count, parts) => {
    expect(splitCidr(block(text), count)?.map(formatCidr)).toEqual(parts);
  });

  test('refuses parts smaller than /28', () => {
    expect(splitCidr(block('10.0.0.0/27'), 3)).toBeUndefined();
  });

  test('parts lie inside the block and never overlap', () => {
    fc.assert(
      fc.property(anyBlock, fc.integer({ min: 1, max: 16 }), (outer, count) => {
        const parts = splitCidr(outer, count) ?? [];
        expect(parts).toHaveLength(count);
        for (const [i, part] of parts.entries()) {
          expect(containsCidr(outer, part)).toBe(true);
          expect(parts.slice(i + 1).some((other) => overlapsCidr(part, other))).toBe(false);
        }
      }),
    );
  });

  test('parsing and formatting are inverse', () => {
    fc.assert(fc.property(anyBlock, (cidr) => expect(parseCidr(formatCidr(cidr))).toEqual(cidr)));
  });
});
