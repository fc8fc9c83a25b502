import type { KubeObject, ResourceKind } from '../../../api/types/meta.js';
import type { Kube } from '../../../kube/kube.js';
import { sameJson } from './equal.js';
import { FIELD_MANAGER } from './scope.js';

/** An object and the means to write to it. */
export interface Recorder<T> {
  /** Newest stored state this process has seen. */
  readonly object: T;
  /** Applies `change` to the newest state with an optimistic lock; writes only when something differs. */
  store(change: (copy: T) => void, subresource?: 'status'): Promise<void>;
}

/** Records on one object what was made for it. */
export function recorder<T extends KubeObject>(
  kube: Kube,
  kind: ResourceKind,
  first: T,
  signal: AbortSignal,
): Recorder<T> {
  const { name, namespace = '' } = first.metadata;
  let object = first;
  return {
    get object() {
      return object;
    },
    async store(change, subresource) {
      const known = structuredClone(object);
      change(known);
      if (sameJson(known, object)) return;
      const stored = await kube.modify<T>(
        kind,
        { namespace, name },
        (current) => {
          const copy = structuredClone(current);
          change(copy);
          if (!sameJson(copy, current)) return copy;
          object = current;
          return undefined;
        },
        { fieldManager: FIELD_MANAGER, signal, ...(subresource ? { subresource } : {}) },
      );
      if (stored) object = stored;
    },
  };
}
