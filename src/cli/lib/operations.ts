import { type Client, type WorkflowExecutionInfo, WorkflowFailedError } from '@temporalio/client';
import { plan, progress } from '../../workflows/messages.js';
import type { Progress } from '../../workflows/types.js';

/** Why an operation ended badly: the innermost cause, with a type of `src/domain/errors.ts` when it is ours. */
export interface OperationFailure {
  readonly type: string;
  readonly message: string;
}

export interface OperationView {
  readonly operation: string;
  readonly object: string;
  readonly status: string;
  readonly started: string;
  readonly closed?: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly events: number;
  readonly reason?: string;
  readonly progress?: Progress;
  /** Steps still to be done, in words, as the query `plan` answers. */
  readonly ahead?: readonly string[];
  readonly failure?: OperationFailure;
}

/** What list and describe both tell of an execution. */
export type Execution = Pick<
  WorkflowExecutionInfo,
  'type' | 'workflowId' | 'runId' | 'status' | 'startTime' | 'closeTime' | 'historyLength' | 'searchAttributes'
>;

const KIND = /^[A-Z]/;
/** Ends that have a cause to show. */
const BAD_ENDS: ReadonlySet<string> = new Set(['FAILED', 'TERMINATED', 'TIMED_OUT']);

export interface Query {
  readonly cluster?: string;
  readonly running?: boolean;
  readonly limit?: number;
}

/**
 * Operations newest first, by search attributes; lanes are left out. Running ones answer their `progress` query, failed ones are asked for their
 * cause, both only for what is listed.
 */
export async function listOperations(client: Client, query: Query): Promise<OperationView[]> {
  const parts = [
    'PerdureOperation IS NOT NULL',
    ...(query.cluster ? [`PerdureCluster = ${quote(query.cluster)}`] : []),
    ...(query.running ? ["ExecutionStatus = 'Running'"] : []),
  ];
  const listed: Execution[] = [];
  for await (const info of client.workflow.list({ query: parts.join(' AND '), pageSize: 200 })) {
    if (!KIND.test(info.type)) continue;
    listed.push(info);
    if (listed.length >= (query.limit ?? 50)) break;
  }
  return Promise.all(listed.map((info) => viewOf(client, info)));
}

const quote = (text: string): string => `"${text.replaceAll('"', '')}"`;

/** First value of a search attribute. */
export function attributeOf(info: Pick<Execution, 'searchAttributes'>, name: string): string | undefined {
  const value = info.searchAttributes?.[name];
  return Array.isArray(value) && value[0] !== undefined ? String(value[0]) : undefined;
}

/** An execution as people see it. */
export async function viewOf(client: Client, info: Execution): Promise<OperationView> {
  const { workflowId, runId } = info;
  const status = info.status.name;
  const handle = client.workflow.getHandle(workflowId, runId, { followRuns: false });
  // A query may fail because nobody works just now: the rest of the line is still true.
  const running = status === 'RUNNING';
  const [asked, ahead] = await Promise.all([
    running ? handle.query(progress).catch(() => undefined) : undefined,
    running ? handle.query(plan).catch(() => undefined) : undefined,
  ]);
  const failure = BAD_ENDS.has(status) ? await handle.result().then(() => undefined, failureOf) : undefined;
  const reason = attributeOf(info, 'PerdureReason');
  return {
    operation: info.type,
    object: `${attributeOf(info, 'PerdureKind') ?? ''} ${attributeOf(info, 'PerdureObject') ?? ''}`.trim(),
    status,
    started: info.startTime.toISOString(),
    ...(info.closeTime ? { closed: info.closeTime.toISOString() } : {}),
    workflowId,
    runId,
    events: info.historyLength,
    ...(reason ? { reason } : {}),
    ...(asked ? { progress: asked } : {}),
    ...(ahead && ahead.length > 0 ? { ahead } : {}),
    ...(failure ? { failure } : {}),
  };
}

/** The innermost cause of a workflow's failure; activity and child workflow failures only say where it happened. */
export function failureOf(error: unknown): OperationFailure | undefined {
  if (!(error instanceof WorkflowFailedError)) return undefined; // the history may be gone already
  let cause: Error = error.cause ?? error;
  while (cause.cause instanceof Error) cause = cause.cause;
  const type = 'type' in cause && typeof cause.type === 'string' ? cause.type : cause.name;
  return { type, message: cause.message };
}
