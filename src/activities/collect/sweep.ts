import type { Cluster } from '../../api/types/index.js';
import type { ObjectKey } from '../../api/types/meta.js';
import type { Claimant, ExternalInventory, FatedResource } from '../../domain/collect/external.js';
import { fatesOf } from '../../domain/collect/fates.js';
import { inventoryItems } from '../../domain/collect/inventory.js';
import { type ReportLine, summaryText, updateReport, wavesOf, withBlockers } from '../../domain/collect/report.js';
import { notYet, PerdureError } from '../../domain/errors.js';
import type { ActivityDeps } from '../deps.js';
import { classified } from '../infra/cluster.js';
import { clusterContext, type FoundCluster } from '../infra/context.js';
import type { ExternalReport, SweepPlan } from '../interfaces.js';
import type { ExternalResources } from '../providers/port.js';
import { Pace } from '../waits/pause.js';
import { bornAt, bornBy, namesakeOf } from './claimant.js';
import { workloadObjects } from './objects.js';
import { type ExternalRecord, readRecord, writeRecord } from './record.js';

/** How long one attempt works on a wave. Attempts cost no history, and from the third on the Cluster shows what holds them up. */
const TURN_MS = 60_000;
const POLL_MS = 2_000;
const AGAIN_MS = 5_000;

type Collecting = FoundCluster & { readonly external: ExternalResources };

const NOTHING: SweepPlan = { waves: [], summary: 'nothing found' };

/** Looks for all that is in the cloud for this cluster, decides what becomes of it and writes that down before anything is removed. */
export async function findExternal(deps: ActivityDeps, key: ObjectKey): Promise<SweepPlan> {
  const found = await collecting(deps, key);
  if (!found) return NOTHING;
  const { kinds } = found.external;
  const {
    record: { report },
  } = await look(
    deps,
    found,
    kinds.map((kind) => kind.name),
  );
  return { waves: wavesOf(kinds, report), summary: summaryText(report) };
}

/**
 * Removes what is to go of these kinds and resolves when it is observed gone. What the cloud refuses to remove is tried again, and the report names what is in the way.
 * After a minute it throws, to be tried again: `Transient` with what is in the way, `NotYet` where nothing is. Idempotent: everything is looked for and decided again.
 */
export async function collectExternal(deps: ActivityDeps, key: ObjectKey, kinds: readonly string[]): Promise<void> {
  const { signal } = deps.scope();
  const pace = new Pace(Math.min(POLL_MS, deps.pollMs), signal);
  const until = Date.parse(deps.now()) + TURN_MS;
  for (;;) {
    const found = await collecting(deps, key);
    if (!found) return;
    const { resources, record } = await look(deps, found, kinds);
    const going = resources.filter((r) => r.fate === 'delete');
    if (going.length === 0) return;
    const { external, ctx } = found;
    const tried = await classified(found, () => external.remove(ctx, going));
    const report = withBlockers(record.report, tried);
    await remember(deps, found, record, report);
    const summary = summaryText(report.filter((line) => kinds.includes(line.kind) && line.fate === 'delete'));
    if (Date.parse(deps.now()) >= until) {
      if (tried.every((one) => one.blocked === undefined)) throw notYet(summary, AGAIN_MS);
      throw new PerdureError('Transient', `external resources cannot be removed yet: ${summary}`, {
        retryAfterMs: AGAIN_MS,
      });
    }
    deps.scope().heartbeat(summary.slice(0, 1_000));
    await pace.rest(summary);
  }
}

/**
 * What would become of each if the Cluster were deleted now, by what its workload cluster says now, if it answers. Changes nothing, and writes nothing down.
 */
export async function previewExternal(deps: ActivityDeps, key: ObjectKey): Promise<ExternalReport> {
  const found = await collecting(deps, key);
  if (!found) return { summary: NOTHING.summary, report: [] };
  const { cluster, infraCluster } = found.ctx;
  const { signal } = deps.scope();
  const record = await readRecord(deps.kube, cluster, signal);
  const inventory = record.inventory.takenAt ? record.inventory : await inventoryNow(deps, cluster);
  const born = record.bornAt ?? (await bornAt(deps.kube, cluster, infraCluster, signal));
  const kinds = found.external.kinds.map((kind) => kind.name);
  const report = updateReport([], await decide(deps, found, kinds, { ...record, inventory, bornAt: born }), kinds);
  return { summary: summaryText(report), report: report.slice(0, MAX_LINES) };
}

async function inventoryNow(deps: ActivityDeps, cluster: Cluster): Promise<ExternalInventory> {
  const { signal } = deps.scope();
  try {
    return { items: inventoryItems(await workloadObjects(await deps.workload(cluster, signal), signal)) };
  } catch (error) {
    signal.throwIfAborted();
    return { missing: error instanceof Error ? error.message : String(error), items: [] };
  }
}

/** What an operation's result may carry into its history. */
const MAX_LINES = 500;

/** The report of a cluster as it stands; for people. */
export async function reportExternal(deps: ActivityDeps, key: ObjectKey): Promise<ExternalReport> {
  const found = await collecting(deps, key);
  if (!found) return { summary: NOTHING.summary, report: [] };
  const { report } = await readRecord(deps.kube, found.ctx.cluster, deps.scope().signal);
  const summary = summaryText(report);
  if (report.length > 0) deps.event(found.ctx.cluster, 'Normal', 'ExternalResourcesCollected', summary);
  return { summary, report: report.slice(0, MAX_LINES) };
}

async function collecting(deps: ActivityDeps, key: ObjectKey): Promise<Collecting | undefined> {
  const found = await clusterContext(deps, key);
  const external = found?.provider.external;
  return found && external ? { ...found, external } : undefined;
}

interface Look {
  readonly resources: readonly FatedResource[];
  readonly record: ExternalRecord;
}

/** What is there now, what becomes of it, and the record that says so, written down. */
async function look(deps: ActivityDeps, found: Collecting, kinds: readonly string[]): Promise<Look> {
  const record = await readRecord(deps.kube, found.ctx.cluster, deps.scope().signal);
  const resources = await decide(deps, found, kinds, record);
  const report = updateReport(record.report, resources, kinds);
  return { resources, record: await remember(deps, found, record, report) };
}

/** What is there now, and what becomes of it. */
async function decide(
  deps: ActivityDeps,
  found: Collecting,
  kinds: readonly string[],
  { inventory, report, bornAt }: ExternalRecord,
): Promise<FatedResource[]> {
  const { external, ctx } = found;
  const { resources, claimant } = await classified(found, () => external.find(ctx, kinds, inventory));
  const namesake = claimant.namesake ?? (await namesakeOf(deps.kube, found, deps.scope().signal));
  const whole: Claimant = {
    ...claimant,
    name: ctx.cluster.metadata.name,
    id: ctx.clusterId,
    createdAt: bornAt ?? bornBy(ctx.cluster, ctx.infraCluster),
    ...(namesake === undefined ? {} : { namesake }),
  };
  return fatesOf(resources, {
    claimant: whole,
    wish: external.wish(ctx.infraCluster),
    inventory,
    kinds: external.kinds,
    decided: new Map(report.filter((l) => l.fate === 'delete').map((l) => [`${l.kind}/${l.id}`, l.reason] as const)),
  });
}

/** Writes the report down if it says something new; answers the record with it. */
async function remember(
  deps: ActivityDeps,
  { ctx }: Collecting,
  record: ExternalRecord,
  report: readonly ReportLine[],
): Promise<ExternalRecord> {
  if (JSON.stringify(report) === JSON.stringify(record.report)) return record;
  const next = { ...record, report };
  await writeRecord(deps.kube, ctx.cluster, next, deps.scope().signal);
  return next;
}
