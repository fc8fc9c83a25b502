import { spawn } from 'node:child_process';
import net from 'node:net';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import {
  bundleWorkflowCode,
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';
import { createFailureInterceptor } from '../../src/activities/interceptors/failures.js';
import type { CloudActivities, KubeActivities, WaitActivities } from '../../src/activities/interfaces.js';
import { KUBE_QUEUE, SEARCH_ATTRIBUTES, WAIT_QUEUE, WORKFLOW_QUEUE } from '../../src/workflows/names.js';
import { freePorts } from './api-server.js';
import { toolPath } from './tools.js';

/** A Temporal server of its own for one test file, in memory. */
export interface TemporalServer {
  readonly address: string;
  readonly client: Client;
  readonly native: NativeConnection;
  readonly bundle: WorkflowBundleWithSourceMap;
  stop(): Promise<void>;
}

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = net.connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

/** Starts the server and bundles the workflow code once for the file. `options` are more options of the server. */
export async function startTemporal(options: readonly string[] = []): Promise<TemporalServer> {
  Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });
  const [port = 0] = await freePorts(1);
  const child = spawn(
    await toolPath('temporal-dev'),
    [
      '--ip=127.0.0.1',
      `--port=${port}`,
      '--namespace=default',
      ...Object.entries(SEARCH_ATTRIBUTES).flatMap(([n, t]) => ['--search-attribute', `${n}=${t}`]),
      '--log-level=error',
      ...options,
    ],
    { stdio: 'ignore' },
  );
  while (!(await accepts(port))) {
    if (child.exitCode !== null) throw new Error(`temporal-dev ended with ${child.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const address = `127.0.0.1:${port}`;
  const connection = await Connection.connect({ address, connectTimeout: '30s' });
  await connection.workflowService.describeNamespace({ namespace: 'default' });
  const native = await NativeConnection.connect({ address });
  const bundle = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../../src/workflows/index.ts', import.meta.url)),
    logger: new DefaultLogger('ERROR'),
  });
  return {
    address,
    client: new Client({ connection }),
    native,
    bundle,
    async stop() {
      await connection.close();
      await native.close();
      child.kill('SIGTERM');
      await new Promise((resolve) => (child.exitCode === null ? child.once('exit', resolve) : resolve(undefined)));
    },
  };
}

export type FakeActivities = Partial<KubeActivities & WaitActivities & CloudActivities>;

/** Runs `body` while workers with the given activities poll all queues; records the order in which activities began. */
export async function withWorkers<T>(
  server: TemporalServer,
  cloudQueue: string,
  activities: FakeActivities,
  body: (order: string[]) => Promise<T>,
): Promise<T> {
  const order: string[] = [];
  const recorded = Object.fromEntries(
    Object.entries(activities).map(([name, run]) => [
      name,
      (...args: unknown[]) => {
        order.push(name);
        return (run as (...a: unknown[]) => Promise<unknown>)(...args);
      },
    ]),
  );
  const inbound = createFailureInterceptor({ failing: async () => undefined, recovered: async () => undefined });
  const common = {
    connection: server.native,
    namespace: 'default',
    shutdownGraceTime: '1s',
    maxHeartbeatThrottleInterval: '100ms',
    defaultHeartbeatThrottleInterval: '100ms',
    interceptors: { activity: [() => ({ inbound })] },
  };
  const workers = [
    await Worker.create({ ...common, taskQueue: WORKFLOW_QUEUE, workflowBundle: server.bundle }),
    ...(await Promise.all(
      [KUBE_QUEUE, WAIT_QUEUE, cloudQueue].map((taskQueue) =>
        Worker.create({ ...common, taskQueue, activities: recorded }),
      ),
    )),
  ];
  const runs = workers.map((w) => w.run());
  try {
    return await body(order);
  } finally {
    for (const worker of workers) worker.shutdown();
    await Promise.all(runs);
  }
}
