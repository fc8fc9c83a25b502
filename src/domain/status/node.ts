import type { Condition, KubeObject } from '../../api/types/meta.js';
import { type ConditionInput, findCondition } from '../conditions.js';
import { readPath } from '../contract.js';

/** The parts of a workload cluster's Node that a Machine mirrors. */
export interface NodeView {
  readonly name: string;
  readonly conditions: readonly {
    readonly type: string;
    readonly status: string;
    readonly reason?: string;
    readonly message?: string;
  }[];
  readonly nodeInfo?: Record<string, unknown>;
}

/** Fields of corev1.NodeSystemInfo that Machine.status has. */
export const NODE_INFO = [
  'architecture',
  'bootID',
  'containerRuntimeVersion',
  'kernelVersion',
  'kubeProxyVersion',
  'kubeletVersion',
  'machineID',
  'operatingSystem',
  'osImage',
  'swap',
  'systemUUID',
] as const;

/** The parts of a Node that a Machine's status mirrors. */
export function toNodeView(node: KubeObject): NodeView {
  const told = readPath(node, 'status.nodeInfo') as Record<string, unknown> | undefined;
  // what a newer kubelet tells besides is not in the schema: the API server would drop it, and every look would send it again
  const info = told && Object.fromEntries(NODE_INFO.flatMap((k) => (told[k] === undefined ? [] : [[k, told[k]]])));
  return {
    name: node.metadata.name,
    conditions: (readPath(node, 'status.conditions') ?? []) as NodeView['conditions'],
    ...(info ? { nodeInfo: info } : {}),
  };
}

const PRESSURES = ['MemoryPressure', 'DiskPressure', 'PIDPressure'];

/** NodeReady and NodeHealthy of a Machine whose Node was read. Source: capi machine_controller_status.go summarizeNodeConditions. */
export function nodeConditions(node: NodeView): readonly [ready: ConditionInput, healthy: ConditionInput] {
  const ready = findCondition(node.conditions, 'Ready');
  const issues = [
    ...(ready?.status === 'True' ? [] : [{ type: 'Ready', status: ready?.status, message: ready?.message }]),
    ...node.conditions.filter((c) => PRESSURES.includes(c.type) && c.status !== 'False'),
  ];
  const healthy = healthOf(issues);
  if (ready?.status === 'True') return [{ type: 'NodeReady', status: 'True', reason: 'NodeReady' }, healthy];
  const isFalse = ready?.status === 'False';
  return [
    {
      type: 'NodeReady',
      status: isFalse ? 'False' : 'Unknown',
      reason: isFalse ? 'NodeNotReady' : 'NodeReadyUnknown',
      message: `* Node.Ready: ${said({ type: 'Ready', status: ready?.status, message: ready?.message })}`,
    },
    healthy,
  ];
}

interface Issue {
  readonly type: string;
  readonly status?: string | undefined;
  readonly message?: string | undefined;
}

const said = ({ status, message }: Issue): string =>
  status === undefined ? 'Condition not yet reported' : message || `Condition is ${status}`;

function healthOf(issues: readonly Issue[]): ConditionInput {
  const type = 'NodeHealthy';
  if (issues.length === 0) return { type, status: 'True', reason: 'NodeHealthy' };
  const [first] = issues.map(said);
  // a kubelet that went silent says the same of everything
  const alike = issues.length > 1 && issues.every((issue) => said(issue) === first);
  const message = alike
    ? `* Node.AllConditions: ${first ?? ''}`
    : issues.map((issue) => `* Node.${issue.type}: ${said(issue)}`).join('\n');
  return issues.some((issue) => issue.status === (issue.type === 'Ready' ? 'False' : 'True'))
    ? { type, status: 'False', reason: 'NodeNotHealthy', message }
    : { type, status: 'Unknown', reason: 'NodeHealthyUnknown', message };
}

/** NodeReady and NodeHealthy with one answer. */
export function bothNodeConditions(
  status: ConditionInput['status'],
  reason: string,
  message: string,
): readonly [ready: ConditionInput, healthy: ConditionInput] {
  return [
    { type: 'NodeReady', status, reason, message },
    { type: 'NodeHealthy', status, reason, message },
  ];
}

/** NodeReady and NodeHealthy as they were said last, or undefined when they never were. */
export function keptNodeConditions(
  conditions: readonly Condition[] | undefined,
): readonly ConditionInput[] | undefined {
  const kept = ['NodeReady', 'NodeHealthy'].map((type) => findCondition(conditions, type));
  return kept.every((c) => c !== undefined) ? kept : undefined;
}
