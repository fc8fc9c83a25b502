import { setCurrentDetails, setHandler } from '@temporalio/workflow';
import { plan, progress } from '../messages.js';
import type { Progress, Step } from '../types.js';

/** What nobody knew of beforehand comes before what has still to be done. */
function inserted(steps: readonly Step[], step: Step): Step[] {
  const at = steps.findIndex((s) => s.state === 'pending');
  return at < 0 ? [...steps, step] : [...steps.slice(0, at), step, ...steps.slice(at)];
}

/** Tracks an operation's steps for the `progress` and `plan` queries and the live details in the UI; costs no history. */
export class ProgressBoard {
  readonly #operation: string;
  #steps: Step[];
  #waitingFor: string | undefined;
  #expected: readonly string[] = [];

  constructor(operation: string, steps: readonly string[]) {
    this.#operation = operation;
    this.#steps = steps.map((name) => ({ name, state: 'pending' }));
    setHandler(progress, () => this.snapshot(), { description: 'Steps done, the current wait and why' });
    setHandler(plan, () => this.#ahead(), {
      description: 'Steps still to be done, in order',
    });
    this.#show();
  }

  /** What is planned from here on, in words, where the steps are found on the way: the `plan` query answers it. */
  expect(steps: readonly string[]): void {
    this.#expected = steps;
  }

  #ahead(): readonly string[] {
    if (this.#expected.length > 0) return this.#expected;
    return this.#steps.filter((s) => s.state !== 'done').map((s) => s.name);
  }

  snapshot(): Progress {
    return {
      operation: this.#operation,
      steps: this.#steps,
      ...(this.#waitingFor === undefined ? {} : { waitingFor: this.#waitingFor }),
    };
  }

  /** Runs `work` as the step `name` (added when unknown). The step is marked failed when it throws. */
  async step<T>(name: string, waitingFor: string | undefined, work: () => Promise<T>): Promise<T> {
    this.#mark(name, 'running');
    this.#waitingFor = waitingFor;
    this.#show();
    try {
      const result = await work();
      this.#mark(name, 'done');
      return result;
    } catch (error) {
      this.#mark(name, 'failed');
      throw error;
    } finally {
      this.#waitingFor = undefined;
      this.#show();
    }
  }

  /** What the running step waits for now, when more is known than at its start. */
  waits(waitingFor: string): void {
    this.#waitingFor = waitingFor;
    this.#show();
  }

  /** Another name for a step that is known by now to have been something else or more. */
  rename(from: string, to: string): void {
    this.#steps = this.#steps.map((s) => (s.name === from ? { ...s, name: to } : s));
    this.#show();
  }

  #mark(name: string, state: Step['state']): void {
    const known = this.#steps.some((s) => s.name === name);
    this.#steps = known
      ? this.#steps.map((s) => (s.name === name ? { name, state } : s))
      : inserted(this.#steps, { name, state });
  }

  #show(): void {
    const icon = { pending: '[ ]', running: '[~]', done: '[x]', failed: '[!]' } as const;
    const lines = this.#steps.map((s) => `- ${icon[s.state]} ${s.name}`);
    setCurrentDetails([...lines, ...(this.#waitingFor ? ['', `**Waiting for** ${this.#waitingFor}`] : [])].join('\n'));
  }
}
