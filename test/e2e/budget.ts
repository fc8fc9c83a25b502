import type { Client, WorkflowExecutionInfo } from '@temporalio/client';

/** One execution and how long its history is. */
export interface Execution {
  readonly type: string;
  readonly workflowId: string;
  readonly status: string;
  readonly events: number;
}

const infoOf = (w: WorkflowExecutionInfo): Execution => ({ type: w.type, workflowId: w.workflowId, status: w.status.name, events: w.historyLength });

/** All executions but the server's own. A history's length is counted by reading it: the list's figure of an open one may lag. */
export async function executions(client: Client): Promise<Execution[]> {
  const found: Execution[] = [];
  for await (const w of client.workflow.list({ pageSize: 500 })) if (!w.type.startsWith('temporal-sys')) found.push(infoOf(w));
  return found;
}

/** Events of everything that one machine cost: its lane's runs and its operations. By workflow id of the lane. */
export function eventsByMachine(all: readonly Execution[]): Map<string, { lane: number; provision: number; runs: number }> {
  const machines = new Map<string, { lane: number; provision: number; runs: number }>();
  for (const one of all.filter((w) => w.type === 'machineLane' || w.type === 'ProvisionMachine')) {
    const id = one.workflowId.split('/').slice(0, 4).join('/');
    const seen = machines.get(id) ?? { lane: 0, provision: 0, runs: 0 };
    if (one.type === 'machineLane') machines.set(id, { ...seen, lane: seen.lane + one.events, runs: seen.runs + 1 });
    else machines.set(id, { ...seen, provision: seen.provision + one.events });
  }
  return machines;
}
