import { type FailureType, PerdureError } from '../domain/errors.js';

/** metav1.Status as far as it explains a failure. */
export interface Status {
  readonly kind?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly code?: number;
  readonly details?: {
    readonly retryAfterSeconds?: number;
    readonly causes?: readonly { readonly reason?: string; readonly message?: string; readonly field?: string }[];
  };
}

const MESSAGE_LIMIT = 2_000;
const DETAIL_LIMIT = 500;

function failureType(code: number): FailureType {
  if (code === 404) return 'NotFound';
  if (code === 409) return 'Conflict';
  if (code === 401 || code === 403) return 'Unauthorized';
  if (code === 400 || code === 422 || code === 413) return 'InvalidConfiguration';
  // 410 is an expired continue token or resourceVersion: the next attempt starts over.
  if (code === 408 || code === 410 || code === 429 || code >= 500) return 'Transient';
  return 'Bug';
}

/** Milliseconds from a Retry-After header (seconds or HTTP date) or the Status details; undefined when neither is there. */
export function retryAfterMs(
  header: string | undefined,
  status: Status | undefined,
  now = Date.now(),
): number | undefined {
  const seconds = header === undefined ? status?.details?.retryAfterSeconds : Number(header);
  if (seconds !== undefined && Number.isFinite(seconds)) return Math.max(0, seconds * 1_000);
  const date = header === undefined ? Number.NaN : Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

function explain(status: Status | undefined, text: string): string {
  const message = status?.message ?? text.trim().slice(0, 500);
  const causes = (status?.details?.causes ?? [])
    .map((c) => [c.field, c.message].filter(Boolean).join(': '))
    .filter((line) => line !== '' && !message.includes(line));
  return [message, ...causes].join('; ').slice(0, MESSAGE_LIMIT);
}

/** `what` names the request, e.g. `get machines default/demo`. `text` is the answer's body, a Status or anything else. */
export function errorFromResponse(what: string, code: number, text: string, retryAfter?: string): PerdureError {
  const status = parseStatus(text);
  const after = retryAfterMs(retryAfter, status);
  const causes = status?.details?.causes ?? [];
  const cause = causes[0]?.reason;
  const causeText = causes
    .map((c) => c.message ?? '')
    .filter((m) => m !== '')
    .join(',');
  return new PerdureError(failureType(code), `${what}: API server answered ${code}: ${explain(status, text)}`, {
    details: {
      status: code,
      ...(status?.reason ? { reason: status.reason } : {}),
      ...(status?.message ? { said: status.message.slice(0, DETAIL_LIMIT) } : {}),
      ...(cause ? { cause } : {}),
      ...(causeText ? { causes: causeText.slice(0, DETAIL_LIMIT) } : {}),
      ...(status?.reason === 'AlreadyExists' ? { alreadyExists: true } : {}),
    },
    ...(after === undefined ? {} : { retryAfterMs: after }),
  });
}

/** Wraps what undici or the system threw before an answer came. An abort by the caller is rethrown as is, not wrapped. */
export function errorFromNetwork(what: string, error: unknown, signal?: AbortSignal): unknown {
  if (signal?.aborted) return signal.reason;
  if (error instanceof PerdureError) return error;
  const code = networkCode(error);
  const message = error instanceof Error ? error.message : String(error);
  return new PerdureError('Transient', `${what}: cannot reach the API server: ${message}${code ? ` (${code})` : ''}`, {
    cause: error,
    details: { ...(code ? { code } : {}) },
  });
}

/** The system's or undici's error code, searched through causes and aggregated attempts. */
export function networkCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { code, cause, errors } = error as { code?: unknown; cause?: unknown; errors?: readonly unknown[] };
  if (typeof code === 'string') return code;
  return networkCode(cause) ?? networkCode(errors?.[0]);
}

function parseStatus(text: string): Status | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Status) : undefined;
  } catch {
    // Proxies and load balancers answer in HTML or plain text; the raw text is then the explanation.
    return undefined;
  }
}

/** HTTP status behind an error of this client, if an answer came. */
export function statusCode(error: unknown): number | undefined {
  if (!(error instanceof PerdureError)) return undefined;
  const code = error.details['status'];
  return typeof code === 'number' ? code : undefined;
}
