import { defineSearchAttributeKey, TypedSearchAttributes } from '@temporalio/common';
import type { ObjectKey } from '../../api/types/meta.js';

const keyword = (name: string) => defineSearchAttributeKey(name, 'KEYWORD');

const CLUSTER = keyword('PerdureCluster');
const KIND = keyword('PerdureKind');
const OBJECT = keyword('PerdureObject');
const PROVIDER = keyword('PerdureProvider');
const OPERATION = keyword('PerdureOperation');
const PHASE = keyword('PerdurePhase');
const REASON = keyword('PerdureReason');

/** Search attributes of a lane or an operation: plain text, never encrypted, at most 255 characters each. */
export function attributesOf(
  key: ObjectKey,
  options: {
    readonly cluster: string;
    readonly operation?: string;
    readonly provider?: string;
    readonly reason?: string;
  },
): TypedSearchAttributes {
  const cut = (text: string): string => text.slice(0, 250);
  return new TypedSearchAttributes([
    { key: CLUSTER, value: cut(options.cluster) },
    { key: KIND, value: key.kind },
    { key: OBJECT, value: cut(`${key.namespace}/${key.name}`) },
    ...(options.provider ? [{ key: PROVIDER, value: options.provider }] : []),
    ...(options.operation
      ? [
          { key: OPERATION, value: options.operation },
          { key: PHASE, value: phaseOf(options.operation) },
        ]
      : []),
    ...(options.reason ? [{ key: REASON, value: cut(options.reason) }] : []),
  ]);
}

/** What an operation does to its object, in one word for filters. */
function phaseOf(operation: string): string {
  if (/^(Delete|Collect)/.test(operation)) return 'Deleting';
  if (operation.startsWith('Scale')) return 'Scaling';
  if (/^(Upgrade|Rolling|Maintain)/.test(operation)) return 'Upgrading';
  return /^(Repair|Remediate)/.test(operation) ? 'Repairing' : 'Creating';
}
