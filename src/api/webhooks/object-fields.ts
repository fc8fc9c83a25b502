import semver from 'semver';
import { labelValueProblem, qualifiedNameProblem, subdomainProblem } from '../../domain/selectors.js';
import type { MachineTaint, TemplateMetadata } from '../types/index.js';
import type { AdmissionContext } from './context.js';
import { type FieldError, forbidden, invalid } from './field-errors.js';

/** True for an object with at least one field: v1beta2 treats `{}` as absent. */
export function isDefined<T extends object>(value: T | undefined | null): value is T {
  return value !== undefined && value !== null && Object.keys(value).length > 0;
}

/** `1.34.0` becomes `v1.34.0`; empty stays empty. */
export function withVersionPrefix(version: string): string {
  return version === '' || version.startsWith('v') ? version : `v${version}`;
}

/** The parts of a strict semantic version behind one `v`; undefined when it is not one. */
export function parseVersion(version: string): semver.SemVer | undefined {
  const text = version.replace(/^v/, '');
  return /^\d/.test(text) && text === text.trim() ? (semver.parse(text) ?? undefined) : undefined;
}

/** A Kubernetes version as upstream wants it since 1.14. */
export function checkVersion(version: string, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!version.startsWith('v')) errors.push(invalid(path, version, 'must start with v, e.g. v1.34.0'));
  if (!parseVersion(version)) errors.push(invalid(path, version, 'must be a semantic version, e.g. v1.34.0'));
  return errors;
}

const ANNOTATIONS_LIMIT = 256 * 1024;

/** Labels and annotations of a template have to be valid, or nothing could be made from it. */
export function checkTemplateMetadata(metadata: TemplateMetadata | undefined, path: string): FieldError[] {
  const labels = Object.entries(metadata?.labels ?? {}).flatMap(([key, value]) => {
    const keyProblem = qualifiedNameProblem(key);
    const valueProblem = labelValueProblem(value);
    return [
      ...(keyProblem === undefined ? [] : [invalid(`${path}.labels`, key, keyProblem)]),
      ...(valueProblem === undefined ? [] : [invalid(`${path}.labels`, value, valueProblem)]),
    ];
  });
  const annotations = Object.entries(metadata?.annotations ?? {});
  const size = annotations.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
  const keys = annotations.flatMap(([key]) => {
    const problem = qualifiedNameProblem(key.toLowerCase());
    return problem === undefined ? [] : [invalid(`${path}.annotations`, key, problem)];
  });
  const large =
    size > ANNOTATIONS_LIMIT
      ? [invalid(`${path}.annotations`, size, `must have at most ${ANNOTATIONS_LIMIT} bytes together`)]
      : [];
  return [...labels, ...keys, ...large];
}

const RESERVED_TAINTS = ['node.cluster.x-k8s.io/uninitialized', 'node.cluster.x-k8s.io/outdated-revision'];

function taintProblem(key: string): string | undefined {
  if (RESERVED_TAINTS.includes(key)) return 'is set by Cluster API itself: choose another key';
  if (key.startsWith('node.kubernetes.io/') && key !== 'node.kubernetes.io/out-of-service') {
    return 'must not have prefix node.kubernetes.io/, which Kubernetes uses, except for node.kubernetes.io/out-of-service';
  }
  if (key.startsWith('node.cloudprovider.kubernetes.io/')) {
    return 'must not have prefix node.cloudprovider.kubernetes.io/, which cloud controllers use';
  }
  if (key === 'node-role.kubernetes.io/master') {
    return 'is no longer used since Kubernetes 1.24: use node-role.kubernetes.io/control-plane';
  }
  return undefined;
}

/** Taints that Machines may carry; none at all while the gate is off. `worker`: the control plane taint is refused too. */
export function checkTaints(
  taints: readonly MachineTaint[] | undefined,
  path: string,
  ctx: AdmissionContext,
  worker: boolean,
): FieldError[] {
  const errors: FieldError[] = [];
  const gate = ctx.gates.MachineTaintPropagation;
  if (!gate && (taints ?? []).length > 0) {
    errors.push(
      forbidden(path, 'taints can only be set with feature gate MachineTaintPropagation: turn it on or remove them'),
    );
  }
  (taints ?? []).forEach(({ key }, i) => {
    const problem = taintProblem(key);
    if (problem !== undefined) errors.push(invalid(`${path}[${i}].key`, key, problem));
    const malformed = qualifiedNameProblem(key);
    if (malformed !== undefined) errors.push(invalid(`${path}[${i}].key`, key, malformed));
    if (gate && worker && key === 'node-role.kubernetes.io/control-plane') {
      errors.push(invalid(`${path}[${i}].key`, key, 'is only for control plane Machines: remove it'));
    }
  });
  return errors;
}

/** A Go template for Machine names. `variables` are the names it may use besides `.random`, with sample values. */
export function checkNaming(
  template: string | undefined,
  path: string,
  variables: Readonly<Record<string, string>>,
): FieldError[] {
  if (!template) return [];
  const errors: FieldError[] = [];
  const at = `${path}.template`;
  if (!template.includes('{{ .random }}'))
    errors.push(invalid(at, template, 'must contain {{ .random }}, or names would not be unique'));
  const unknown: string[] = [];
  const name = template.replace(/\{\{-?\s*(.*?)\s*-?\}\}/g, (whole, action: string) => {
    const value = action === '.random' ? 'abcde' : variables[action];
    if (value === undefined) unknown.push(whole);
    return value ?? '';
  });
  if (unknown.length > 0) {
    const known = ['.random', ...Object.keys(variables)].map((variable) => `{{ ${variable} }}`).join(', ');
    errors.push(invalid(at, template, `does not know ${unknown.join(', ')}: use ${known}`));
    return errors;
  }
  const problem =
    name.includes('{{') || name.includes('}}') ? 'has an unclosed {{ or }}' : subdomainProblem(name.slice(0, 63));
  if (problem !== undefined) errors.push(invalid(at, template, `would not make valid object names: ${problem}`));
  return errors;
}

/** True for `3` and `"25%"`; Kubernetes' IntOrString. */
export function isIntOrPercent(value: number | string): boolean {
  return typeof value === 'number' || /^[+-]?\d+%$/.test(value);
}
