import jsonPatch from 'fast-json-patch';
import type { KubeObject } from '../types/meta.js';
import { type AdmissionContext, type AdmissionGates, DEFAULT_GATES } from './context.js';
import { invalidStatus, newErrors, plainStatus, type Status } from './field-errors.js';
import { DefaultingError, isObject, MalformedError } from './json.js';
import type { KindWebhook } from './registry.js';

/** The parts of an admission.k8s.io/v1 request that are used. */
export interface AdmissionRequest {
  readonly uid: string;
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  readonly name?: string;
  readonly namespace?: string;
  readonly subResource?: string;
  readonly object?: unknown;
  readonly oldObject?: unknown;
  readonly dryRun?: boolean;
}

export interface AdmissionResponse {
  readonly uid: string;
  readonly allowed: boolean;
  readonly status?: Status;
  readonly warnings?: readonly string[];
  readonly patchType?: 'JSONPatch';
  /** Base64. */
  readonly patch?: string;
}

/** An answered AdmissionReview. */
export interface AdmissionReview {
  readonly apiVersion: 'admission.k8s.io/v1';
  readonly kind: 'AdmissionReview';
  readonly response: AdmissionResponse;
}

/** Thrown for a body that is no AdmissionReview; answered with 400. */
export class BadReviewError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BadReviewError';
  }
}

/** The request in an AdmissionReview. Throws BadReviewError. */
export function readReview(body: unknown): AdmissionRequest {
  if (!isObject(body) || body['kind'] !== 'AdmissionReview') throw new BadReviewError('body is not an AdmissionReview');
  if (body['apiVersion'] !== 'admission.k8s.io/v1') {
    throw new BadReviewError(
      `AdmissionReview is of ${String(body['apiVersion'])}: only admission.k8s.io/v1 is supported`,
    );
  }
  const request = body['request'];
  if (!isObject(request) || typeof request['uid'] !== 'string')
    throw new BadReviewError('AdmissionReview has no request with a uid');
  return request as unknown as AdmissionRequest;
}

/** Wraps a response for the wire. */
export function reviewOf(response: AdmissionResponse): AdmissionReview {
  return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response };
}

function contextOf(request: AdmissionRequest, gates: AdmissionGates): AdmissionContext {
  return { dryRun: request.dryRun === true, gates };
}

function asKubeObject(value: unknown): KubeObject | undefined {
  return isObject(value) && isObject(value['metadata']) ? (value as unknown as KubeObject) : undefined;
}

function refuse(request: AdmissionRequest, status: Status, warnings: readonly string[] = []): AdmissionResponse {
  return { uid: request.uid, allowed: false, status, ...(warnings.length > 0 ? { warnings } : {}) };
}

function identity(webhook: KindWebhook, request: AdmissionRequest): { group: string; kind: string; name: string } {
  const name = asKubeObject(request.object)?.metadata.name ?? request.name ?? '';
  return { group: webhook.kind.group, kind: webhook.kind.kind, name };
}

function patchOf(before: KubeObject, after: KubeObject): string | undefined {
  const operations = jsonPatch.compare(before, after);
  return operations.length === 0 ? undefined : Buffer.from(JSON.stringify(operations)).toString('base64');
}

/** Answers a mutating review: the defaults as a JSON patch. Objects that are malformed pass, for the schema to name what is wrong. */
export function mutate(
  webhook: KindWebhook,
  request: AdmissionRequest,
  gates: AdmissionGates = DEFAULT_GATES,
): AdmissionResponse {
  const object = asKubeObject(request.object);
  const allowed: AdmissionResponse = { uid: request.uid, allowed: true };
  if (!webhook.default || !object) return allowed;
  try {
    const defaulted = webhook.default(object, asKubeObject(request.oldObject), contextOf(request, gates));
    const patch = patchOf(object, defaulted);
    return patch === undefined ? allowed : { ...allowed, patchType: 'JSONPatch', patch };
  } catch (error) {
    if (error instanceof MalformedError) return allowed;
    if (error instanceof DefaultingError)
      return refuse(request, invalidStatus(identity(webhook, request), error.errors));
    throw error;
  }
}

/**
 * Answers a validating review: refused with every error at once, as metav1.Status with causes. On updates the errors that the stored object has
 * already do not count: an object stored under older rules or other gates stays editable, and its finalizers can go.
 */
export function validate(
  webhook: KindWebhook,
  request: AdmissionRequest,
  gates: AdmissionGates = DEFAULT_GATES,
): AdmissionResponse {
  if (request.operation === 'DELETE') {
    const going = asKubeObject(request.oldObject);
    const { errors } = (going && webhook.validateDelete?.(going)) ?? { errors: [] };
    if (errors.length === 0) return { uid: request.uid, allowed: true };
    return refuse(request, invalidStatus({ ...identity(webhook, request), name: going?.metadata.name ?? '' }, errors));
  }
  const object = asKubeObject(request.object);
  if (!object)
    return refuse(request, plainStatus(400, 'BadRequest', `request has no ${webhook.kind.kind} to validate`));
  const old = request.operation === 'UPDATE' ? asKubeObject(request.oldObject) : undefined;
  const ctx = contextOf(request, gates);
  const { errors: found, warnings } = webhook.validate(object, old, ctx);
  const errors = old && found.length > 0 ? newErrors(found, webhook.validate(old, old, ctx).errors) : found;
  if (errors.length > 0) return refuse(request, invalidStatus(identity(webhook, request), errors), warnings);
  return { uid: request.uid, allowed: true, ...(warnings.length > 0 ? { warnings } : {}) };
}
