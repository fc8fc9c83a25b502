import type { AWSCluster, Machine } from '../../src/api/types/index.js';
import { KINDS } from '../../src/api/types/kinds.js';
import { isControlPlaneMachine } from '../../src/domain/contract.js';
import { Reflector } from '../../src/kube/reflector.js';
import { Ceiling, lostQuorum } from '../../src/sandbox/chaos/invariants.js';
import { silentLog } from '../../src/telemetry/log.js';
import { type EtcdWatch, watchEtcd } from '../e2e/etcd.js';
import type { Arena } from './arena.js';
import type { Size, Target } from './look.js';

/** Looks in a row, seconds apart, without a majority of etcd: one of them may be due to a busy host, not so many. */
const LOST_LOOKS = 3;
const LOOK_MS = 2_000;

/** Watches over a cluster at every moment of its life, not only at the end of a phase. */
export interface Guard {
  /** From now on there may be at most so many machines; less than now only once there were so few. */
  allow(most: Size): void;
  /** Begins to watch etcd, once there is one; does nothing when it is watched. */
  watchEtcd(): Promise<void>;
  /** Why etcd's members are not exactly those of so many machines; undefined when they are, or nobody looks. */
  members(controlPlane: number): string | undefined;
  /** What was broken since the last call. */
  broken(): string[];
  stopEtcd(): Promise<void>;
  stop(): Promise<void>;
}

const ROLES = ['controlPlane', 'workers'] as const;

/** Machines of one role. Each counts until it is gone: it is a member of etcd, or an instance beside the one that takes its place. */
function counted(machines: Iterable<Machine>, role: keyof Size): Machine[] {
  return [...machines].filter((m) => isControlPlaneMachine(m) === (role === 'controlPlane'));
}

/** Starts to watch the Machines of a namespace. */
export function guardOf(arena: Arena, target: Target): Guard {
  const { namespace } = target;
  const stopped = new AbortController();
  const found = new Set<string>();
  let told = 0;
  const ceilings = { controlPlane: new Ceiling(), workers: new Ceiling() };
  let etcd: EtcdWatch | undefined;
  let looked = 0;

  const count = (machines: Iterable<Machine>): void => {
    for (const role of ROLES) {
      const now = counted(machines, role);
      const most = ceilings[role].exceeds(now.length);
      if (most === undefined) continue;
      const names = now.map((m) => m.metadata.name).join(', ');
      found.add(`${now.length} ${role} machines at once instead of at most ${most}: ${names}`);
    }
  };
  const reflector: Reflector<Machine> = new Reflector<Machine>({
    client: arena.kube,
    kind: KINDS.Machine,
    namespace,
    log: silentLog,
    onEvent: () => count([...reflector.values()]),
  });
  const loop = reflector.run(stopped.signal);

  const quorum = (): void => {
    const looks = (etcd?.samples ?? []).map(({ voters, healthy }) => ({ voters: voters.length, healthy }));
    const row = lostQuorum(looks, LOST_LOOKS, looked);
    if (row) found.add(`etcd had no quorum: ${row.map((l) => `${l.healthy} of ${l.voters}`).join(', ')} healthy`);
    looked = Math.max(0, looks.length - LOST_LOOKS + 1);
  };

  return {
    allow(most) {
      for (const role of ROLES) ceilings[role].allow(most[role]);
      count([...reflector.values()]);
    },
    async watchEtcd() {
      if (etcd) return;
      const cluster = await arena.kube.get<AWSCluster>(KINDS.AWSCluster, target);
      const vpcId = cluster?.spec?.network?.vpc?.id;
      if (!vpcId) throw new Error(`AWSCluster ${target.name} does not name its VPC`);
      looked = 0;
      etcd = await watchEtcd(arena.layout, LOOK_MS, vpcId);
    },
    members(controlPlane) {
      const last = etcd?.samples.at(-1);
      if (!last) return undefined;
      const { voters, healthy } = last;
      const right = voters.length === controlPlane && !voters.includes('') && healthy === controlPlane;
      return right
        ? undefined
        : `etcd has members ${voters.map((v) => v || 'unstarted').join(', ')}, ${healthy} healthy`;
    },
    broken() {
      quorum();
      const news = [...found].slice(told);
      told = found.size;
      return news;
    },
    async stopEtcd() {
      await etcd?.stop();
      quorum();
      etcd = undefined;
    },
    async stop() {
      stopped.abort();
      await etcd?.stop();
      await loop;
    },
  };
}
