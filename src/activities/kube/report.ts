import { apiVersionOf, KINDS } from '../../api/types/kinds.js';
import type { Condition, KubeObject, ObjectKey, ResourceKind } from '../../api/types/meta.js';
import { findCondition, mergeConditions } from '../../domain/conditions.js';
import { readPath } from '../../domain/contract.js';
import type { RecordedFailure } from '../../domain/facts.js';
import { failureText } from '../../domain/failure.js';
import { ANNOTATION } from '../../domain/names.js';
import type { Kube } from '../../kube/kube.js';
import type { ActivityDeps } from '../deps.js';
import type { AttemptReporter } from '../interceptors/failures.js';
import { readKey } from './world.js';
import { unlessGone } from './write.js';

/** Negative-polarity condition of an operation whose activity keeps failing; gone as soon as an attempt succeeds. */
export const RETRYING = 'OperationRetrying';
const MANAGER = 'perdure-reporter';

const kindOf = (key: ObjectKey): ResourceKind | undefined => (KINDS as Record<string, ResourceKind>)[key.kind];

/** Writes and clears the condition `OperationRetrying` on objects; its own field manager, so nobody else's status write touches it. */
export function createReporter(kube: Kube, now: () => string, log: ActivityDeps['log']): AttemptReporter {
  const write = async (key: ObjectKey, condition: { reason: string; message: string } | undefined): Promise<void> => {
    const kind = kindOf(key);
    if (!kind) return;
    const object = await kube.get<KubeObject>(kind, { namespace: key.namespace, name: key.name });
    if (!object || object.metadata.uid !== key.uid) return;
    const previous = (readPath(object, 'status.conditions') ?? []) as Condition[];
    if (!condition && !findCondition(previous, RETRYING)) return;
    const conditions = condition
      ? mergeConditions(
          previous,
          [{ type: RETRYING, status: 'True', ...condition }],
          object.metadata.generation ?? 1,
          now(),
        )
      : [];
    await kube.apply(
      kind,
      {
        apiVersion: apiVersionOf(kind),
        kind: kind.kind,
        metadata: { name: key.name, namespace: key.namespace, uid: key.uid },
        ...(condition ? { status: { conditions } } : {}),
      },
      { fieldManager: MANAGER, subresource: 'status' },
    );
  };
  const quietly = async (work: Promise<void>): Promise<void> => {
    try {
      await work;
    } catch (error) {
      log.warn('could not report an attempt on its object', {
        error: error instanceof Error ? error.message : String(error),
      });
    }
  };
  return {
    failing: (key, activity, attempt, error) =>
      quietly(
        write(key, { reason: error.type, message: `${activity}, attempt ${attempt}: ${error.message}`.slice(0, 400) }),
      ),
    recovered: (key) => quietly(write(key, undefined)),
  };
}

/** Keeps a failed operation on its object: annotation for the lane and for people, Event for `kubectl describe`. */
export async function recordFailure(deps: ActivityDeps, key: ObjectKey, failure: RecordedFailure): Promise<void> {
  const object = await setFailure(deps, key, failureText(failure));
  if (object)
    deps.event(object, 'Warning', `${failure.operation}Failed`, `${failure.type}: ${failure.message}`.slice(0, 1_000));
}

/** Forgets the failure, so that the lane operates again. */
export async function clearFailure(deps: ActivityDeps, key: ObjectKey): Promise<void> {
  await setFailure(deps, key, null);
}

async function setFailure(deps: ActivityDeps, key: ObjectKey, text: string | null): Promise<KubeObject | undefined> {
  const kind = kindOf(key);
  if (!kind) return undefined;
  const { signal } = deps.scope();
  const object = await readKey<KubeObject>(deps.kube, kind, key, signal);
  if (!object || (object.metadata.annotations?.[ANNOTATION.lastFailure] ?? null) === text) return object;
  const patch = { metadata: { uid: key.uid, annotations: { [ANNOTATION.lastFailure]: text } } };
  const ref = { namespace: key.namespace, name: key.name };
  return unlessGone(deps.kube.mergePatch<KubeObject>(kind, ref, patch, { signal }));
}
