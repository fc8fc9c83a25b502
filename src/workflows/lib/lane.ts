import {
  CancellationScope,
  CancelledFailure,
  continueAsNew,
  isCancellation,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { SLOW_REQUEUE_FAILURES, TERMINAL_FAILURES } from '../../domain/errors.js';
import type { CommonFacts, RecordedFailure } from '../../domain/facts.js';
import type { Decision } from '../../domain/plan/plan.js';
import { laneStatus, plan } from '../messages.js';
import type { LaneInput, LaneResult } from '../types.js';
import { kube } from './activities.js';
import { causeOf } from './failures.js';
import { Inbox } from './inbox.js';

export interface LaneHooks<F extends CommonFacts> {
  assess(): Promise<F>;
  decide(facts: F): Decision;
  /**
   * Runs the operation; called in a scope that deletion cancels, or that only a pause cancels when `operation` is a deletion. May answer the facts it saw
   * last: they stand for the next assessment unless a signal came meanwhile.
   */
  operate(operation: string, facts: F): Promise<F | undefined>;
  /** Operations that a newer spec may interrupt without harm; they are planned again from what is there. */
  readonly supersedable: ReadonlySet<string>;
}

const MAX_QUICK_REPEATS = 3;
const FIRST_REST_SECONDS = 5;
const LONGEST_REST_SECONDS = 300;
const CANCELLED =
  'cancelled by a person; what it made stays; change the spec or set annotation perdure.dev/retry to go on';

/** What a lane shows of itself to queries. */
interface Board {
  phase: string;
  cycles: number;
  next: readonly string[];
}

/**
 * The converge-and-complete loop every lane runs: assess (reads live, writes status), decide (pure), do one thing, look again; complete when
 * nothing is left to do. No signal is lost: the server refuses to complete a run that has an unseen one, and the next opens a new run. A person
 * who cancels the lane stops what runs, not the lane's own bookkeeping.
 */
export async function runLane<F extends CommonFacts>(input: LaneInput, hooks: LaneHooks<F>): Promise<LaneResult> {
  const inbox = new Inbox(input.carry?.retry ?? false);
  const board: Board = { phase: 'starting', cycles: 0, next: [] };
  setHandler(laneStatus, () => ({ phase: board.phase, cycles: board.cycles, deleting: inbox.deleting }), {
    description: 'Phase and number of cycles of this run',
  });
  setHandler(plan, () => board.next, { description: 'What the lane does next' });
  return CancellationScope.nonCancellable(() => converge(input, hooks, inbox, board));
}

async function converge<F extends CommonFacts>(
  input: LaneInput,
  hooks: LaneHooks<F>,
  inbox: Inbox,
  board: Board,
): Promise<LaneResult> {
  let lastNeed = '';
  let repeats = 0;
  let troubles = input.carry?.troubles ?? 0;
  let retries = input.carry?.retries ?? 0;
  let retryAt: number | undefined;
  let known: F | undefined;
  /** Longer each time in a row, so that what stays broken costs little. */
  const rest = (): Promise<void> =>
    inbox.restMs(Math.min(FIRST_REST_SECONDS * 2 ** troubles++, LONGEST_REST_SECONDS) * 1000);

  for (;;) {
    if (workflowInfo().continueAsNewSuggested && !inbox.stopped) {
      const carry = { retry: inbox.retry, troubles, retries };
      await continueAsNew<(i: LaneInput) => Promise<LaneResult>>({ key: input.key, carry });
    }
    inbox.pending = false;
    board.cycles++;
    board.phase = 'assessing';
    if (inbox.retry) {
      inbox.retry = false;
      await kube.clearFailure.executeWithOptions({ summary: 'Forget the last failure' }, [{ key: input.key }]);
    }
    let facts: F;
    try {
      facts = known ?? (await hooks.assess());
      known = undefined;
    } catch (error) {
      const cause = causeOf(error);
      await record(input, { operation: 'Assess', ...cause, attempt: '' });
      if (!SLOW_REQUEUE_FAILURES.has(cause.type) && !inbox.pending) throw error;
      await rest();
      continue;
    }
    const decision = hooks.decide(facts);
    board.phase = decision.do === 'operate' ? decision.operation : decision.outcome;
    board.next = [`${board.phase}: ${decision.reason}`];
    setCurrentDetails(`**${board.phase}**: ${decision.reason}`);

    if (decision.do === 'end') {
      if (inbox.pending) continue;
      if (inbox.stopped) throw new CancelledFailure('cancelled by a person; what was made stays');
      if (decision.requeueSeconds === undefined) return resultOf(decision, facts, inbox, board);
      const failed = decision.outcome === 'Failed';
      // the time of the next attempt stands, however often the lane is woken before
      retryAt ??= Date.now() + laterSeconds(decision, retries) * 1000;
      const woken = await inbox.waitMs(Math.max(retryAt - Date.now(), 1));
      if (woken && failed) continue;
      retryAt = undefined;
      retries = woken ? 0 : retries + 1;
      if (failed) inbox.retry = !woken;
      continue;
    }

    retryAt = undefined;
    const need = `${decision.operation}, generation ${facts.generation}: ${decision.reason}`;
    repeats = need === lastNeed ? repeats + 1 : 0;
    lastNeed = need;
    // An operation that ends well and yet leaves the same need is a disagreement between two reads; never spin on it. One that is needed
    // for something else each time, as by a set that a rollout sizes again and again, goes on at once.
    if (repeats >= MAX_QUICK_REPEATS) await inbox.waitMs(Math.min(2 ** repeats, LONGEST_REST_SECONDS) * 1000);
    const deletion = facts.deleting;
    if (inbox.deleting && !deletion) {
      if (inbox.pending) continue;
      // what the object itself says counts
      inbox.deleting = false;
    }
    const failure = { operation: decision.operation, attempt: facts.attempt };
    if (inbox.stopped && !deletion) {
      await record(input, { ...failure, type: 'Cancelled', message: CANCELLED });
      continue;
    }
    try {
      const running = {
        generation: facts.generation,
        supersedable: hooks.supersedable.has(decision.operation),
        deletion,
      };
      const end = await inbox.run(running, async () => {
        known = (await hooks.operate(decision.operation, facts)) ?? undefined;
      });
      if (inbox.pending) known = undefined;
      troubles = 0;
      retries = 0;
      if (end === 'done' && deletion) return { outcome: 'Deleted', reason: decision.operation, cycles: board.cycles };
    } catch (error) {
      const cause = isCancellation(error) ? { type: 'Cancelled' as const, message: CANCELLED } : causeOf(error);
      await record(input, { ...failure, ...cause });
      // A deletion is tried again whatever it failed by, and what is nobody's fault too: later each time.
      if (cause.type !== 'Cancelled' && (deletion || !TERMINAL_FAILURES.has(cause.type))) await rest();
    }
  }
}

async function record(input: LaneInput, failure: RecordedFailure): Promise<void> {
  await kube.recordFailure.executeWithOptions({ summary: `Record: ${failure.type}` }, [{ key: input.key, failure }]);
}

function laterSeconds(decision: Extract<Decision, { do: 'end' }>, retries: number): number {
  const { requeueSeconds = 0, atMostSeconds = requeueSeconds } = decision;
  return Math.min(requeueSeconds * 2 ** retries, atMostSeconds);
}

function resultOf(
  decision: Extract<Decision, { do: 'end' }>,
  facts: CommonFacts,
  inbox: Inbox,
  board: Board,
): LaneResult {
  const { outcome, reason } = decision;
  const { cycles } = board;
  if (outcome === 'Absent' && inbox.deleting) return { outcome: 'Deleted', reason, cycles };
  if (outcome === 'Failed' && facts.failure?.type === 'Cancelled') return { outcome: 'Cancelled', reason, cycles };
  return { outcome, reason, cycles };
}
