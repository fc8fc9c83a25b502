/** An infra machine that stands for an instance of a pool. */
export interface InfraMachineView {
  readonly name: string;
  /** Id of its instance, in the words of the cloud. */
  readonly instance?: string;
  readonly deleting: boolean;
}

/**
 * What was seen of an instance. `member`: it lives, and its group has it to stay. `going`: its group ends it, or it was seen to have ended or to exist no
 * more. `unclear`: anything else, such as one that was detached, or that the cloud does not show yet.
 */
export type InstanceFate = 'member' | 'going' | 'unclear';

/** Infra machines to make, by id of the instance, and those whose Machine is to go, by name. */
export interface InfraMachinePlan {
  readonly create: readonly string[];
  readonly retire: readonly string[];
}

/**
 * Which infra machines a pool lacks, and which stand for nothing. One per living member, whoever made it; nothing is retired but what was seen to go: an
 * instance that nobody can see is not absent. Pure.
 */
export function planInfraMachines(
  instances: ReadonlyMap<string, InstanceFate>,
  machines: readonly InfraMachineView[],
): InfraMachinePlan {
  const known = new Set(machines.map((m) => m.instance));
  const create = [...instances].filter(([id, fate]) => fate === 'member' && !known.has(id)).map(([id]) => id);
  const retire = machines
    .filter((m) => !m.deleting && m.instance !== undefined && instances.get(m.instance) === 'going')
    .map((m) => m.name);
  return { create: create.sort(), retire: retire.sort() };
}

/** A Machine of a pool: `infra` is the name of the infra machine it refers to. */
export interface PoolMachineView {
  readonly name: string;
  readonly infra: string;
  readonly deleting: boolean;
  /** A health check wants it replaced. */
  readonly unhealthy?: boolean;
}

/** Names of infra machines that lack a Machine, and of Machines to delete. */
export interface PoolMachinePlan {
  readonly create: readonly string[];
  readonly remove: readonly string[];
  /** Of those whose infra machine is there. */
  readonly remediate: readonly string[];
}

/**
 * One Machine per infra machine; a Machine whose infra machine is gone, or was asked to go, goes too. So does one that a health check wants replaced, as long as
 * no other is on its way out: the group makes up for one at a time. `machines` has to be read before `infraMachines`: else
 * one that was made in between would look as if it stood for nothing. Pure.
 */
export function planPoolMachines(
  machines: readonly PoolMachineView[],
  infraMachines: readonly InfraMachineView[],
): PoolMachinePlan {
  const taken = new Set(machines.map((m) => m.infra));
  const staying = new Set(infraMachines.filter((m) => !m.deleting).map((m) => m.name));
  const lost = machines.filter((m) => !m.deleting && !staying.has(m.infra)).map((m) => m.name);
  const ill = machines.filter((m) => !m.deleting && m.unhealthy).map((m) => m.name);
  const remediate = lost.length > 0 || machines.some((m) => m.deleting) ? [] : ill.sort().slice(0, 1);
  return {
    create: [...staying].filter((name) => !taken.has(name)).sort(),
    remove: lost.sort(),
    remediate,
  };
}
