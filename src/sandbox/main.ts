import { PerdureError } from '../domain/errors.js';
import { layoutOf } from './layout.js';
import { takeOwnership } from './ownership.js';
import { type SandboxOptions, startSandbox } from './sandbox.js';

/** What `perdure up` sends to the supervisor process it has started. */
export type SupervisorInput = Omit<SandboxOptions, 'layout' | 'say' | 'signal'>;

/** What the supervisor process tells `perdure up`, as long as that listens. */
export type SupervisorNews =
  | { readonly line: string }
  | { readonly serves: true }
  | { readonly failed: string; readonly type: string; readonly owned: boolean };

/** The supervisor process: starts the sandbox of its state directory, keeps it running, stops it at SIGTERM, also while it starts. */
async function main(): Promise<void> {
  const root = process.argv[2];
  if (!root || !process.connected)
    throw new PerdureError('InvalidConfiguration', "this is started by 'perdure up' only, with a STATE-DIR");
  const layout = layoutOf(root);
  const input = await received();
  const ending = new AbortController();
  const end = (): void => ending.abort(new PerdureError('Transient', 'it was stopped'));
  process.once('SIGTERM', end).once('SIGINT', end);
  try {
    await takeOwnership(layout);
  } catch (error) {
    await tell({ ...failure(error), owned: true });
    process.exit(1);
  }
  const say = (line: string): void => {
    process.stdout.write(`${new Date().toISOString()} ${line}\n`);
    void tell({ line });
  };
  try {
    const sandbox = await startSandbox({ ...input, layout, say, signal: ending.signal });
    await tell({ serves: true });
    await aborted(ending.signal);
    say('stopping');
    await sandbox.stop();
  } catch (error) {
    say(`the sandbox did not start: ${failure(error).failed}`);
    await tell({ ...failure(error), owned: false });
    process.exit(1);
  }
  process.exit(0);
}

/** The input, once the parent has sent it. */
function received(): Promise<SupervisorInput> {
  return new Promise((resolve, reject) => {
    process.once('message', (input) => resolve(input as SupervisorInput));
    process.once('disconnect', () => reject(new PerdureError('Transient', "'perdure up' ended too early")));
  });
}

/** Nobody may listen any more: `perdure up` goes once everything serves, and may have been killed before. */
function tell(news: SupervisorNews): Promise<void> {
  return new Promise((resolve) => {
    if (!process.connected || !process.send) return resolve();
    process.send(news, undefined, undefined, () => resolve());
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function failure(error: unknown): { failed: string; type: string } {
  return error instanceof PerdureError
    ? { failed: error.message, type: error.type }
    : { failed: error instanceof Error ? error.message : String(error), type: 'Transient' };
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
});
