import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { defineSearchAttributeKey } from '@temporalio/common';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { cacheDir, childEnvironment } from '../../config/config.js';
import { ensureTool } from './ensure.js';

const KEYWORD = 2;
let dir: string;
let executable: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'perdure-temporal-'));
  executable = await ensureTool('temporal-dev', { cacheDir: cacheDir(), env: childEnvironment() });
}, 900_000);
afterAll(async () => await rm(dir, { recursive: true, force: true }));

async function start(): Promise<TestWorkflowEnvironment> {
  return await TestWorkflowEnvironment.createLocal({
    server: {
      executable: { type: 'existing-path', path: executable },
      dbFilename: join(dir, 'temporal.db'),
      ui: true,
      searchAttributes: [defineSearchAttributeKey('GivenAtStart', 'KEYWORD')],
    },
  });
}

test('serves what the SDK starts, the UI beside it, and keeps its state over a restart', async () => {
  const first = await start();
  try {
    await first.connection.operatorService.addSearchAttributes({
      namespace: 'default',
      searchAttributes: { AddedLater: KEYWORD },
    });
    await first.client.workflow.start('noWorker', {
      workflowId: 'kept',
      taskQueue: 'none',
      searchAttributes: { GivenAtStart: ['a'], AddedLater: ['b'] },
    });
    const [host, port] = (first.address ?? '').split(':');
    const ui = await fetch(`http://${host}:${Number(port) + 1000}/api/v1/namespaces/default`);
    expect(ui.status).toBe(200);
  } finally {
    await first.teardown();
  }
  const second = await start();
  try {
    const { status, searchAttributes } = await second.client.workflow.getHandle('kept').describe();
    expect({ status: status.name, searchAttributes }).toMatchObject({
      status: 'RUNNING',
      searchAttributes: { GivenAtStart: ['a'], AddedLater: ['b'] },
    });
  } finally {
    await second.teardown();
  }
});
