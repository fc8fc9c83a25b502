import { expect } from '@jest/globals';
import { prune } from '../../src/activities/kube/write.js';
import { validatorOf } from '../../src/api/schema/validate.js';
import type { Condition, KubeObject } from '../../src/api/types/meta.js';

/** `True`/`False`/`Unknown` and reason of each condition by type, e.g. `{ Ready: 'False NotReady' }`. */
export function verdicts(status: unknown): Record<string, string> {
  const conditions = (status as { conditions?: Condition[] }).conditions ?? [];
  return Object.fromEntries(conditions.map((c) => [c.type, `${c.status} ${c.reason}`]));
}

/** The message of one condition. */
export function messageOf(status: unknown, type: string): string | undefined {
  return (status as { conditions?: Condition[] }).conditions?.find((c) => c.type === type)?.message;
}

/** The status, as it would be sent, is one the object's schema takes. */
export function expectValid(object: KubeObject, status: unknown): void {
  const check = validatorOf(object.apiVersion, object.kind);
  expect(check?.({ ...object, status: prune(status) })).toEqual([]);
}
