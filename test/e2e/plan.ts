import { fileURLToPath } from 'node:url';
import { parseAllDocuments, stringify } from 'yaml';
import { runProgram } from '../../src/cli/demo/wait.js';
import type { ManifestPlan } from '../../src/domain/plan-manifest/types.js';
import type { Loose } from './objects.js';
import type { Happening } from './recorder.js';
import type { TestSandbox } from './sandbox.js';

const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** The object of that kind in a manifest, alone, as `change` makes it. */
export function documentOf(manifest: string, kind: string, change: (object: Loose) => void = () => undefined): string {
  const found = parseAllDocuments(manifest)
    .map((document) => document.toJS() as Loose | null)
    .find((object) => object?.kind === kind);
  if (!found) throw new Error(`the manifest has no ${kind}`);
  change(found);
  return stringify(found);
}

/** What `perdure plan` says of a manifest. */
export async function planOf(sandbox: TestSandbox, manifest: string): Promise<ManifestPlan> {
  const args = [CLI, 'plan', '--dir', sandbox.layout.root, '-f', '-', '-o', 'json'];
  return JSON.parse(await runProgram(process.execPath, args, manifest)) as ManifestPlan;
}

/** The machines that a plan makes and deletes, in order; those without a name beforehand as ''. */
export const plannedTurns = ({ steps }: ManifestPlan): string[] =>
  steps.flatMap(({ kind, action, machine = '' }) =>
    kind === 'Machine' && (action === 'create' || action === 'delete') ? [`${action} ${machine}`] : [],
  );

/** The same of what happened; a new machine that the plan could not name has none here either. */
export function turnsSeen(happenings: readonly Happening[], planned: readonly string[]): string[] {
  const turns = happenings.filter(({ what }) => what !== 'gone');
  return turns.map(({ what, name }, i) => {
    if (what === 'deleting') return `delete ${name}`;
    return planned[i] === 'create ' ? 'create ' : `create ${name}`;
  });
}
