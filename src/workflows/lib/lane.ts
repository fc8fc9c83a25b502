import {
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  setCurrentDetails,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { CommonFacts } from '../../domain/facts.js';
import type { Decision } from '../../domain/plan/plan.js';
import { changed, laneStatus, plan, retryNow } from '../messages.js';
import type { LaneInput, LaneResult } from '../types.js';
import { kube } from './activities.js';
import { causeOf } from './failures.js';

/** What a lane knows besides the facts: why it was woken. */
export interface Wake {
  readonly reasons: readonly string[];
  readonly nowMs: number;
}

export interface LaneHooks<F extends CommonFacts> {
  assess(): Promise<F>;
  decide(facts: F, wake: Wake): Decision;
  /** Runs the operation; called in a scope that deletion cancels, or that nothing cancels when `operation` is a deletion. */
  /** May answer the facts it saw last: they stand for the next assessment unless a signal came meanwhile. */
  operate(operation: string, facts: F, wake: Wake): Promise<F | undefined | void>;
  /** Operations that a newer spec may interrupt without harm; they are planned again from what is there. */
  readonly supersedable: ReadonlySet<string>;
}

const MAX_QUICK_REPEATS = 3;

/**
 * The converge-and-complete loop every lane runs: assess (reads live, writes status), decide (pure), do one thing, look again; complete when
 * nothing is left to do. No signal is lost: the server refuses to complete a run that has an unseen one, and the next opens a new run.
 */
export async function runLane<F extends CommonFacts>(input: LaneInput, hooks: LaneHooks<F>): Promise<LaneResult> {
  let pending = false;
  let deleting = false;
  let cycles = 0;
  let phase = 'starting';
  let next: readonly string[] = [];
  let reasons: string[] = [];
  let newest = 0;
  let retry = false;
  let running: { scope: CancellationScope; operation: string; generation: number } | undefined;

  setHandler(
    changed,
    (change) => {
      pending = true;
      newest = Math.max(newest, change.generation);
      reasons.push(change.reason);
      if (change.deleting && !deleting) {
        deleting = true;
        running?.scope.cancel();
      } else if (change.paused && running) {
        running.scope.cancel();
      } else if (running && hooks.supersedable.has(running.operation) && change.generation > running.generation) {
        running.scope.cancel();
      }
    },
    { description: 'The bridge: the object or something it depends on changed' },
  );
  setHandler(
    retryNow,
    () => {
      pending = true;
      retry = true;
    },
    { description: 'A person asks for another attempt of what failed' },
  );
  setHandler(laneStatus, () => ({ phase, cycles, deleting }), {
    description: 'Phase and number of cycles of this run',
  });
  setHandler(plan, () => next, { description: 'What the lane does next' });

  let lastOperation = '';
  let repeats = 0;
  let known: F | undefined;
  for (;;) {
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<(i: LaneInput) => Promise<LaneResult>>(input);
    pending = false;
    const wake: Wake = { reasons, nowMs: Date.now() };
    reasons = [];
    cycles++;
    phase = 'assessing';
    if (retry) {
      retry = false;
      await kube.clearFailure.executeWithOptions({ summary: 'Forget the last failure' }, [{ key: input.key }]);
    }
    const facts: F = known ?? (await hooks.assess());
    known = undefined;
    const decision = hooks.decide(facts, wake);
    next = [
      decision.do === 'operate'
        ? `${decision.operation}: ${decision.reason}`
        : `${decision.outcome}: ${decision.reason}`,
    ];
    if (decision.do === 'end') {
      phase = decision.outcome;
      setCurrentDetails(`**${decision.outcome}**: ${decision.reason}`);
      if (pending) continue;
      if (decision.requeueSeconds !== undefined) {
        await condition(() => pending, decision.requeueSeconds * 1000);
        if (decision.outcome === 'Failed') retry = true;
        continue;
      }
      return {
        outcome: decision.outcome === 'Absent' && deleting ? 'Deleted' : decision.outcome,
        reason: decision.reason,
        cycles,
      };
    }
    phase = decision.operation;
    setCurrentDetails(`**${decision.operation}**: ${decision.reason}`);
    repeats = decision.operation === lastOperation ? repeats + 1 : 0;
    lastOperation = decision.operation;
    // An operation that ends well and yet leaves the same need is a disagreement between two reads; never spin on it.
    if (repeats >= MAX_QUICK_REPEATS) await condition(() => pending, Math.min(2 ** repeats, 300) * 1000);
    const isDeletion = facts.deleting;
    const scope = isDeletion ? new CancellationScope({ cancellable: false }) : new CancellationScope();
    running = { scope, operation: decision.operation, generation: facts.generation };
    try {
      if (deleting && !isDeletion) continue;
      const seen = await scope.run(() => hooks.operate(decision.operation, facts, wake));
      if (seen && !pending) known = seen;
      if (isDeletion) return { outcome: 'Deleted', reason: decision.operation, cycles };
    } catch (error) {
      if (isCancellation(error)) {
        if (!deleting && newest <= facts.generation && !pending) throw error; // cancelled by a person: stop here
        continue;
      }
      await CancellationScope.nonCancellable(async () => {
        const cause = causeOf(error);
        if (cause.type === 'Transient' || cause.type === 'Bug' || cause.type === 'Conflict') {
          await sleep('5s'); // not the object's fault: look again and try again
          return;
        }
        const failure = { operation: decision.operation, ...cause, attempt: facts.attempt };
        await kube.recordFailure.executeWithOptions({ summary: `Record: ${cause.type}` }, [
          { key: input.key, failure },
        ]);
      });
    } finally {
      running = undefined;
    }
  }
}
