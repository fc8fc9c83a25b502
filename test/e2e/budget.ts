import type { Client, WorkflowExecutionInfo } from '@temporalio/client';

/** One execution and how long its history is. */
export interface Execution {
  readonly type: string;
  readonly workflowId: string;
  readonly runId: string;
  /** Run of the lane that started it, for an operation. */
  readonly parentRunId: string | undefined;
  readonly status: string;
  readonly events: number;
}

const infoOf = (w: WorkflowExecutionInfo): Execution => ({
  type: w.type,
  workflowId: w.workflowId,
  runId: w.runId,
  parentRunId: w.parentExecution?.runId ?? undefined,
  status: w.status.name,
  events: w.historyLength,
});

/** All executions but the server's own. */
export async function executions(client: Client): Promise<Execution[]> {
  const found: Execution[] = [];
  for await (const w of client.workflow.list({ pageSize: 500 }))
    if (!w.type.startsWith('temporal-sys')) found.push(infoOf(w));
  return found;
}

/** History events that one machine cost. */
export interface MachineCost {
  /** The run of its lane that provisioned it, and the operation ProvisionMachine. */
  readonly provisioned: number;
  /** All runs of its lane and all its operations. */
  readonly total: number;
}

/** What each machine cost, by the workflow id of its lane. */
export function eventsByMachine(all: readonly Execution[]): Map<string, MachineCost> {
  const machines = new Map<string, MachineCost>();
  for (const lane of new Set(all.filter((w) => w.type === 'machineLane').map((w) => w.workflowId))) {
    const mine = all.filter((w) => w.workflowId === lane || w.workflowId.startsWith(`${lane}/`));
    const sum = (list: readonly Execution[]): number => list.reduce((n, w) => n + w.events, 0);
    const operations = mine.filter((w) => w.type === 'ProvisionMachine');
    const parents = new Set(operations.map((w) => w.parentRunId));
    machines.set(lane, {
      provisioned: sum([...operations, ...mine.filter((w) => parents.has(w.runId))]),
      total: sum(mine),
    });
  }
  return machines;
}
