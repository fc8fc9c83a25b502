import { existsSync } from 'node:fs';
import path from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { childEnvironment, readConfig } from '../../config/config.js';
import { temporalConnection } from '../../config/temporal.js';
import { PerdureError } from '../../domain/errors.js';
import { type KubeClient, kubeFromKubeconfigFile } from '../../kube/client.js';
import { readJson } from '../../sandbox/files.js';
import { type Endpoints, type Layout, layoutOf } from '../../sandbox/layout.js';

/** Options every command has. */
export interface GlobalOptions {
  readonly dir?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly temporalAddress?: string;
  readonly temporalNamespace?: string;
  readonly output?: string;
}

/** Default state directory of the sandbox, below XDG_STATE_HOME. */
export function defaultDir(name = 'sandbox'): string {
  const env = childEnvironment();
  return path.join(env['XDG_STATE_HOME'] || path.join(env['HOME'] ?? '.', '.local/state'), 'perdure', name);
}

export const layoutFor = (options: GlobalOptions): Layout => layoutOf(path.resolve(options.dir ?? defaultDir()));

/** The management cluster: --kubeconfig, else KUBECONFIG, else a sandbox that is there. */
export function connectKube(options: GlobalOptions): KubeClient {
  const env = childEnvironment();
  const sandbox = layoutFor(options).kubeconfig;
  const file =
    options.kubeconfig ??
    (options.dir
      ? sandbox
      : env['PERDURE_KUBECONFIG'] || firstOf(env['KUBECONFIG']) || (existsSync(sandbox) ? sandbox : undefined));
  if (!file)
    throw new PerdureError(
      'InvalidConfiguration',
      "no management cluster: pass --kubeconfig, set KUBECONFIG, or start a sandbox with 'perdure up'",
    );
  return kubeFromKubeconfigFile(file, options.context ? { context: options.context } : {});
}

/** KUBECONFIG may be a list; its first file counts. */
const firstOf = (list: string | undefined): string | undefined => list?.split(path.delimiter).find((f) => f !== '');

/** Temporal: --temporal-address, else PERDURE_TEMPORAL_ADDRESS, else the sandbox's. */
export async function connectTemporal(options: GlobalOptions): Promise<Client> {
  const env = childEnvironment();
  const endpoints = await readJson<Endpoints>(layoutFor(options).endpoints);
  const address =
    options.temporalAddress ??
    (options.dir ? endpoints?.temporal : env['PERDURE_TEMPORAL_ADDRESS'] || endpoints?.temporal);
  if (!address)
    throw new PerdureError(
      'InvalidConfiguration',
      "no Temporal server: pass --temporal-address, set PERDURE_TEMPORAL_ADDRESS, or start a sandbox with 'perdure up'",
    );
  const namespace = options.temporalNamespace ?? (env['PERDURE_TEMPORAL_NAMESPACE'] || 'default');
  const named = address === env['PERDURE_TEMPORAL_ADDRESS'] ? temporalConnection(readConfig().temporal) : { address };
  try {
    const connection = await Connection.connect({ ...named, connectTimeout: '5s' });
    return new Client({ connection, namespace });
  } catch (cause) {
    throw new PerdureError('Transient', `cannot reach Temporal at ${address}: ${(cause as Error).message}`, { cause });
  }
}

/** Runs `work` with a client of the management cluster and closes its connections. */
export async function withKube<T>(options: GlobalOptions, work: (kube: KubeClient) => Promise<T>): Promise<T> {
  const kube = connectKube(options);
  try {
    return await work(kube);
  } finally {
    await kube.close();
  }
}

/** Runs `work` with a client of Temporal and closes its connection. */
export async function withTemporal<T>(options: GlobalOptions, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await connectTemporal(options);
  try {
    return await work(client);
  } finally {
    await client.connection.close();
  }
}
