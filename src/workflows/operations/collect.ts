import { patched } from '@temporalio/workflow';
import type { DeletionPlan, ExternalReport } from '../../activities/interfaces.js';
import { cloud, kube, wait } from '../lib/activities.js';
import { failWithCause } from '../lib/failures.js';
import { startOperation } from '../lib/operation.js';
import { ProgressBoard } from '../lib/progress.js';
import type { OperationInput } from '../types.js';

/** The two halves of a collection: while the cluster still answers, and when its machines are gone; and what only says what they would do. */
export type CollectStage = 'ask' | 'sweep' | 'plan';

export interface CollectInput extends OperationInput {
  readonly stage: CollectStage;
  /** Of stage `ask`: volume claims are deleted too. */
  readonly claims?: boolean;
}

/** Sweeps of one operation: what shows up again after so many is left to the next attempt of the deletion. */
const MAX_SWEEPS = 5;

/**
 * Collects what controllers inside a workload cluster made in its cloud. `ask`: the inventory is written down, nothing new can be made, the controllers clean up.
 * `sweep`: the cloud is searched, the fate of each resource is written down, and what is the cluster's own goes, in waves, observed absent. `plan`: nothing is changed. Answers the fate of each.
 */
export async function CollectExternalResources(input: CollectInput): Promise<ExternalReport> {
  return failWithCause('CollectExternalResources', () => STAGES[input.stage](input));
}

const STAGES: Readonly<Record<CollectStage, (input: CollectInput) => Promise<ExternalReport>>> = { ask, sweep, plan };

async function plan({ key }: CollectInput): Promise<ExternalReport> {
  const board = new ProgressBoard('CollectExternalResources', ['Search the cloud']);
  // who asks knows the Cluster, not the account
  const { cloudQueue, provider } = await kube.assessCluster.executeWithOptions({ summary: 'Read the cluster' }, [
    { key },
  ]);
  if (!provider) return { summary: 'no provider of Perdure serves this cluster', report: [] };
  return board.step('Search the cloud', undefined, () =>
    cloud(cloudQueue).previewExternal.executeWithOptions({ summary: 'Say what would go' }, [{ key }]),
  );
}

async function ask({ key, cloudQueue, claims = false }: CollectInput): Promise<ExternalReport> {
  const steps = ['Take the inventory', 'Search the cloud', 'Have the cluster clean up'];
  const board = new ProgressBoard('CollectExternalResources', steps);
  const { found, frozen, missing } = await board.step('Take the inventory', 'the workload cluster to answer', () =>
    wait.takeInventory.executeWithOptions({ summary: 'Inventory, freeze' }, [{ key }]),
  );
  if (missing !== undefined) return { summary: `the cluster was not asked: ${missing}`.slice(0, 1_000), report: [] };
  const { summary } = await board.step('Search the cloud', undefined, () =>
    cloud(cloudQueue).findExternal.executeWithOptions({ summary: 'Find external resources, decide' }, [{ key }]),
  );
  const { left } = await board.step(
    'Have the cluster clean up',
    "the cluster's own controllers to remove what they made",
    () => wait.askControllers.executeWithOptions({ summary: 'Delete what they made it for, wait' }, [{ key, claims }]),
  );
  const parts = [
    `${found} objects of the cluster stand for something`,
    summary,
    ...(frozen ? [] : ['the cluster could not be kept from making more']),
    ...(left.length > 0 ? [`${left.length} left: ${left.slice(0, 5).join(', ')}`] : []),
  ];
  return { summary: parts.join('; ').slice(0, 1_000), report: [] };
}

async function sweep({ key, cloudQueue }: CollectInput): Promise<ExternalReport> {
  const board = new ProgressBoard('CollectExternalResources', ['Search the cloud']);
  const account = cloud(cloudQueue);
  for (let i = 0; i < MAX_SWEEPS; i++) {
    const { waves, summary } = await board.step('Search the cloud', undefined, () =>
      account.findExternal.executeWithOptions({ summary: 'Find external resources, decide' }, [{ key }]),
    );
    if (i === 0) board.rename('Search the cloud', `Search the cloud: ${summary}`.slice(0, 300));
    if (waves.length === 0) break;
    for (const kinds of waves) {
      const title = `Remove ${kinds.join(', ')}`;
      await board.step(title, `the cloud to remove ${kinds.join(', ')}`, () =>
        account.collectExternal.executeWithOptions({ summary: title }, [{ key, kinds }]),
      );
    }
  }
  return board.step('Report', undefined, () =>
    kube.reportExternal.executeWithOptions({ summary: 'Tell what became of each' }, [{ key }]),
  );
}

/** How external resources are collected when this cluster goes; deletions that began before there was a collection go on without. */
export async function planCollection({ key }: OperationInput): Promise<DeletionPlan> {
  if (!patched('collect-external-resources')) return { ask: false, claims: false, sweep: false };
  return kube.planDeletion.executeWithOptions({ summary: 'What is collected, and how' }, [{ key }]);
}

/** Runs one half of the collection as an operation of its own, below the deletion that needs it. */
export function collect(
  input: OperationInput,
  attempt: string,
  stage: Exclude<CollectStage, 'plan'>,
  claims = false,
): Promise<ExternalReport> {
  const reason = stage === 'ask' ? 'have the cluster clean up' : 'search the cloud for what is left';
  return startOperation<CollectInput, ExternalReport>(
    'CollectExternalResources',
    `${attempt}-${stage}`,
    { ...input, stage, claims },
    reason,
  );
}
