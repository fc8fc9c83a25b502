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
  return startOperation<OperationInput, R>(operation, `${facts.generation}-${facts.attempt}`, input, reason);
}

/** Runs an operation as a child of the workflow that needs it: a lane, or another operation that it is a part of. */
export async function startOperation<I extends OperationInput, R>(
  operation: OperationName,
  discriminator: string,
  input: I,
  reason: string,
): Promise<R> {
  const { key, cluster, generation, provider } = input;
  const workflowId = operationId(key, operation, discriminator);
  const child = await startChild<(input: I) => Promise<R>>(operation, {
    workflowId,
    args: [input],
    parentClosePolicy: 'REQUEST_CANCEL',
    staticSummary: `${key.namespace}/${key.name}: ${reason}`.slice(0, 200),
    staticDetails: `Operation **${operation}** of ${key.kind} \`${key.namespace}/${key.name}\` (generation ${generation}).\n\nSee \`kubectl describe ${key.kind.toLowerCase()} -n ${key.namespace} ${key.name}\`.`,
    typedSearchAttributes: attributesOf(key, { cluster, operation, reason, ...(provider ? { provider } : {}) }),
  }).catch((error: unknown) => {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    throw ApplicationFailure.create({
      type: 'Transient',
      message: `${workflowId} of an earlier run is still ending; it is waited for`,
      nonRetryable: true,
    });
  });
  return child.result();
}
