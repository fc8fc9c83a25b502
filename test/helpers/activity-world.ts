import type { ActivityDeps } from '../../src/activities/deps.js';
import { createRegistry } from '../../src/activities/providers/registry.js';
import type { KubeObject, ObjectKey } from '../../src/api/types/meta.js';
import { ANNOTATION } from '../../src/domain/names.js';
import type { KubeClient } from '../../src/kube/client.js';
import { FakeKube } from './fake-kube.js';
import { type FakeProvider, fakeProvider } from './fake-provider.js';

export const NOW = '2026-01-01T00:00:00Z';

/** A management cluster, a workload cluster and a cloud in memory, and what activities are given to work on them. */
export interface ActivityWorld {
  readonly kube: FakeKube;
  readonly workload: FakeKube;
  readonly provider: FakeProvider;
  readonly deps: ActivityDeps;
  /** `Reason Kind/name` of each Event. */
  readonly events: string[];
  readonly beats: string[];
  /** Called at each heartbeat, which every turn of a wait gives: where a test lets others act. */
  onBeat: (details: string) => void;
  /** Sets what deps.now() answers. */
  now: string;
  cancel(): void;
}

export interface WorldOptions {
  readonly objects?: readonly KubeObject[];
  readonly provider?: FakeProvider;
  /** What connecting to the workload cluster fails with. */
  readonly unreachable?: Error;
  /** Perdure gives Nodes their providerID. */
  readonly initializeNodes?: boolean;
}

/** A fresh world that holds `objects`. Waits turn every millisecond. */
export function activityWorld(options: WorldOptions = {}): ActivityWorld {
  const kube = new FakeKube({ now: () => new Date(NOW), objects: options.objects ?? [] });
  const workload = new FakeKube({ now: () => new Date(NOW) });
  const provider = options.provider ?? fakeProvider();
  const abort = new AbortController();
  const events: string[] = [];
  const beats: string[] = [];
  const world: ActivityWorld = {
    kube,
    workload,
    provider,
    events,
    beats,
    onBeat: () => undefined,
    now: NOW,
    cancel: () => abort.abort(),
    deps: {
      kube,
      providers: createRegistry([provider]),
      workload: async () => {
        if (options.unreachable) throw options.unreachable;
        return workload as unknown as KubeClient;
      },
      now: () => world.now,
      scope: () => ({
        signal: abort.signal,
        heartbeat: (details) => {
          beats.push(details);
          world.onBeat(details);
        },
      }),
      event: (object, _type, reason) => events.push(`${reason} ${object.kind}/${object.metadata.name}`),
      log: { info: () => undefined, warn: () => undefined },
      pollMs: 1,
      initializeNodes: options.initializeNodes ?? true,
    },
  };
  return world;
}

export const keyOf = (object: KubeObject): ObjectKey => ({
  kind: object.kind,
  namespace: object.metadata.namespace ?? '',
  name: object.metadata.name,
  uid: object.metadata.uid ?? '',
});

/** How many writes `work` sends. */
export async function writesOf(kube: FakeKube, work: () => Promise<unknown>): Promise<number> {
  const before = kube.writes().length;
  await work();
  return kube.writes().length - before;
}

/** All objects in a form in which equal worlds are equal: without versions, with random identities masked and uids as names. */
export function snapshot(kube: FakeKube): Record<string, KubeObject> {
  const all = kube.all();
  const path = (o: KubeObject): string => `${o.kind}/${o.metadata.namespace ?? ''}/${o.metadata.name}`;
  const names = new Map(all.map((o) => [o.metadata.uid ?? '', `uid of ${path(o)}`]));
  const masked = all.map((object) => {
    const { resourceVersion: _, ...metadata } = object.metadata;
    const id = metadata.annotations?.[ANNOTATION.id];
    const text = JSON.stringify({ ...object, metadata });
    const withoutId = id ? text.replaceAll(id, '<id>') : text;
    const plain = [...names].reduce((t, [uid, name]) => (uid ? t.replaceAll(`"${uid}"`, `"${name}"`) : t), withoutId);
    return [path(object), JSON.parse(plain) as KubeObject] as const;
  });
  return Object.fromEntries(masked.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What a killed process does: the write happened, its answer and everything after it did not. */
const KILLED = 'killed here';

/**
 * For every n: runs `work` in a fresh world, kills it after its n-th write, runs it again undisturbed, and gives the outcome to `check` beside that
 * of a run nobody disturbed. Answers how many writes an undisturbed run makes.
 */
export async function killedAfterEachWrite(
  make: () => ActivityWorld,
  work: (world: ActivityWorld) => Promise<unknown>,
  check: (after: Record<string, KubeObject>, undisturbed: Record<string, KubeObject>, n: number) => void,
): Promise<number> {
  const calm = make();
  await work(calm);
  const total = calm.kube.writes().length;
  for (let n = 1; n <= total; n++) {
    const world = make();
    const revive = killAfterWrite(world.kube, n);
    await work(world).then(
      () => undefined, // the last write may be one whose answer nobody waits for
      () => undefined,
    );
    revive();
    await work(world);
    check(snapshot(world.kube), snapshot(calm.kube), n);
  }
  return total;
}

function killAfterWrite(kube: FakeKube, n: number): () => void {
  let dead = false;
  const stopBefore = kube.before(() => {
    if (dead) throw new Error(KILLED);
  });
  const stopAfter = kube.after(() => {
    if (dead || kube.writes().length < n) return;
    dead = true;
    throw new Error(KILLED);
  });
  return () => {
    stopBefore();
    stopAfter();
  };
}
