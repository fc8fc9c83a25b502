import { converterOf, HUB_VERSION, type KindConverter, SPOKE_VERSION } from './convert.js';
import { getPath, isObject, type JsonObject } from './json.js';
import type { ApiVersionResolver } from './resolver.js';
import { FieldProblem } from './rules.js';

/** Answer to a ConversionReview. Source: apiextensions v1 ConversionResponse. */
export interface ConversionReviewResponse {
  readonly apiVersion: string;
  readonly kind: string;
  readonly response: {
    readonly uid: string;
    readonly convertedObjects?: readonly JsonObject[];
    readonly result: { readonly status: 'Success' | 'Failure'; readonly message?: string };
  };
}

/** A reason to refuse the whole review; the API server shows it to the client. */
class Refusal extends Error {}

function nameOf(object: JsonObject): string {
  const namespace = getPath(object, 'metadata.namespace');
  const name = getPath(object, 'metadata.name');
  const kind = typeof object['kind'] === 'string' ? object['kind'] : 'object';
  return [kind, typeof namespace === 'string' ? `${namespace}/${String(name ?? '')}` : name].filter(Boolean).join(' ');
}

function splitApiVersion(apiVersion: string): { group: string; version: string } {
  const [group = '', version = ''] = apiVersion.includes('/') ? apiVersion.split('/', 2) : ['', apiVersion];
  return { group, version };
}

/** Looks up the versions that the references of `hub` need, so that the conversion itself stays pure. */
async function versionsFor(
  hub: JsonObject,
  converter: KindConverter,
  resolver: ApiVersionResolver,
): Promise<Map<string, string>> {
  const refs = converter.refPaths.map((path) => getPath(hub, path)).filter(isObject);
  const entries = await Promise.all(
    refs.map(async (ref): Promise<[string, string]> => {
      const group = String(ref['apiGroup'] ?? '');
      const kind = String(ref['kind'] ?? '');
      return [`${kind}.${group}`, await resolver(group, kind)];
    }),
  );
  return new Map(entries);
}

async function convertObject(object: unknown, desired: string, resolver: ApiVersionResolver): Promise<JsonObject> {
  if (!isObject(object) || typeof object['apiVersion'] !== 'string' || typeof object['kind'] !== 'string') {
    throw new Refusal('the review holds an object without apiVersion and kind');
  }
  const { apiVersion, kind } = object as { apiVersion: string; kind: string };
  if (apiVersion === desired) return object;
  const from = splitApiVersion(apiVersion);
  const to = splitApiVersion(desired);
  const converter = from.group === to.group ? converterOf(from.group, kind) : undefined;
  if (converter && from.version === SPOKE_VERSION && to.version === HUB_VERSION) return converter.up(object);
  if (converter && from.version === HUB_VERSION && to.version === SPOKE_VERSION) {
    const versions = await versionsFor(object, converter, resolver);
    return converter.down(object, (group, refKind) => versions.get(`${refKind}.${group}`) ?? '');
  }
  throw new Refusal(`${nameOf(object)}: no conversion from ${apiVersion} to ${desired}; use v1beta1 or v1beta2`);
}

function explain(error: unknown, object: unknown): string {
  if (error instanceof Refusal) return error.message;
  const name = isObject(object) ? nameOf(object) : 'object';
  // Only our own messages go to the client: others could carry values of the object.
  if (error instanceof FieldProblem) return `${name}: field ${error.message}`;
  return `${name}: cannot be converted, which is a defect of the conversion webhook: see its log`;
}

/**
 * Converts all objects of a ConversionReview (apiextensions.k8s.io/v1), or none: one that cannot be converted fails the review with a message that
 * names it. `onDefect` gets errors that are no fault of the object.
 */
export async function convertReview(
  review: unknown,
  resolver: ApiVersionResolver,
  onDefect: (error: unknown) => void = () => undefined,
): Promise<ConversionReviewResponse> {
  const request = isObject(review) && isObject(review['request']) ? review['request'] : {};
  const uid = String(request['uid'] ?? '');
  const answer = (response: Omit<ConversionReviewResponse['response'], 'uid'>): ConversionReviewResponse => ({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'ConversionReview',
    response: { uid, ...response },
  });
  const { desiredAPIVersion, objects } = request;
  if (typeof desiredAPIVersion !== 'string' || !Array.isArray(objects)) {
    return answer({
      result: { status: 'Failure', message: 'the review has no request with desiredAPIVersion and objects' },
    });
  }
  const convertedObjects: JsonObject[] = [];
  for (const object of objects as unknown[]) {
    try {
      convertedObjects.push(await convertObject(object, desiredAPIVersion, resolver));
    } catch (error) {
      if (!(error instanceof Refusal) && !(error instanceof FieldProblem)) onDefect(error);
      return answer({ result: { status: 'Failure', message: explain(error, object) } });
    }
  }
  return answer({ convertedObjects, result: { status: 'Success' } });
}
