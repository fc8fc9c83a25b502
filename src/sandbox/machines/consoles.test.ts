import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Consoles } from './consoles.js';

describe('consoles', () => {
  let dir: string;
  let now = 0;
  let told: string[] = [];
  let failing = false;
  const path = (id: string): string => join(dir, id);
  const make = (): Consoles =>
    new Consoles({
      path,
      tell: async (id, text) => {
        if (failing) throw new Error('emulator is away');
        told.push(`${id}: ${text}`);
      },
      everyMs: 100,
      clock: () => now,
    });
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'consoles-'));
    now = 1_000;
    told = [];
    failing = false;
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  test('are told as they grow, not more often than allowed', async () => {
    const consoles = make();
    await consoles.look(['a']);
    writeFileSync(path('a'), 'one');
    await consoles.look(['a']);
    appendFileSync(path('a'), ' two');
    now += 99;
    await consoles.look(['a']);
    now += 1;
    await consoles.look(['a']);
    now += 1_000;
    await consoles.look(['a']);
    expect(told).toEqual(['a: one', 'a: one two']);
  });

  test('are told by their end', async () => {
    writeFileSync(path('a'), `${'x'.repeat(40_000)}end`);
    await make().look(['a']);
    expect(told[0]?.length).toBe('a: '.length + 16_384);
    expect(told[0]?.endsWith('xend')).toBe(true);
  });

  test('are told again after the emulator was away, and after they were emptied', async () => {
    const consoles = make();
    writeFileSync(path('a'), 'long text');
    failing = true;
    await expect(consoles.look(['a'])).rejects.toThrow('emulator is away');
    failing = false;
    await consoles.look(['a']);
    writeFileSync(path('a'), 'new');
    now += 1_000;
    await consoles.look(['a']);
    expect(told).toEqual(['a: long text', 'a: new']);
  });
});
