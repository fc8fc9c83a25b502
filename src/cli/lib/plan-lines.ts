import pc from 'picocolors';
import type {
  DisruptionBudget,
  ManifestPlan,
  ObjectRef,
  PlannedObject,
  PlanStep,
  Refusal,
} from '../../domain/plan-manifest/types.js';

/** More than anybody reads; the rest is in the JSON. */
const MOST_STEPS = 100;

const MARKS = { none: ' ', create: pc.green('+'), change: pc.yellow('~'), refused: pc.red('!') } as const;
const ACTIONS = {
  create: pc.green('create'),
  delete: pc.red('delete'),
  change: pc.yellow('change'),
  refresh: pc.yellow('refresh'),
  wait: pc.yellow('wait'),
  evict: pc.red('evict'),
  maintain: pc.cyan('maintain'),
} as const;

const named = ({ kind, namespace, name }: ObjectRef): string =>
  `${kind}/${namespace === '' ? '' : `${namespace}/`}${name}`;

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;

function objectLines(object: PlannedObject): string[] {
  const unchanged = object.action === 'none' ? pc.dim(' unchanged') : '';
  const head = `${MARKS[object.action]} ${named(object)}${unchanged}`;
  const fields = object.changes.map(
    (c) => `    ${c.field}: ${c.from ?? 'not set'} -> ${c.to ?? 'not set'} ${pc.dim(`(${c.effect})`)}`,
  );
  return [head, ...fields];
}

function etcdText({ etcd }: PlanStep): string[] {
  if (!etcd) return [];
  const { before, members, healthy, voters, quorum, safe } = etcd;
  const change = before === members ? `${members} members` : `${before} -> ${members} members`;
  const verdict = safe ? 'holds' : pc.red('would be lost');
  return [`etcd ${change}: ${healthy} of ${voters} voters at worst, quorum ${quorum} ${verdict}`];
}

function stepLines(step: PlanStep, i: number): string[] {
  const what = step.kind === 'Machine' ? `machine ${step.machine ?? '(named when made)'}` : '';
  const where = step.failureDomain ? ` in ${step.failureDomain}` : '';
  const head =
    `${String(i + 1).padStart(3)}. ${ACTIONS[step.action]} ${what}${where} ${pc.dim(named(step.group))}`.replaceAll(
      / {2,}(?=\S)/g,
      ' ',
    );
  const machines = step.machines
    ? [`${count(step.machines.total, 'machine')}, at least ${step.machines.available} available`]
    : [];
  const more = [
    ...[step.reason].filter((r) => r !== ''),
    ...(step.fields && step.fields.length > 0 ? [`differs in ${step.fields.join(', ')}`] : []),
    ...(step.waitsFor && step.waitsFor.length > 0 ? [`held back by ${step.waitsFor.join(', ')}`] : []),
    ...etcdText(step),
    ...machines,
    ...(step.cloud ?? []),
  ];
  return [head, ...more.map((line) => `       ${line}`)];
}

const budgetLine = (b: DisruptionBudget): string =>
  `  ${named(b.group)}: ${b.desired} desired, ${b.strategy}, ${b.maxSurge} more and ${b.maxUnavailable} less at a time: at most ${b.mostMachines}, at least ${b.leastAvailable} available`;

const refusalLines = (r: Refusal): string[] => [
  `  ${pc.red(r.rule)} ${named(r.object)}: ${r.message}${r.by === 'admission' ? '' : pc.dim(` (${r.by})`)}`,
  ...(r.remedy === undefined ? [] : [`      ${r.remedy}`]),
];

/** A part of the plan with a heading; nothing when it is empty. */
const part = (title: string, lines: readonly string[]): string[] =>
  lines.length > 0 ? ['', pc.bold(title), ...lines] : [];

/** A plan for a person. */
export function planLines(plan: ManifestPlan): string[] {
  const { machinesCreated, machinesDeleted, changed } = plan.summary;
  const shown = plan.steps.slice(0, MOST_STEPS);
  const left = plan.steps.length - shown.length;
  const phases = [...new Set(shown.map((s) => s.phase))].sort((a, b) => a - b);
  const steps = phases.flatMap((phase) => {
    const lines = shown.filter((s) => s.phase === phase).flatMap((s) => stepLines(s, plan.steps.indexOf(s)));
    return phases.length > 1 ? [pc.dim(`  phase ${phase}`), ...lines] : lines;
  });
  const cloud = plan.cloud.map(
    (c) => `  ${c.action} ${c.count > 1 ? `${c.count} x ` : ''}${c.resource} ${pc.dim(named(c.of))}`,
  );
  const total = changed
    ? `${count(machinesCreated, 'machine')} to create, ${machinesDeleted} to delete; nothing has been changed`
    : 'nothing to do';
  return [
    ...plan.objects.flatMap(objectLines),
    ...part('Refused', plan.refusals.flatMap(refusalLines)),
    ...part('Steps', left > 0 ? [...steps, `  and ${left} more: -o json has all`] : steps),
    ...part('Disruption', plan.budgets.map(budgetLine)),
    ...part('Cloud', cloud),
    ...part(
      'Notes',
      plan.notes.map((note) => `  ${note}`),
    ),
    '',
    total,
  ];
}
