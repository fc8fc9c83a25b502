import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

export const GROUPS = [
  'kills',
  'cuts',
  'faults',
  'temporal',
  'apiserver',
  'control-planes',
  'control-planes-faults',
  'workers',
  'workers-faults',
] as const;
export type Group = (typeof GROUPS)[number];

export interface Options {
  readonly groups: readonly Group[];
  /** At most so many kill points; all when absent. */
  readonly points?: number;
  readonly seed: number;
  readonly dir: string;
  /** Kills of one life. */
  readonly perLife: number;
  /** Lives in which a point may fail to come by before it counts as missed. */
  readonly chances: number;
  /** Lives at the same time, each a cluster in its own namespace. */
  readonly parallel: number;
  /** Worker processes; a kill takes one of them. */
  readonly workers: number;
  /** Whether the control plane is scaled 1 → 3 → 1 too. */
  readonly controlPlane: boolean;
  /** Stops at the first failure with everything running, until a signal comes. */
  readonly hold: boolean;
}

export const USAGE = `usage: npm run test:chaos -- [options]

Kills processes at every boundary, deletes half-made clusters, drops answers, throttles, wipes Temporal's database and restarts the API server
while clusters are created, scaled, upgraded, healed and deleted on machines that boot. At every moment there may be no machine too many, and etcd
needs its quorum; afterwards each thing has to exist exactly once, or not at all.

  --only GROUP      ${GROUPS.join(', ')}; may be repeated
  --points N        at most N kill points, spread over all of them
  --seed N          which ones (default 1)
  --per-life N      kills during one cluster's life (default 24)
  --chances N       lives in which a point may fail to come by before it is called missed (default 3)
  --parallel N      clusters at the same time (default 4)
  --workers N       worker processes (default 4)
  --no-control-plane  leave out scaling the control plane 1 → 3 → 1
  --dir DIR         state directory (default below the system's temporary directory)
  --hold            at the first failure stop with everything running
`;

/** Reads the command line; undefined when help was asked for. Throws naming the wrong option. */
export function readOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', multiple: true },
      points: { type: 'string' },
      seed: { type: 'string', default: '1' },
      'per-life': { type: 'string', default: '24' },
      chances: { type: 'string', default: '3' },
      parallel: { type: 'string', default: '4' },
      workers: { type: 'string', default: '4' },
      'no-control-plane': { type: 'boolean', default: false },
      dir: { type: 'string', default: path.join(tmpdir(), 'perdure-chaos') },
      hold: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const count = (name: string, text: string): number => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} ${text} is not a whole number of 1 or more`);
    return value;
  };
  const groups = (values.only ?? [...GROUPS]).map((name) => {
    const group = GROUPS.find((g) => g === name);
    if (!group) throw new Error(`--only ${name} is not known; use one of ${GROUPS.join(', ')}`);
    return group;
  });
  return {
    groups,
    ...(values.points === undefined ? {} : { points: count('points', values.points) }),
    seed: count('seed', values.seed),
    perLife: count('per-life', values['per-life']),
    chances: count('chances', values.chances),
    parallel: count('parallel', values.parallel),
    workers: count('workers', values.workers),
    controlPlane: !values['no-control-plane'],
    dir: path.resolve(values.dir),
    hold: values.hold,
  };
}
