import { projectQuorum } from '../bootstrap/etcd-quorum.js';
import type { ControlPlaneFacts, ControlPlaneMachine, ControlPlaneStep } from '../facts.js';
import { knownHealth } from './control-plane-preflight.js';

const MOST_LINES = 24;

/** A step in words. */
export function describeStep(step: ControlPlaneStep): string {
  switch (step.kind) {
    case 'create': {
      const where = step.failureDomain ? ` in failure domain ${step.failureDomain}` : '';
      return `create ${step.name}${where}${step.replaces ? ` in place of ${step.replaces.machine}` : ''}`;
    }
    case 'remove':
      return `remove ${step.name}: ${step.why}`;
    case 'remediate':
      return `delete ${step.record.machine}, which is unhealthy`;
    case 'forget':
      return `end the replacement of ${step.record.machine}`;
    case 'evict':
      return `take etcd member ${step.member.name || step.member.id}, which has no machine, out of etcd`;
    case 'maintain':
      return `bring up to date: ${step.parts.join(', ')}`;
    case 'await':
      return `wait: ${step.reason}; waits for ${step.unblock}`;
    case 'done':
      return 'done';
  }
}

/** The world after a step that succeeded, for what is planned next. */
export function afterStep(facts: ControlPlaneFacts, step: ControlPlaneStep, nowMs: number): ControlPlaneFacts {
  const without = (name: string): ControlPlaneMachine[] => facts.machines.filter((m) => m.name !== name);
  const { remediating: _, ...rest } = facts;
  switch (step.kind) {
    case 'create':
      return withMembers({
        ...(step.replaces ? rest : facts),
        initialized: true,
        machines: [...facts.machines, freshMachine(step, nowMs)],
      });
    case 'remove':
      return withMembers({ ...facts, machines: without(step.name) });
    case 'remediate':
      return withMembers({ ...facts, remediating: step.record, machines: without(step.record.machine) });
    case 'forget':
      return rest;
    case 'evict':
      return withMembers({ ...facts, strays: (facts.strays ?? []).filter((s) => s.id !== step.member.id) });
    case 'maintain':
      return { ...facts, upkeep: [] };
    case 'await':
      if (step.until === 'gone') return withMembers({ ...facts, machines: without(step.name) });
      if (step.until === 'there') return withTemplate(facts);
      return withMembers({ ...facts, machines: facts.machines.map((m) => (isAwaited(m, step) ? healthy(m) : m)) });
    case 'done':
      return facts;
  }
}

function withTemplate(facts: ControlPlaneFacts): ControlPlaneFacts {
  const { missingTemplate: _, ...rest } = facts;
  return rest;
}

const isAwaited = (m: ControlPlaneMachine, step: { readonly name: string; readonly until: string }): boolean =>
  step.until === 'quorum' || m.name === step.name;

function healthy(machine: ControlPlaneMachine): ControlPlaneMachine {
  const { urgency: _, ...rest } = machine;
  const node = machine.node ?? machine.name;
  return { ...rest, node, hasNode: true, ready: true, healthy: true, etcdHealthy: true, sick: false, problems: [] };
}

function freshMachine(step: Extract<ControlPlaneStep, { kind: 'create' }>, nowMs: number): ControlPlaneMachine {
  return {
    name: step.name,
    node: step.name,
    deleting: false,
    ready: true,
    hasNode: true,
    available: true,
    healthy: true,
    upToDate: true,
    deleteFirst: false,
    createdAt: new Date(nowMs).toISOString(),
    outdated: [],
    problems: [],
    etcdHealthy: true,
    sick: false,
    ...(step.failureDomain ? { failureDomain: step.failureDomain } : {}),
    ...(step.replaces ? { remediationFor: step.replaces } : {}),
  };
}

/** etcd as it is once every machine with a Node is a member, and nobody else. */
function withMembers(facts: ControlPlaneFacts): ControlPlaneFacts {
  if (!facts.managedEtcd) return facts;
  const members = facts.machines
    .filter((m) => m.node !== undefined && !m.deleting)
    .map((m) => ({ id: m.name, name: m.node ?? '', learner: false }));
  return { ...facts, etcd: { members, alarmed: [] } };
}

/** etcd once a step has been taken, counting the worst case: a member that is added does not vote well yet. */
export interface EtcdForecast {
  readonly before: number;
  readonly members: number;
  readonly voters: number;
  readonly healthy: number;
  readonly quorum: number;
  readonly safe: boolean;
}

/** What a step does to etcd; undefined with an external etcd, or when its members are not known. */
export function etcdForecast(
  facts: ControlPlaneFacts,
  step: ControlPlaneStep,
  after: ControlPlaneFacts,
): EtcdForecast | undefined {
  const { etcd } = facts;
  if (!etcd || !after.etcd) return undefined;
  const node = facts.machines.find((m) => m.name === leaver(step))?.node;
  const change = step.kind === 'create' ? { add: true } : node === undefined ? {} : { remove: node };
  const { voters, unhealthy, quorum, safe } = projectQuorum(etcd.members, knownHealth(facts), change);
  const counts = { before: etcd.members.length, members: after.etcd.members.length };
  return { ...counts, voters, healthy: voters - unhealthy, quorum, safe };
}

/** The machine that is not there any more after a step. */
function leaver(step: ControlPlaneStep): string | undefined {
  if (step.kind === 'remediate') return step.record.machine;
  return step.kind === 'remove' || (step.kind === 'await' && step.until === 'gone') ? step.name : undefined;
}

/** A change of the number of members in words; empty where a step changes none. */
function etcdText(forecast: EtcdForecast | undefined): string {
  if (!forecast || forecast.before === forecast.members) return '';
  return `; etcd ${forecast.before}→${forecast.members} members, quorum ${forecast.quorum}`;
}

/** The steps ahead if each succeeds, in words: what the `plan` query shows. */
export function forecast(
  facts: ControlPlaneFacts,
  nowMs: number,
  plan: (facts: ControlPlaneFacts, nowMs: number) => ControlPlaneStep,
): string[] {
  const lines: string[] = [];
  let world = facts;
  for (let i = 0; i < MOST_LINES; i++) {
    const now = nowMs + i * 1000;
    const step = plan(world, now);
    if (step.kind === 'done') return lines;
    const after = afterStep(world, step, now);
    lines.push(describeStep(step).slice(0, 200) + etcdText(etcdForecast(world, step, after)));
    world = after;
  }
  return [...lines, 'and more'];
}
