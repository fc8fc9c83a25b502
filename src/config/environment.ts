import { PerdureError } from '../domain/errors.js';

/** Variables as the process got them; tests pass their own. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Reads variables and gathers everything that is wrong with them, so that a user can fix all at once. */
export interface Reader {
  text(name: string): string | undefined;
  text(name: string, fallback: string): string;
  list(name: string): readonly string[];
  flag(name: string, fallback: boolean): boolean;
  number(name: string, fallback: number, range: readonly [number, number]): number;
  oneOf<T extends string>(name: string, choices: readonly T[], fallback: T): T;
  address(name: string, fallback: string): Address;
  problem(name: string, text: string): void;
  /** Throws `InvalidConfiguration` naming every problem. */
  check(): void;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

const TRUE = new Set(['true', '1', 'yes', 'on']);
const FALSE = new Set(['false', '0', 'no', 'off']);

/** An empty value counts as unset, as in most process managers' templates. */
export function reader(environment: Environment): Reader {
  const problems: string[] = [];
  const value = (name: string): string | undefined => environment[name]?.trim() || undefined;
  const problem = (name: string, text: string): void => {
    problems.push(`${name}: ${text}`);
  };
  const wrong = (name: string, want: string): void => problem(name, `want ${want}, got "${value(name) ?? ''}"`);

  function text(name: string): string | undefined;
  function text(name: string, fallback: string): string;
  function text(name: string, fallback?: string): string | undefined {
    return value(name) ?? fallback;
  }

  return {
    text,
    problem,
    list: (name) =>
      (value(name) ?? '')
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== ''),
    flag(name, fallback) {
      const raw = value(name)?.toLowerCase();
      if (raw === undefined) return fallback;
      if (TRUE.has(raw)) return true;
      if (!FALSE.has(raw)) wrong(name, 'true or false');
      return false;
    },
    number(name, fallback, [low, high]) {
      const raw = value(name);
      if (raw === undefined) return fallback;
      const parsed = Number(raw);
      if (Number.isFinite(parsed) && parsed >= low && parsed <= high) return parsed;
      wrong(name, `a number from ${low} to ${high}`);
      return fallback;
    },
    oneOf(name, choices, fallback) {
      const raw = value(name);
      if (raw === undefined) return fallback;
      const found = choices.find((choice) => choice === raw);
      if (found === undefined) wrong(name, `one of ${choices.join(', ')}`);
      return found ?? fallback;
    },
    address(name, fallback) {
      const parsed = parseAddress(value(name) ?? fallback);
      if (parsed) return parsed;
      wrong(name, 'host:port, e.g. 127.0.0.1:8080 or [::1]:8080');
      return { host: '127.0.0.1', port: 0 };
    },
    check() {
      if (problems.length === 0) return;
      throw new PerdureError('InvalidConfiguration', `invalid configuration: ${problems.join('; ')}`);
    },
  };
}

/** `host:port`, `[v6]:port` or `:port` for all addresses; undefined when it is none of these. */
export function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  if (!match) return undefined;
  const port = Number(match[3]);
  if (port > 65_535) return undefined;
  return { host: match[1] ?? (match[2] || '0.0.0.0'), port };
}
