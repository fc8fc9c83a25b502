import { describe, expect, test } from '@jest/globals';
import { Ceiling, lostQuorum } from './invariants.js';

describe('a ceiling', () => {
  test('counts when something has been below it', () => {
    const ceiling = new Ceiling();
    expect(ceiling.exceeds(9)).toBeUndefined();
    ceiling.allow(3);
    expect(ceiling.exceeds(9)).toBeUndefined();
    expect(ceiling.exceeds(2)).toBeUndefined();
    expect(ceiling.exceeds(3)).toBeUndefined();
    expect(ceiling.exceeds(4)).toBe(3);
  });

  test('goes up at once, and down when there is no more than allowed', () => {
    const ceiling = new Ceiling();
    ceiling.allow(3);
    ceiling.exceeds(0);
    ceiling.allow(4);
    expect(ceiling.exceeds(4)).toBeUndefined();
    expect(ceiling.exceeds(5)).toBe(4);
    ceiling.allow(3);
    expect(ceiling.exceeds(4)).toBeUndefined();
    expect(ceiling.exceeds(3)).toBeUndefined();
    expect(ceiling.exceeds(4)).toBe(3);
  });
});

describe('lostQuorum', () => {
  const look = (voters: number, healthy: number) => ({ voters, healthy });
  const [whole, one, three] = [look(3, 3), look(3, 1), look(4, 2)];

  test.each([
    ['nobody looked', [], undefined],
    ['all answer', [whole, whole, whole], undefined],
    ['one of three is away', [look(3, 2), look(3, 2), look(3, 2)], undefined],
    ['not for long', [one, one, whole, one, one], undefined],
    ['one of three answers', [whole, one, one, one], [one, one, one]],
    ['half of four is no majority', [three, three, three], [three, three, three]],
    ['a row that changes', [three, one, look(1, 0)], [three, one, look(1, 0)]],
  ])('%s', (_name, looks, lost) => {
    expect(lostQuorum(looks, 3)).toEqual(lost);
  });

  test('begins where it is told', () => {
    expect(lostQuorum([one, one, one, whole], 3, 1)).toBeUndefined();
    expect(lostQuorum([one, one, one, one], 3, 1)).toEqual([one, one, one]);
  });
});
