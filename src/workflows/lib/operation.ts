import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { ApplicationFailure, startChild } from '@temporalio/workflow';
import type { DeletionOutlook } from '../../domain/drain/outlook.js';
import type { CommonFacts } from '../../domain/facts.js';
import { type OperationName, operationId } from '../names.js';
import type { LaneInput, OperationInput } from '../types.js';
import { attributesOf } from './attributes.js';

/**
 * Runs an operation as the lane's child: named, searchable, cancelled with its lane. The id is deterministic per attempt, so that no twin can run: when
 * an operation of a lane that was terminated has not ended yet, this fails `Transient` and the lane tries again.
 */
export async function runOperation<R>(
  operation: OperationName,
  lane: LaneInput,
  facts: CommonFacts & {
    readonly cloudQueue?: string;
    readonly provider?: string;
    readonly deletion?: DeletionOutlook;
  },
  reason: string,
): Promise<R> {
  const input: OperationInput = {
    key: lane.key,
    cluster: facts.cluster,
    generation: facts.generation,
    cloudQueue: facts.cloudQueue ?? '',
    ...(facts.provider ? { provider: facts.provider } : {}),
    ...(facts.deletion ? { deletion: facts.deletion } : {}),
  };
  const workflowId = operationId(lane.key, operation, `${facts.generation}-${facts.attempt}`);
  const child = await startChild<(input: OperationInput) => Promise<R>>(operation, {
    workflowId,
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
  }).catch((error: unknown) => {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    throw ApplicationFailure.create({
      type: 'Transient',
      message: `${workflowId} of an earlier lane is still ending; it is waited for`,
      nonRetryable: true,
    });
  });
  return child.result();
}
