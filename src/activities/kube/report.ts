import { apiVersionOf, KINDS } from '../../api/types/kinds.js';
import type { Condition, KubeObject, ObjectKey, ResourceKind } from '../../api/types/meta.js';
import { findCondition, mergeConditions } from '../../domain/conditions.js';
import { readPath } from '../../domain/contract.js';
import { TERMINAL_FAILURES } from '../../domain/errors.js';
import type { CommonFacts, RecordedFailure } from '../../domain/facts.js';
import { failureText, readFailure } from '../../domain/failure.js';
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

/** Writes the condition `OperationRetrying` of an object, or takes it away; its own field manager, so nobody else's status write touches it. */
async function writeRetrying(
  kube: Kube,
  now: () => string,
  key: ObjectKey,
  condition: { reason: string; message: string } | undefined,
): Promise<void> {
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
}

/** Shows failing attempts of activities on the objects they act for. Never throws. */
export function createReporter(kube: Kube, now: () => string, log: ActivityDeps['log']): AttemptReporter {
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
    failing: (key, activity, attempt, error) => {
      const message = `${activity}, attempt ${attempt}: ${error.message}`.slice(0, 400);
      return quietly(writeRetrying(kube, now, key, { reason: error.type, message }));
    },
    recovered: (key) => quietly(writeRetrying(kube, now, key, undefined)),
  };
}

/**
 * Keeps a failed operation on its object: annotation for the lane and for people, Event for `kubectl describe`. One that the lane tries again by itself
 * shows as condition `OperationRetrying` instead.
 */
export async function recordFailure(deps: ActivityDeps, key: ObjectKey, failure: RecordedFailure): Promise<void> {
  const { operation, type, message } = failure;
  const object = TERMINAL_FAILURES.has(type)
    ? await setFailure(deps, key, failureText(failure))
    : await showRetrying(deps, key, failure);
  const severity = type === 'Cancelled' ? 'Normal' : 'Warning';
  const reason = `${operation}${type === 'Cancelled' ? 'Cancelled' : 'Failed'}`;
  if (object) deps.event(object, severity, reason, `${type}: ${message}`.slice(0, 1_000));
}

async function showRetrying(
  deps: ActivityDeps,
  key: ObjectKey,
  { operation, type, message }: RecordedFailure,
): Promise<KubeObject | undefined> {
  const kind = kindOf(key);
  const object = kind && (await readKey<KubeObject>(deps.kube, kind, key, deps.scope().signal));
  const condition = { reason: type, message: `${operation}: ${message}`.slice(0, 400) };
  if (object) await unlessGone(writeRetrying(deps.kube, deps.now, key, condition));
  return object;
}

/**
 * A lane's look at its object, after which nothing is left on it of operations that ended: a recorded failure whose cause may be gone, a report of
 * attempts that nobody makes any more.
 */
export async function lookAfresh<F extends CommonFacts>(
  deps: ActivityDeps,
  key: ObjectKey,
  assess: () => Promise<F>,
): Promise<F> {
  const facts = await assess();
  const kind = kindOf(key);
  if (!kind || !facts.exists || facts.paused) return facts;
  const object = await readKey<KubeObject>(deps.kube, kind, key, deps.scope().signal);
  if (!object) return facts;
  const recorded = readFailure(object);
  if (recorded && recorded.attempt !== facts.attempt) await setFailure(deps, key, null);
  const conditions = readPath(object, 'status.conditions') as Condition[] | undefined;
  if (findCondition(conditions, RETRYING)) await unlessGone(writeRetrying(deps.kube, deps.now, key, undefined));
  return facts;
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
