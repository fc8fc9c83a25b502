import type { FaultRule } from '../../src/sandbox/moto/types.js';
import { type Course, type Phase, SCALING } from './course.js';
import type { Group } from './options.js';
import { aftermath, attempt, newLife, type Run } from './runner.js';
import { happened } from './trigger.js';

/** Calls whose lost answers would cost the most: each made something that is paid for. */
const COSTLY = ['RunInstances', 'CreateVpc', 'CreateLoadBalancer', 'AllocateAddress', 'CreateNatGateway'];

const idOf = (action: string): string => `lost-${action.replace(':', '-')}`;

/** The call succeeds, its answer never arrives. */
const lost = (action: string): FaultRule => {
  const [service, name = ''] = action.includes(':') ? action.split(':') : [undefined, action];
  return { id: idOf(action), ...(service ? { service } : {}), action: name, count: 2, effect: { kind: 'dropAfter' } };
};

/** The life that has to stand faults. */
export interface Trouble {
  readonly group: Group;
  readonly course: Course;
  /** Bursts of throttling in each phase. */
  readonly bursts: Partial<Record<Phase, number>>;
}

const SCALED: Trouble = {
  group: 'faults',
  course: SCALING,
  bursts: { create: 4, 'scale-out': 2, 'scale-in': 1, delete: 3 },
};

/** Lost answers of what is costly, then of every mutating call there is, then bursts of throttling. */
export async function faults(run: Run): Promise<void> {
  await lostAnswers(run, SCALED, 'costly calls', COSTLY, COSTLY);
  await lostAnswers(run, SCALED, 'all mutating calls', await mutatingCalls(run), []);
  await bursts(run, SCALED);
}

/** Lost answers of every mutating call while machines are exchanged, then bursts of throttling. */
export async function dayTwoFaults(run: Run, trouble: Trouble): Promise<void> {
  await lostAnswers(run, trouble, 'all mutating calls', await mutatingCalls(run), []);
  await bursts(run, trouble);
}

async function mutatingCalls({ arena }: Run): Promise<string[]> {
  const calls = await arena.cloud.journal({ mutating: true });
  return [...new Set(calls.map((c) => `${c.service}:${c.action}`))].sort();
}

async function lostAnswers(
  run: Run,
  { group, course }: Trouble,
  name: string,
  actions: readonly string[],
  required: readonly string[],
): Promise<void> {
  const { arena, report } = run;
  for (const action of actions) await arena.cloud.addFault(lost(action));
  const life = newLife(arena, 'lost', course);
  const cluster = life.target.name;
  const { problems } = await attempt(run, life);
  const fired = new Map((await arena.cloud.faults()).map((f) => [f.id, f.fired]));
  await arena.cloud.clearFaults();
  const after = await aftermath(run);
  const unfired = required.filter((action) => !fired.get(idOf(action)));
  report.note(`lost answers: ${name} (${group})`, Object.fromEntries(actions.map((a) => [a, fired.get(idOf(a)) ?? 0])));
  for (const action of actions.filter((a) => fired.get(idOf(a))))
    report.add({ group, name: `answer of ${action} lost`, cluster, problems: [...problems, ...after] });
  if (unfired.length > 0) report.add({ group, name, cluster, problems: [`never called: ${unfired.join(', ')}`] });
}

const BURST_MS = 5_000;
const REFUSED = 3;
const BETWEEN = 6;

/** EC2 refuses everything for some seconds, again and again, each time after some calls went through. */
async function bursts(run: Run, { group, course, bursts: perPhase }: Trouble): Promise<void> {
  const { arena, report } = run;
  let done = 0;
  const life = newLife(arena, 'burst', course, {
    disturb: async (phase, over) => {
      for (let i = 0; i < (perPhase[phase] ?? 0) && !over.aborted; i++) if (await burst(run, over)) done++;
    },
  });
  const { problems } = await attempt(run, life);
  await arena.cloud.clearFaults();
  const after = await aftermath(run);
  const few = done < 4 ? [`only ${done} bursts were felt`] : [];
  report.add({
    group,
    name: `${done} bursts of RequestLimitExceeded`,
    cluster: life.target.name,
    problems: [...problems, ...after, ...few],
  });
}

/** One burst; true when at least some calls were refused. */
async function burst({ arena: { cloud, say } }: Run, over: AbortSignal): Promise<boolean> {
  const from = (await cloud.journalSummary()).total;
  await happened(async () => (await cloud.journalSummary()).total >= from + BETWEEN, over);
  const id = 'burst';
  await cloud.addFault({
    id,
    service: 'ec2',
    effect: { kind: 'error', code: 'RequestLimitExceeded', message: 'Request limit exceeded.', status: 503 },
  });
  const end = Date.now() + BURST_MS;
  const fired = async (): Promise<number> => (await cloud.faults()).find((f) => f.id === id)?.fired ?? 0;
  await happened(async () => Date.now() >= end && (await fired()) >= REFUSED, over);
  const refused = await fired();
  await cloud.removeFault(id);
  say(`   a burst refused ${refused} calls`);
  return refused > 0;
}
