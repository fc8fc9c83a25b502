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

/** Why machines of one template are not those of another, as upstream says it; empty when they are. Source: capi mdutil.MachineTemplateUpToDate. */
export function templateDifferences(made: Template, wished: Template): string[] {
  const [a, b] = [made.spec, wished.spec];
  const name = (r: { kind: string; name: string } | undefined): string => (r ? `${r.kind} ${r.name}` : 'none');
  const ref = (x: typeof a.bootstrap.configRef, y: typeof a.bootstrap.configRef): string[] =>
    x?.apiGroup === y?.apiGroup && x?.kind === y?.kind && x?.name === y?.name
      ? []
      : [`${name(x)}, ${name(y)} required`];
  const text = (field: string, x: string | undefined, y: string | undefined): string[] =>
    (x ?? '') === (y ?? '') ? [] : [`${field} ${x ?? 'not set'}, ${y ?? 'not set'} required`];
  return [
    ...text('Version', a.version, b.version),
    ...text('Failure domain', a.failureDomain, b.failureDomain),
    ...ref(a.bootstrap.configRef, b.bootstrap.configRef),
    ...text('Data secret', a.bootstrap.dataSecretName, b.bootstrap.dataSecretName),
    ...ref(a.infrastructureRef, b.infrastructureRef),
  ];
}

/** spec.rollout.after once it has passed, RFC 3339: sets made before it have served. */
export function expiredRollout({ spec }: MachineDeployment, nowMs: number): string | undefined {
  const after = spec.rollout?.after as string | undefined;
  return after !== undefined && Date.parse(after) <= nowMs ? after : undefined;
}

/**
 * The MachineSet that already carries the deployment's template: most replicas first, then oldest. After spec.rollout.after only one that was made since.
 */
export function currentSet(
  deployment: MachineDeployment,
  sets: readonly MachineSet[],
  nowMs: number,
): MachineSet | undefined {
  const after = expiredRollout(deployment, nowMs);
  const born = (s: MachineSet): number => Date.parse(s.metadata.creationTimestamp ?? '');
  return [...sets]
    .filter(
      (s) =>
        s.metadata.deletionTimestamp === undefined &&
        sameTemplate(s.spec.template as Template, deployment.spec.template) &&
        (after === undefined || born(s) >= Date.parse(after)),
    )
    .sort(
      (a, b) =>
        (b.spec.replicas ?? 1) - (a.spec.replicas ?? 1) ||
        (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? '') ||
        a.metadata.name.localeCompare(b.metadata.name),
    )[0];
}

/** Deterministic name and hash label of the set for this template: creating it again finds it instead of making a twin (capi#13649). */
export function setIdentity(deployment: MachineDeployment, nowMs: number): { name: string; hash: string } {
  const fields = rolloutFields(deployment.spec.template);
  const after = expiredRollout(deployment, nowMs);
  const suffix = safeSuffix(`${deployment.metadata.uid}/${fields}${after === undefined ? '' : `/${after}`}`);
  return { name: suffixed(deployment.metadata.name, suffix), hash: `${fnv1a(fields)}-${suffix}` };
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
