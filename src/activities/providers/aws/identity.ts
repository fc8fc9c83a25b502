import { createHash } from 'node:crypto';
import type {
  AllowedNamespaces,
  AWSClusterControllerIdentity,
  AWSClusterRoleIdentity,
  AWSClusterStaticIdentity,
  AWSIdentityReference,
  LabelSelector,
} from '../../../api/types/aws.js';
import { KINDS } from '../../../api/types/kinds.js';
import type { KubeObject } from '../../../api/types/meta.js';
import { isFailure, PerdureError } from '../../../domain/errors.js';
import type { Kube } from '../../../kube/kube.js';
import type { AwsCredentials } from './client.js';

export const DEFAULT_IDENTITY: AWSIdentityReference = { kind: 'AWSClusterControllerIdentity', name: 'default' };
const MOVE_HIERARCHY = 'clusterctl.cluster.x-k8s.io/move-hierarchy';

/** What assumes a role; given by the caller so that this file needs no SDK client. */
export type AssumeRole = (source: AwsCredentials | undefined, role: AWSClusterRoleIdentity) => AwsCredentials;

export interface IdentityOptions {
  readonly managerNamespace: string;
  readonly autoCreateController: boolean;
  readonly controllerCredentials: AwsCredentials | undefined;
  readonly assumeRole: AssumeRole;
}

export interface ResolvedIdentity {
  /** Same key, same credentials: the cache key of sessions. Contains no secret. */
  readonly key: string;
  /** Undefined: the controller's own. */
  readonly credentials: AwsCredentials | undefined;
}

interface Asked {
  readonly kube: Kube;
  readonly namespace: string;
  readonly signal: AbortSignal;
}

/**
 * The credentials that `ref` stands for, for objects in `namespace`. A namespace the identity does not allow, a missing identity or Secret give
 * `Unauthorized` with the remedy; a loop of roles gives `InvalidConfiguration`. Creates the controller identity `default` when wished.
 */
export async function resolveIdentity(
  ref: AWSIdentityReference,
  asked: Asked,
  options: IdentityOptions,
  seen: readonly string[] = [],
): Promise<ResolvedIdentity> {
  const name = `${ref.kind}/${ref.name}`;
  if (seen.includes(name)) {
    throw new PerdureError(
      'InvalidConfiguration',
      `${name}: spec.sourceIdentityRef forms a loop: ${[...seen, name].join(' → ')}`,
    );
  }
  switch (ref.kind) {
    case 'AWSClusterControllerIdentity':
      return await controller(ref, asked, options);
    case 'AWSClusterStaticIdentity':
      return await fixed(ref, asked, options);
    case 'AWSClusterRoleIdentity':
      return await role(ref, asked, options, [...seen, name]);
  }
}

async function controller(
  ref: AWSIdentityReference,
  asked: Asked,
  options: IdentityOptions,
): Promise<ResolvedIdentity> {
  if (ref.name !== DEFAULT_IDENTITY.name) {
    throw new PerdureError(
      'InvalidConfiguration',
      `AWSClusterControllerIdentity/${ref.name}: the only one is named "default"; correct identityRef.name`,
    );
  }
  const { kube, signal } = asked;
  let identity = await kube.get<AWSClusterControllerIdentity>(KINDS.AWSClusterControllerIdentity, ref, signal);
  if (!identity && options.autoCreateController) identity = await createController(asked);
  await authorize(identity, identity?.spec?.allowedNamespaces, ref, asked);
  return { key: 'controller', credentials: options.controllerCredentials };
}

async function createController({ kube, signal }: Asked): Promise<AWSClusterControllerIdentity | undefined> {
  const kind = KINDS.AWSClusterControllerIdentity;
  const object: AWSClusterControllerIdentity = {
    apiVersion: `${kind.group}/${kind.version}`,
    kind: kind.kind,
    metadata: { name: DEFAULT_IDENTITY.name, labels: { [MOVE_HIERARCHY]: '' } },
    spec: { allowedNamespaces: {} },
  };
  try {
    return await kube.create(kind, object, { fieldManager: 'perdure-aws', signal });
  } catch (error) {
    if (!isFailure(error, 'Conflict')) throw error;
    return await kube.get(kind, DEFAULT_IDENTITY, signal);
  }
}

async function fixed(ref: AWSIdentityReference, asked: Asked, options: IdentityOptions): Promise<ResolvedIdentity> {
  const { kube, signal } = asked;
  const identity = await kube.get<AWSClusterStaticIdentity>(KINDS.AWSClusterStaticIdentity, { name: ref.name }, signal);
  const { spec } = await authorize(identity, identity?.spec.allowedNamespaces, ref, asked);
  const where = { namespace: options.managerNamespace, name: spec.secretRef };
  const secret = await kube.get<KubeObject & { data?: Record<string, string> }>(KINDS.Secret, where, signal);
  const field = (key: string): string =>
    Buffer.from(secret?.data?.[key] ?? '', 'base64')
      .toString()
      .trim();
  const [accessKeyId, secretAccessKey, sessionToken] = [
    field('AccessKeyID'),
    field('SecretAccessKey'),
    field('SessionToken'),
  ];
  if (!accessKeyId || !secretAccessKey) {
    throw new PerdureError(
      'Unauthorized',
      `AWSClusterStaticIdentity/${ref.name}: secret ${where.namespace}/${where.name} must hold AccessKeyID and SecretAccessKey; create or complete it`,
      { details: { condition: 'PrincipalCredentialRetrieved', reason: 'PrincipalCredentialRetrievalFailed' } },
    );
  }
  const print = createHash('sha256').update(`${accessKeyId}\n${secretAccessKey}\n${sessionToken}`).digest('hex');
  const credentials = { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
  return { key: `static/${ref.name}/${print.slice(0, 16)}`, credentials };
}

async function role(
  ref: AWSIdentityReference,
  asked: Asked,
  options: IdentityOptions,
  seen: readonly string[],
): Promise<ResolvedIdentity> {
  const found = await asked.kube.get<AWSClusterRoleIdentity>(
    KINDS.AWSClusterRoleIdentity,
    { name: ref.name },
    asked.signal,
  );
  const identity = await authorize(found, found?.spec.allowedNamespaces, ref, asked);
  const source = await resolveIdentity(identity.spec.sourceIdentityRef ?? DEFAULT_IDENTITY, asked, options, seen);
  const { roleARN, sessionName, durationSeconds, inlinePolicy, policyARNs, externalID } = identity.spec;
  const print = createHash('sha256')
    .update(JSON.stringify([source.key, roleARN, sessionName, durationSeconds, inlinePolicy, policyARNs, externalID]))
    .digest('hex');
  return {
    key: `role/${ref.name}/${print.slice(0, 16)}`,
    credentials: options.assumeRole(source.credentials, identity),
  };
}

async function authorize<T extends KubeObject>(
  identity: T | undefined,
  allowed: AllowedNamespaces | null | undefined,
  ref: AWSIdentityReference,
  asked: Asked,
): Promise<T> {
  if (!identity) {
    throw new PerdureError('Unauthorized', `${ref.kind}/${ref.name} does not exist; create it or correct identityRef`, {
      details: { condition: 'PrincipalCredentialRetrieved', reason: 'PrincipalCredentialRetrievalFailed' },
    });
  }
  if (!(await allows(allowed, asked))) {
    throw new PerdureError(
      'Unauthorized',
      `${ref.kind}/${ref.name}: spec.allowedNamespaces does not allow namespace ${asked.namespace}; add it to the list or label the namespace`,
      { details: { condition: 'PrincipalUsageAllowed', reason: 'PrincipalUsageUnauthorized' } },
    );
  }
  return identity;
}

/**
 * Absent: nobody. Nothing in it: everyone; Go writes an absent selector as `{}`, so an empty selector without a list is the same. Else list or
 * selector; an empty list allows nobody. Source: capa api/v1beta2 AllowedNamespaces and its check in pkg/cloud/scope/session.go.
 */
async function allows(allowed: AllowedNamespaces | null | undefined, asked: Asked): Promise<boolean> {
  if (!allowed) return false;
  const { matchLabels = {}, matchExpressions = [] } = allowed.selector ?? {};
  const noSelector = Object.keys(matchLabels).length + matchExpressions.length === 0;
  if (!allowed.list && noSelector) return true;
  if (allowed.list?.includes(asked.namespace)) return true;
  if (noSelector) return false;
  const namespace = await asked.kube.get<KubeObject>(KINDS.Namespace, { name: asked.namespace }, asked.signal);
  return matches({ matchLabels, matchExpressions }, namespace?.metadata.labels ?? {});
}

function matches({ matchLabels = {}, matchExpressions = [] }: LabelSelector, labels: Record<string, string>): boolean {
  const expression = ({
    key,
    operator,
    values = [],
  }: {
    key: string;
    operator: string;
    values?: string[];
  }): boolean => {
    const value = labels[key];
    switch (operator) {
      case 'In':
        return value !== undefined && values.includes(value);
      case 'NotIn':
        return value === undefined || !values.includes(value);
      case 'Exists':
        return value !== undefined;
      case 'DoesNotExist':
        return value === undefined;
      default:
        return false;
    }
  };
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) && matchExpressions.every(expression)
  );
}
