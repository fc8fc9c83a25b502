import { expect, test } from '@jest/globals';
import type { Cluster } from '../../api/types/index.js';
import { holdOf, probeGraceSeconds } from './connection.js';

const NOW = Date.parse('2026-01-01T01:00:00Z');
const ago = (seconds: number): number => NOW - seconds * 1_000;
const at = (seconds: number): string => new Date(ago(seconds)).toISOString();

function cluster(probe?: { readonly status: string; readonly since: number }, initializedSince?: number): Cluster {
  const conditions = [
    ...(probe ? [{ type: 'RemoteConnectionProbe', status: probe.status, lastTransitionTime: at(probe.since) }] : []),
    ...(initializedSince === undefined
      ? []
      : [{ type: 'ControlPlaneInitialized', status: 'True', lastTransitionTime: at(initializedSince) }]),
  ];
  return { metadata: { name: 'demo' }, spec: {}, status: { conditions } } as unknown as Cluster;
}

test.each<[string, Cluster, number | undefined, ReturnType<typeof holdOf>]>([
  ['somebody reaches it', cluster({ status: 'True', since: 9_000 }, 9_000), ago(9_000), { holds: true }],
  ['nothing is known yet', cluster(), undefined, { holds: true }],
  [
    'told lost for 4 min 9 s, so 4 min 59 s silent',
    cluster({ status: 'False', since: 249 }),
    undefined,
    { holds: true, forSeconds: 1 },
  ],
  ['told lost for 4 min 10 s', cluster({ status: 'False', since: 250 }), undefined, { holds: false }],
  [
    'told lost long ago, but it answered this process',
    cluster({ status: 'False', since: 999 }),
    ago(200),
    { holds: true, forSeconds: 100 },
  ],
  ['told lost long ago, answered before', cluster({ status: 'False', since: 999 }), ago(300), { holds: false }],
  [
    'initialized a moment ago',
    cluster({ status: 'False', since: 999 }, 10),
    undefined,
    { holds: true, forSeconds: 290 },
  ],
])('what was last seen of a cluster of which %s', (_, object, answered, expected) => {
  expect(holdOf(object, answered, NOW)).toEqual(expected);
});

test.each([
  [undefined, 0],
  [ago(0), 50],
  [ago(49), 1],
  [ago(50), 0],
])('a probe that fails, the last answer being from %s, is told in %i seconds', (answered, seconds) => {
  expect(probeGraceSeconds(answered, NOW)).toBe(seconds);
});
