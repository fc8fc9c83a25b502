import { planManifest } from '../../domain/plan-manifest/plan.js';
import type { ManifestPlan } from '../../domain/plan-manifest/types.js';
import type { Kube } from '../../kube/kube.js';
import { KINDS } from '../types/kinds.js';
import { readDocuments } from './documents.js';
import { dryRun } from './dry-run.js';
import { readWorld } from './world.js';

export interface PlanOptions {
  /** Of objects whose document names none. */
  readonly namespace: string;
  /** RFC 3339. */
  readonly now: string;
  readonly signal: AbortSignal;
}

/**
 * What applying a manifest would do to a management cluster; changes nothing there. Throws `InvalidConfiguration` for a manifest that cannot be read;
 * what the API server would refuse is part of the plan.
 */
export async function planText(kube: Kube, text: string, options: PlanOptions): Promise<ManifestPlan> {
  const objects = readDocuments(text);
  const { signal } = options;
  const made = await newNamespaces(kube, objects, signal);
  const documents = [];
  for (const object of objects) documents.push(await dryRun(kube, object, { ...options, made }));
  return planManifest(await readWorld(kube, documents, options.now, signal));
}

async function newNamespaces(
  kube: Kube,
  objects: ReturnType<typeof readDocuments>,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const names = objects.filter((o) => o.kind === 'Namespace' && o.apiVersion === 'v1').map((o) => o.metadata.name);
  const found = await Promise.all(names.map((name) => kube.get(KINDS.Namespace, { name }, signal)));
  return new Set(names.filter((_, i) => found[i] === undefined));
}
