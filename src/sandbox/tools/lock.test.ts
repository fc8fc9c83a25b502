import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type LockOwner, withLock } from './lock.js';

let dir: string;
let lock: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'perdure-lock-'));
  lock = join(dir, 'nested', 'x.lock');
});
afterEach(async () => await rm(dir, { recursive: true }));

/** A lock as another process would have left it. */
async function leave(owner: Partial<LockOwner>): Promise<void> {
  lock = join(dir, 'x.lock');
  await writeFile(
    lock,
    JSON.stringify({ pid: process.pid, startTime: 'long ago', host: hostname(), id: 'other', ...owner }),
  );
}

test('returns what the work returns and leaves nothing behind', async () => {
  await expect(withLock(lock, async () => 42)).resolves.toBe(42);
  expect(await readdir(join(dir, 'nested'))).toEqual([]);
});

test('a failure of the work is passed on and the lock is free again', async () => {
  await expect(withLock(lock, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  await expect(withLock(lock, async () => 'next')).resolves.toBe('next');
});

test('holders come one after the other, and every one gets its turn', async () => {
  let inside = 0;
  let most = 0;
  const turns = Array.from({ length: 8 }, () =>
    withLock(
      lock,
      async () => {
        most = Math.max(most, ++inside);
        await new Promise(setImmediate);
        inside--;
      },
      { pollMs: 1 },
    ),
  );
  await Promise.all(turns);
  expect(most).toBe(1);
});

test('a waiter says once whom it waits for', async () => {
  const waited: LockOwner[] = [];
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let entered = () => {};
  const inside = new Promise<void>((resolve) => {
    entered = resolve;
  });
  const first = withLock(lock, async () => {
    entered();
    await held;
  });
  await inside;
  const second = withLock(lock, async () => {}, {
    pollMs: 1,
    onWait: (owner) => {
      waited.push(owner);
      release();
    },
  });
  await Promise.all([first, second]);
  expect(waited.map(({ pid }) => pid)).toEqual([process.pid]);
});

test('the lock of a process that has ended is taken over', async () => {
  await leave({ pid: 1 });
  await expect(withLock(lock, async () => 'mine', { isAlive: () => false })).resolves.toBe('mine');
  expect(await readdir(dir)).toEqual([]);
});

test('a later process with the same id does not keep the lock alive', async () => {
  await leave({ startTime: '1' });
  await expect(withLock(lock, async () => 'mine')).resolves.toBe('mine');
});

test('several processes that find a dead lock still come one after the other', async () => {
  await leave({ id: 'dead' });
  let inside = 0;
  let most = 0;
  const isAlive = ({ id }: LockOwner) => id !== 'dead';
  const work = async () => {
    most = Math.max(most, ++inside);
    await new Promise(setImmediate);
    inside--;
  };
  await Promise.all(Array.from({ length: 6 }, () => withLock(lock, work, { pollMs: 1, isAlive })));
  expect(most).toBe(1);
});

test('the fresh lock of another host is respected until the wait is cancelled', async () => {
  await leave({ host: 'elsewhere' });
  const stop = new AbortController();
  const waiting = withLock(lock, async () => {}, { pollMs: 1, signal: stop.signal, onWait: () => stop.abort() });
  await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
  expect(await readdir(dir)).toEqual(['x.lock']);
});
