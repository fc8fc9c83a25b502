import net from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { afterEach, describe, expect, test } from '@jest/globals';
import { PerdureError } from '../../domain/errors.js';
import type { KubeClient } from '../../kube/client.js';
import { generateCa, issueCertificate, type KeyPair } from '../bootstrap/pki.js';
import { openEtcd } from './etcd.js';
import { etcdDefinition } from './etcd-rpc.js';

type Handler = (request: Record<string, unknown>) => unknown;
const ID = '10276657743932975437'; // more than a JavaScript number can hold
const members = [
  { ID: '2', name: 'b', isLearner: false },
  { ID, name: 'a', isLearner: false },
  { ID: '3', name: '', isLearner: true },
];

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** An etcd member with mutual TLS that answers by `handlers`. */
async function aMember(ca: KeyPair, handlers: Record<string, Handler> = {}) {
  const calls: string[] = [];
  const answers: Record<string, Handler> = {
    MemberList: () => ({ members }),
    Status: () => ({ leader: ID, header: { member_id: ID } }),
    Alarm: () => ({
      alarms: [
        { memberID: '2', alarm: 'NOSPACE' },
        { memberID: ID, alarm: 'NONE' },
      ],
    }),
    ...handlers,
  };
  const unary =
    (name: string): grpc.handleUnaryCall<Record<string, unknown>, unknown> =>
    (call, done) => {
      calls.push(`${name} ${JSON.stringify(call.request)}`);
      const answer = answers[name]?.(call.request) ?? {};
      if (answer instanceof Error) done(answer);
      else if (answer !== 'silence') done(null, answer);
    };
  const loaded = grpc.loadPackageDefinition(etcdDefinition())['etcdserverpb'] as grpc.GrpcObject;
  const server = new grpc.Server();
  const serve = (service: string, methods: string[]) =>
    server.addService(
      (loaded[service] as grpc.ServiceClientConstructor).service,
      Object.fromEntries(methods.map((m) => [m, unary(m)])),
    );
  serve('Cluster', ['MemberList', 'MemberRemove']);
  serve('Maintenance', ['Status', 'MoveLeader', 'Alarm']);
  const own = await issueCertificate(ca, {
    commonName: 'etcd',
    usages: ['server'],
    dns: ['some.other.name'],
    algorithm: 'ECDSA-P256',
  });
  const tls = grpc.ServerCredentials.createSsl(
    Buffer.from(ca.cert),
    [{ private_key: Buffer.from(own.key), cert_chain: Buffer.from(own.cert) }],
    true,
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', tls, (error, bound) => (error ? reject(error) : resolve(bound))),
  );
  cleanups.push(() => server.forceShutdown());
  return { calls, connect: () => Promise.resolve(net.connect(port, '127.0.0.1')) };
}

const authority = () => generateCa('etcd-ca', { algorithm: 'ECDSA-P256' });
const nobody = {} as KubeClient;

async function open(ca: KeyPair, connect: () => Promise<net.Socket>, signal = new AbortController().signal) {
  const client = await openEtcd(nobody, 'a', ca, signal, connect);
  cleanups.push(() => client.close());
  return client;
}

describe('openEtcd', () => {
  test('reads members, leader and alarms over mutual TLS, ids unharmed', async () => {
    const ca = await authority();
    const { connect, calls } = await aMember(ca);
    const client = await open(ca, connect);
    expect(await client.view()).toEqual({
      members: [
        { id: '3', name: '', learner: true },
        { id: ID, name: 'a', learner: false },
        { id: '2', name: 'b', learner: false },
      ],
      leaderId: ID,
      alarms: [{ memberId: '2', name: 'NOSPACE' }],
      alarmed: ['2'],
    });
    expect(calls).toContain('MemberList {"linearizable":true}');
  });

  test('leadership is moved by the leader only, and once', async () => {
    const ca = await authority();
    const leader = await aMember(ca);
    await (await open(ca, leader.connect)).moveLeader('2');
    expect(leader.calls).toContain('MoveLeader {"targetID":"2"}');
    const follower = await aMember(ca, { Status: () => ({ leader: '2', header: { member_id: ID } }) });
    await (await open(ca, follower.connect)).moveLeader('2');
    await (await open(ca, follower.connect)).moveLeader('7');
    expect(follower.calls.filter((c) => c.startsWith('MoveLeader'))).toEqual([]);
  });

  test('removing a member that is gone is success', async () => {
    const ca = await authority();
    const gone = Object.assign(new Error('etcdserver: member not found'), { code: grpc.status.NOT_FOUND });
    const { connect, calls } = await aMember(ca, { MemberRemove: () => gone });
    await (await open(ca, connect)).removeMember(ID);
    expect(calls).toContain(`MemberRemove {"ID":"${ID}"}`);
  });

  test('other failures are Transient and name member and call', async () => {
    const ca = await authority();
    const lost = Object.assign(new Error('etcdserver: no leader'), { code: grpc.status.UNAVAILABLE });
    const { connect } = await aMember(ca, { MemberRemove: () => lost });
    await expect((await open(ca, connect)).removeMember('2')).rejects.toMatchObject({
      type: 'Transient',
      message: 'etcd member a: MemberRemove: etcdserver: no leader',
    });
  });

  test('a member of another cluster is not believed', async () => {
    const { connect } = await aMember(await authority());
    await expect(untilFailed(open(await authority(), connect))).resolves.toMatchObject({ type: 'Transient' });
  });

  test('a tunnel that cannot be opened is told at once', async () => {
    const refused = new PerdureError('NotFound', 'port-forward to kube-system/etcd-a:2379: pods "etcd-a" not found');
    await expect(open(await authority(), () => Promise.reject(refused))).rejects.toMatchObject({
      type: 'Transient',
      message: 'etcd member a cannot be reached: port-forward to kube-system/etcd-a:2379: pods "etcd-a" not found',
    });
  });

  test('an abort ends a call that hangs, with the reason', async () => {
    const ca = await authority();
    const { connect, calls } = await aMember(ca, { MemberList: () => 'silence' });
    const abort = new AbortController();
    const client = await open(ca, connect, abort.signal);
    const pending = client.view();
    while (!calls.some((c) => c.startsWith('MemberList'))) await new Promise(setImmediate);
    abort.abort(new Error('cancelled by the operator'));
    await expect(pending).rejects.toThrow('cancelled by the operator');
  });
});

async function untilFailed(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => 'it worked',
    (error: unknown) => error,
  );
}
