import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';
import type { Log, LogFields, LogLevel } from './log.js';

export interface LoggerOptions {
  readonly level: LogLevel;
  /** On every line, e.g. `{ process: 'bridge' }`. */
  readonly fields?: LogFields;
  /** Standard output when absent. */
  readonly destination?: DestinationStream;
}

/** Field names whose values never reach a log, at the top and two levels down. */
const SECRET_FIELDS = [
  'authorization',
  'Authorization',
  'token',
  'apiKey',
  'password',
  'secret',
  'secretAccessKey',
  'SecretAccessKey',
  'sessionToken',
  'SessionToken',
  'privateKey',
  'kubeconfig',
  'userData',
  'UserData',
  'bootstrapData',
  'stringData',
  'certificateKey',
  'client-key-data',
  'cert',
  'pfx',
  'passphrase',
];

/** JSON lines by pino: `time`, `level`, `message`, fields. Known secret fields are masked, error texts scrubbed. */
export function createLogger(options: LoggerOptions): Log {
  const settings = {
    level: options.level,
    base: { ...options.fields },
    messageKey: 'message',
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: SECRET_FIELDS.flatMap(depths), censor: '***' },
    serializers: { error: serializeError, err: serializeError },
  };
  return wrap(options.destination ? pino(settings, options.destination) : pino(settings));
}

function depths(field: string): string[] {
  const quoted = field.includes('-') ? `["${field}"]` : field;
  const dotted = field.includes('-') ? quoted : `.${quoted}`;
  return [quoted, `*${dotted}`, `*.*${dotted}`];
}

function wrap(logger: PinoLogger): Log {
  const write =
    (level: LogLevel) =>
    (message: string, fields?: LogFields): void => {
      if (fields) logger[level](fields, message);
      else logger[level](message);
    };
  return {
    log: (level, message, fields) => write(level.toLowerCase() as LogLevel)(message, fields),
    trace: write('trace'),
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (fields) => wrap(logger.child(fields)),
  };
}

/** What a log says about an error: its type, text, details, and the chain of causes. */
export function serializeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return typeof error === 'string' ? scrub(error) : error;
  const { type, details, code } = error as { type?: unknown; details?: unknown; code?: unknown };
  return {
    name: error.name,
    ...(typeof type === 'string' ? { type } : {}),
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    message: scrub(error.message),
    ...(typeof details === 'object' && details !== null && Object.keys(details).length > 0 ? { details } : {}),
    ...(error.cause !== undefined && depth < 4 ? { cause: serializeError(error.cause, depth + 1) } : {}),
    ...(depth === 0 && error.stack ? { stack: scrub(error.stack) } : {}),
  };
}

const PEM = /-----BEGIN [A-Z ]*(?:PRIVATE KEY|CERTIFICATE)-----[\s\S]*?(?:-----END [A-Z ]+-----|$)/g;
const BEARER = /\b([Bb]earer|Basic)\s+[\w.~+/=-]+/g;
// kubeadm bootstrap tokens.
const BOOTSTRAP_TOKEN = /\b([a-z0-9]{6})\.[a-z0-9]{16}\b/g;

/** Masks what looks like a key or token in a text that other people's code wrote. */
export function scrub(text: string): string {
  return text.replace(PEM, '***').replace(BEARER, '$1 ***').replace(BOOTSTRAP_TOKEN, '$1.***');
}
