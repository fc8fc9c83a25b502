import path from 'node:path';
import { type Client, Connection, Client as TemporalClient } from '@temporalio/client';
import { cacheDir, childEnvironment } from '../../src/config/config.js';
import { type KubeClient, kubeFromKubeconfigFile } from '../../src/kube/client.js';
import { ChaosControl } from '../../src/sandbox/chaos/boundary.js';
import { runningProcess } from '../../src/sandbox/component.js';
import { stopSandbox } from '../../src/sandbox/control.js';
import { type Endpoints, type Layout, layoutOf } from '../../src/sandbox/layout.js';
import { isRunning, kill, until } from '../../src/sandbox/machines/processes.js';
import { MotoAdmin } from '../../src/sandbox/moto/index.js';
import { takeOwnership } from '../../src/sandbox/ownership.js';
import { prepare } from '../../src/sandbox/prepare.js';
import { startSandbox } from '../../src/sandbox/sandbox.js';

/** Emulated cloud: short passing states, but dead instances stay visible, so that one made twice shows. */
const DELAYS = { allMs: 500, instanceTerminatedVisibleMs: 24 * 3_600_000 };

/** One sandbox for all lives, with processes that die on demand, and everything the test reads and breaks. */
export interface Arena {
  readonly layout: Layout;
  readonly endpoints: Endpoints;
  readonly kubectl: string;
  readonly kube: KubeClient;
  readonly temporal: Client;
  readonly cloud: MotoAdmin;
  readonly control: ChaosControl;
  readonly say: (line: string) => void;
  /** Kills a process of the sandbox as `kill -9` would, after `whileStopped` ran with the process frozen. It is started again by itself. */
  murder(component: string, whileStopped?: () => Promise<void>): Promise<void>;
  stop(keep: boolean): Promise<void>;
}

/** Prepares and starts the arena in a state directory of its own; whatever was there before is removed. This process is its supervisor. */
export async function openArena(dir: string, workerCount: number, say: (line: string) => void): Promise<Arena> {
  const layout = layoutOf(dir);
  await stopSandbox(layout, { keep: false, say });
  const env = childEnvironment();
  const prepared = await prepare({ cacheDir: cacheDir(), stateDir: layout.machines, env, machines: true, say });
  await takeOwnership(layout);
  const chaosDir = path.join(layout.root, 'chaos');
  const control = new ChaosControl(chaosDir);
  const entries = {
    bridge: { module: 'sandbox/chaos/bridge.js', args: [chaosDir] },
    workers: { module: 'sandbox/chaos/workers.js', args: [chaosDir] },
  };
  const childEnv = { PATH: env['PATH'] ?? '', HOME: env['HOME'] ?? '' };
  const options = {
    ...prepared,
    layout,
    say,
    entries,
    cacheDir: cacheDir(),
    python: 'python3',
    delays: DELAYS,
    ports: {},
    env: childEnv,
    workerProcesses: workerCount,
  };
  const sandbox = await startSandbox(options);
  const { endpoints } = sandbox;
  const connection = await Connection.connect({ address: endpoints.temporal });
  const kube = kubeFromKubeconfigFile(layout.kubeconfig);
  return {
    layout,
    endpoints,
    kubectl: prepared.tools['kubectl'] ?? 'kubectl',
    kube,
    temporal: new TemporalClient({ connection }),
    cloud: new MotoAdmin(endpoints.aws),
    control,
    say,
    async murder(component, whileStopped) {
      const process = await runningProcess(layout, component);
      if (!process) throw new Error(`${component} does not run`);
      kill(process.pid, 'SIGSTOP');
      await whileStopped?.();
      kill(process.pid, 'SIGKILL');
      if (!(await until(() => !isRunning(process), 10_000))) throw new Error(`${component} does not die`);
    },
    async stop(keep) {
      await kube.close();
      await connection.close();
      await sandbox.stop();
      await stopSandbox(layout, { keep, say });
    },
  };
}
