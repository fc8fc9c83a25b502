import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { writeAtomic } from './files.js';
import { type Layout, layoutOf } from './layout.js';
import { identityOf, type ProcessIdentity } from './machines/processes.js';
import { releaseOwnership, supervisorOf, takeOwnership } from './ownership.js';

let layout: Layout;
beforeEach(async () => {
  layout = layoutOf(await mkdtemp(path.join(tmpdir(), 'perdure-owner-')));
});
afterEach(() => rm(layout.root, { recursive: true }));

const record = (identity: ProcessIdentity, phase = 'running'): Promise<void> =>
  writeAtomic(layout.supervisor, JSON.stringify({ ...identity, phase, components: [], restarts: {} }));
const somebody = (): ProcessIdentity => identityOf(process.ppid) as ProcessIdentity;

describe('the owner of a state directory', () => {
  test('is this process once it took it, as often as it likes, until it gives it back', async () => {
    await takeOwnership(layout);
    await takeOwnership(layout);
    expect(await supervisorOf(layout)).toMatchObject({ pid: process.pid, phase: 'starting' });
    await releaseOwnership(layout);
    expect(await supervisorOf(layout)).toBeUndefined();
    expect(await readdir(layout.root)).toEqual(['run']);
  });

  test.each([
    ['starting', 'is being started from'],
    ['running', 'runs already from'],
    ['stopping', 'is being stopped in'],
  ])('another that lives is in the way: %s', async (phase, text) => {
    await record(somebody(), phase);
    await expect(takeOwnership(layout)).rejects.toMatchObject({
      type: 'Conflict',
      message: expect.stringMatching(new RegExp(`^a sandbox ${text} ${layout.root} .*pid ${process.ppid}\\)`)),
    });
    await releaseOwnership(layout);
    expect(await supervisorOf(layout)).toMatchObject({ pid: process.ppid });
  });

  test('one that died is replaced, also when its process id is in use again', async () => {
    await record({ ...somebody(), startTime: '1' });
    await takeOwnership(layout);
    expect(await supervisorOf(layout)).toMatchObject({ pid: process.pid });
    expect((await readdir(layout.root)).sort()).toEqual(['run', 'supervisor.json']);
  });

  test('whose record is torn is replaced', async () => {
    await writeAtomic(layout.supervisor, '{"pid": 1');
    await takeOwnership(layout);
    expect(await supervisorOf(layout)).toMatchObject({ pid: process.pid });
  });
});
