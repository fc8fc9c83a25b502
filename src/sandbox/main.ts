import path from 'node:path';
import { PerdureError } from '../domain/errors.js';
import { readJson, writeAtomic } from './files.js';
import { layoutOf } from './layout.js';
import { type SandboxOptions, startSandbox } from './sandbox.js';
import { takeOwnership } from './supervisor.js';

/** What `perdure up` hands to the supervisor process. */
export type SupervisorInput = Omit<SandboxOptions, 'layout' | 'say'>;

export const inputFile = (root: string): string => path.join(root, 'input.json');
export const outcomeFile = (root: string): string => path.join(root, 'outcome.json');

export interface Outcome {
  readonly ok: boolean;
  readonly message: string;
}

/** The supervisor process: starts the sandbox of its state directory, keeps it running, stops it at SIGTERM. */
async function main(): Promise<void> {
  const root = process.argv[2];
  if (!root) throw new PerdureError('InvalidConfiguration', 'usage: main.js STATE-DIR');
  const layout = layoutOf(root);
  const input = await readJson<SupervisorInput>(inputFile(root));
  if (!input) throw new PerdureError('InvalidConfiguration', `${inputFile(root)} is missing; start with 'perdure up'`);
  await takeOwnership(layout);
  const say = (line: string): void => {
    process.stdout.write(`${line}\n`);
  };
  const asked = new Promise<void>((resolve) => {
    process.once('SIGTERM', resolve).once('SIGINT', resolve);
  });
  try {
    const sandbox = await startSandbox({ ...input, layout, say });
    await writeAtomic(outcomeFile(root), JSON.stringify({ ok: true, message: '' } satisfies Outcome));
    await asked;
    say('stopping');
    await sandbox.stop();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    await writeAtomic(outcomeFile(root), JSON.stringify({ ok: false, message } satisfies Outcome));
    throw error;
  }
  process.exit(0);
}

if (process.argv[1]?.endsWith('sandbox/main.js')) {
  main().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  });
}
