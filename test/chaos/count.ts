import { clusterTag, TAG } from '../../src/activities/providers/aws/tags.js';
import type { Arena } from './arena.js';
import { label, ownedObjects, type Target } from './look.js';

/** How much there is of a cluster, by type of cloud resource and kind of object; and instances ever made for it. */
export interface Census {
  readonly resources: Readonly<Record<string, number>>;
  readonly instancesEver: number;
}

/** Counts what carries the cluster's mark, in the cloud and the management cluster. `twice` names machines that more than one instance was ever made for. */
export async function census(
  arena: Arena,
  target: Target,
): Promise<Census & { readonly twice: readonly string[]; readonly names: readonly string[] }> {
  const mark = clusterTag(target.name);
  const items = (await arena.cloud.inventory()).filter(
    (i) => i.tags[mark] !== undefined || i.name.includes(target.name) || i.id.includes(`/${target.name}`),
  );
  const resources: Record<string, number> = {};
  const names = [...items.map(label), ...(await ownedObjects(arena, target))];
  for (const name of names) {
    const type = name.slice(0, name.indexOf(' '));
    resources[type] = (resources[type] ?? 0) + 1;
  }
  const ever = (await arena.cloud.instances()).items.filter((i) => i.tags[mark] !== undefined);
  const byMachine = new Map<string, string[]>();
  for (const { id, tags } of ever) {
    const machine = tags[TAG.machineId] ?? `no machine (${id})`;
    byMachine.set(machine, [...(byMachine.get(machine) ?? []), id]);
  }
  const twice = [...byMachine]
    .filter(([machine, ids]) => ids.length > 1 || machine.startsWith('no '))
    .map(([m, ids]) => `${m}: ${ids.join(', ')}`);
  return { resources, instancesEver: ever.length, twice, names };
}

/** Where a cluster's census differs from the reference life's at the same moment; empty when each thing exists exactly as often. */
export function deviations(
  reference: Census,
  seen: Census & { readonly twice: readonly string[]; readonly names: readonly string[] },
): string[] {
  const types = [...new Set([...Object.keys(reference.resources), ...Object.keys(seen.resources)])].sort();
  const counts = types.flatMap((type) => {
    const want = reference.resources[type] ?? 0;
    const have = seen.resources[type] ?? 0;
    return want === have
      ? []
      : [`${have} ${type} instead of ${want}: ${seen.names.filter((n) => n.startsWith(`${type} `)).join(', ')}`];
  });
  return [
    ...counts,
    ...(reference.instancesEver === seen.instancesEver
      ? []
      : [`${seen.instancesEver} instances were ever made instead of ${reference.instancesEver}`]),
    ...seen.twice.map((t) => `more than one instance of a machine: ${t}`),
  ];
}
