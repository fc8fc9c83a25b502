import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Agent, fetch } from 'undici';
import { toolPath } from './tools.js';

/** A management API server of its own, for one test file: etcd and kube-apiserver on free loopback ports, data in a temporary directory. */
export interface ApiServer {
  readonly url: string;
  /** PEM of the certificate authority that signed the serving certificate. */
  readonly ca: string;
  /** Bearer token of a user in group system:masters. */
  readonly token: string;
  /** Serving certificate for 127.0.0.1 signed by `ca`; webhooks of the test may use it. */
  readonly serving: { readonly cert: string; readonly key: string };
  /** A kubeconfig for the same user. */
  readonly kubeconfig: string;
  /** One JSON request; throws on an answer other than 2xx, with its body. */
  request<T>(method: string, path: string, body?: unknown, contentType?: string): Promise<T>;
  /** Kills the API server, calls `meanwhile`, and starts it again with what it had. */
  restart(meanwhile?: () => Promise<void>): Promise<void>;
  /** Ends both processes and removes the directory; safe to call twice. */
  stop(): Promise<void>;
}

export interface ApiServerOptions {
  readonly etcd?: string;
  readonly kubeApiserver?: string;
  /** Further flags of kube-apiserver. */
  readonly flags?: readonly string[];
  readonly startTimeoutMs?: number;
}

/** Ports that were free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function start(command: string, args: readonly string[], log: string): ChildProcess {
  const child = spawn(command, [...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const sink = createWriteStream(log);
  child.stdout?.pipe(sink, { end: false });
  child.stderr?.pipe(sink, { end: false });
  child.once('close', () => sink.end());
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await closed;
  clearTimeout(timer);
}

async function until(
  what: string,
  deadline: number,
  child: ChildProcess,
  log: string,
  ready: () => Promise<boolean>,
): Promise<void> {
  for (;;) {
    if (await ready().catch(() => false)) return;
    if (child.exitCode !== null || Date.now() > deadline) {
      throw new Error(
        `${what} did not become ready; the end of its log:\n${(await readFile(log, 'utf8')).slice(-2_000)}`,
      );
    }
    await delay(50);
  }
}

async function writeCredentials(directory: string, token: string): Promise<void> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  await writeFile(join(directory, 'sa.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  await writeFile(join(directory, 'sa.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
  await writeFile(join(directory, 'tokens.csv'), `${token},test-admin,test-admin,"system:masters"\n`, { mode: 0o600 });
}

function etcdArgs(directory: string, client: number, peer: number): string[] {
  return [
    `--data-dir=${join(directory, 'etcd')}`,
    `--listen-client-urls=http://127.0.0.1:${client}`,
    `--advertise-client-urls=http://127.0.0.1:${client}`,
    `--listen-peer-urls=http://127.0.0.1:${peer}`,
    `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`,
    `--initial-cluster=default=http://127.0.0.1:${peer}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
  ];
}

function apiServerArgs(directory: string, port: number, etcd: number): string[] {
  return [
    `--etcd-servers=http://127.0.0.1:${etcd}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${port}`,
    `--cert-dir=${join(directory, 'certs')}`,
    `--service-account-key-file=${join(directory, 'sa.pub')}`,
    `--service-account-signing-key-file=${join(directory, 'sa.key')}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--token-auth-file=${join(directory, 'tokens.csv')}`,
    '--authorization-mode=RBAC',
    '--service-cluster-ip-range=10.99.0.0/16',
    '--disable-admission-plugins=ServiceAccount',
    '--watch-cache=true',
    '--profiling=false',
  ];
}

function kubeconfigOf(url: string, ca: string, token: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'test', cluster: { server: url, 'certificate-authority-data': Buffer.from(ca).toString('base64') } },
    ],
    users: [{ name: 'test', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    'current-context': 'test',
  });
}

function requester(url: string, token: string, dispatcher: Agent): ApiServer['request'] {
  return async <T>(method: string, path: string, body?: unknown, contentType = 'application/json'): Promise<T> => {
    const response = await fetch(`${url}${path}`, {
      method,
      dispatcher,
      headers: { authorization: `Bearer ${token}`, 'content-type': contentType, accept: 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text.startsWith('{') ? JSON.parse(text) : text) as T;
  };
}

/** Starts etcd and kube-apiserver and waits until they serve. Whatever was started is ended when the start fails. */
export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const directory = await mkdtemp(join(tmpdir(), 'perdure-api-'));
  const children: ChildProcess[] = [];
  let agent: Agent | undefined;
  const stop = async (): Promise<void> => {
    for (const child of [...children].reverse()) await end(child);
    await agent?.close().catch(() => undefined);
    agent = undefined;
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const etcdProgram = options.etcd ?? (await toolPath('etcd'));
    const apiServerProgram = options.kubeApiserver ?? (await toolPath('kube-apiserver'));
    const deadline = Date.now() + (options.startTimeoutMs ?? 60_000);
    const token = randomBytes(16).toString('hex');
    await writeCredentials(directory, token);
    const [client, peer, port] = (await freePorts(3)) as [number, number, number];
    const etcdLog = join(directory, 'etcd.log');
    const etcd = start(etcdProgram, etcdArgs(directory, client, peer), etcdLog);
    children.push(etcd);
    await until('etcd', deadline, etcd, etcdLog, async () => (await fetch(`http://127.0.0.1:${client}/health`)).ok);

    const log = join(directory, 'kube-apiserver.log');
    const args = [...apiServerArgs(directory, port, client), ...(options.flags ?? [])];
    let server = start(apiServerProgram, args, log);
    children.push(server);
    const certificate = join(directory, 'certs', 'apiserver.crt');
    let cert = '';
    await until('kube-apiserver', deadline, server, log, async () => {
      cert = await readFile(certificate, 'utf8');
      return cert.includes('END CERTIFICATE');
    });
    // The generated file holds the serving certificate and, behind it, the authority that signed it.
    const ca = cert.slice(cert.lastIndexOf('-----BEGIN CERTIFICATE-----'));
    const key = await readFile(join(directory, 'certs', 'apiserver.key'), 'utf8');
    agent = new Agent({ connect: { ca } });
    const url = `https://127.0.0.1:${port}`;
    const request = requester(url, token, agent);
    await until(
      'kube-apiserver',
      deadline,
      server,
      log,
      async () => (await request<string>('GET', '/readyz')) === 'ok',
    );
    const restart = async (meanwhile?: () => Promise<void>): Promise<void> => {
      const closed = new Promise((resolve) => server.once('close', resolve));
      server.kill('SIGKILL');
      await closed;
      await meanwhile?.();
      server = start(apiServerProgram, args, log);
      children.splice(1, 1, server);
      const end = Date.now() + (options.startTimeoutMs ?? 60_000);
      await until('kube-apiserver', end, server, log, async () => (await request<string>('GET', '/readyz')) === 'ok');
    };
    const kubeconfig = kubeconfigOf(url, ca, token);
    return { url, ca, token, serving: { cert, key }, kubeconfig, request, restart, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
