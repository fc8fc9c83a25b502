import { PerdureError } from './errors.js';

/** Values of template variables; undefined means not set. */
export type Variables = Readonly<Record<string, string | undefined>>;

const NAME = /^[A-Za-z_][A-Za-z0-9_]*/;

interface Found {
  readonly missing: Set<string>;
  readonly used: Map<string, string | undefined>;
}

/**
 * Substitutes `${VAR}`, `${VAR:-default}`, `${VAR:=default}`, `${VAR-default}`, `${VAR=default}` and `$${literal}`; defaults may hold variables. `:`
 * forms take the default for an empty value too. Throws `InvalidConfiguration` that names every missing variable at once. Source: clusterctl's
 * envsubst dialect (drone/envsubst, simple forms).
 */
export function envsubst(text: string, variables: Variables): string {
  const found: Found = { missing: new Set(), used: new Map() };
  const out = expand(text, variables, found);
  if (found.missing.size > 0) {
    const names = [...found.missing].sort().join(', ');
    throw new PerdureError(
      'InvalidConfiguration',
      `value for variables [${names}] is not set; set them in the environment or with --set NAME=value`,
    );
  }
  return out;
}

/** Every variable of a template with its default, sorted by name. */
export function variablesOf(text: string): { readonly name: string; readonly default?: string }[] {
  const found: Found = { missing: new Set(), used: new Map() };
  expand(text, {}, found);
  return [...found.used]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([name, value]) => ({ name, ...(value === undefined ? {} : { default: value }) }));
}

function expand(text: string, variables: Variables, found: Found): string {
  let out = '';
  for (let i = 0; i < text.length; ) {
    if (text.startsWith('$${', i)) {
      out += '${';
      i += 3;
    } else if (text.startsWith('${', i)) {
      const end = closing(text, i + 2);
      if (end < 0) {
        out += text.slice(i);
        break;
      }
      out += one(text.slice(i + 2, end), variables, found);
      i = end + 1;
    } else {
      out += text[i];
      i++;
    }
  }
  return out;
}

function closing(text: string, from: number): number {
  let depth = 1;
  for (let i = from; i < text.length; i++) {
    if (text.startsWith('${', i)) depth++;
    else if (text[i] === '}' && --depth === 0) return i;
  }
  return -1;
}

function one(body: string, variables: Variables, found: Found): string {
  const name = NAME.exec(body)?.[0];
  if (!name) return `\${${body}}`;
  const rest = body.slice(name.length);
  const value = variables[name];
  const operator = /^(:?[-=])/.exec(rest)?.[1];
  if (operator === undefined) {
    if (rest !== '') return `\${${body}}`;
    if (!found.used.has(name)) found.used.set(name, undefined);
    if (value === undefined) found.missing.add(name);
    return value ?? '';
  }
  if (value !== undefined && (value !== '' || !operator.startsWith(':'))) return value;
  // only a default that is used may miss variables of its own
  const fallback = expand(rest.slice(operator.length), variables, found);
  if (found.used.get(name) === undefined) found.used.set(name, fallback);
  return fallback;
}
