import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { ChaosControl, passBoundary } from './boundary.js';

let dir: string;
let control: ChaosControl;

beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'perdure-chaos-'));
  control = new ChaosControl(dir);
});

afterEach(() => {
  jest.restoreAllMocks();
  rmSync(dir, { recursive: true, force: true });
});

describe('passBoundary', () => {
  test('writes passages down, and nothing while there is no phase', () => {
    passBoundary(dir, 'a', 'infraEnsure.vpc', 'before');
    control.phase('a', 'create');
    passBoundary(dir, 'a', 'infraEnsure.vpc', 'before');
    passBoundary(dir, 'b', 'infraEnsure.vpc', 'before');
    control.phase('a', undefined);
    passBoundary(dir, 'a', 'infraEnsure.vpc', 'after');
    expect(control.journal().map((p) => [p.namespace, p.point, p.killed])).toEqual([
      ['a', 'create/infraEnsure.vpc:before', false],
    ]);
  });

  test('kills its process once at an armed point, only in that namespace and phase, with the passage written before', () => {
    const kill = jest.spyOn(process, 'kill').mockImplementation(() => {
      expect(control.journal().at(-1)?.killed).toBe(true);
      return true;
    });
    control.arm('a', ['create/x:after', 'delete/x:after']);
    control.phase('a', 'create');
    control.phase('b', 'create');
    passBoundary(dir, 'b', 'x', 'after');
    passBoundary(dir, 'a', 'x', 'before');
    expect(kill).not.toHaveBeenCalled();
    passBoundary(dir, 'a', 'x', 'after');
    passBoundary(dir, 'a', 'x', 'after');
    expect(kill.mock.calls).toEqual([[process.pid, 'SIGKILL']]);
    expect(control.claimed('a')).toEqual(['create/x:after']);
    expect(control.pending('a')).toEqual(['delete/x:after']);
    control.arm('a', []);
    expect([...control.pending('a'), ...control.claimed('a')]).toEqual([]);
  });
});
