import type { Machine } from '../api/types/index.js';
import type { Condition } from '../api/types/meta.js';
import { findCondition, isTrue } from './conditions.js';
import { isDeleting } from './contract.js';
import type { OwnedMachine } from './facts.js';
import { ANNOTATION } from './names.js';

/** How the planner of a MachineSet sees one of its machines. */
export function ownedMachine(machine: Machine): OwnedMachine {
  const conditions = machine.status?.conditions as Condition[] | undefined;
  return {
    name: machine.metadata.name,
    deleting: isDeleting(machine),
    ready: isTrue(conditions, 'Ready'),
    hasNode: machine.status?.nodeRef !== undefined,
    available: isTrue(conditions, 'Available'),
    healthy: !isUnhealthy(conditions),
    upToDate: isTrue(conditions, 'UpToDate'),
    deleteFirst: machine.metadata.annotations?.[ANNOTATION.deleteMachine] !== undefined,
    createdAt: machine.metadata.creationTimestamp ?? '',
    ...(machine.spec.failureDomain ? { failureDomain: machine.spec.failureDomain } : {}),
  };
}

/** Known to be unhealthy: a node that cannot be asked is not. */
function isUnhealthy(conditions: Condition[] | undefined): boolean {
  return ['NodeHealthy', 'HealthCheckSucceeded'].some((type) => findCondition(conditions, type)?.status === 'False');
}
