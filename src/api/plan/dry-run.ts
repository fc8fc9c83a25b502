import { isFailure } from '../../domain/errors.js';
import { isObject } from '../../domain/json.js';
import type { ManifestDocument } from '../../domain/plan-manifest/types.js';
import type { Kube } from '../../kube/kube.js';
import { converterOf } from '../conversion/index.js';
import { KINDS } from '../types/kinds.js';
import type { KubeObject, ResourceKind } from '../types/meta.js';
import { kindOfDocument } from './kinds.js';

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
/** The field manager of `kubectl apply --server-side`: what it applied before and leaves out now goes away. */
const MANAGER = 'kubectl';

type Json = Record<string, unknown>;

export interface DryRunOptions {
  readonly namespace: string;
  /** Namespaces that the manifest itself makes. */
  readonly made: ReadonlySet<string>;
  readonly signal: AbortSignal;
}

/**
 * What the API server would make of a document, by a dry run: defaults, admission and refusals are its own, and nothing is stored. An object that
 * `kubectl apply` made is patched as that would, any other is applied on the server's side. Throws what is no refusal, such as an API server out of reach.
 */
export async function dryRun(kube: Kube, given: KubeObject, options: DryRunOptions): Promise<ManifestDocument> {
  const { signal } = options;
  const kind = await kindOfDocument(kube, given, signal);
  const namespace = kind.namespaced ? (given.metadata.namespace ?? options.namespace) : '';
  const object = placed(given, namespace);
  const ref = { kind: kind.kind, namespace, name: given.metadata.name };
  const at = { name: ref.name, ...(namespace === '' ? {} : { namespace }) };
  const hub = hubOf(kind);
  const live = await kube.get<KubeObject>(hub, at, signal);
  const known = { ref, ...(live ? { live } : {}) };
  // the server cannot be asked about a place that is still to be made
  if (!live && options.made.has(namespace)) return { ...known, wanted: atHub(object, kind) };
  try {
    const wanted = live
      ? await patched(kube, kind, object, signal)
      : await kube.create(kind, object, { dryRun: true, signal });
    return { ...known, wanted: atHub(wanted, kind) };
  } catch (error) {
    const refused = ['InvalidConfiguration', 'NotFound', 'Unauthorized', 'Conflict'] as const;
    if (!refused.some((type) => isFailure(error, type))) throw error;
    const own = atHub(object, kind);
    const wanted = live ? (merged(live, own) as unknown as KubeObject) : own;
    return { ...known, wanted, refusal: (error as Error).message };
  }
}

const hubOf = (kind: ResourceKind): ResourceKind =>
  Object.values(KINDS).find((k) => k.group === kind.group && k.kind === kind.kind) ?? kind;

function placed(given: KubeObject, namespace: string): KubeObject {
  const { status: _, ...object } = given as KubeObject & { status?: unknown };
  const { namespace: _n, ...metadata } = object.metadata;
  return { ...object, metadata: { ...metadata, ...(namespace === '' ? {} : { namespace }) } };
}

/** The object at the version that Perdure works with. */
function atHub(object: KubeObject, kind: ResourceKind): KubeObject {
  const hub = hubOf(kind);
  const converter = hub.version === kind.version ? undefined : converterOf(kind.group, kind.kind);
  return converter ? (converter.up(object as unknown as Json) as unknown as KubeObject) : object;
}

async function patched(kube: Kube, kind: ResourceKind, object: KubeObject, signal: AbortSignal): Promise<KubeObject> {
  const at = {
    name: object.metadata.name,
    ...(object.metadata.namespace ? { namespace: object.metadata.namespace } : {}),
  };
  const now = await kube.get<KubeObject>(kind, at, signal);
  const before = appliedBefore(now);
  if (!before)
    return kube.apply<KubeObject>(kind, object as KubeObject & Json, { fieldManager: MANAGER, dryRun: true, signal });
  // kubectl always applies an annotation of its own, so that annotations never go as a whole
  const metadata = { ...object.metadata, annotations: object.metadata.annotations ?? {} };
  const patch = withRemovals(before, { ...object, metadata });
  return kube.mergePatch<KubeObject>(kind, at, patch, { dryRun: true, signal });
}

/** What `kubectl apply` applied last; undefined when it never did, or when nobody can read it. */
function appliedBefore(live: KubeObject | undefined): Json | undefined {
  const text = live?.metadata.annotations?.[LAST_APPLIED];
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    // edited by hand into something else: as good as absent
    return undefined;
  }
}

/** A merge patch that sets what is given now and removes what was given before and is not any more. Source: kubectl's three-way JSON merge patch. */
function withRemovals(before: Json, now: Json): Json {
  const removed = Object.keys(before).filter((key) => !(key in now));
  const kept = Object.entries(now).map(([key, value]): [string, unknown] => {
    const old = before[key];
    return [key, isObject(old) && isObject(value) ? withRemovals(old, value) : value];
  });
  return Object.fromEntries([...removed.map((key): [string, unknown] => [key, null]), ...kept]);
}

/** `change` over `base`; objects are merged, everything else is replaced. */
function merged(base: unknown, change: unknown): unknown {
  if (!isObject(base) || !isObject(change)) return change;
  const entries = Object.entries(change).map(([key, value]): [string, unknown] => [key, merged(base[key], value)]);
  return { ...base, ...Object.fromEntries(entries) };
}
