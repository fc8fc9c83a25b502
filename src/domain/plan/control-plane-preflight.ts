import { type MemberHealth, projectQuorum } from '../bootstrap/etcd-quorum.js';
import type { ControlPlaneFacts, ControlPlaneMachine, ControlPlaneStep } from '../facts.js';

/** A change of a control plane that must not endanger it. */
export type Change = { readonly add: true } | { readonly remove: ControlPlaneMachine };

type Await = Extract<ControlPlaneStep, { kind: 'await' }>;

const SHOWN = 5;
const REPAIR = 'repair it, let a MachineHealthCheck have it replaced, or delete the Machine';

/**
 * What a change has to wait for, or undefined when it is safe now: no machine on its way out, every machine but the one that goes a Node with all
 * components healthy, and a quorum of etcd afterwards. While a replaced machine's successor is still to be made, one healthy machine and a quorum in the
 * worst case are enough. Source: capi kcp scale.go preflightChecks.
 */
export function preflight(facts: ControlPlaneFacts, change: Change): Await | undefined {
  const { machines } = facts;
  if (machines.length === 0) return undefined;
  const deleting = machines.find((m) => m.deleting);
  if (deleting) return awaitGone(deleting);
  const others = machines.filter((m) => !('remove' in change) || m.name !== change.remove.name);
  const ill = others.filter((m) => m.problems.length > 0);
  if (ill.length > 0 && !isRelaxed(facts, change)) return awaitHealthy(ill);
  return quorumOf(facts, change);
}

/** The wait for a machine to be gone. */
export function awaitGone(machine: ControlPlaneMachine): Await {
  return {
    kind: 'await',
    name: machine.name,
    until: 'gone',
    reason: `Machine ${machine.name} is being deleted`,
    unblock: `its deletion to end: see condition Deleting of Machine ${machine.name}`,
    about: ['deleting'],
  };
}

/** The wait for machines to be healthy; the first stands for all. */
export function awaitHealthy(machines: readonly ControlPlaneMachine[]): Await {
  const problems = machines.flatMap((m) => m.problems);
  const messages = problems.map((p) => p.message);
  const first = machines[0]?.name ?? '';
  const more = messages.length > SHOWN ? `; and ${messages.length - SHOWN} more` : '';
  return {
    kind: 'await',
    name: first,
    until: 'healthy',
    reason:
      messages.length === 0
        ? `Machine ${first} is not Ready yet`
        : messages.slice(0, SHOWN).join('; ').slice(0, 800) + more,
    unblock: `Machine ${first} to become healthy; if it does not: ${REPAIR}`,
    about: (['components', 'etcd'] as const).filter((about) => problems.some((p) => p.about === about)),
  };
}

function isRelaxed(facts: ControlPlaneFacts, change: Change): boolean {
  if (facts.remediating === undefined || 'remove' in change) return false;
  return facts.machines.some((m) => m.problems.length === 0);
}

/** Whether etcd keeps its quorum after `change`, in the worst case; undefined when it does. */
export function quorumOf(facts: ControlPlaneFacts, change: Change): Await | undefined {
  if (!facts.managedEtcd) return undefined;
  const node = 'remove' in change ? change.remove.node : undefined;
  // one that never joined has no vote to lose
  if ('remove' in change && node === undefined) return undefined;
  const name = 'remove' in change ? change.remove.name : (facts.machines[0]?.name ?? '');
  const reasonOf = (): string => {
    if (!facts.etcd) return 'the members of etcd cannot be listed';
    return projectQuorum(facts.etcd.members, knownHealth(facts), node === undefined ? { add: true } : { remove: node })
      .reason;
  };
  const reason = reasonOf();
  if (reason === '') return undefined;
  return {
    kind: 'await',
    name,
    until: 'quorum',
    reason: `${'remove' in change ? `without Machine ${name}` : 'with one more machine'}: ${reason}`,
    unblock: 'etcd members to become healthy, so that a quorum stays whatever happens',
    about: ['etcd'],
  };
}

/**
 * What is known of etcd's members. One that no machine stands behind counts as dead: upstream takes its word as long as it raises no alarm, and then a
 * machine that went without leaving etcd could cost the quorum.
 */
export function knownHealth(facts: ControlPlaneFacts): MemberHealth {
  const hosted = facts.machines.map((m): [string, boolean] => [m.node ?? '', m.etcdHealthy]);
  const others = (facts.etcd?.members ?? []).map((m): [string, boolean] => [m.name, false]);
  return { machines: new Map([...others, ...hosted]), alarmed: new Set(facts.etcd?.alarmed ?? []) };
}
