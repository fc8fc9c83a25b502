import type { KubeObject } from '../../api/types/meta.js';
import { PerdureError } from '../../domain/errors.js';
import type { InfraProvider } from '../providers/port.js';

/**
 * A cloud's error typed by its provider, with the object the call was made for in front: clouds name calls and values, people look for objects.
 * Errors that name the object, or that are not about it (throttling, waits), stay as they are.
 */
export function classifiedFor(provider: InfraProvider, object: KubeObject, error: unknown): PerdureError {
  const known = provider.classify(error);
  const { name, namespace = '' } = object.metadata;
  if (known.type === 'NotYet' || known.type === 'Throttled' || known.message.includes(`${namespace}/${name}`))
    return known;
  return new PerdureError(known.type, `${object.kind} ${namespace}/${name}: ${known.message}`, {
    cause: known,
    details: known.details,
    ...(known.retryAfterMs === undefined ? {} : { retryAfterMs: known.retryAfterMs }),
  });
}
