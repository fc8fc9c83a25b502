import type { InventoryInstance } from './inventory.js';
import type { MachinePhase } from './record.js';

/** How many machines may run at once. */
export interface MachineCaps {
  readonly maxMachines: number;
  /** Memory all machines together may take. */
  readonly memoryMiB: number;
  /** What one machine is counted with. */
  readonly perMachineMiB: number;
}

export type MachineAction =
  | { readonly kind: 'start'; readonly id: string; readonly instance: InventoryInstance }
  /** No room: the instance must end, or it would stay "running" without a machine for ever. */
  | { readonly kind: 'refuse'; readonly id: string; readonly reason: string }
  /** End the machine, keep its disk. */
  | { readonly kind: 'stop'; readonly id: string }
  /** The machine had ended by itself and the instance now says so too: it may be started again. */
  | { readonly kind: 'settle'; readonly id: string }
  /** End the machine and remove everything of it. */
  | { readonly kind: 'remove'; readonly id: string };

/** Compares the instances with the machines and tells what to do, in the order of instance ids. Machines of `busy` ids are left alone. */
export function planMachines(
  instances: readonly InventoryInstance[],
  machines: ReadonlyMap<string, MachinePhase>,
  caps: MachineCaps,
  busy: ReadonlySet<string> = new Set(),
): MachineAction[] {
  const wanted = new Map(instances.map((instance) => [instance.id, instance]));
  const ids = [...new Set([...wanted.keys(), ...machines.keys()])].filter((id) => !busy.has(id)).sort();
  let active = [...machines.values()].filter(isActive).length;
  const actions: MachineAction[] = [];
  for (const id of ids) {
    const action = planMachine(id, wanted.get(id), machines.get(id));
    if (action?.kind === 'start') {
      const refusal = refusalFor(active, caps);
      actions.push(refusal === undefined ? action : { kind: 'refuse', id, reason: refusal });
      if (refusal === undefined) active++;
    } else if (action) actions.push(action);
  }
  return actions;
}

/** Whether a machine of this phase takes memory and counts against the caps. */
export function isActive(phase: MachinePhase): boolean {
  return phase === 'starting' || phase === 'running';
}

function planMachine(
  id: string,
  instance: InventoryInstance | undefined,
  phase: MachinePhase | undefined,
): MachineAction | undefined {
  switch (instance?.state) {
    case 'running':
      return phase === undefined || phase === 'stopped' ? { kind: 'start', id, instance } : undefined;
    case 'pending':
      return undefined;
    case 'stopping':
    case 'stopped':
      if (phase === undefined || phase === 'stopped') return undefined;
      return phase === 'exited' ? { kind: 'settle', id } : { kind: 'stop', id };
    default:
      return phase === undefined ? undefined : { kind: 'remove', id };
  }
}

function refusalFor(active: number, caps: MachineCaps): string | undefined {
  if (active >= caps.maxMachines) {
    return `${active} machines run already and the limit is ${caps.maxMachines}; delete some or raise --max-machines`;
  }
  if ((active + 1) * caps.perMachineMiB > caps.memoryMiB) {
    return `${active} machines run already and another needs about ${caps.perMachineMiB} MiB more than the ${caps.memoryMiB} MiB for machines; delete some or raise --machine-memory`;
  }
  return undefined;
}
