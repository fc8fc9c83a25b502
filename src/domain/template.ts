import type { MachineDeployment, MachineSet } from '../api/types/index.js';
import { fnv1a, safeSuffix, suffixed } from './names.js';

type Template = MachineDeployment['spec']['template'];

/** The fields whose change means new machines; everything else flows in place. Source: capi mdutil.EqualMachineTemplate. */
function rolloutFields(template: Template): string {
  const { spec } = template;
  const ref = (r: { apiGroup: string; kind: string; name: string } | undefined): string =>
    r ? `${r.apiGroup}/${r.kind}/${r.name}` : '';
  return [
    spec.version ?? '',
    spec.failureDomain ?? '',
    ref(spec.bootstrap.configRef),
    spec.bootstrap.dataSecretName ?? '',
    ref(spec.infrastructureRef),
  ].join('|');
}

/** Whether machines of both templates are the same machines. */
export const sameTemplate = (a: Template, b: Template): boolean => rolloutFields(a) === rolloutFields(b);

/** The MachineSet that already carries the deployment's template: most replicas first, then oldest. */
export function currentSet(deployment: MachineDeployment, sets: readonly MachineSet[]): MachineSet | undefined {
  return [...sets]
    .filter(
      (s) =>
        s.metadata.deletionTimestamp === undefined &&
        sameTemplate(s.spec.template as Template, deployment.spec.template),
    )
    .sort(
      (a, b) =>
        (b.spec.replicas ?? 1) - (a.spec.replicas ?? 1) ||
        (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? '') ||
        a.metadata.name.localeCompare(b.metadata.name),
    )[0];
}

/** Deterministic name and hash label of the set for this template: creating it again finds it instead of making a twin (capi#13649). */
export function setIdentity(deployment: MachineDeployment): { name: string; hash: string } {
  const fields = rolloutFields(deployment.spec.template);
  const suffix = safeSuffix(`${deployment.metadata.uid}/${fields}`);
  return { name: suffixed(deployment.metadata.name, suffix), hash: `${fnv1a(fields)}-${suffix}` };
}

/**
 * spec.replicas for the current set and each old one when only the count changes: old sets keep what they have as far as the new total
 * allows, oldest shrinks first; the current set gets the rest.
 */
export function sizeSets(
  desired: number,
  old: readonly { readonly name: string; readonly replicas: number }[],
): { current: number; old: Record<string, number> } {
  let surplus = Math.max(0, old.reduce((n, s) => n + s.replicas, 0) - desired);
  const sized: Record<string, number> = {};
  for (const set of old) {
    const cut = Math.min(surplus, set.replicas);
    surplus -= cut;
    sized[set.name] = set.replicas - cut;
  }
  const kept = Object.values(sized).reduce((n, r) => n + r, 0);
  return { current: Math.max(0, desired - kept), old: sized };
}

/** `a=b,c in (d,e)` of a label selector, as status.selector carries it. */
export function selectorText(
  selector:
    | {
        matchLabels?: Record<string, string>;
        matchExpressions?: readonly { key: string; operator: string; values?: readonly string[] }[];
      }
    | undefined,
): string {
  const labels = Object.entries(selector?.matchLabels ?? {})
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([k, v]) => `${k}=${v}`);
  const expressions = (selector?.matchExpressions ?? []).map((e) => {
    const values = `(${[...(e.values ?? [])].sort().join(',')})`;
    if (e.operator === 'In') return `${e.key} in ${values}`;
    if (e.operator === 'NotIn') return `${e.key} notin ${values}`;
    return e.operator === 'Exists' ? e.key : `!${e.key}`;
  });
  return [...labels, ...expressions].join(',');
}
