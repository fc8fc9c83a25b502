import type { LabelSelector } from '../api/types/aws.js';
import { fnv1a } from './names.js';

const NAME = /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** Why `value` is no DNS-1123 subdomain, e.g. an object name; undefined when it is one. */
export function subdomainProblem(value: string): string | undefined {
  if (value.length > 253) return 'must be no more than 253 characters';
  return SUBDOMAIN.test(value)
    ? undefined
    : "must consist of lower case letters, digits, '-' or '.', and start and end with a letter or digit";
}

/** Why `value` is no label value; undefined when it is one. */
export function labelValueProblem(value: string): string | undefined {
  if (value.length > 63) return 'must be no more than 63 characters';
  return value === '' || NAME.test(value)
    ? undefined
    : "must consist of letters, digits, '-', '_' or '.', and start and end with a letter or digit";
}

const BASE64_URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** A name as a label value: itself, or a hash of it when it is too long. Source: cluster-api util/labels/format. */
export function nameLabel(name: string): string {
  if (labelValueProblem(name) === undefined) return name;
  // four bytes in six digits, padded by four bits
  const bits = fnv1a(name) * 16;
  const digits = [5, 4, 3, 2, 1, 0].map((i) => BASE64_URL[Math.floor(bits / 64 ** i) % 64]);
  return `hash_${digits.join('')}_z`;
}

/** Why `key` is no qualified name (a label, annotation or taint key); undefined when it is one. */
export function qualifiedNameProblem(key: string): string | undefined {
  const parts = key.split('/');
  const name = parts.at(-1) ?? '';
  if (parts.length > 2) return 'must be a name with at most one prefix, e.g. example.com/name';
  if (parts.length === 2 && subdomainProblem(parts[0] ?? '') !== undefined)
    return 'the prefix before / must be a DNS subdomain';
  if (name === '' || name.length > 63) return 'the name must have 1 to 63 characters';
  return NAME.test(name)
    ? undefined
    : "the name must consist of letters, digits, '-', '_' or '.', and start and end with a letter or digit";
}

/** A selector that was read: `matches` a label set; `text` for messages. */
export interface ParsedSelector {
  readonly text: string;
  matches(labels: Readonly<Record<string, string>> | undefined): boolean;
}

interface Requirement {
  readonly text: string;
  readonly test: (labels: Readonly<Record<string, string>>) => boolean;
}

type Read<T> = T | { readonly error: string };

function readExpression(expression: { key: string; operator: string; values?: string[] }): Read<Requirement> {
  const { key, operator } = expression;
  const values = expression.values ?? [];
  const problem = qualifiedNameProblem(key) ?? values.map(labelValueProblem).find((found) => found !== undefined);
  if (problem !== undefined) return { error: `expression on key ${JSON.stringify(key)}: ${problem}` };
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length === 0) return { error: `operator ${operator} on key ${JSON.stringify(key)} needs values` };
    const wanted = operator === 'In';
    const text = `${key} ${wanted ? 'in' : 'notin'} (${[...values].sort().join(',')})`;
    // NotIn also matches an object without the label, as in Kubernetes.
    return { text, test: (labels) => values.includes(labels[key] ?? '\u0000') === wanted };
  }
  if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (values.length > 0) return { error: `operator ${operator} on key ${JSON.stringify(key)} takes no values` };
    const wanted = operator === 'Exists';
    return { text: wanted ? key : `!${key}`, test: (labels) => key in labels === wanted };
  }
  return { error: `${JSON.stringify(operator)} is not an operator: use In, NotIn, Exists or DoesNotExist` };
}

function readLabel(key: string, value: string): Read<Requirement> {
  const problem = qualifiedNameProblem(key) ?? labelValueProblem(value);
  if (problem !== undefined) return { error: `label ${JSON.stringify(`${key}=${value}`)}: ${problem}` };
  return { text: `${key}=${value}`, test: (labels) => labels[key] === value };
}

/** Reads a metav1.LabelSelector; an empty one matches everything. Returns the first problem instead when it is not valid. */
export function parseSelector(selector: LabelSelector | undefined): Read<ParsedSelector> {
  const read = [
    ...Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => readLabel(key, value)),
    ...(selector?.matchExpressions ?? []).map(readExpression),
  ];
  const requirements: Requirement[] = [];
  for (const item of read) {
    if ('error' in item) return item;
    requirements.push(item);
  }
  return {
    text: requirements
      .map((requirement) => requirement.text)
      .sort()
      .join(','),
    matches: (labels) => requirements.every((requirement) => requirement.test(labels ?? {})),
  };
}
