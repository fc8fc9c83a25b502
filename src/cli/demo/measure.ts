import type { Client } from '@temporalio/client';

export interface WorkflowCost {
  readonly type: string;
  readonly runs: number;
  readonly events: number;
  readonly most: number;
}

/** Executions and history events by workflow type, most events first; and how many are open now. */
export async function workflowCosts(client: Client): Promise<{ costs: WorkflowCost[]; open: string[] }> {
  const byType = new Map<string, { runs: number; events: number; most: number }>();
  const open: string[] = [];
  for await (const info of client.workflow.list({ pageSize: 500 })) {
    if (info.type.startsWith('temporal-sys')) continue;
    if (info.status.name === 'RUNNING') open.push(`${info.type} ${info.workflowId}`);
    const seen = byType.get(info.type) ?? { runs: 0, events: 0, most: 0 };
    byType.set(info.type, {
      runs: seen.runs + 1,
      events: seen.events + info.historyLength,
      most: Math.max(seen.most, info.historyLength),
    });
  }
  const costs = [...byType].map(([type, c]) => ({ type, ...c })).sort((a, b) => b.events - a.events);
  return { costs, open: open.sort() };
}

/** One named part of a run and how long it took, milliseconds. */
export interface Phase {
  readonly name: string;
  readonly ms: number;
}

/** Runs `work` as a phase and remembers its duration. */
export async function phase<T>(
  phases: Phase[],
  name: string,
  say: (line: string) => void,
  work: () => Promise<T>,
): Promise<T> {
  say(`\n== ${name}`);
  const begun = Date.now();
  const result = await work();
  phases.push({ name, ms: Date.now() - begun });
  return result;
}
