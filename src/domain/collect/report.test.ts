import { describe, expect, test } from '@jest/globals';
import type { FatedResource } from './external.js';
import { type ReportLine, summaryOf, summaryText, updateReport, wavesOf, withBlockers } from './report.js';

const fated = (kind: string, id: string, fate: FatedResource['fate'], reason = 'why'): FatedResource => ({
  kind,
  id,
  name: id,
  claim: 'owned',
  evidence: 'tag',
  fate,
  reason,
});
const line = (kind: string, id: string, fate: ReportLine['fate'], more: Partial<ReportLine> = {}): ReportLine => ({
  kind,
  id,
  name: id,
  fate,
  reason: 'why',
  ...more,
});

describe('the report', () => {
  test('takes what is found, and keeps what is gone', () => {
    const first = updateReport([], [fated('lb', '1', 'delete'), fated('vol', '2', 'keep')], ['lb', 'vol']);
    expect(first).toEqual([line('lb', '1', 'delete'), line('vol', '2', 'keep')]);
    const second = updateReport(first, [fated('vol', '2', 'keep'), fated('sg', '3', 'refused')], ['lb', 'vol', 'sg']);
    expect(second).toEqual([line('lb', '1', 'gone'), line('vol', '2', 'keep'), line('sg', '3', 'refused')]);
  });

  test('says nothing of kinds that were not looked at', () => {
    const before = [line('lb', '1', 'delete'), line('vol', '2', 'delete')];
    expect(updateReport(before, [], ['lb'])).toEqual([line('lb', '1', 'gone'), line('vol', '2', 'delete')]);
  });

  test('tells what went by itself from what was removed', () => {
    expect(updateReport([line('vol', '2', 'keep')], [], ['vol'])).toEqual([
      line('vol', '2', 'gone', { reason: 'went by itself' }),
    ]);
  });

  test('brings back what shows up again', () => {
    expect(updateReport([line('lb', '1', 'gone')], [fated('lb', '1', 'delete')], ['lb'])).toEqual([
      line('lb', '1', 'delete'),
    ]);
  });

  test('names what holds a removal up until it does not any more', () => {
    const lines = [line('sg', '1', 'delete'), line('sg', '2', 'delete')];
    const held = withBlockers(lines, [
      { kind: 'sg', id: '1', blocked: 'eni-1' },
      { kind: 'sg', id: '2' },
    ]);
    expect(held).toEqual([line('sg', '1', 'delete', { blocked: 'eni-1' }), line('sg', '2', 'delete')]);
    expect(updateReport(held, [fated('sg', '1', 'delete')], ['sg'])[0]?.blocked).toBe('eni-1');
    expect(withBlockers(held, [{ kind: 'sg', id: '1' }])).toEqual(lines);
    expect(updateReport(held, [], ['sg']).map((l) => [l.fate, l.blocked])).toEqual([
      ['gone', undefined],
      ['gone', undefined],
    ]);
  });

  test('gives waves of what is to go, in order', () => {
    const kinds = [
      { name: 'lb', wave: 1 },
      { name: 'tg', wave: 2 },
      { name: 'eni', wave: 2 },
      { name: 'sg', wave: 3 },
    ];
    const lines = [
      line('sg', '1', 'delete'),
      line('eni', '2', 'delete'),
      line('tg', '3', 'delete'),
      line('lb', '4', 'gone'),
    ];
    expect(wavesOf(kinds, lines)).toEqual([['tg', 'eni'], ['sg']]);
    expect(wavesOf(kinds, [])).toEqual([]);
  });

  test('is short for people, and cuts long lists and texts', () => {
    expect(summaryText([])).toBe('nothing found');
    const lines = [
      line('lb', '1', 'gone'),
      ...['2', '3', '4', '5'].map((id) => line('vol', id, 'keep', { reason: 'data' })),
      line('sg', '6', 'delete', { blocked: 'eni-1' }),
    ];
    expect(summaryText(lines)).toBe(
      '1 gone, 1 to go (sg 6: eni-1), 4 kept (vol 2: data; vol 3: data; vol 4: data; and 1 more)',
    );
    expect(summaryOf(lines)).toEqual({ gone: 1, left: 1, kept: 4, refused: 0 });
    expect(updateReport([], [fated('lb', '1', 'keep', 'x'.repeat(500))], ['lb'])[0]?.reason).toHaveLength(300);
  });
});
