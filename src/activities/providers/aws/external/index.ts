import type { AWSCluster } from '../../../../api/types/aws.js';
import { EXTERNAL_KINDS, GC_ANNOTATION, GC_TASKS_ANNOTATION } from '../../../../domain/aws/external.js';
import type { CollectWish, ExternalResource } from '../../../../domain/collect/external.js';
import { collectWish } from '../../../../domain/collect/wish.js';
import type { ExternalResources } from '../../port.js';
import type { Cloud } from '../cloud.js';
import { classify, isUnreachable } from '../errors.js';
import { openScope } from '../scope.js';
import { typed } from '../task.js';
import { findBalancers, findTargetGroups } from './balancers.js';
import { findLogGroups } from './logs.js';
import { findAddresses, findGroups, findInterfaces } from './network.js';
import { findRecords } from './records.js';
import { removeExternal } from './remove.js';
import { claimantOf, type Search, searchOf } from './scope.js';
import { findSnapshots, findVolumes, tagFilters } from './volumes.js';

/** What a search has found before is not asked for again. */
type Balancers = () => Promise<readonly ExternalResource[]>;
type Find = (search: Search, balancers: Balancers) => Promise<readonly ExternalResource[]>;

const FIND: Readonly<Record<string, Find>> = {
  'load-balancer': (_, balancers) => balancers(),
  'target-group': async (search, balancers) => findTargetGroups(search, await balancers()),
  'network-interface': findInterfaces,
  'security-group': findGroups,
  'elastic-ip': (search) => findAddresses(search, tagFilters(search)),
  'ebs-volume': findVolumes,
  'ebs-snapshot': findSnapshots,
  'log-group': findLogGroups,
  'dns-record': async (search, balancers) => findRecords(search, await balancers()),
};

const LENIENT = new Set(['dns-record', ...EXTERNAL_KINDS.filter(({ data }) => data).map(({ name }) => name)]);

/**
 * What controllers in a cluster on AWS make. Everything is asked of the services themselves, not of the tagging API, which lags behind and knows not every kind, so
 * upstream's alternative strategy needs nothing else; only log groups have no other way.
 */
export function awsExternal(cloud: Cloud): ExternalResources<AWSCluster> {
  return {
    kinds: EXTERNAL_KINDS,
    wish: (infraCluster) => wishOf(cloud, infraCluster),
    find: (ctx, kinds, inventory) =>
      typed(ctx.signal, async () => {
        const search = searchOf(await openScope(cloud, ctx), inventory);
        let found: Promise<ExternalResource[]> | undefined;
        const balancers: Balancers = () => {
          found ??= findBalancers(search);
          return found;
        };
        const asked = wishOf(cloud, ctx.infraCluster).kinds ?? [];
        const resources: ExternalResource[] = [];
        for (const kind of kinds) {
          const find = async () => (await FIND[kind]?.(search, balancers)) ?? [];
          const lenient = LENIENT.has(kind) && !asked.includes(kind);
          resources.push(...(await (lenient ? ifAllowed(search, kind, find) : find())));
        }
        return { resources, claimant: await claimantOf(search) };
      }),
    remove: (ctx, resources) =>
      typed(ctx.signal, async () => removeExternal(searchOf(await openScope(cloud, ctx), { items: [] }), resources)),
  };
}

function wishOf(cloud: Cloud, { metadata: { annotations = {} } }: AWSCluster): CollectWish {
  const value = (annotation: string) => ({ annotation, value: annotations[annotation] });
  return collectWish(
    {
      enabled: value(GC_ANNOTATION),
      tasks: value(GC_TASKS_ANNOTATION),
      gate: { name: 'ExternalResourceGC', on: cloud.deps.externalResourceGC ?? true },
    },
    EXTERNAL_KINDS,
  );
}

/**
 * An identity that may not list them, as one with upstream's policy, must not hold a deletion up, nor a network from which their service cannot be reached: Route 53 is on the
 * internet only. What stays anyway, and what upstream's policy knows nothing of, is said not to have been looked for instead.
 */
async function ifAllowed(
  search: Search,
  kind: string,
  find: () => Promise<readonly ExternalResource[]>,
): Promise<readonly ExternalResource[]> {
  try {
    return await find();
  } catch (error) {
    const known = classify(error);
    if (search.scope.ctx.signal.aborted || !(known.type === 'Unauthorized' || isUnreachable(error))) throw error;
    const doubt = `could not be looked for: ${known.message}`;
    return [{ kind, id: 'any', name: '', claim: 'shared', evidence: 'none', doubt }];
  }
}
