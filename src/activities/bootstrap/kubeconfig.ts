import { parse } from 'yaml';
import type { Cluster, KubeObject } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import { hostPort } from '../../domain/bootstrap/kubeadm-version.js';
import { toYaml } from '../../domain/bootstrap/yaml.js';
import { endpointOf, ownerReference, readPath } from '../../domain/contract.js';
import { notYet, PerdureError } from '../../domain/errors.js';
import { ANNOTATION } from '../../domain/names.js';
import type { Kube } from '../../kube/kube.js';
import { type EncryptionAlgorithm, expiryOf, issueCertificate, type KeyPair } from './pki.js';
import {
  BOOTSTRAP_MANAGER,
  clusterSecret,
  createOrRead,
  ensureController,
  isControlledBy,
  type Secret,
  secretText,
} from './secrets.js';

export interface KubeconfigInput {
  readonly kube: Kube;
  readonly cluster: Cluster;
  /** Becomes the controller of the Secret: the control plane, or the Cluster when it has none. */
  readonly owner: KubeObject;
  readonly ca: KeyPair;
  readonly algorithm?: EncryptionAlgorithm | undefined;
  readonly now: Date;
  readonly signal?: AbortSignal;
}

export interface KubeconfigResult {
  readonly secretName: string;
  readonly action: 'created' | 'renewed' | 'kept';
  /** When the client certificate expires; undefined for a kubeconfig brought by the user. */
  readonly expires?: Date;
}

const DATA_KEY = 'value';
const CLIENT_DAYS = 365;
const RENEW_BEFORE_MS = (CLIENT_DAYS / 2) * 86_400_000;

/**
 * Makes the Secret `<cluster>-kubeconfig` exist, with a cluster administrator's client certificate valid for a year, and renews the
 * certificate when less than half a year remains. A Secret of another type or another controller is the user's and never changed. Throws
 * `NotYet` while the cluster has no endpoint. Idempotent. Source: capi util/kubeconfig, KCP reconcileKubeconfig.
 */
export async function ensureKubeconfig(input: KubeconfigInput): Promise<KubeconfigResult> {
  const { kube, cluster, owner, signal } = input;
  const { namespace = '', name } = cluster.metadata;
  const ref = { namespace, name: `${name}-kubeconfig` };
  const existing = await kube.get<Secret>(KINDS.Secret, ref, signal);
  if (existing !== undefined) return await keepOrRenew(input, existing);
  const endpoint = endpointOf(cluster);
  if (endpoint === undefined) {
    throw notYet(`cluster ${namespace}/${name} has no spec.controlPlaneEndpoint yet: its kubeconfig cannot be made`);
  }
  const text = await makeKubeconfig(input, `https://${hostPort(endpoint)}`);
  const plain = clusterSecret(ref, name, ownerReference(owner, { controller: true }), { [DATA_KEY]: text });
  const wanted = { ...plain, metadata: withDueDate(plain) };
  const { secret, created } = await createOrRead(kube, wanted, signal);
  return { secretName: ref.name, action: created ? 'created' : 'kept', ...expiryIn(secret) };
}

async function keepOrRenew(input: KubeconfigInput, existing: Secret): Promise<KubeconfigResult> {
  const { kube, owner, signal, now } = input;
  const secret = await ensureController(kube, existing, owner, input.cluster.metadata.name, signal);
  const secretName = secret.metadata.name;
  if (!isControlledBy(secret, owner)) return { secretName, action: 'kept' };
  const { expires } = expiryIn(secret);
  if (expires !== undefined && expires.getTime() - now.getTime() >= RENEW_BEFORE_MS) {
    await noteDueDate(input, secret);
    return { secretName, action: 'kept', expires };
  }
  const text = await makeKubeconfig(input, serverOf(input.cluster, secret));
  const stored = await kube.modify<Secret>(
    KINDS.Secret,
    secret.metadata,
    // Somebody else renewed it meanwhile: theirs is as good.
    (current) => (current.data?.[DATA_KEY] === secret.data?.[DATA_KEY] ? withText(current, text) : undefined),
    { fieldManager: BOOTSTRAP_MANAGER, ...(signal ? { signal } : {}) },
  );
  return { secretName, action: 'renewed', ...(stored ? expiryIn(stored) : {}) };
}

function withText(secret: Secret, text: string): Secret {
  const renewed = { ...secret, data: { ...secret.data, [DATA_KEY]: Buffer.from(text).toString('base64') } };
  return { ...renewed, metadata: withDueDate(renewed) };
}

/** The Secret's metadata with the time of its renewal, by which the control plane's lane is woken: an idle cluster has nothing else that would. */
function withDueDate(secret: Secret): Secret['metadata'] {
  const { expires } = expiryIn(secret);
  if (!expires) return secret.metadata;
  const due = new Date(expires.getTime() - RENEW_BEFORE_MS).toISOString();
  return { ...secret.metadata, annotations: { ...secret.metadata.annotations, [ANNOTATION.renewAfter]: due } };
}

async function noteDueDate({ kube, signal }: KubeconfigInput, secret: Secret): Promise<void> {
  const due = (of: Secret): string | undefined => of.metadata.annotations?.[ANNOTATION.renewAfter];
  if (due(secret) === due({ ...secret, metadata: withDueDate(secret) })) return;
  await kube.modify<Secret>(
    KINDS.Secret,
    secret.metadata,
    (current) => ({ ...current, metadata: withDueDate(current) }),
    { fieldManager: BOOTSTRAP_MANAGER, ...(signal ? { signal } : {}) },
  );
}

/** A renewed kubeconfig keeps its server: somebody may have put a proxy or another name there. */
function serverOf(cluster: Cluster, secret: Secret): string {
  const server = readPath(parsed(secret), 'clusters.0.cluster.server');
  if (typeof server === 'string' && server !== '') return server;
  const endpoint = endpointOf(cluster);
  if (endpoint) return `https://${hostPort(endpoint)}`;
  throw notYet(`cluster ${cluster.metadata.namespace}/${cluster.metadata.name} has no spec.controlPlaneEndpoint yet`);
}

async function makeKubeconfig({ cluster, ca, algorithm, now }: KubeconfigInput, server: string): Promise<string> {
  const client = await issueCertificate(ca, {
    commonName: 'kubernetes-admin',
    organization: 'system:masters',
    usages: ['client'],
    validityDays: CLIENT_DAYS,
    algorithm,
    now,
  });
  return kubeconfigYaml({ cluster: cluster.metadata.name, server, ca: ca.cert, client });
}

/** A kubeconfig with one context, named as kubeadm names them. */
export function kubeconfigYaml(input: { cluster: string; server: string; ca: string; client: KeyPair }): string {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const user = `${input.cluster}-admin`;
  const context = `${user}@${input.cluster}`;
  return toYaml({
    apiVersion: 'v1',
    clusters: [
      { cluster: { 'certificate-authority-data': base64(input.ca), server: input.server }, name: input.cluster },
    ],
    contexts: [{ context: { cluster: input.cluster, user }, name: context }],
    'current-context': context,
    kind: 'Config',
    users: [
      {
        name: user,
        user: { 'client-certificate-data': base64(input.client.cert), 'client-key-data': base64(input.client.key) },
      },
    ],
  });
}

function parsed(secret: Secret): unknown {
  try {
    return parse(secretText(secret, DATA_KEY) ?? '');
  } catch {
    // Our own Secret with broken contents: it is made anew from the CA.
    return undefined;
  }
}

function expiryIn(secret: Secret): { expires?: Date } {
  const data = readPath(parsed(secret), 'users.0.user.client-certificate-data');
  if (typeof data !== 'string') return {};
  try {
    return { expires: expiryOf('client certificate', Buffer.from(data, 'base64').toString()) };
  } catch (error) {
    if (error instanceof PerdureError) return {};
    throw error;
  }
}
