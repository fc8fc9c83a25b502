import type { KubeObject, ResourceKind } from '../api/types/meta.js';
import { LABEL } from '../domain/names.js';
import type { Log } from '../telemetry/log.js';
import type { KubeClient } from './client.js';
import { Reflector, type StoreEvent } from './reflector.js';

/**
 * Tells waits that something they wait for changed. Only a hint: what changed has to be read, and a wait still looks by itself now and then. Topics are
 * made by `topicsOf` and by whoever calls `tell`.
 */
export interface Changes {
  /** A point in time to wait from: nothing that is told after it is missed. */
  mark(): number;
  /** True while all changes of these kinds are heard of. Begins to listen to a kind at the first question about it, and never ends. */
  heard(kinds: readonly ResourceKind[]): boolean;
  /** Resolves once one of the topics was told of after `since`; rejects with the signal's reason. */
  next(topics: readonly string[], since: number, signal: AbortSignal): Promise<void>;
  tell(topics: readonly string[]): void;
}

/** Topic of one object. */
export const objectTopic = (ref: {
  readonly kind: string;
  readonly namespace?: string | undefined;
  readonly name: string;
}): string => `${ref.kind}/${ref.namespace ?? ''}/${ref.name}`;

/** Topic of all that an object controls. */
export const ownerTopic = (uid: string): string => `owner/${uid}`;

/** Topic of all that is labelled as a cluster's, the Cluster included. */
export const clusterTopic = (namespace: string, cluster: string): string => `cluster/${namespace}/${cluster}`;

/** Every topic that a change of an object belongs to. */
export function topicsOf(kind: string, object: KubeObject): string[] {
  const { namespace = '', name, labels, ownerReferences = [] } = object.metadata;
  const cluster = kind === 'Cluster' ? name : labels?.[LABEL.clusterName];
  return [
    objectTopic({ kind, namespace, name }),
    ...ownerReferences.map((owner) => ownerTopic(owner.uid)),
    ...(cluster === undefined ? [] : [clusterTopic(namespace, cluster)]),
  ];
}

/** After so many changes those are forgotten that no wait can be asking about any more. */
const FORGET_EVERY = 10_000;
const REMEMBER = 50_000;

interface Waiter {
  readonly topics: ReadonlySet<string>;
  readonly wake: () => void;
}

/** Keeps the number of the latest change of each topic; listening is done by `createChanges`. */
export class ChangeHub {
  #count = 0;
  readonly #latest = new Map<string, number>();
  readonly #waiters = new Map<string, Set<Waiter>>();

  mark(): number {
    return this.#count;
  }

  tell(topics: readonly string[]): void {
    this.#count++;
    for (const topic of topics) {
      // re-inserted, so that the map is in order of age
      this.#latest.delete(topic);
      this.#latest.set(topic, this.#count);
      for (const waiter of [...(this.#waiters.get(topic) ?? [])]) waiter.wake();
    }
    if (this.#count % FORGET_EVERY === 0) this.#forget();
  }

  next(topics: readonly string[], since: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (topics.some((topic) => (this.#latest.get(topic) ?? 0) > since)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const done = (): void => {
        signal.removeEventListener('abort', stop);
        this.#leave(waiter);
      };
      const waiter: Waiter = {
        topics: new Set(topics),
        wake: () => {
          done();
          resolve();
        },
      };
      const stop = (): void => {
        done();
        reject(signal.reason);
      };
      signal.addEventListener('abort', stop, { once: true });
      for (const topic of waiter.topics) {
        const waiting = this.#waiters.get(topic) ?? new Set();
        this.#waiters.set(topic, waiting.add(waiter));
      }
    });
  }

  #leave(waiter: Waiter): void {
    for (const topic of waiter.topics) {
      const waiting = this.#waiters.get(topic);
      waiting?.delete(waiter);
      if (waiting?.size === 0) this.#waiters.delete(topic);
    }
  }

  #forget(): void {
    for (const [topic, count] of this.#latest) {
      if (count > this.#count - REMEMBER) return;
      this.#latest.delete(topic);
    }
  }
}

/**
 * Changes of the objects of one API server, by one metadata-only watch per kind that somebody asks about: a thousand waits cost no more reads than
 * there are changes. Ends with `signal`.
 */
export function createChanges(client: Pick<KubeClient, 'listAll' | 'watch'>, log: Log, signal: AbortSignal): Changes {
  const hub = new ChangeHub();
  const reflectors = new Map<string, Reflector>();
  const follow = (kind: ResourceKind): Reflector => {
    const id = `${kind.group}/${kind.kind}`;
    const known = reflectors.get(id);
    if (known) return known;
    const onEvent = ({ object }: StoreEvent<KubeObject>): void => hub.tell(topicsOf(kind.kind, object));
    const reflector = new Reflector<KubeObject>({ client, kind, metadataOnly: true, log, onEvent });
    reflectors.set(id, reflector);
    void reflector.run(signal);
    return reflector;
  };
  return {
    mark: () => hub.mark(),
    tell: (topics) => hub.tell(topics),
    next: (topics, since, abort) => hub.next(topics, since, abort),
    heard: (kinds) => kinds.map(follow).every((reflector) => reflector.healthy()),
  };
}
