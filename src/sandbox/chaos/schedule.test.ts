import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fileOf, lineOf, type Passage, parseJournal, phaseOf, pointIn, pointOf } from './points.js';
import { backlogOf, distinctPoints, planLives, sample } from './schedule.js';

const passage = (point: string, more: Partial<Passage> = {}): Passage => ({
  at: 1,
  pid: 2,
  namespace: 'a',
  point,
  killed: false,
  ...more,
});

describe('points', () => {
  test('name phase, what and side, and survive the way through a file name', () => {
    const point = pointOf('create', 'infraEnsure.subnets', 'after');
    expect(point).toBe('create/infraEnsure.subnets:after');
    expect(phaseOf(point)).toBe('create');
    expect(pointIn(fileOf(point))).toBe(point);
  });

  test('a journal is read back as written, without a torn last line', () => {
    const written = [passage('create/a:before'), passage('create/a:after', { killed: true, pid: 7 })];
    expect(parseJournal(`${written.map(lineOf).join('')}12 3 a create/b:bef`)).toEqual(written);
    expect(parseJournal('')).toEqual([]);
  });
});

describe('schedule', () => {
  test('distinct points keep their order and their phases', () => {
    const seen = ['idle/x:before', 'create/b:before', 'create/a:before', 'create/b:before', 'delete/a:before'].map(
      (p) => passage(p),
    );
    expect(distinctPoints(seen, ['create', 'delete'])).toEqual([
      'create/b:before',
      'create/a:before',
      'delete/a:before',
    ]);
  });

  test('every point is killed in exactly one life, and no life has too many', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string(), { maxLength: 60 }),
        fc.integer({ min: 1, max: 20 }),
        (points, perLife) => {
          const lives = planLives(points, perLife);
          expect(lives.flat().sort()).toEqual([...points].sort());
          for (const life of lives) expect(life.length).toBeLessThanOrEqual(perLife);
        },
      ),
    );
  });

  test('a life touches the whole list, not a part of it', () => {
    expect(planLives(['a', 'b', 'c', 'd', 'e', 'f'], 3)).toEqual([
      ['a', 'c', 'e'],
      ['b', 'd', 'f'],
    ]);
  });

  test('a sample has the wanted size, no point twice, and depends on the seed alone', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 80 }), fc.integer({ min: 0, max: 90 }), fc.nat(), (size, count, seed) => {
        const points = Array.from({ length: size }, (_, i) => i);
        const chosen = sample(points, count, seed);
        expect(chosen).toHaveLength(Math.min(size, count));
        expect(new Set(chosen).size).toBe(chosen.length);
        expect(sample(points, count, seed)).toEqual(chosen);
      }),
    );
  });

  test('a point that never came is tried again, and given up after its chances', () => {
    const chances = new Map<string, number>();
    expect(backlogOf(['a', 'b'], chances, 2)).toEqual({ retry: ['a', 'b'], missed: [] });
    expect(backlogOf(['a'], chances, 2)).toEqual({ retry: [], missed: ['a'] });
  });
});
