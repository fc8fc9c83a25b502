import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { awaitReady, type Component, logFile, runningProcess, startComponent, stopComponent } from './component.js';
import { tail, writeAtomic } from './files.js';
import { type Layout, layoutOf } from './layout.js';
import { identityOf } from './machines/processes.js';

const NEVER = new AbortController().signal;
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

describe('a component', () => {
  test('runs in a group of its own, with its environment only, and is known by its identity', async () => {
    const code = "console.log(process.env.MINE, process.env.HOME, 'ready'); setInterval(() => {}, 1e6)";
    const identity = await startComponent(layout, script('a', code, { env: { MINE: 'yes' } }));
    await awaitReady(layout, script('a', ''), 60_000, NEVER);
    await expect(runningProcess(layout, 'a')).resolves.toEqual(identity);
    expect(await readFile(logFile(layout, 'a'), 'utf8')).toBe('yes undefined ready\n');
    await stopComponent(layout, 'a');
    expect(identityOf(identity.pid)).toBeUndefined();
    await expect(runningProcess(layout, 'a')).resolves.toBeUndefined();
  });

  test('that does not heed SIGTERM is killed after its grace', async () => {
    const component = script('a', STUBBORN);
    const { pid } = await startComponent(layout, component);
    await awaitReady(layout, component, 60_000, NEVER);
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
    await expect(awaitReady(layout, dying, 60_000, NEVER)).rejects.toThrow(
      /a ended while starting; its log ends:\nport is taken/,
    );
  });

  test('that is never ready fails after its time', async () => {
    const slow = script('a', 'setInterval(() => {}, 1e6)', { ready: () => Promise.reject(new Error('refused')) });
    await startComponent(layout, slow);
    await expect(awaitReady(layout, slow, 1, NEVER)).rejects.toThrow('a is not ready after 0 s');
  });

  test('that is awaited no longer leaves it to whoever started it', async () => {
    const slow = script('a', RUNS, { ready: async () => false });
    await startComponent(layout, slow);
    await expect(awaitReady(layout, slow, 60_000, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
    expect(await runningProcess(layout, 'a')).toBeDefined();
  });
});
