import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { cacheDir, childEnvironment } from '../../src/config/config.js';
import type { Layout } from '../../src/sandbox/layout.js';
import { type MachineStatus, readMachineStatus } from '../../src/sandbox/machines/index.js';
import { netnsPath } from '../../src/sandbox/machines/network/namespace.js';
import { machinePaths } from '../../src/sandbox/machines/paths.js';
import { ensureTool } from '../../src/sandbox/tools/index.js';

/** One look at a cluster's etcd. */
export interface EtcdSample {
  /** Names of the voting members, unstarted ones as ''. */
  readonly voters: readonly string[];
  /** Endpoints through which a linearizable read succeeded. */
  readonly healthy: number;
}

export interface EtcdWatch {
  readonly samples: readonly EtcdSample[];
  /** Looks at which no member could serve a linearizable read, or fewer than a majority did. */
  readonly lost: readonly EtcdSample[];
  stop(): Promise<void>;
}

const PKI = 'etc/kubernetes/pki/etcd';
const FILES = ['ca.crt', 'healthcheck-client.crt', 'healthcheck-client.key'];

/** Machines of the host that run an etcd member; of one VPC only, when told which. */
export const etcdMachines = (layout: Layout, vpcId?: string): MachineStatus[] =>
  readMachineStatus(layout.machines).machines.filter(
    (m) =>
      m.phase === 'running' &&
      (vpcId === undefined || m.vpcId === vpcId) &&
      existsSync(inside(layout, m, 'etc/kubernetes/manifests/etcd.yaml')),
  );

const inside = (layout: Layout, machine: MachineStatus, file: string): string =>
  path.join(machinePaths(layout.machines, machine.instanceId).upper, file);

/** Looks at etcd of the cluster in a VPC, or of the only cluster of a sandbox, from the network of its machines, until stopped. */
export async function watchEtcd(layout: Layout, everyMs: number, vpcId?: string): Promise<EtcdWatch> {
  const etcdctl = await ensureTool('etcdctl', { cacheDir: cacheDir(), env: childEnvironment() });
  const pki = path.join(layout.root, 'etcd-client', vpcId ?? 'only');
  mkdirSync(pki, { recursive: true, mode: 0o700 });
  // The machine they come from will be replaced.
  const [first] = etcdMachines(layout, vpcId);
  if (!first) throw new Error('no machine runs etcd');
  for (const file of FILES) copyFileSync(inside(layout, first, `${PKI}/${file}`), path.join(pki, file));
  const call = (endpoints: readonly string[], ...args: string[]): Promise<unknown> =>
    json(netnsPath(first.netns), etcdctl, pki, endpoints, args);

  const samples: EtcdSample[] = [];
  const stopped = new AbortController();
  const loop = (async () => {
    while (!stopped.signal.aborted) {
      const endpoints = etcdMachines(layout, vpcId).map(({ ip }) => `https://${ip}:2379`);
      const [health, members] = await Promise.all([
        call(endpoints, 'endpoint', 'health') as Promise<{ health: boolean }[] | undefined>,
        call(endpoints, 'member', 'list') as Promise<{ members: { name?: string; isLearner?: boolean }[] } | undefined>,
      ]);
      const voters = members?.members.filter((m) => !m.isLearner).map((m) => m.name ?? '') ?? samples.at(-1)?.voters;
      samples.push({ voters: voters ?? [], healthy: health?.filter((h) => h.health).length ?? 0 });
      await delay(everyMs, undefined, { signal: stopped.signal }).catch(() => undefined);
    }
  })();
  return {
    samples,
    get lost() {
      return samples.filter(({ voters, healthy }) => healthy < Math.floor(voters.length / 2) + 1);
    },
    async stop() {
      stopped.abort();
      await loop;
    },
  };
}

/** What etcdctl says; also what it says when it fails, since a member that does not answer makes it fail. */
function json(
  netns: string,
  etcdctl: string,
  pki: string,
  endpoints: readonly string[],
  args: string[],
): Promise<unknown> {
  const flags = [
    `--endpoints=${endpoints.join(',')}`,
    `--cacert=${path.join(pki, 'ca.crt')}`,
    `--cert=${path.join(pki, 'healthcheck-client.crt')}`,
    `--key=${path.join(pki, 'healthcheck-client.key')}`,
    '-w=json',
  ];
  return new Promise((resolve) => {
    execFile('nsenter', [`--net=${netns}`, etcdctl, ...args, ...flags], { timeout: 15_000 }, (_error, stdout) => {
      try {
        resolve(JSON.parse(stdout));
      } catch {
        resolve(undefined);
      }
    });
  });
}
