import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { lockHolder, takeLock } from './lock.js';
import { hostPaths } from './paths.js';
import { childrenOf, commandLine, identityOf, isRunning } from './processes.js';

describe('the lock of a state directory', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'perdure-lock-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  test('is held by one process', () => {
    const release = takeLock(dir);
    expect(lockHolder(dir)?.pid).toBe(process.pid);
    expect(() => takeLock(dir)).toThrow(`has a machine host already, process ${process.pid}`);
    release();
    expect(lockHolder(dir)).toBeUndefined();
    takeLock(dir)();
  });

  test('of a dead process, or of an earlier one with its pid, is replaced', () => {
    writeFileSync(hostPaths(dir).lock, JSON.stringify({ ...identityOf(process.pid), startTime: '1' }));
    expect(lockHolder(dir)).toBeUndefined();
    takeLock(dir)();
    writeFileSync(hostPaths(dir).lock, 'torn');
    takeLock(dir)();
  });
});

describe('processes', () => {
  test('are told apart by start time, boot and command line', () => {
    const own = identityOf(process.pid);
    if (!own) throw new Error('no identity');
    expect(isRunning(own)).toBe(true);
    expect(isRunning(own, process.argv[1])).toBe(true);
    expect(isRunning(own, 'not in this command line')).toBe(false);
    expect(isRunning({ ...own, bootId: 'another boot' })).toBe(false);
    expect(commandLine(process.pid)).toContain('node');
    expect(childrenOf(process.ppid)).toContain(process.pid);
  });
});
