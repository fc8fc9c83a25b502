import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import http2, { type ClientHttp2Session } from 'node:http2';
import { EC2Client } from '@aws-sdk/client-ec2';
import { passBoundary } from './boundary.js';

/** The activity that runs, as it appears in points, and the namespace it works for. */
interface Running {
  readonly namespace: string;
  readonly name: string;
}

const running = new AsyncLocalStorage<Running>();

/** Runs an activity so that its calls are known to be its own. */
export const withinActivity = <T>(activity: Running, work: () => Promise<T>): Promise<T> => running.run(activity, work);

/** What a request to an API server changes, `patch.machines.status`; undefined for one that only reads. */
export function kubeEffect(method: string, requestPath: string): string | undefined {
  if (method === 'GET' || method === 'HEAD') return undefined;
  const { pathname } = new URL(requestPath, 'http://localhost');
  const parts = pathname.split('/').filter((part) => part !== '');
  const root = parts.shift();
  if (root !== 'api' && root !== 'apis') return undefined;
  parts.splice(0, root === 'api' ? 1 : 2);
  if (parts[0] === 'namespaces' && parts.length > 2) parts.splice(0, 2);
  const [resource, , ...subresource] = parts;
  // connections to pods are the way to etcd, not an effect
  if (!resource || subresource.includes('portforward') || subresource.includes('proxy')) return undefined;
  return [method.toLowerCase(), resource, ...subresource].join('.');
}

/** Whether an operation of a cloud only reads. */
const READS = /^(Describe|Get|List|Lookup|Search|AssumeRole|DecodeAuthorizationMessage)/;

/** What a call of a cloud changes, `aws.RunInstances`; undefined for one that only reads. */
export function cloudEffect(command: string): string | undefined {
  const operation = command.replace(/Command$/, '');
  return READS.test(operation) ? undefined : `aws.${operation}`;
}

/** What a call of etcd changes, `etcd.MemberRemove`; undefined for one that only reads, or is not for etcd. */
export function etcdEffect(requestPath: string): string | undefined {
  const [, method] = /^\/etcdserverpb\.\w+\/(\w+)$/.exec(requestPath) ?? [];
  return method === undefined || /^(MemberList|Status|Alarm|Hash|HashKV|Snapshot)$/.test(method)
    ? undefined
    : `etcd.${method}`;
}

/** Passes `before`; answers what passes `after`. Nothing outside activities. */
function begin(dir: string, effect: string | undefined): (() => void) | undefined {
  const activity = running.getStore();
  if (!activity || effect === undefined) return undefined;
  const what = `${activity.name}>${effect}`;
  passBoundary(dir, activity.namespace, what, 'before');
  return () => passBoundary(dir, activity.namespace, what, 'after');
}

interface Request {
  readonly method: string;
  readonly path: string;
}

/** etcd is reached by gRPC, each activity over a connection of its own. */
function watchEtcdCalls(dir: string): void {
  const { connect } = http2;
  const watched = (...args: Parameters<typeof connect>): ClientHttp2Session => {
    const session = connect(...args);
    const { request } = session;
    session.request = (headers, options) => {
      const { ':path': at } = (headers ?? {}) as { readonly ':path'?: string };
      const end = begin(dir, etcdEffect(at ?? ''));
      const stream = request.call(session, headers, options);
      if (end) stream.once('trailers', end);
      return stream;
    };
    return session;
  };
  Object.assign(http2, { connect: watched });
}

interface Sender {
  send(command: object, ...rest: readonly unknown[]): unknown;
}

/**
 * Makes every call by which an activity changes an API server, etcd or a cloud pass a boundary: before anything is sent, and when it was answered but the
 * activity does not know yet. Call it once per process.
 */
export function watchEffects(dir: string): void {
  const ends = new WeakMap<object, () => void>();
  subscribe('undici:request:create', (message) => {
    const { request } = message as { request: Request };
    const end = begin(dir, kubeEffect(request.method, request.path));
    if (end) ends.set(request, end);
  });
  subscribe('undici:request:trailers', (message) => ends.get((message as { request: object }).request)?.());
  watchEtcdCalls(dir);
  // all of the SDK's clients have this one prototype
  const client = Object.getPrototypeOf(EC2Client.prototype) as Sender;
  const send = client.send;
  client.send = function (command, ...rest) {
    const end = begin(dir, cloudEffect(command.constructor.name));
    const sent = send.call(this, command, ...rest);
    return end && sent instanceof Promise ? sent.then(passThrough(end)) : sent;
  };
}

const passThrough =
  (end: () => void) =>
  <T>(value: T): T => {
    end();
    return value;
  };
