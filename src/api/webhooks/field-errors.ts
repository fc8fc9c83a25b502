/** Why a field was refused. The strings are Kubernetes' cause reasons. Source: apimachinery util/validation/field. */
export type FieldErrorType = 'FieldValueInvalid' | 'FieldValueRequired' | 'FieldValueForbidden' | 'FieldValueDuplicate';

/** One refused field: `path` as in `spec.files[0].path`, `value` a scalar that is safe to show, `message` with the remedy. */
export interface FieldError {
  readonly type: FieldErrorType;
  readonly path: string;
  readonly value?: unknown;
  readonly message: string;
}

/** What a validator found. No errors: admitted; warnings are shown to the user either way. */
export interface Verdict {
  readonly errors: readonly FieldError[];
  readonly warnings: readonly string[];
}

/** `value` is wrong. Never pass an object that may hold a secret. */
export function invalid(path: string, value: unknown, message: string): FieldError {
  return { type: 'FieldValueInvalid', path, value, message };
}

export function required(path: string, message: string): FieldError {
  return { type: 'FieldValueRequired', path, message };
}

export function forbidden(path: string, message: string): FieldError {
  return { type: 'FieldValueForbidden', path, message };
}

export function duplicate(path: string, value: unknown, message: string): FieldError {
  return { type: 'FieldValueDuplicate', path, value, message };
}

/** A verdict out of errors and, optionally, warnings. */
export function verdict(errors: readonly FieldError[], warnings: readonly string[] = []): Verdict {
  return { errors, warnings };
}

const VALUE_LIMIT = 200;

function show(value: unknown): string {
  const text = value === undefined ? 'null' : JSON.stringify(value);
  return text.length > VALUE_LIMIT ? `${text.slice(0, VALUE_LIMIT)}…` : text;
}

/** The text of one cause, in the words Kubernetes uses. */
export function causeMessage(error: FieldError): string {
  switch (error.type) {
    case 'FieldValueRequired':
      return `Required value: ${error.message}`;
    case 'FieldValueForbidden':
      return `Forbidden: ${error.message}`;
    case 'FieldValueDuplicate':
      return `Duplicate value: ${show(error.value)}: ${error.message}`;
    default:
      return `Invalid value: ${show(error.value)}: ${error.message}`;
  }
}

/** metav1.Status of a refusal. */
export interface Status {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  readonly metadata: Record<string, never>;
  readonly status: 'Failure' | 'Success';
  readonly message: string;
  readonly reason: string;
  readonly code: number;
  readonly details?: {
    readonly name: string;
    readonly group: string;
    readonly kind: string;
    readonly causes: readonly { readonly reason: FieldErrorType; readonly message: string; readonly field: string }[];
  };
}

/** A refusal without causes, e.g. 400 BadRequest. */
export function plainStatus(code: number, reason: string, message: string): Status {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code };
}

/** 422 Invalid with one cause per error, as the API server words it. Source: apimachinery api/errors.NewInvalid. */
export function invalidStatus(
  object: { readonly group: string; readonly kind: string; readonly name: string },
  errors: readonly FieldError[],
): Status {
  const lines = [...new Set(errors.map((error) => `${error.path}: ${causeMessage(error)}`))];
  const text = lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`;
  return {
    ...plainStatus(422, 'Invalid', `${object.kind}.${object.group} ${JSON.stringify(object.name)} is invalid: ${text}`),
    details: {
      ...object,
      causes: errors.map((error) => ({ reason: error.type, message: causeMessage(error), field: error.path })),
    },
  };
}

/** The errors in `now` that are not in `before`. */
export function newErrors(now: readonly FieldError[], before: readonly FieldError[]): FieldError[] {
  const known = new Set(before.map((error) => JSON.stringify(error)));
  return now.filter((error) => !known.has(JSON.stringify(error)));
}
