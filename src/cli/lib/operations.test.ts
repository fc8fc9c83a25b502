import { describe, expect, test } from '@jest/globals';
import { type Client, type WorkflowExecutionInfo, WorkflowFailedError } from '@temporalio/client';
import {
  ActivityFailure,
  ApplicationFailure,
  ChildWorkflowFailure,
  RetryState,
  TerminatedFailure,
} from '@temporalio/common';
import { failureOf, listOperations } from './operations.js';

const failure = ApplicationFailure.create({ type: 'QuotaExceeded', message: 'no VPC left' });
const activity = new ActivityFailure('activity failed', 'apply', '1', RetryState.NON_RETRYABLE_FAILURE, 'me', failure);
const execution = { workflowId: 'c', runId: 'r' };
const child = new ChildWorkflowFailure('default', execution, 'Child', RetryState.IN_PROGRESS, activity);
const failed = (cause: Error | undefined): WorkflowFailedError =>
  new WorkflowFailedError('Workflow execution failed', cause, RetryState.NON_RETRYABLE_FAILURE);

const started = new Date('2026-01-01T00:00:00Z');
const info = (type: string, status: string, attributes: Record<string, unknown[]> = {}): WorkflowExecutionInfo =>
  ({
    type,
    workflowId: `id-${type}`,
    runId: 'run',
    status: { name: status },
    startTime: started,
    ...(status === 'RUNNING' ? {} : { closeTime: new Date('2026-01-01T00:01:00Z') }),
    historyLength: 7,
    searchAttributes: attributes,
  }) as unknown as WorkflowExecutionInfo;

function client(runs: readonly WorkflowExecutionInfo[], query: () => Promise<unknown> = async () => ({ steps: [] })) {
  const queries: string[] = [];
  const asked: string[] = [];
  const workflow = {
    list: ({ query: text }: { query: string }) => {
      queries.push(text);
      return (async function* () {
        yield* runs;
      })();
    },
    getHandle: (id: string) => ({
      query: async ({ name }: { name: string }) => {
        asked.push(`${name} of ${id}`);
        return name === 'plan' ? ['create the next'] : query();
      },
      result: () => {
        asked.push(`result of ${id}`);
        return Promise.reject(failed(activity));
      },
    }),
  };
  return { asked, queries, client: { workflow } as unknown as Client };
}

describe('operations', () => {
  test('are told with their object, reason and, while they run, their progress, or why they failed', async () => {
    const attributes = { PerdureKind: ['Cluster'], PerdureObject: ['ns/c'], PerdureReason: ['create'] };
    const { client: c } = client([info('CreateCluster', 'RUNNING', attributes), info('DeleteMachine', 'FAILED')]);
    await expect(listOperations(c, {})).resolves.toEqual([
      {
        operation: 'CreateCluster',
        object: 'Cluster ns/c',
        status: 'RUNNING',
        started: '2026-01-01T00:00:00.000Z',
        workflowId: 'id-CreateCluster',
        runId: 'run',
        events: 7,
        reason: 'create',
        progress: { steps: [] },
        ahead: ['create the next'],
      },
      {
        operation: 'DeleteMachine',
        object: '',
        status: 'FAILED',
        started: '2026-01-01T00:00:00.000Z',
        closed: '2026-01-01T00:01:00.000Z',
        workflowId: 'id-DeleteMachine',
        runId: 'run',
        events: 7,
        failure: { type: 'QuotaExceeded', message: 'no VPC left' },
      },
    ]);
  });

  test('are not lanes, and not more than asked for', async () => {
    const runs = [
      info('clusterLane', 'RUNNING'),
      ...Array.from({ length: 5 }, () => info('ScaleWorkers', 'COMPLETED')),
    ];
    const { client: c, asked } = client([...runs, info('DeleteMachine', 'FAILED')]);
    const views = await listOperations(c, { limit: 3 });
    expect(views.map((v) => v.operation)).toEqual(['ScaleWorkers', 'ScaleWorkers', 'ScaleWorkers']);
    expect(asked).toEqual([]);
  });

  test('are looked for by attributes, with nothing that could end the quote', async () => {
    const { client: c, queries } = client([]);
    await listOperations(c, {});
    await listOperations(c, { cluster: 'ns/c" OR "1"="1', running: true });
    expect(queries).toEqual([
      'PerdureOperation IS NOT NULL',
      `PerdureOperation IS NOT NULL AND PerdureCluster = "ns/c OR 1=1" AND ExecutionStatus = 'Running'`,
    ]);
  });

  test('that do not answer are shown without progress', async () => {
    const { client: c } = client([info('CreateCluster', 'RUNNING')], () => Promise.reject(new Error('no poller')));
    const [view] = await listOperations(c, {});
    expect(view).not.toHaveProperty('progress');
  });
});

describe('the cause of a failure', () => {
  test.each([
    [failure, { type: 'QuotaExceeded', message: 'no VPC left' }],
    [activity, { type: 'QuotaExceeded', message: 'no VPC left' }],
    [child, { type: 'QuotaExceeded', message: 'no VPC left' }],
    [new TerminatedFailure('by hand'), { type: 'TerminatedFailure', message: 'by hand' }],
    [undefined, { type: 'WorkflowFailedError', message: 'Workflow execution failed' }],
  ])('is the innermost of %s', (cause, expected) => {
    expect(failureOf(failed(cause))).toEqual(expected);
  });

  test('is not told when the history cannot be read', () => {
    expect(failureOf(new Error('not found'))).toBeUndefined();
  });
});
