import { executeChild, type Workflow } from '@temporalio/workflow';
import type { CommonFacts } from '../../domain/facts.js';
import { type OperationName, operationId } from '../names.js';
import type { LaneInput, OperationInput } from '../types.js';
import { attributesOf } from './attributes.js';

/**
 * Runs an operation as the lane's child: named, searchable, cancelled with its lane. The id is deterministic per attempt, so a lane that is
 * replayed or opened anew re-attaches to nothing twice.
 */
export async function runOperation<R>(
  operation: OperationName,
  lane: LaneInput,
  facts: CommonFacts & { readonly cloudQueue?: string; readonly provider?: string },
  reason: string,
): Promise<R> {
  const input: OperationInput = {
    key: lane.key,
    cluster: facts.cluster,
    generation: facts.generation,
    cloudQueue: facts.cloudQueue ?? '',
    ...(facts.provider ? { provider: facts.provider } : {}),
  };
  return executeChild<Workflow>(operation, {
    workflowId: operationId(lane.key, operation, `${facts.generation}-${facts.attempt}`),
    args: [input],
    parentClosePolicy: 'REQUEST_CANCEL',
    staticSummary: `${lane.key.namespace}/${lane.key.name}: ${reason}`.slice(0, 200),
    staticDetails: `Operation **${operation}** of ${lane.key.kind} \`${lane.key.namespace}/${lane.key.name}\` (generation ${facts.generation}).\n\nSee \`kubectl describe ${lane.key.kind.toLowerCase()} -n ${lane.key.namespace} ${lane.key.name}\`.`,
    typedSearchAttributes: attributesOf(lane.key, {
      cluster: facts.cluster,
      operation,
      reason,
      ...(facts.provider ? { provider: facts.provider } : {}),
    }),
  });
}
