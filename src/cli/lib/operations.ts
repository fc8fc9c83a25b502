import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { progress } from '../../workflows/messages.js';
import type { Progress } from '../../workflows/types.js';

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
}

const KIND = /^[A-Z]/;

export interface Query {
  readonly cluster?: string;
  readonly running?: boolean;
  readonly limit?: number;
}

/** Operations newest first, by search attributes; lanes are left out. Running ones answer their `progress` query. */
export async function listOperations(client: Client, query: Query): Promise<OperationView[]> {
  const parts = [
    'PerdureOperation IS NOT NULL',
    ...(query.cluster ? [`PerdureCluster = ${quote(query.cluster)}`] : []),
    ...(query.running ? ["ExecutionStatus = 'Running'"] : []),
  ];
  const views: OperationView[] = [];
  for await (const info of client.workflow.list({ query: parts.join(' AND '), pageSize: 200 })) {
    if (!KIND.test(info.type)) continue;
    views.push(await view(client, info));
    if (views.length >= (query.limit ?? 50)) break;
  }
  return views;
}

const quote = (text: string): string => `"${text.replaceAll('"', '')}"`;

async function view(client: Client, info: WorkflowExecutionInfo): Promise<OperationView> {
  const attribute = (name: string): string | undefined => {
    const value = info.searchAttributes?.[name];
    return Array.isArray(value) ? String(value[0]) : undefined;
  };
  const running = info.status.name === 'RUNNING';
  const asked = running
    ? await client.workflow
        .getHandle(info.workflowId, info.runId)
        .query(progress)
        .catch(() => undefined)
    : undefined;
  const reason = attribute('PerdureReason');
  return {
    operation: info.type,
    object: `${attribute('PerdureKind') ?? ''} ${attribute('PerdureObject') ?? ''}`.trim(),
    status: info.status.name,
    started: info.startTime.toISOString(),
    ...(info.closeTime ? { closed: info.closeTime.toISOString() } : {}),
    workflowId: info.workflowId,
    runId: info.runId,
    events: info.historyLength,
    ...(reason ? { reason } : {}),
    ...(asked ? { progress: asked } : {}),
  };
}
