import * as grpc from '@grpc/grpc-js';
import type { EtcdMember, EtcdView } from '../../domain/bootstrap/etcd-quorum.js';
import { notYet, PerdureError } from '../../domain/errors.js';
import type { KubeClient } from '../../kube/client.js';
import { portForward } from '../../kube/port-forward.js';
import { issueCertificate, type KeyPair } from '../bootstrap/pki.js';
import { createEtcdRpc, type EtcdRpc, grpcStatus } from './etcd-rpc.js';
import { type Connect, openTunnel } from './etcd-tunnel.js';

/** Milliseconds until a member that cannot be connected to counts as unreachable. */
const DIAL_MS = 10_000;
const CLIENT_PORT = 2379;
const CLIENT_DAYS = 1;
/** Source: etcd api/v3rpc/rpctypes ErrUnhealthy. */
const UNHEALTHY = 'etcdserver: unhealthy cluster';

export interface EtcdAlarm {
  readonly memberId: string;
  /** NOSPACE or CORRUPT. */
  readonly name: string;
}

/** The membership as one member sees it after asking the others. */
export interface EtcdState extends EtcdView {
  readonly members: readonly EtcdMember[];
  readonly alarms: readonly EtcdAlarm[];
}

export interface EtcdClient {
  /** Name of the node whose member is asked. */
  readonly node: string;
  /** Members, leader and alarms. Goes through consensus: without a quorum it throws `Transient`. */
  view(): Promise<EtcdState>;
  /** Hands leadership to another member; only the leader can. Being no leader any more is success. */
  moveLeader(toMemberId: string): Promise<void>;
  /** Removing an absent member is success. Throws `NotYet` while etcd waits for its members to be connected to each other. */
  removeMember(memberId: string): Promise<void>;
  close(): Promise<void>;
}

interface Answers {
  readonly MemberList: {
    readonly members: readonly { readonly ID: string; readonly name: string; readonly isLearner: boolean }[];
  };
  readonly Status: { readonly leader: string; readonly header?: { readonly member_id: string } };
  readonly Alarm: { readonly alarms: readonly { readonly memberID: string; readonly alarm: string }[] };
}

/**
 * Opens the etcd member on `node`: mutual TLS over a port-forward to its static pod, with a client certificate that lives for a day, signed by
 * the cluster's etcd CA. Close it when done. Throws `Transient` with the member's name and the cause when it cannot be reached.
 */
export async function openEtcd(
  workload: KubeClient,
  node: string,
  authority: KeyPair,
  signal: AbortSignal,
  connect: Connect = (abort) =>
    portForward(workload, { namespace: 'kube-system', pod: `etcd-${node}`, port: CLIENT_PORT, signal: abort }),
): Promise<EtcdClient> {
  const what = `etcd member ${node}`;
  const identity = await issueCertificate(authority, {
    commonName: 'cluster-api.x-k8s.io',
    usages: ['client'],
    algorithm: 'ECDSA-P256',
    validityDays: CLIENT_DAYS,
  });
  const tunnel = await openTunnel(connect, signal);
  const rpc = createEtcdRpc({ target: tunnel.target, what, ca: authority.cert, ...identity, signal });
  const close = async (): Promise<void> => {
    rpc.close();
    await tunnel.close();
  };
  try {
    // Proves connection and trust, as upstream does; a tunnel that cannot be opened (no such pod) fails it at once.
    await rpc.call('Maintenance', 'Status', {}, DIAL_MS);
  } catch (error) {
    await close();
    signal.throwIfAborted();
    const cause = tunnel.failure() ?? error;
    const reason = (cause instanceof Error ? cause.message : String(cause)).replace(`${what}: `, '');
    throw new PerdureError('Transient', `${what} cannot be reached: ${reason}`, { cause });
  }
  return {
    node,
    close,
    view: () => view(rpc),
    moveLeader: (id) => moveLeader(rpc, id),
    removeMember: (id) => removeMember(rpc, id),
  };
}

async function view(rpc: EtcdRpc): Promise<EtcdState> {
  const [list, status, answer] = await Promise.all([
    rpc.call<Answers['MemberList']>('Cluster', 'MemberList', { linearizable: true }),
    rpc.call<Answers['Status']>('Maintenance', 'Status', {}),
    rpc.call<Answers['Alarm']>('Maintenance', 'Alarm', { action: 'GET' }),
  ]);
  const members = list.members.map((m) => ({ id: m.ID, name: m.name, learner: m.isLearner }));
  const alarms = answer.alarms.filter((a) => a.alarm !== 'NONE').map((a) => ({ memberId: a.memberID, name: a.alarm }));
  return {
    members: members.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)),
    leaderId: status.leader,
    alarms,
    alarmed: alarms.map((a) => a.memberId),
  };
}

async function moveLeader(rpc: EtcdRpc, targetID: string): Promise<void> {
  const before = await rpc.call<Answers['Status']>('Maintenance', 'Status', {});
  if (before.leader === targetID || (before.header && before.leader !== before.header.member_id)) return;
  await rpc.call('Maintenance', 'MoveLeader', { targetID });
}

async function removeMember(rpc: EtcdRpc, ID: string): Promise<void> {
  try {
    await rpc.call('Cluster', 'MemberRemove', { ID });
  } catch (error) {
    if (grpcStatus(error) === grpc.status.NOT_FOUND) return;
    // etcd wants all members to have been connected for some seconds before it changes its membership.
    if (error instanceof PerdureError && error.message.includes(UNHEALTHY)) throw notYet(error.message);
    throw error;
  }
}
