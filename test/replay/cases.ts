import type { Client, WorkflowExecutionInfo } from '@temporalio/client';

/** An execution worth keeping, and the name of what happened in it. */
export interface Case {
  readonly type: string;
  readonly name: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly events: number;
}

/** Histories longer than this are left out: they say nothing that a shorter one does not. */
const MAX_EVENTS = 400;

/** What became of a lane or an operation, in one or two words: outcome of a lane, direction of a scaling, status of anything else. */
async function nameOf(client: Client, info: WorkflowExecutionInfo): Promise<string> {
  const status = info.status.name.toLowerCase();
  if (status !== 'completed') return status;
  if (info.type.endsWith('Lane')) {
    const result = (await client.workflow.getHandle(info.workflowId, info.runId).result()) as { outcome?: string };
    return (result.outcome ?? status).toLowerCase();
  }
  const reason = String((info.searchAttributes?.['PerdureReason'] as unknown[] | undefined)?.[0] ?? '');
  const [, from = '', to = ''] = /(\d+)→(\d+)/.exec(reason) ?? [];
  if (!info.type.startsWith('Scale') || from === '') return status;
  return Number(to) > Number(from) ? 'up' : 'down';
}

/** Closed executions of Perdure's workflows by type and name; of several alike, the longest one. `scenario` is put into the names. */
export async function casesOf(client: Client, scenario: (workflowId: string) => string): Promise<Case[]> {
  const best = new Map<string, Case>();
  for await (const info of client.workflow.list({ pageSize: 500 })) {
    if (info.type.startsWith('temporal-sys') || info.status.name === 'RUNNING' || info.status.name === 'TERMINATED')
      continue;
    if (info.historyLength > MAX_EVENTS) continue;
    const where = scenario(info.workflowId);
    const name = [await nameOf(client, info), ...(where === '' ? [] : [where])].join('-');
    const key = `${info.type}/${name}`;
    const known = best.get(key);
    if (known && known.events >= info.historyLength) continue;
    best.set(key, {
      type: info.type,
      name,
      workflowId: info.workflowId,
      runId: info.runId,
      events: info.historyLength,
    });
  }
  return [...best.values()].sort((a, b) => (`${a.type}/${a.name}` < `${b.type}/${b.name}` ? -1 : 1));
}
