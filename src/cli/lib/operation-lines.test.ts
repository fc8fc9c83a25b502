import { describe, expect, test } from '@jest/globals';
import { aheadLines, endLine, liveLines, operationsTable } from './operation-lines.js';
import type { OperationView } from './operations.js';

const NOW = Date.parse('2025-01-10T00:05:00Z');
const running: OperationView = {
  operation: 'CreateCluster',
  object: 'Cluster default/demo',
  status: 'RUNNING',
  started: '2025-01-10T00:00:00.000Z',
  workflowId: 'w',
  runId: 'r',
  events: 10,
  progress: {
    operation: 'CreateCluster',
    steps: [
      { name: 'one', state: 'done' },
      { name: 'two', state: 'running' },
    ],
    waitingFor: 'the control plane\n  to be available',
  },
};
const { progress: _progress, ...rest } = running;
const failed: OperationView = {
  ...rest,
  status: 'FAILED',
  closed: '2025-01-10T00:01:00.000Z',
  failure: { type: 'QuotaExceeded', message: 'no VPC left' },
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes begin with ESC
const plain = (text: string): string => text.replaceAll(/\u001b\[[0-9;]*m/g, '');

describe('operations as lines', () => {
  test('a table row has progress and what is waited for, or the failure', () => {
    const [, first, second] = plain(operationsTable([running, failed], NOW)).split('\n');
    expect(first).toMatch(
      /^CreateCluster +Cluster default\/demo +RUNNING +5m +\[#{5}\.{5}\] 1\/2 +the control plane to be available$/,
    );
    expect(second).toMatch(/FAILED +5m +QuotaExceeded: no VPC left$/);
  });

  test('a live line has a bar, is aligned with the others and fits the terminal', () => {
    const [first = '', second = ''] = liveLines([running, { ...rest, operation: 'Drift' }], { now: NOW });
    expect(first).toBe(
      'CreateCluster  Cluster default/demo  5m  [##########..........] 1/2  the control plane to be available',
    );
    expect(second).toBe('Drift          Cluster default/demo  5m');
    for (const width of [1, 40, 80]) expect(liveLines([running], { now: NOW, width })[0]).toHaveLength(width);
    expect(liveLines([running], { now: NOW, width: 80 })[0]).toMatch(/…$/);
  });

  test('without a clock a live line changes with its operation only', () => {
    expect(liveLines([running])).toEqual([
      'CreateCluster  Cluster default/demo  [##########..........] 1/2  the control plane to be available',
    ]);
    expect(liveLines([])).toEqual([]);
  });

  test('an end line says how it ended and why', () => {
    expect(plain(endLine(failed))).toMatch(/Cluster default\/demo +FAILED after 60s {2}QuotaExceeded: no VPC left$/);
    const completed = { ...failed, status: 'COMPLETED', failure: undefined } as unknown as OperationView;
    expect(plain(endLine(completed))).toMatch(/COMPLETED after 60s$/);
  });

  test('say what is ahead, as far as anybody reads', () => {
    const ahead = Array.from({ length: 10 }, (_, i) => `step ${i + 1}`);
    const lines = aheadLines([running, { ...running, ahead }]).map(plain);
    expect(lines).toEqual([
      'ahead of CreateCluster Cluster default/demo:',
      ...ahead.slice(0, 8).map((step) => `  ${step}`),
      '  and 2 more',
    ]);
  });
});
