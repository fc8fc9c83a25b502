import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { until } from '../../test/helpers/perdure.js';
import { type Component, runningProcess } from './component.js';
import { type Layout, layoutOf } from './layout.js';
import { readLosses } from './losses.js';
import { markedProcesses } from './mark.js';
import { sandboxStatus } from './status.js';
import { type Supervision, supervise } from './supervisor.js';
import { stopLeftovers, sweepSandbox } from './sweep.js';

let layout: Layout;
let said: string[];
let supervision: Supervision;

beforeEach(async () => {
  layout = layoutOf(await mkdtemp(path.join(tmpdir(), 'perdure-supervisor-')));
  said = [];
  supervision = supervise(layout, { say: (line) => said.push(line) });
});
afterEach(async () => {
  await supervision.stop();
  await sweepSandbox(layout, async () => undefined);
  expect(markedProcesses(layout.root)).toEqual([]);
  await rm(layout.root, { recursive: true });
});

/** A part that is a shell script: it serves once it has made its file, which comes after `begin`. */
function part(name: string, begin = ':', more: Partial<Component> = {}): Component {
  const flag = path.join(layout.root, `${name}.up`);
  return {
    name,
    command: '/bin/sh',
    args: ['-c', `${begin}; touch ${flag}; exec sleep 600`],
    ready: async () => existsSync(flag),
    restart: true,
    ...more,
  };
}

/** Kills a process that has to be there: id 0 would be this process's own group. */
function kill(pid: number | undefined): void {
  if (!pid) throw new Error('it does not run');
  process.kill(pid, 'SIGKILL');
}

const pidOf = async (name: string): Promise<number | undefined> => (await runningProcess(layout, name))?.pid;

describe('a supervised part', () => {
  test('is started again when it is killed, and what it held is told', async () => {
    await supervision.start(part('plain'));
    await supervision.start(part('holder', undefined, { holds: 'its words' }));
    supervision.watch();
    const before = { plain: await pidOf('plain'), holder: await pidOf('holder') };
    for (const pid of Object.values(before)) kill(pid);
    await until('both to run again', 60, async () => {
      const now = await Promise.all([pidOf('plain'), pidOf('holder')]);
      return now.every((pid) => pid !== undefined && pid !== before.plain && pid !== before.holder) ? true : undefined;
    });
    expect(said).toContain('plain ended; starting it again (restart 1)');
    expect(said.join('\n')).toContain('holder: its words are lost; it starts empty');
    expect(await readLosses(layout)).toMatchObject([{ component: 'holder', what: 'its words' }]);
    const { components } = await sandboxStatus(layout);
    expect(components).toMatchObject([
      { name: 'plain', restarts: 1 },
      { name: 'holder', restarts: 1 },
    ]);
  });

  test('that is meant to end is left ended', async () => {
    await supervision.start(part('once', ':', { restart: false }));
    await supervision.start(part('plain'));
    supervision.watch();
    const plain = await pidOf('plain');
    for (const pid of [await pidOf('once'), plain]) kill(pid);
    await until('the other', 60, async () => {
      const pid = await pidOf('plain');
      return pid !== undefined && pid !== plain ? true : undefined;
    });
    expect(await pidOf('once')).toBeUndefined();
    expect(said).toEqual(['plain ended; starting it again (restart 1)']);
  });

  test('that cannot start any more is tried again, with its log, and does not keep others waiting', async () => {
    const broken = path.join(layout.root, 'broken');
    await supervision.start(part('sick', `[ -e ${broken} ] && { echo no licence; exit 3; }; true`));
    await supervision.start(part('well'));
    supervision.watch();
    await writeFile(broken, '');
    await rm(path.join(layout.root, 'sick.up'));
    const sick = await pidOf('sick');
    const well = await pidOf('well');
    for (const pid of [sick, well]) kill(pid);
    await until('the log of the sick one', 60, async () => said.find((line) => line.includes('no licence')));
    await until('the other', 60, async () => {
      const pid = await pidOf('well');
      return pid !== undefined && pid !== well ? true : undefined;
    });
    await rm(broken);
    await until('the sick one', 60, pidOf.bind(null, 'sick'));
  });

  test('that never serves makes the start fail with the end of its log', async () => {
    await expect(supervision.start(part('sick', 'exit 3', { ready: async () => false }))).rejects.toThrow(
      'sick ended while starting; its log ends:',
    );
    await expect(supervision.start({ ...part('none'), command: '/no/such/program' })).rejects.toThrow(
      'none: cannot run /no/such/program',
    );
  });

  test('that is being started is stopped with the rest', async () => {
    const start = supervision.start(part('slow', undefined, { ready: async () => false }));
    await until('its process', 60, pidOf.bind(null, 'slow'));
    await Promise.all([expect(start).rejects.toThrow('the sandbox is being stopped'), supervision.stop()]);
    expect(await pidOf('slow')).toBeUndefined();
    await expect(supervision.start(part('late'))).rejects.toThrow('the sandbox is being stopped');
  });
});

describe('the next supervisor', () => {
  test('keeps the process of a part that holds things, and starts the others anew', async () => {
    await supervision.start(part('emulated-aws', undefined, { keep: true, holds: 'all clouds' }));
    await supervision.start(part('plain'));
    const before = { held: await pidOf('emulated-aws'), plain: await pidOf('plain') };
    const next = supervise(layout, { say: (line) => said.push(line), resumed: true });
    await stopLeftovers(layout);
    expect(await pidOf('plain')).toBeUndefined();
    await next.start(part('emulated-aws', undefined, { keep: true, holds: 'all clouds' }));
    await next.start(part('plain'));
    expect(await pidOf('emulated-aws')).toBe(before.held);
    expect(await pidOf('plain')).not.toBe(before.plain);
    expect(await readLosses(layout)).toEqual([]);
    await next.stop();
  });

  test('tells what is lost when that process is gone', async () => {
    const next = supervise(layout, { say: (line) => said.push(line), resumed: true });
    await next.start(part('emulated-aws', undefined, { keep: true, holds: 'all clouds' }));
    expect(await readLosses(layout)).toMatchObject([{ component: 'emulated-aws' }]);
    await next.stop();
  });
});

test('a process that was never written down is found by its mark', async () => {
  await supervision.start(part('plain'));
  await rm(path.join(layout.run, 'plain.json'));
  expect(markedProcesses(layout.root)).toMatchObject([{ component: 'plain' }]);
  await stopLeftovers(layout);
  expect(markedProcesses(layout.root)).toEqual([]);
});
