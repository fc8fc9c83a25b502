import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StartInstancesCommand, StopInstancesCommand } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { cacheDir, childEnvironment } from '../../config/config.js';
import type { MotoHandle } from '../moto/index.js';
import { startTestMoto, type TestClients, testClients, until } from '../moto/testing.js';
import { ensureMachineTree } from '../tools/index.js';
import { cleanup, readMachineStatus } from './index.js';
import { hostPaths, machinePaths } from './paths.js';
import { childrenOf, run } from './processes.js';
import { describeInstance, launch, leftovers, makeInstanceProfile, makeVpc, readIfThere } from './testing.js';

const MAIN = fileURLToPath(new URL('../../../dist/sandbox/machines/main.js', import.meta.url));
const COUNTS_BOOTS = `#cloud-config
bootcmd:
- echo boot >> /etc/boots
runcmd:
- ip -4 -o address show host0 > /etc/seen
`;

describe('machines of a host that is killed, stopped and cleaned up after', () => {
  let moto: MotoHandle;
  let aws: TestClients;
  let stateDir: string;
  let tree: string;
  let host: ChildProcess;
  let first: string;
  let second: string;

  beforeAll(async () => {
    tree = await ensureMachineTree({ cacheDir: cacheDir(), env: childEnvironment() });
    stateDir = await mkdtemp(join(tmpdir(), 'perdure-machines-'));
    moto = await startTestMoto({ allMs: 100 });
    aws = testClients(moto.endpoint);
    await makeInstanceProfile(moto.endpoint);
    await startHost();
  }, 1_200_000);
  afterAll(async () => {
    if (host.exitCode === null) host.kill('SIGKILL');
    await cleanup(stateDir);
    await moto.stop();
    await rm(stateDir, { recursive: true, force: true });
  }, 60_000);

  async function startHost(): Promise<void> {
    const flags = ['--state-dir', stateDir, '--tree', tree, '--endpoint', moto.endpoint, '--max-machines', '2'];
    host = spawn(process.execPath, [MAIN, ...flags], { stdio: 'ignore' });
    await until(
      async () => readIfThere(hostPaths(stateDir).ready),
      (text) => text.includes(`"pid": ${host.pid}`),
    );
  }
  const machine = (id: string) => readMachineStatus(stateDir).machines.find(({ instanceId }) => instanceId === id);
  const seen = async (id: string) => readIfThere(join(machinePaths(stateDir, id).upper, 'etc/seen'));
  const boots = (id: string) => readIfThere(join(machinePaths(stateDir, id).upper, 'etc/boots'));
  const stateOf = async (id: string) => (await describeInstance(aws, id))?.State?.Name;

  test('machines of two VPCs with the same addresses live side by side', async () => {
    const vpcs = [await makeVpc(aws), await makeVpc(aws)];
    first = await launch(aws, vpcs[0]?.subnets[0] ?? '', COUNTS_BOOTS);
    second = await launch(aws, vpcs[1]?.subnets[0] ?? '', COUNTS_BOOTS);
    for (const id of [first, second]) {
      const text = await until(
        () => seen(id),
        (found) => found !== '',
        60_000,
      );
      expect(text).toContain(`${(await describeInstance(aws, id))?.PrivateIpAddress}/16`);
    }
    expect(machine(first)?.ip).toBe(machine(second)?.ip);
    expect(machine(first)?.netns).not.toBe(machine(second)?.netns);
  }, 90_000);

  test('an instance too many ends with a reason instead of running without a machine', async () => {
    const { subnets } = await makeVpc(aws, '10.30');
    const third = await launch(aws, subnets[0] ?? '', COUNTS_BOOTS);
    const instance = await until(
      () => describeInstance(aws, third),
      (found) => found?.State?.Name === 'terminated',
    );
    expect(instance?.StateReason?.Code).toBe('Server.InternalError');
    expect(machine(third)).toBeUndefined();
  }, 30_000);

  test('the machines of a killed host run on, and the next host takes them over', async () => {
    const before = [machine(first), machine(second)].map((m) => m?.pid);
    host.kill('SIGKILL');
    await once(host, 'exit');
    expect(readMachineStatus(stateDir).hostPid).toBeUndefined();
    expect([machine(first), machine(second)].map((m) => m?.phase)).toEqual(['running', 'running']);
    await startHost();
    expect(readMachineStatus(stateDir).hostPid).toBe(host.pid);
    expect([machine(first), machine(second)].map((m) => m?.pid)).toEqual(before);
  }, 30_000);

  test('a stopped instance keeps its disk and boots from it again', async () => {
    await aws.ec2.send(new StopInstancesCommand({ InstanceIds: [second] }));
    await until(
      async () => machine(second)?.phase,
      (phase) => phase === 'stopped',
    );
    expect(boots(second)).toBe('boot\n');
    await aws.ec2.send(new StartInstancesCommand({ InstanceIds: [second] }));
    await until(
      async () => boots(second),
      (text) => text === 'boot\nboot\n',
      30_000,
    );
    expect(machine(second)?.phase).toBe('running');
  }, 60_000);

  test('a machine that powers off stops its instance', async () => {
    const [init] = childrenOf(machine(first)?.pid ?? 0);
    await run('nsenter', ['--target', String(init), '--all', 'systemctl', 'poweroff']);
    await until(
      () => stateOf(first),
      (state) => state === 'stopped',
      30_000,
    );
    expect(machine(first)?.phase).toMatch(/exited|stopped/);
    expect(await stateOf(second)).toBe('running');
  }, 60_000);

  test('cleaning up after a killed host leaves nothing, not even what was half made', async () => {
    host.kill('SIGKILL');
    await once(host, 'exit');
    await rm(machinePaths(stateDir, second).record);
    await cleanup(stateDir);
    expect(leftovers(stateDir)).toEqual([]);
    expect(existsSync(hostPaths(stateDir).machines)).toBe(false);
    await cleanup(stateDir);
    expect(Number(readFileSync('/proc/sys/fs/inotify/max_user_instances', 'utf8'))).toBeGreaterThan(0);
  }, 60_000);
});
