import type { KubeObject } from '../../src/api/types/meta.js';

/** Label selectors in string form: `a=b`, `a==b`, `a!=b`, `a`, `!a`, `a in (x,y)`, `a notin (x,y)`, joined by commas. */
export function matchesLabels(object: KubeObject, selector: string | undefined): boolean {
  const labels = object.metadata.labels ?? {};
  return splitTerms(selector).every((term) => matchesTerm(labels, term));
}

function matchesTerm(labels: Record<string, string>, term: string): boolean {
  const set = /^(\S+)\s+(in|notin)\s+\(([^)]*)\)$/.exec(term);
  if (set) {
    const [, key = '', operator, list = ''] = set;
    const values = list.split(',').map((value) => value.trim());
    const value = labels[key];
    const inside = value !== undefined && values.includes(value);
    return operator === 'in' ? inside : !inside;
  }
  const unequal = /^([^=!]+)!=(.*)$/.exec(term);
  if (unequal) return labels[(unequal[1] ?? '').trim()] !== (unequal[2] ?? '').trim();
  const equal = /^([^=!]+)==?(.*)$/.exec(term);
  if (equal) return labels[(equal[1] ?? '').trim()] === (equal[2] ?? '').trim();
  return term.startsWith('!') ? labels[term.slice(1).trim()] === undefined : labels[term] !== undefined;
}

/** Commas inside parentheses belong to a set, the others separate requirements. */
function splitTerms(selector: string | undefined): string[] {
  return (selector ?? '')
    .split(/,(?![^(]*\))/)
    .map((term) => term.trim())
    .filter((term) => term !== '');
}

/** Field selectors: `path=value`, `path!=value`, joined by commas; a missing field equals the empty string, as on the server. */
export function matchesFields(object: KubeObject, selector: string | undefined): boolean {
  return splitTerms(selector).every((term) => {
    const parts = /^([^=!]+)(!=|==?)(.*)$/.exec(term);
    if (!parts) return false;
    const [, path = '', operator, wanted = ''] = parts;
    const value =
      path
        .trim()
        .split('.')
        .reduce(fieldOf, object as unknown) ?? '';
    return (String(value) === wanted.trim()) === (operator !== '!=');
  });
}

function fieldOf(value: unknown, part: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[part] : undefined;
}
