import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { freePorts } from '../../../test/helpers/api-server.js';
import { toolPath } from '../../../test/helpers/tools.js';
import { projectQuorum } from '../../domain/bootstrap/etcd-quorum.js';
import { isFailure } from '../../domain/errors.js';
import type { KubeClient } from '../../kube/client.js';
import { generateCa, issueCertificate, type KeyPair } from '../bootstrap/pki.js';
import { type EtcdClient, openEtcd } from './etcd.js';

/** Three real members with the certificates a kubeadm control plane would have; our client stands in for the port-forward with a socket. */
jest.setTimeout(120_000);
const NAMES = ['a', 'b', 'c'];
const processes: ChildProcess[] = [];
const clients = new Map<string, number>();
let directory: string;
let ca: KeyPair;

beforeAll(async () => {
  const etcd = await toolPath('etcd');
  directory = await mkdtemp(path.join(tmpdir(), 'perdure-etcd-test-'));
  ca = await generateCa('etcd-ca');
  const own = await issueCertificate(ca, {
    commonName: 'etcd',
    usages: ['server', 'client'],
    dns: ['localhost'],
    ips: ['127.0.0.1'],
  });
  const files = {
    ca: path.join(directory, 'ca.crt'),
    cert: path.join(directory, 'm.crt'),
    key: path.join(directory, 'm.key'),
  };
  await Promise.all([
    writeFile(files.ca, ca.cert),
    writeFile(files.cert, own.cert),
    writeFile(files.key, own.key, { mode: 0o600 }),
  ]);
  const ports = await freePorts(NAMES.length * 2);
  const peer = (i: number): string => `https://127.0.0.1:${ports[NAMES.length + i]}`;
  const initial = NAMES.map((name, i) => `${name}=${peer(i)}`).join(',');
  for (const [i, name] of NAMES.entries()) {
    const client = `https://127.0.0.1:${ports[i]}`;
    clients.set(name, ports[i] ?? 0);
    const flags = [
      ...['--name', name, '--data-dir', path.join(directory, name), '--log-level', 'error'],
      ...['--listen-client-urls', client, '--advertise-client-urls', client, '--listen-peer-urls', peer(i)],
      ...[
        '--initial-advertise-peer-urls',
        peer(i),
        '--initial-cluster',
        initial,
        '--initial-cluster-token',
        path.basename(directory),
      ],
      ...['--client-cert-auth', '--trusted-ca-file', files.ca, '--cert-file', files.cert, '--key-file', files.key],
      ...[
        '--peer-client-cert-auth',
        '--peer-trusted-ca-file',
        files.ca,
        '--peer-cert-file',
        files.cert,
        '--peer-key-file',
        files.key,
      ],
    ];
    processes.push(spawn(etcd, flags, { stdio: 'ignore' }));
  }
  await untilThreeMembers();
}, 180_000);

afterAll(async () => {
  for (const process of processes) {
    if (process.exitCode !== null || process.signalCode !== null) continue;
    const gone = once(process, 'exit');
    process.kill('SIGKILL');
    await gone;
  }
  await rm(directory, { recursive: true, force: true });
});

async function withMember<T>(name: string, use: (client: EtcdClient) => Promise<T>, authority = ca): Promise<T> {
  const connect = () => Promise.resolve(net.connect(clients.get(name) ?? 0, '127.0.0.1'));
  const client = await openEtcd({} as KubeClient, name, authority, new AbortController().signal, connect);
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

async function untilThreeMembers(): Promise<void> {
  for (const deadline = Date.now() + 60_000; ; ) {
    try {
      const { members } = await withMember('a', (client) => client.view());
      if (members.filter((m) => m.name !== '').length === NAMES.length) return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    await delay(100);
  }
}

/** etcd refuses changes until its members have been connected for five seconds. */
async function untilPossible(work: () => Promise<void>): Promise<void> {
  for (const deadline = Date.now() + 30_000; ; ) {
    try {
      return await work();
    } catch (error) {
      if (!isFailure(error, 'NotYet') || Date.now() > deadline) throw error;
    }
    await delay(200);
  }
}

test('a stranger without a certificate of the cluster is refused', async () => {
  await expect(withMember('a', (client) => client.view(), await generateCa('etcd-ca'))).rejects.toMatchObject({
    type: 'Transient',
  });
});

test('leadership moves, the member goes, quorum is foretold', async () => {
  const view = await withMember('a', (client) => client.view());
  expect(view.members.map((m) => m.name)).toEqual(NAMES);
  expect(view.alarms).toEqual([]);
  const leader = view.members.find((m) => m.id === view.leaderId);
  const heir = view.members.find((m) => m.id !== view.leaderId);
  const health = { machines: new Map(NAMES.map((name) => [name, true])), alarmed: new Set<string>() };
  expect(projectQuorum(view.members, health, { remove: leader?.name ?? '' }).safe).toBe(true);

  // A follower cannot hand leadership over, and says nothing.
  await withMember(heir?.name ?? '', (client) => client.moveLeader(heir?.id ?? ''));
  expect((await withMember('a', (client) => client.view())).leaderId).toBe(leader?.id);

  await withMember(leader?.name ?? '', (client) => client.moveLeader(heir?.id ?? ''));
  const moved = await withMember(heir?.name ?? '', async (client) => {
    await client.moveLeader(heir?.id ?? '');
    return await client.view();
  });
  expect(moved.leaderId).toBe(heir?.id);

  const left = await withMember(heir?.name ?? '', async (client) => {
    await untilPossible(() => client.removeMember(leader?.id ?? ''));
    await client.removeMember(leader?.id ?? '');
    return await client.view();
  });
  expect(left.members.map((m) => m.name)).toEqual(NAMES.filter((name) => name !== leader?.name));
});
