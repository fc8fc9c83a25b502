import { createHmac } from 'node:crypto';
import { KINDS } from '../../api/types/kinds.js';
import { isFailure, PerdureError } from '../../domain/errors.js';
import type { Kube } from '../../kube/kube.js';
import { BOOTSTRAP_MANAGER, type Secret, secretText } from './secrets.js';

export interface TokenInput {
  /** The workload cluster. */
  readonly workload: Kube;
  /** Private key of the cluster's CA (PEM): seed of the token, so that only who could sign for the cluster could compute it. */
  readonly caKey: string;
  /** What the token is for, the same in every attempt: `<namespace>/<name>/<uid>` of the bootstrap config. */
  readonly identity: string;
  readonly now: Date;
  /** Milliseconds; default 15 minutes. */
  readonly ttlMs?: number;
  readonly signal?: AbortSignal;
}

export const TOKEN_TTL_MS = 15 * 60_000;
/** Fraction of the life time that may be left before a refresh is due. Source: capi skipTokenRefreshIfExpiringAfter. */
const REFRESH_FRACTION = 5 / 6;
const NAMESPACE = 'kube-system';
const IDENTITY_ANNOTATION = 'perdure.dev/bootstrap-config';
const TOKEN_TYPE = 'bootstrap.kubernetes.io/token';
const GROUPS = 'system:bootstrappers:kubeadm:default-node-token';
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';
const ID_LENGTH = 6;
const SECRET_LENGTH = 16;
const MAX_SLOTS = 8;

/**
 * Makes the bootstrap token of one machine exist in the workload cluster and answers it (`id.secret`). The token is derived, not drawn: an
 * attempt that is run again finds its own Secret by name and extends it, and nothing has to be written anywhere to remember it. An id taken
 * by somebody else is left alone and the next one used.
 */
export async function ensureBootstrapToken(input: TokenInput): Promise<string> {
  for (let slot = 0; slot < MAX_SLOTS; slot++) {
    const token = deriveToken(input.caKey, input.identity, slot);
    if (await createOrExtend(input, token)) return token;
  }
  throw new PerdureError(
    'Conflict',
    `all bootstrap token ids for ${input.identity} are taken by others; delete expired token secrets in ${NAMESPACE}`,
  );
}

/** Extends the token of a machine that has not joined yet, when it is due; makes it anew when it is gone. Answers whether it wrote. */
export async function refreshBootstrapToken(input: TokenInput): Promise<boolean> {
  for (let slot = 0; slot < MAX_SLOTS; slot++) {
    const token = deriveToken(input.caKey, input.identity, slot);
    const existing = await input.workload.get<Secret>(KINDS.Secret, refOf(token), input.signal);
    if (existing === undefined) return await createOrExtend(input, token);
    if (isOurs(existing, input, token)) return isDue(existing, input) && (await extend(input, existing));
  }
  return false;
}

/** Removes the token after the machine has joined; absent is success. Tokens expire by themselves: this only shortens their life. */
export async function deleteBootstrapToken(
  input: Pick<TokenInput, 'workload' | 'caKey' | 'identity' | 'signal'>,
): Promise<void> {
  for (let slot = 0; slot < MAX_SLOTS; slot++) {
    const token = deriveToken(input.caKey, input.identity, slot);
    const existing = await input.workload.get<Secret>(KINDS.Secret, refOf(token), input.signal);
    if (existing === undefined) return;
    if (!isOurs(existing, input, token)) continue;
    const { uid } = existing.metadata;
    await input.workload.delete(KINDS.Secret, existing.metadata, {
      ...(uid ? { uid } : {}),
      ...(input.signal ? { signal: input.signal } : {}),
    });
    return;
  }
}

/** `id.secret` in kubeadm's alphabet, uniform (bytes that would favour some letters are skipped). */
export function deriveToken(caKey: string, identity: string, slot: number): string {
  const letters: string[] = [];
  for (let block = 0; letters.length < ID_LENGTH + SECRET_LENGTH; block++) {
    const bytes = createHmac('sha256', caKey)
      .update(`perdure bootstrap token\n${identity}\n${slot}\n${block}`)
      .digest();
    for (const byte of bytes) {
      if (byte < 256 - (256 % ALPHABET.length)) letters.push(ALPHABET[byte % ALPHABET.length] ?? '');
    }
  }
  return `${letters.slice(0, ID_LENGTH).join('')}.${letters.slice(ID_LENGTH, ID_LENGTH + SECRET_LENGTH).join('')}`;
}

async function createOrExtend(input: TokenInput, token: string): Promise<boolean> {
  try {
    await input.workload.create(KINDS.Secret, tokenSecret(input, token), writeOptions(input));
    return true;
  } catch (error) {
    if (!isFailure(error, 'Conflict') || error.details['alreadyExists'] !== true) throw error;
  }
  const existing = await input.workload.get<Secret>(KINDS.Secret, refOf(token), input.signal);
  // Expired and removed by the token cleaner in between: the next attempt creates it.
  if (existing === undefined)
    throw new PerdureError('Transient', `bootstrap token of ${input.identity} was removed while it was being read`);
  if (!isOurs(existing, input, token)) return false;
  if (isDue(existing, input)) await extend(input, existing);
  return true;
}

async function extend(input: TokenInput, existing: Secret): Promise<boolean> {
  const data = { expiration: Buffer.from(expiration(input)).toString('base64') };
  await input.workload.mergePatch(KINDS.Secret, existing.metadata, { data }, writeOptions(input));
  return true;
}

function writeOptions({ signal }: TokenInput): { fieldManager: string; signal?: AbortSignal } {
  return { fieldManager: BOOTSTRAP_MANAGER, ...(signal ? { signal } : {}) };
}

function expiration({ now, ttlMs = TOKEN_TTL_MS }: TokenInput): string {
  return new Date(now.getTime() + ttlMs).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

function isOurs(secret: Secret, { identity }: Pick<TokenInput, 'identity'>, token: string): boolean {
  return (
    secret.metadata.annotations?.[IDENTITY_ANNOTATION] === identity &&
    secretText(secret, 'token-secret') === token.split('.')[1]
  );
}

function isDue(secret: Secret, { now, ttlMs = TOKEN_TTL_MS }: TokenInput): boolean {
  const expires = Date.parse(secretText(secret, 'expiration') ?? '');
  return Number.isNaN(expires) || expires - now.getTime() <= ttlMs * REFRESH_FRACTION;
}

function refOf(token: string): { namespace: string; name: string } {
  return { namespace: NAMESPACE, name: `bootstrap-token-${token.split('.')[0]}` };
}

function tokenSecret(input: TokenInput, token: string): Secret {
  const [id = '', secret = ''] = token.split('.');
  const values = {
    'token-id': id,
    'token-secret': secret,
    expiration: expiration(input),
    'usage-bootstrap-signing': 'true',
    'usage-bootstrap-authentication': 'true',
    'auth-extra-groups': GROUPS,
    description: `token of bootstrap config ${input.identity.split('/').slice(0, 2).join('/')}, made by Perdure`,
  };
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { ...refOf(token), annotations: { [IDENTITY_ANNOTATION]: input.identity } },
    type: TOKEN_TYPE,
    data: Object.fromEntries(
      Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
    ),
  };
}
