import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { awaitReady, type Component, logFile, runningProcess, startComponent, stopComponent } from './component.js';
import { writeAtomic } from './files.js';
import { type Layout, layoutOf } from './layout.js';
import { identityOf, kill, until } from './machines/processes.js';
import { supervise, supervisorOf, tail, takeOwnership } from './supervisor.js';

let layout: Layout;
beforeEach(async () => {
  layout = layoutOf(await mkdtemp(path.join(tmpdir(), 'perdure-supervisor-')));
});
afterEach(async () => {
  for (const name of ['a', 'b']) await stopComponent(layout, name, 0);
  await rm(layout.root, { recursive: true });
});

/** A process that prints its arguments and runs until it is told to end. */
const script = (name: string, code: string, change: Partial<Component> = {}): Component => ({
  name,
  command: process.execPath,
  args: ['-e', code],
  ready: async () => (await tail(logFile(layout, name))).includes('ready'),
  ...change,
});
const RUNS = "console.log('ready'); setInterval(() => {}, 1e6)";
const STUBBORN = "process.on('SIGTERM', () => {}); console.log('ready'); setInterval(() => {}, 1e6)";
const isUp = async (name: string): Promise<boolean> => (await runningProcess(layout, name)) !== undefined;

async function eventually(what: () => Promise<boolean>): Promise<void> {
  while (!(await what())) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('a component', () => {
  test('runs in a group of its own, with its environment only, and is known by its identity', async () => {
    const code = "console.log(process.env.MINE, process.env.HOME, 'ready'); setInterval(() => {}, 1e6)";
    const identity = await startComponent(layout, script('a', code, { env: { MINE: 'yes' } }));
    await awaitReady(layout, script('a', ''), 60_000, tail);
    await expect(runningProcess(layout, 'a')).resolves.toEqual(identity);
    expect(await readFile(logFile(layout, 'a'), 'utf8')).toBe('yes undefined ready\n');
    await stopComponent(layout, 'a');
    expect(identityOf(identity.pid)).toBeUndefined();
    await expect(runningProcess(layout, 'a')).resolves.toBeUndefined();
  });

  test('that does not heed SIGTERM is killed after its grace', async () => {
    const component = script('a', STUBBORN);
    const { pid } = await startComponent(layout, component);
    await awaitReady(layout, component, 60_000, tail);
    await stopComponent(layout, 'a', 50);
    expect(identityOf(pid)).toBeUndefined();
  });

  test('that is not there stops at once, and a process that only has its pid is left alone', async () => {
    await stopComponent(layout, 'a');
    const other = identityOf(process.pid);
    await writeAtomic(
      path.join(layout.run, 'a.json'),
      JSON.stringify({ identity: { ...other, startTime: '1' }, command: 'x' }),
    );
    await expect(runningProcess(layout, 'a')).resolves.toBeUndefined();
    await stopComponent(layout, 'a', 0);
  });

  test('that cannot be run names its command', async () => {
    const missing = script('a', '', { command: path.join(layout.root, 'missing') });
    await expect(startComponent(layout, missing)).rejects.toMatchObject({
      type: 'InvalidConfiguration',
      message: expect.stringContaining('a: cannot run'),
    });
  });

  test('that ends while starting shows the end of its log', async () => {
    const dying = script('a', "console.log('port is taken'); process.exit(1)");
    await startComponent(layout, dying);
    await expect(awaitReady(layout, dying, 60_000, tail)).rejects.toThrow(
      /a ended while starting; its log ends:\nport is taken/,
    );
  });

  test('that is never ready fails after its time', async () => {
    const slow = script('a', 'setInterval(() => {}, 1e6)', { ready: () => Promise.reject(new Error('refused')) });
    await startComponent(layout, slow);
    await expect(awaitReady(layout, slow, 1, tail)).rejects.toThrow('a is not ready after 0 s');
  });
});

describe('supervision', () => {
  test('starts in order, stops what an earlier run left, and stops in reverse', async () => {
    const left = await startComponent(layout, script('a', RUNS));
    const supervision = supervise(layout, () => undefined);
    await supervision.start(script('a', RUNS));
    await supervision.start(script('b', RUNS));
    expect(identityOf(left.pid)).toBeUndefined();
    expect([await isUp('a'), await isUp('b')]).toEqual([true, true]);
    await supervision.stop();
    expect([await isUp('a'), await isUp('b')]).toEqual([false, false]);
  });

  test('starts again what dies, and leaves ended what is meant to end', async () => {
    const said: string[] = [];
    const supervision = supervise(layout, (line) => void said.push(line));
    await supervision.start(script('a', RUNS, { restart: true }));
    await supervision.start(script('b', RUNS));
    supervision.watch();
    const pids = await Promise.all(['a', 'b'].map(async (name) => (await runningProcess(layout, name))?.pid ?? 0));
    for (const pid of pids) kill(pid, 'SIGKILL');
    await eventually(async () => ((await runningProcess(layout, 'a'))?.pid ?? pids[0]) !== pids[0]);
    expect(await isUp('b')).toBe(false);
    expect(said).toEqual(['a ended; starting it again (restart 1)']);
    await supervision.stop();
    expect(await isUp('a')).toBe(false);
  });
});

describe('a state directory', () => {
  test('has one supervisor, which may take it twice', async () => {
    await expect(supervisorOf(layout)).resolves.toBeUndefined();
    await takeOwnership(layout);
    await takeOwnership(layout);
    expect((await supervisorOf(layout))?.pid).toBe(process.pid);
  });

  test('of a living supervisor is refused by its pid, of a dead one taken', async () => {
    const other = await startComponent(layout, script('a', RUNS));
    await writeAtomic(layout.supervisor, JSON.stringify(other));
    await expect(takeOwnership(layout)).rejects.toMatchObject({
      type: 'Conflict',
      message: expect.stringContaining(`supervisor pid ${other.pid}`),
    });
    await stopComponent(layout, 'a');
    expect(await until(() => identityOf(other.pid) === undefined, 5_000)).toBe(true);
    await takeOwnership(layout);
    expect((await supervisorOf(layout))?.pid).toBe(process.pid);
  });
});

test('the tail of a log is its end, or nothing where there is none', async () => {
  const file = path.join(layout.root, 'log');
  await writeAtomic(file, `${'x'.repeat(50)}end`);
  expect(await tail(file, 5)).toBe('xxend');
  expect(await tail(path.join(layout.root, 'missing'))).toBe('');
});
