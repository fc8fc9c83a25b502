import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { type Priority, WorkQueue } from './queue.js';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

const takeAll = async (queue: WorkQueue): Promise<string[]> => {
  const keys: string[] = [];
  while (queue.depth > 0) keys.push((await queue.take())?.key ?? '');
  return keys;
};

test('serves priorities in order and equals in order of arrival', async () => {
  const queue = new WorkQueue();
  queue.add('c', 3);
  queue.add('a', 1);
  queue.add('d', 3);
  queue.add('b', 2);
  expect(await takeAll(queue)).toEqual(['a', 'b', 'c', 'd']);
});

test('keeps a key once and raises its priority', async () => {
  const queue = new WorkQueue();
  queue.add('a', 5);
  queue.add('b', 3);
  queue.add('a', 1);
  queue.add('a', 4);
  expect(queue.depth).toBe(2);
  expect(await takeAll(queue)).toEqual(['a', 'b']);
});

test('never gives a key to two workers, and gives it again when it was added meanwhile', async () => {
  const queue = new WorkQueue();
  queue.add('a');
  await queue.take();
  queue.add('a', 2);
  queue.add('a', 4);
  const second = queue.take();
  let taken = false;
  void second.then(() => {
    taken = true;
  });
  await Promise.resolve();
  expect(taken).toBe(false);
  queue.done('a');
  expect(await second).toEqual({ key: 'a', priority: 2 });
  queue.done('a');
  expect(queue.depth).toBe(0);
});

test('hands a key to a waiting worker at once', async () => {
  const queue = new WorkQueue();
  const waiting = [queue.take(), queue.take()];
  queue.add('a');
  queue.add('b');
  expect((await Promise.all(waiting)).map((item) => item?.key)).toEqual(['a', 'b']);
});

test('doubles the back-off of a failing key up to the cap, until it is forgotten', () => {
  const queue = new WorkQueue({ baseMs: 10, capMs: 50 });
  for (const wait of [10, 20, 40, 50, 50]) {
    queue.addRateLimited('a');
    jest.advanceTimersByTime(wait - 1);
    expect(queue.depth).toBe(0);
    jest.advanceTimersByTime(1);
    expect(queue.depth).toBe(1);
    void queue.take().then(() => undefined);
    queue.done('a');
  }
  expect(queue.failures('a')).toBe(5);
  queue.forget('a');
  queue.addRateLimited('a');
  jest.advanceTimersByTime(10);
  expect(queue.depth).toBe(1);
});

test('of several delays the earliest counts, with the highest priority asked for', async () => {
  const queue = new WorkQueue();
  queue.addAfter('a', 100, 2);
  queue.addAfter('a', 50, 4);
  queue.addAfter('a', 200, 5);
  jest.advanceTimersByTime(50);
  expect(await queue.take()).toEqual({ key: 'a', priority: 2 });
  queue.done('a');
  jest.advanceTimersByTime(1_000);
  expect(queue.depth).toBe(0);
});

test('lets workers go when it is closed and takes nothing more', async () => {
  const queue = new WorkQueue();
  const waiting = queue.take();
  queue.addAfter('later', 10);
  queue.close();
  queue.add('a');
  jest.advanceTimersByTime(10);
  expect(await waiting).toBeUndefined();
  expect(await queue.take()).toBeUndefined();
  expect([queue.depth, queue.delayed]).toEqual([0, 0]);
});

test('whatever is added is worked on after its last addition', async () => {
  const command = fc.record({
    op: fc.constantFrom('add', 'take', 'done'),
    key: fc.constantFrom('a', 'b', 'c'),
    p: fc.integer({ min: 1, max: 5 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(command, { maxLength: 60 }), async (commands) => {
      const queue = new WorkQueue();
      const owed = new Set<string>();
      const working = new Set<string>();
      const take = async (): Promise<void> => {
        const item = await queue.take();
        if (!item) return;
        expect(working.has(item.key)).toBe(false);
        working.add(item.key);
        owed.delete(item.key);
      };
      const done = (key: string): void => {
        if (!working.delete(key)) return;
        queue.done(key);
      };
      const available = (): boolean => [...owed].some((key) => !working.has(key));
      for (const { op, key, p } of commands) {
        if (op === 'add') {
          queue.add(key, p as Priority);
          owed.add(key);
        } else if (op === 'done') done(key);
        else if (available()) await take();
      }
      for (const key of [...working]) done(key);
      while (owed.size > 0) {
        await take();
        for (const key of [...working]) done(key);
      }
      expect(queue.depth).toBe(0);
    }),
  );
});
