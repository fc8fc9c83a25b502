import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { OperationView } from '../../src/cli/lib/operations.js';
import { cacheDir } from '../../src/config/config.js';
import type { Endpoints } from '../../src/sandbox/layout.js';
import type { SandboxStatus } from '../../src/sandbox/status.js';
import { build, perdure, perdureJson, perdureWith, processesAbout, runToEnd, until } from '../helpers/perdure.js';
import { toolPath } from '../helpers/tools.js';

/** What people do with a sandbox, and what happens to it, by the command they use. Without machines, so no root is needed. */

type Up = Endpoints & { readonly dir: string; readonly kubeconfig: string };

const PARTS = [
  'bridge',
  'emulated-aws',
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'temporal',
  'webhooks',
  'workers',
];
const FLAGS = ['--machines', 'none', '--cloud-delay', '20'];
/** On a busy machine a start takes its time. */
const START_MS = 600_000;

let base: string;
let one: string;
let up: Up;
let kubectl: string;

beforeAll(async () => {
  await build();
  kubectl = await toolPath('kubectl');
  base = await mkdtemp(path.join(tmpdir(), 'perdure-sandbox-'));
  one = path.join(base, 'one');
  up = await perdureJson<Up>('up', '--dir', one, ...FLAGS);
}, START_MS);

afterAll(async () => {
  for (const name of await readdir(base)) await perdure('down', '--dir', path.join(base, name));
  await rm(base, { recursive: true, force: true });
}, START_MS);

const statusOf = (dir: string): Promise<SandboxStatus> => perdureJson<SandboxStatus>('status', '--dir', dir);
const healthy = (dir: string): Promise<SandboxStatus> =>
  until(`${dir} to be healthy`, 300, async () => {
    const status = await statusOf(dir);
    if (!status.healthy) throw new Error(JSON.stringify(status.components));
    return status;
  });
const pidsOf = (status: SandboxStatus): Map<string, number | undefined> =>
  new Map(status.components.map((c) => [c.name, c.pid]));
/** A process id to kill: 0 would be this process's own group. */
function real(pid: number | undefined): number {
  if (!pid) throw new Error('it does not run');
  return pid;
}
const kube = (...args: string[]) => runToEnd(kubectl, ['--kubeconfig', up.kubeconfig, ...args]);
const apply = (manifest: string) =>
  runToEnd(kubectl, ['--kubeconfig', up.kubeconfig, 'apply', '-f', '-'], { input: manifest });

const cluster = (name: string, infra = '', cidr = '192.168.0.0/16'): string => `
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSCluster
metadata: {name: ${name}, namespace: default}
spec: {region: us-east-1, sshKeyName: default, controlPlaneLoadBalancer: {loadBalancerType: nlb}${infra}}
---
apiVersion: cluster.x-k8s.io/v1beta2
kind: Cluster
metadata: {name: ${name}, namespace: default}
spec:
  clusterNetwork: {pods: {cidrBlocks: ["${cidr}"]}}
  infrastructureRef: {apiGroup: infrastructure.cluster.x-k8s.io, kind: AWSCluster, name: ${name}}
`;

describe('a sandbox that was started', () => {
  test('has every part running, and says so with exit code 0', async () => {
    const { code, stdout } = await perdure('status', '--dir', one);
    expect(stdout).toContain('running (supervisor pid');
    expect(code).toBe(0);
    const status = await statusOf(one);
    expect(status.components.map((c) => c.name).sort()).toEqual(PARTS);
    for (const { pid } of status.components) expect(existsSync(`/proc/${pid}`)).toBe(true);
    expect(status).toMatchObject({ running: true, healthy: true, phase: 'running', losses: [], machines: [] });
    expect(status.endpoints?.ui).toBe(up.ui);
  });

  test('serves the UI, the API and the emulated cloud', async () => {
    expect((await fetch(up.ui)).status).toBe(200);
    expect(await (await fetch(`${up.aws}/_perdure/ready`)).json()).toMatchObject({ delays: { natPendingMs: 20 } });
    const { code, stdout } = await kube('get', 'namespace', 'perdure-system', '-o', 'name');
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'namespace/perdure-system\n' });
  });

  test('refuses at admission what cannot be right', async () => {
    const { code, stderr } = await apply(cluster('wrong', '', '192.168.0.0'));
    expect(code).not.toBe(0);
    expect(stderr).toContain('spec.clusterNetwork.pods.cidrBlocks[0]: Invalid value: "192.168.0.0"');
    await kube('delete', 'awscluster', 'wrong');
  });

  test('is left as it is by a second `up`, which prints the same addresses', async () => {
    const before = pidsOf(await statusOf(one));
    expect(await perdureJson<Up>('up', '--dir', one, ...FLAGS)).toEqual(up);
    expect(pidsOf(await statusOf(one))).toEqual(before);
  });

  test('does not change its ports while it runs', async () => {
    const { code, stderr } = await perdure('up', '--dir', one, ...FLAGS, '--ui-port', '18299');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: the sandbox runs already, with port \d+ where --ui-port asks for 18299; .*\n$/);
  });
});

describe('operations', () => {
  const list = (): Promise<OperationView[]> => perdureJson<OperationView[]>('operations', 'list', '--dir', one);
  let failed: OperationView;

  test('are listed, a failed one with the type and message of its cause', async () => {
    await apply(cluster('good'));
    await apply(cluster('bad', ', identityRef: {kind: AWSClusterStaticIdentity, name: nobody}'));
    failed = await until('an operation to fail', 120, async () => (await list()).find((o) => o.failure));
    expect(failed).toMatchObject({ operation: 'CreateCluster', object: 'Cluster default/bad', status: 'FAILED' });
    expect(failed.failure?.message).toContain('nobody');
    const { stdout } = await perdure('operations', 'list', '--cluster', 'bad', '--dir', one);
    expect(stdout).toContain(`${failed.failure?.type}: ${failed.failure?.message}`);
    expect(stdout).not.toContain('default/good');
  }, 300_000);

  test('are tried again by the id of the workflow', async () => {
    const { code, stdout } = await perdure('operations', 'retry', failed.workflowId, '--dir', one);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'asked for another attempt of Cluster default/bad\n' });
    await until('another attempt', 120, async () =>
      (await list()).find((o) => o.object === failed.object && o.runId !== failed.runId),
    );
  }, 300_000);

  test('that wait show their progress', async () => {
    const running = await until('the infrastructure', 120, async () =>
      (await list()).find((o) => o.object === 'Cluster default/good' && o.progress?.waitingFor),
    );
    expect(running.progress?.steps.some((s) => s.state === 'done')).toBe(true);
  }, 300_000);
});

test.each([
  'status',
  'get clusters',
  'describe cluster good',
  'operations list',
  'generate cluster x --list-variables',
  'init --dry-run',
])('%s prints JSON with -o json', async (words) => {
  expect(await perdureJson(...words.split(' '), '--dir', one)).toBeInstanceOf(Object);
});

test.each([
  [['get', 'kubeconfig', 'nobody'], 'Secret default/nobody-kubeconfig does not exist'],
  [['describe', 'cluster', 'nobody'], 'Cluster default/nobody does not exist'],
  [['delete', 'cluster', 'nobody'], 'Cluster default/nobody does not exist'],
  [['scale', 'md/nobody', '--replicas', '2'], 'MachineDeployment default/nobody does not exist'],
  [['operations', 'cancel', 'a/b/c/d'], 'workflow not found'],
])('%j fails with exit code 1 and one line', async (args, message) => {
  const { code, stdout, stderr } = await perdure(...args, '--dir', one);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^error: .*\n$/);
  expect(stderr).toContain(message);
});

describe('another sandbox', () => {
  test('is refused a port that is taken, at the start and with who has it', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const dir = path.join(base, 'refused');
    const { code, stderr } = await perdure('up', '--dir', dir, ...FLAGS, '--ui-port', String(port));
    await new Promise((resolve) => server.close(resolve));
    expect(code).toBe(1);
    expect(stderr).toMatch(
      new RegExp(`^error: port ${port} of --ui-port is taken by node \\(process ${process.pid}\\)`),
    );
    expect(existsSync(dir)).toBe(false);

    const apiPort = new URL(up.apiServer).port;
    const mine = await perdure('up', '--dir', dir, ...FLAGS, '--api-port', apiPort);
    expect(mine.stderr).toContain(`port ${apiPort} of --api-port is taken by kube-apiserver (process`);
    expect(mine.stderr).toContain(`of the sandbox in ${one}`);
  });

  test(
    'runs beside the first; of two starts at once one wins and the other is told by whom',
    async () => {
      const dir = path.join(base, 'two');
      const starts = await Promise.all([1, 2].map(() => perdure('up', '--dir', dir, ...FLAGS, '-o', 'json')));
      const [winner, loser] = starts.sort((a, b) => a.code - b.code);
      expect(winner?.code).toBe(0);
      expect(loser?.code).toBe(1);
      expect(loser?.stderr).toMatch(
        /^error: a sandbox is being started from .*\/two \(supervisor pid \d+\); wait for it/m,
      );
      const second = JSON.parse(winner?.stdout ?? '') as Up;
      expect(second.ui).not.toBe(up.ui);
      for (const { ui } of [up, second]) expect((await fetch(ui)).status).toBe(200);
      expect((await statusOf(dir)).healthy).toBe(true);
      expect((await statusOf(one)).healthy).toBe(true);
    },
    START_MS,
  );

  test(
    'leaves no process and no directory, and can be stopped twice',
    async () => {
      const dir = path.join(base, 'two');
      expect(processesAbout(dir).length).toBeGreaterThan(PARTS.length);
      const kept = await perdure('down', '--keep', '--dir', dir);
      expect(kept).toMatchObject({ code: 0, stdout: `sandbox at ${dir} is down\n` });
      expect(processesAbout(dir)).toEqual([]);
      expect(existsSync(path.join(dir, 'etcd'))).toBe(true);
      const down = await perdure('down', '--dir', dir);
      expect(down).toMatchObject({ code: 0, stdout: `sandbox at ${dir} is down\n` });
      expect(await readdir(base)).toEqual(['one']);
      expect(await perdure('down', '--dir', dir)).toMatchObject({ code: 0, stdout: `no sandbox at ${dir}\n` });
      expect((await statusOf(one)).healthy).toBe(true);
    },
    START_MS,
  );

  test(
    'can be stopped while it starts',
    async () => {
      const dir = path.join(base, 'three');
      const starting = perdure('up', '--dir', dir, ...FLAGS);
      await until('its first part', 120, async () => (existsSync(path.join(dir, 'run/etcd.json')) ? true : undefined));
      expect((await perdure('down', '--dir', dir)).code).toBe(0);
      const { code, stderr } = await starting;
      expect({ code, stderr }).toEqual({ code: 1, stderr: 'error: the sandbox did not start: it was stopped\n' });
      expect(processesAbout(dir)).toEqual([]);
      expect(existsSync(dir)).toBe(false);
    },
    START_MS,
  );
});

describe('a directory without a sandbox', () => {
  test('has nothing running, and nothing to stop', async () => {
    const dir = path.join(base, 'empty');
    expect(await perdure('down', '--dir', dir)).toMatchObject({ code: 0 });
    await mkdir(dir);
    expect(await perdure('down', '--dir', dir)).toMatchObject({ code: 0 });
    const { code, stdout } = await perdure('status', '--dir', dir);
    expect({ code, stdout }).toEqual({ code: 1, stdout: 'not running\n' });
  });

  test('that holds other things is neither used nor removed', async () => {
    const dir = path.join(base, 'home');
    await mkdir(path.join(dir, 'logs'), { recursive: true });
    await writeFile(path.join(dir, 'thesis.txt'), 'years of work');
    const { code, stderr } = await perdure('up', '--dir', dir, ...FLAGS);
    expect(code).toBe(1);
    expect(stderr).toContain('holds other things (thesis.txt) and no sandbox');
    expect((await perdure('down', '--dir', dir)).code).toBe(0);
    expect(await readFile(path.join(dir, 'thesis.txt'), 'utf8')).toBe('years of work');
    expect((await readdir(dir)).sort()).toEqual(['logs', 'thesis.txt']);
    await rm(dir, { recursive: true });
  });
});

test.each([
  ['no compiler', {}, /^error: no Go compiler found on PATH: install Go .*\n$/],
  ['no Python', { PERDURE_CACHE_DIR: cacheDir() }, /^error: cannot find 'python3': install Python .*\n$/],
])('%s on this machine is said with what to do', async (_, env, message) => {
  const dir = path.join(base, 'bare');
  const bare = { PATH: path.dirname(process.execPath), PERDURE_CACHE_DIR: path.join(base, 'cache'), ...env };
  const { code, stderr } = await perdureWith(bare, 'up', '--dir', dir, ...FLAGS);
  expect(code).toBe(1);
  expect(stderr).toMatch(message);
  expect(existsSync(dir)).toBe(false);
  await rm(path.join(base, 'cache'), { recursive: true, force: true });
});

describe('processes that are killed', () => {
  test(
    'every part is started again, and the loss of the emulated cloud is told',
    async () => {
      const before = await statusOf(one);
      for (const { pid } of before.components) process.kill(real(pid), 'SIGKILL');
      const after = await until('new processes', 300, async () => {
        const status = await statusOf(one);
        return status.healthy && status.components.every((c) => c.restarts > 0) ? status : undefined;
      });
      const pids = pidsOf(before);
      for (const { name, pid } of after.components) expect({ name, pid }).not.toEqual({ name, pid: pids.get(name) });
      expect(after.losses).toMatchObject([
        { component: 'emulated-aws', what: 'the emulated cloud and everything in it' },
      ]);
      const { stdout } = await perdure('status', '--dir', one);
      expect(stdout).toContain('emulated-aws had to start empty at');
      const log = await readFile(path.join(one, 'logs/supervisor.log'), 'utf8');
      expect(log).toContain('the emulated cloud and everything in it are lost');
      for (const part of PARTS) expect(log).toContain(`${part} ended; starting it again (restart 1)`);
    },
    START_MS,
  );

  test(
    'the supervisor: `up` takes over, and objects and history are still there',
    async () => {
      const before = await statusOf(one);
      process.kill(real(before.supervisorPid), 'SIGKILL');
      const orphaned = await until('its end', 30, async () => {
        const { code, stdout } = await perdure('status', '--dir', one);
        return code === 1 ? stdout : undefined;
      });
      expect(orphaned).toContain("the supervisor is gone, but parts go on: 'perdure up' takes them over");
      expect(await perdureJson<Up>('up', '--dir', one, ...FLAGS)).toEqual(up);
      const after = await healthy(one);
      expect(pidsOf(after).get('emulated-aws')).toBe(pidsOf(before).get('emulated-aws'));
      expect(after.losses).toHaveLength(1);
      expect((await kube('get', 'cluster', 'good', '-o', 'name')).stdout).toBe('cluster.cluster.x-k8s.io/good\n');
      const operations = await perdureJson<OperationView[]>('operations', 'list', '--dir', one);
      expect(operations.some((o) => o.object === 'Cluster default/bad' && o.status === 'FAILED')).toBe(true);
    },
    START_MS,
  );

  test(
    'a cluster of the lost cloud can be deleted',
    async () => {
      const { code, stdout } = await perdure('delete', 'cluster', 'good', '--wait', '--dir', one);
      expect(code).toBe(0);
      expect(stdout).toContain('Cluster default/good deleted');
    },
    START_MS,
  );
});
