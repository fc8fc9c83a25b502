import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { EtcdView } from '../../domain/control-plane-health.js';
import { PerdureError } from '../../domain/errors.js';
import type { KubeClient } from '../../kube/client.js';
import { portForward } from '../../kube/port-forward.js';
import { issueCertificate, type KeyPair } from '../bootstrap/pki.js';

const DIAL_MS = 10_000;
const CALL_MS = 15_000;
const PORT = 2379;

interface Member {
  readonly ID: string;
  readonly name: string;
  readonly isLearner: boolean;
}

type Call = (request: unknown, metadata: grpc.Metadata, options: grpc.CallOptions, done: (error: grpc.ServiceError | null, answer: unknown) => void) => grpc.ClientUnaryCall;

let packages: grpc.GrpcObject | undefined;
const definitions = (): grpc.GrpcObject => {
  packages ??= grpc.loadPackageDefinition(
    loadSync(fileURLToPath(new URL('./etcd.proto', import.meta.url)), { keepCase: true, longs: String, defaults: true, arrays: true }),
  )['etcdserverpb'] as grpc.GrpcObject;
  return packages;
};

export interface EtcdClient {
  view(): Promise<EtcdView>;
  moveLeader(toMemberId: string): Promise<void>;
  /** Removing an absent member is success. */
  removeMember(memberId: string): Promise<void>;
  readonly node: string;
  close(): Promise<void>;
}

/**
 * Opens the etcd member on `node`: mutual TLS over a port-forward to its static pod, with a short-lived client certificate signed by the
 * cluster's etcd CA. Close it when done. Errors are `Transient` with the member's name.
 */
export async function openEtcd(workload: KubeClient, node: string, authority: KeyPair, signal: AbortSignal): Promise<EtcdClient> {
  const identity = await issueCertificate(authority, { commonName: 'perdure', organization: 'perdure', usages: ['client'], algorithm: 'ECDSA-P256' });
  const dir = await mkdtemp(path.join(tmpdir(), 'perdure-etcd-'));
  const socketPath = path.join(dir, 's');
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    portForward(workload, { namespace: 'kube-system', pod: `etcd-${node}`, port: PORT, signal }).then(
      (stream) => {
        stream.on('error', () => socket.destroy());
        stream.once('close', () => socket.destroy());
        socket.once('close', () => stream.destroy());
        socket.pipe(stream).pipe(socket);
      },
      () => socket.destroy(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, resolve);
  });
  const credentials = grpc.credentials.createSsl(Buffer.from(authority.cert), Buffer.from(identity.key), Buffer.from(identity.cert));
  const options = { 'grpc.ssl_target_name_override': 'localhost', 'grpc.default_authority': 'localhost', 'grpc.enable_retries': 0, 'grpc.initial_reconnect_backoff_ms': 500 };
  const service = (name: string): grpc.Client & Record<string, Call> => {
    const Constructor = definitions()[name] as grpc.ServiceClientConstructor;
    return new Constructor(`unix:${socketPath}`, credentials, options) as unknown as grpc.Client & Record<string, Call>;
  };
  const cluster = service('Cluster');
  const maintenance = service('Maintenance');
  const call = <T>(client: grpc.Client & Record<string, Call>, method: string, request: unknown): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      const run = client[method];
      if (!run) {
        reject(new PerdureError('Bug', `etcd method ${method} is not defined`));
        return;
      }
      const pending = run.call(client, request, new grpc.Metadata(), { deadline: Date.now() + CALL_MS }, (error, answer) => {
        signal.removeEventListener('abort', cancel);
        if (error) reject(new PerdureError('Transient', `etcd member ${node}: ${method}: ${error.details || error.message}`, { cause: error, details: { code: error.code } }));
        else resolve(answer as T);
      });
      const cancel = (): void => pending.cancel();
      signal.addEventListener('abort', cancel, { once: true });
    });
  const close = async (): Promise<void> => {
    cluster.close();
    maintenance.close();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    await rm(dir, { recursive: true, force: true });
  };
  try {
    await new Promise<void>((resolve, reject) => {
      maintenance.waitForReady(Date.now() + DIAL_MS, (error) => (error ? reject(new PerdureError('Transient', `etcd member ${node} cannot be reached: ${error.message}`, { cause: error })) : resolve()));
    });
  } catch (error) {
    await close();
    throw error;
  }
  return {
    node,
    close,
    async view() {
      const [list, status, alarms] = await Promise.all([
        call<{ members: Member[] }>(cluster, 'MemberList', { linearizable: true }),
        call<{ leader: string }>(maintenance, 'Status', {}),
        call<{ alarms: { memberID: string; alarm: number }[] }>(maintenance, 'Alarm', { action: 0 }),
      ]);
      return {
        members: list.members.map((m) => ({ id: m.ID, name: m.name, learner: m.isLearner })).sort((a, b) => a.name.localeCompare(b.name)),
        leaderId: status.leader,
        alarmed: alarms.alarms.filter((a) => a.alarm !== 0).map((a) => a.memberID),
      };
    },
    moveLeader: async (targetID) => {
      await call(maintenance, 'MoveLeader', { targetID });
    },
    removeMember: async (ID) => {
      try {
        await call(cluster, 'MemberRemove', { ID });
      } catch (error) {
        if (error instanceof PerdureError && error.details['code'] === grpc.status.NOT_FOUND) return;
        throw error;
      }
    },
  };
}
