import type { AWSClusterRoleIdentity, AWSIdentityReference } from '../../../api/types/aws.js';
import { isFailure } from '../../../domain/errors.js';
import type { Kube } from '../../../kube/kube.js';
import { type AwsCallRecord, type AwsClients, type AwsCredentials, bindClients, createClients } from './client.js';
import { parseServiceEndpoints } from './endpoints.js';
import { type AssumeRole, type ResolvedIdentity, resolveIdentity } from './identity.js';
import { createPace, type Pace } from './pace.js';
import { createReads, type Reads } from './reads.js';

export interface AwsProviderDeps {
  /** Upstream's `--service-endpoints` syntax; empty means AWS's own endpoints. */
  readonly serviceEndpoints?: string;
  /** The controller's own credentials; absent: the SDK's default chain. */
  readonly credentials?: AwsCredentials | undefined;
  readonly now: () => Date;
  /** Where the Secrets of AWSClusterStaticIdentity live. */
  readonly managerNamespace: string;
  /** Gate AutoControllerIdentityCreator. */
  readonly controllerIdentityAutoCreate: boolean;
  /** Gate TagUnmanagedNetworkResources; default true. */
  readonly tagUnmanagedNetworkResources?: boolean;
  /** Gate ExternalResourceGC; default true. */
  readonly externalResourceGC?: boolean;
  /** Gate EventBridgeInstanceState; default false. */
  readonly instanceEvents?: boolean;
  /** True when `host` has an address; default: the system's resolver. Gates readiness unless dnsResolutionCheck is None. */
  readonly resolves?: (host: string, signal: AbortSignal) => Promise<boolean>;
  /** Told of every finished AWS call, for metrics. */
  readonly onCall?: (record: AwsCallRecord) => void;
}

/** Clients of one identity and region, bound to one activity's signal. */
export interface AwsCall extends AwsClients {
  readonly region: string;
  /** Same for all calls with the same credentials in the same region; seed of cache keys. */
  readonly account: string;
  /** The same clients bound to another signal, for reads shared between activities. */
  shared(signal: AbortSignal): AwsClients;
}

export interface OpenRequest {
  readonly kube: Kube;
  readonly signal: AbortSignal;
  readonly namespace: string;
  readonly region: string;
  readonly identity: AWSIdentityReference;
}

/** The provider's state in this process: clients, identities and short-lived reads. Nothing in it is needed for correctness. */
export interface Cloud {
  readonly deps: AwsProviderDeps;
  readonly reads: Reads;
  /** Clients for an identity and region. Throws `Unauthorized` when the identity does not allow the namespace. */
  open(request: OpenRequest): Promise<AwsCall>;
  /** Static data (zones, images, instance types), kept for `ttlMs`; a failed load is not kept. */
  cached<T>(key: string, ttlMs: number, load: () => Promise<T>): Promise<T>;
  /** Drops what `cached` keeps under `key`, for whoever changes it. */
  forget(key: string): void;
}

const IDENTITY_TTL_MS = 30_000;
const CACHE_LIMIT = 1_000;

/** Builds the provider's process state. Throws `InvalidConfiguration` for malformed endpoints. */
export function createCloud(deps: AwsProviderDeps): Cloud {
  const endpoints = parseServiceEndpoints(deps.serviceEndpoints ?? '');
  const known = new Map<string, AwsClients>();
  const cache = new Map<string, { readonly until: number; readonly value: Promise<unknown> }>();
  const reads = createReads();
  const paces = new Map<string, Pace>();

  const cached = <T>(key: string, ttlMs: number, load: () => Promise<T>): Promise<T> => {
    const now = deps.now().getTime();
    const hit = cache.get(key);
    if (hit && hit.until > now) return hit.value as Promise<T>;
    if (cache.size >= CACHE_LIMIT) cache.clear();
    const value = load();
    cache.set(key, { until: now + ttlMs, value });
    value.catch(() => cache.delete(key));
    return value;
  };

  const clientsFor = (region: string, { key, credentials }: ResolvedIdentity): AwsClients => {
    const name = `${key}/${region}`;
    const found = known.get(name);
    if (found) return found;
    if (known.size >= CACHE_LIMIT) known.clear();
    const made = createClients(region, { endpoints, credentials });
    known.set(name, made);
    return made;
  };

  const paceOf = (account: string): Pace => {
    const found = paces.get(account);
    if (found) return found;
    if (paces.size >= CACHE_LIMIT) paces.clear();
    const made = createPace(account);
    paces.set(account, made);
    return made;
  };

  const resolve = async (request: OpenRequest): Promise<ResolvedIdentity> => {
    const { kube, signal, namespace, region, identity } = request;
    const assume: AssumeRole = (source, role) =>
      roleCredentials(createClients(region, { endpoints, credentials: source }), role, deps.now);
    return await resolveIdentity(
      identity,
      { kube, namespace, signal },
      {
        managerNamespace: deps.managerNamespace,
        autoCreateController: deps.controllerIdentityAutoCreate,
        controllerCredentials: deps.credentials,
        assumeRole: assume,
      },
    );
  };

  return {
    deps,
    reads,
    cached,
    forget: (key) => {
      cache.delete(key);
    },
    async open(request) {
      const { identity, namespace, region, signal } = request;
      const name = `identity/${identity.kind}/${identity.name}/${namespace}/${region}`;
      let resolved: ResolvedIdentity;
      try {
        resolved = await cached(name, IDENTITY_TTL_MS, () => resolve(request));
      } catch (error) {
        // Another activity's cancellation ended the shared load; ours goes on.
        if (signal.aborted || isFailure(error, 'Unauthorized')) throw error;
        resolved = await resolve(request);
      }
      const clients = clientsFor(region, resolved);
      const account = `${resolved.key}/${region}`;
      const pace = paceOf(account);
      const shared = (other: AbortSignal): AwsClients =>
        bindClients(clients, { region, signal: other, onCall: deps.onCall, pace });
      return Object.assign(shared(signal), { region, account, shared });
    },
  };
}

type Temporary = Extract<AwsCredentials, { readonly accessKeyId: string }>;
const RENEW_BEFORE_MS = 5 * 60_000;

/**
 * Credentials by AssumeRole, shared by the clients of all services and renewed five minutes before they expire. Source: capa pkg/cloud/identity.
 */
function roleCredentials(source: AwsClients, role: AWSClusterRoleIdentity, now: () => Date): AwsCredentials {
  let current: Promise<Temporary> | undefined;
  let until = 0;
  return async () => {
    if (current && now().getTime() < until - RENEW_BEFORE_MS) return await current;
    until = Number.POSITIVE_INFINITY;
    const next = assumeRole(source, role);
    current = next;
    try {
      const credentials = await next;
      until = credentials.expiration?.getTime() ?? Number.POSITIVE_INFINITY;
      return credentials;
    } catch (error) {
      if (current === next) current = undefined;
      throw error;
    }
  };
}

async function assumeRole(source: AwsClients, { metadata, spec }: AWSClusterRoleIdentity): Promise<Temporary> {
  const { roleARN, sessionName, durationSeconds, inlinePolicy, policyARNs, externalID } = spec;
  // Not the opener's signal: the answer outlives the activity that asked first.
  const { Credentials: got } = await source.sts.assumeRole(
    {
      RoleArn: roleARN,
      RoleSessionName: sessionName || `perdure-${metadata.name}`.slice(0, 64),
      ...(durationSeconds ? { DurationSeconds: durationSeconds } : {}),
      ...(inlinePolicy ? { Policy: inlinePolicy } : {}),
      ...(policyARNs?.length ? { PolicyArns: policyARNs.map((arn) => ({ arn })) } : {}),
      ...(externalID ? { ExternalId: externalID } : {}),
    },
    { abortSignal: AbortSignal.timeout(30_000) },
  );
  return {
    accessKeyId: got?.AccessKeyId ?? '',
    secretAccessKey: got?.SecretAccessKey ?? '',
    ...(got?.SessionToken ? { sessionToken: got.SessionToken } : {}),
    ...(got?.Expiration ? { expiration: got.Expiration } : {}),
  };
}
