import type { Cluster, Machine, MachineDrainRule, MetaLabelSelector } from '../../api/types/index.js';
import { PerdureError } from '../errors.js';
import { type ParsedSelector, parseSelector } from '../selectors.js';

type Labels = Readonly<Record<string, string>> | undefined;

/** A MachineDrainRule that is for a machine, its selectors read. */
export interface PodRule {
  readonly name: string;
  readonly behavior: MachineDrainRule['spec']['drain']['behavior'];
  readonly order: number;
  matches(pod: Labels, namespace: Labels): boolean;
}

function read(rule: MachineDrainRule, selector: MetaLabelSelector | undefined): ParsedSelector {
  const parsed = parseSelector(selector);
  if ('error' in parsed)
    throw new PerdureError(
      'InvalidConfiguration',
      `MachineDrainRule ${rule.metadata.namespace ?? ''}/${rule.metadata.name} has an invalid selector: ${parsed.error}; correct or delete it`,
    );
  return parsed;
}

/**
 * The rules that are for `machine` of `cluster`, in the order in which they are asked: by name. Rules whose machines say nothing are for every
 * machine. Throws `InvalidConfiguration` for a selector that does not parse, in any rule: a rule that cannot be read may be the one that protects a Pod.
 */
export function rulesFor(rules: readonly MachineDrainRule[], machine: Machine, cluster: Cluster): PodRule[] {
  const all = rules.map((rule) => {
    const machines = (rule.spec.machines ?? []).map(
      (m) => [read(rule, m.selector), read(rule, m.clusterSelector)] as const,
    );
    const pods = (rule.spec.pods ?? []).map((p) => [read(rule, p.selector), read(rule, p.namespaceSelector)] as const);
    const either = (pairs: typeof pods, first: Labels, second: Labels): boolean =>
      pairs.length === 0 || pairs.some(([a, b]) => a.matches(first) && b.matches(second));
    return {
      applies: either(machines, machine.metadata.labels, cluster.metadata.labels),
      rule: {
        name: rule.metadata.name,
        behavior: rule.spec.drain.behavior,
        order: rule.spec.drain.order ?? 0,
        matches: (pod: Labels, namespace: Labels) => either(pods, pod, namespace),
      },
    };
  });
  return all
    .filter((r) => r.applies)
    .map((r) => r.rule)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
