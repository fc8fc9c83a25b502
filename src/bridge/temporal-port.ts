import { readFileSync } from 'node:fs';
import { Client, Connection, isGrpcServiceError, WorkflowNotFoundError } from '@temporalio/client';
import { defineSearchAttributeKey, TypedSearchAttributes } from '@temporalio/common';
import type { TemporalConfig } from '../config/config.js';
import { tlsOf } from '../config/temporal.js';
import { changed } from '../workflows/messages.js';
import { WORKFLOW_QUEUE } from '../workflows/names.js';
import type { Change } from '../workflows/types.js';
import { type LanePort, type LaneSignal, SignalError, type SignalFailure } from './lane-port.js';

const DEADLINE_MS = 10_000;

// gRPC status codes.
const INVALID_ARGUMENT = 3;
const RESOURCE_EXHAUSTED = 8;
const FAILED_PRECONDITION = 9;

/** Connects when first used, so that the bridge starts while Temporal is down. `identity` shows on every signal in the UI. */
export function temporalPort(config: TemporalConfig, identity: string): LanePort {
  const connection = Connection.lazy({
    address: config.address,
    ...(config.tls ? { tls: tlsOf(config.tls) } : {}),
    ...(config.apiKeyFile === undefined ? {} : { apiKey: apiKeyFrom(config.apiKeyFile) }),
    // No retries inside a call: the queue retries, and a server that is gone must show at once.
    interceptors: [],
    channelArgs: { 'grpc.initial_reconnect_backoff_ms': 500, 'grpc.max_reconnect_backoff_ms': 5_000 },
  });
  const client = new Client({ connection, namespace: config.namespace, identity });
  const call = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await connection.withDeadline(Date.now() + DEADLINE_MS, work);
    } catch (error) {
      throw failureOf(what, error);
    }
  };

  return {
    async signalWithStart(signal: LaneSignal) {
      await call(`cannot signal ${signal.workflowId}`, async () => {
        await client.workflow.signalWithStart(signal.workflowType, {
          workflowId: signal.workflowId,
          taskQueue: WORKFLOW_QUEUE,
          args: [signal.input],
          signal: changed.name,
          signalArgs: [signal.change],
          workflowIdReusePolicy: 'ALLOW_DUPLICATE',
          workflowIdConflictPolicy: 'USE_EXISTING',
          staticSummary: signal.summary,
          staticDetails: signal.details,
          memo: { ...signal.memo },
          typedSearchAttributes: attributes(signal.attributes),
          priority: { priorityKey: signal.priority, fairnessKey: signal.fairnessKey },
        });
      });
    },
    async signalIfOpen(workflowId: string, change: Change) {
      await call(`cannot signal ${workflowId}`, async () => {
        try {
          await client.workflow.getHandle(workflowId).signal(changed, change);
        } catch (error) {
          if (!(error instanceof WorkflowNotFoundError)) throw error;
        }
      });
    },
    async probe() {
      const { namespaceInfo } = await call(`cannot reach namespace ${config.namespace} at ${config.address}`, () =>
        connection.workflowService.describeNamespace({ namespace: config.namespace }),
      );
      return namespaceInfo?.id ?? '';
    },
    close: () => connection.close(),
  };
}

function attributes(values: Readonly<Record<string, string>>): TypedSearchAttributes {
  return new TypedSearchAttributes(
    Object.entries(values).map(([name, value]) => ({ key: defineSearchAttributeKey(name, 'KEYWORD'), value })),
  );
}

/** Read at most once a minute, so that a rotated key is picked up without a restart. */
function apiKeyFrom(path: string): () => string {
  let key = '';
  let at = Number.NEGATIVE_INFINITY;
  return () => {
    if (Date.now() - at > 60_000) {
      key = readFileSync(path, 'utf8').trim();
      at = Date.now();
    }
    return key;
  };
}

function failureOf(what: string, error: unknown): SignalError {
  const grpc = grpcCause(error);
  const message = grpc?.details || (error instanceof Error ? error.message : String(error));
  return new SignalError(failureKind(grpc?.code), `${what}: ${message}`, error);
}

function failureKind(code: number | undefined): SignalFailure {
  if (code === RESOURCE_EXHAUSTED) return 'throttled';
  // Not an answer of the server at all: our own payload or options.
  if (code === undefined || code === INVALID_ARGUMENT || code === FAILED_PRECONDITION) return 'rejected';
  return 'unavailable';
}

function grpcCause(error: unknown): { readonly code: number; readonly details: string } | undefined {
  for (let current = error; current instanceof Error; current = current.cause) {
    if (isGrpcServiceError(current)) return current;
  }
  return undefined;
}
