import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import { loadSync, type PackageDefinition } from '@grpc/proto-loader';
import { PerdureError } from '../../domain/errors.js';

/** Milliseconds until a call that got no answer fails. Source: capi etcd.DefaultCallTimeout. */
const CALL_MS = 15_000;

type Unary = (
  request: unknown,
  metadata: grpc.Metadata,
  options: grpc.CallOptions,
  done: (error: grpc.ServiceError | null, answer: unknown) => void,
) => grpc.ClientUnaryCall;
type Stub = grpc.Client & Record<string, Unary | undefined>;

const NAMESPACE = 'etcdserverpb';
const PROTO = new URL('./etcd.proto', import.meta.url);

/** etcd's messages and services as far as they are used; 64 bit numbers as decimal strings. */
export function etcdDefinition(): PackageDefinition {
  return loadSync(fileURLToPath(PROTO), { keepCase: true, longs: String, enums: String, defaults: true, arrays: true });
}

export interface EtcdRpc {
  /** One call; `timeoutMs` is 15 s by default. A connection that cannot be made fails it at once, with the cause. */
  call<T>(service: 'Cluster' | 'Maintenance', method: string, request: unknown, timeoutMs?: number): Promise<T>;
  close(): void;
}

export interface EtcdRpcOptions {
  readonly target: string;
  /** Names the member in errors. */
  readonly what: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly signal: AbortSignal;
}

/**
 * gRPC to one etcd member with mutual TLS. The server's certificate has to come from the given CA, which is the cluster's own; its names are
 * not looked at, since the member is reached through a tunnel that knows no names. Calls are not retried here.
 */
export function createEtcdRpc(options: EtcdRpcOptions): EtcdRpc {
  const loaded = grpc.loadPackageDefinition(etcdDefinition())[NAMESPACE] as grpc.GrpcObject;
  const credentials = grpc.credentials.createSsl(
    Buffer.from(options.ca),
    Buffer.from(options.key),
    Buffer.from(options.cert),
    {
      checkServerIdentity: () => undefined,
    },
  );
  const channel = new grpc.Channel(options.target, credentials, {
    'grpc.ssl_target_name_override': 'localhost',
    'grpc.default_authority': 'localhost',
    'grpc.enable_retries': 0,
    'grpc.initial_reconnect_backoff_ms': 500,
  });
  const stub = (name: string): Stub => {
    const Service = loaded[name] as grpc.ServiceClientConstructor;
    return new Service(options.target, credentials, { channelOverride: channel }) as unknown as Stub;
  };
  const stubs = { Cluster: stub('Cluster'), Maintenance: stub('Maintenance') };
  return {
    call: <T>(service: 'Cluster' | 'Maintenance', method: string, request: unknown, timeoutMs = CALL_MS) =>
      unary<T>(stubs[service], method, request, timeoutMs, options),
    close: () => channel.close(),
  };
}

function unary<T>(
  stub: Stub,
  method: string,
  request: unknown,
  timeoutMs: number,
  options: EtcdRpcOptions,
): Promise<T> {
  const { what, signal } = options;
  signal.throwIfAborted();
  return new Promise<T>((resolve, reject) => {
    const run = stub[method];
    if (run === undefined) {
      reject(new PerdureError('Bug', `etcd has no method ${method} here`));
      return;
    }
    const pending = run.call(
      stub,
      request,
      new grpc.Metadata(),
      { deadline: Date.now() + timeoutMs },
      (error, answer) => {
        signal.removeEventListener('abort', cancel);
        if (error === null) resolve(answer as T);
        else if (signal.aborted) reject(signal.reason);
        else reject(callError(`${what}: ${method}`, error));
      },
    );
    const cancel = (): void => pending.cancel();
    signal.addEventListener('abort', cancel, { once: true });
  });
}

function callError(what: string, error: grpc.ServiceError): PerdureError {
  return new PerdureError('Transient', `${what}: ${error.details || error.message}`, {
    cause: error,
    details: { code: error.code },
  });
}

/** gRPC status of an error of `call`; undefined for other errors. */
export function grpcStatus(error: unknown): grpc.status | undefined {
  const code = error instanceof PerdureError ? error.details['code'] : undefined;
  return typeof code === 'number' ? code : undefined;
}
