import type { AWSCluster } from '../../../../api/types/aws.js';
import { EXTERNAL_KINDS, GC_ANNOTATION, GC_TASKS_ANNOTATION } from '../../../../domain/aws/external.js';
import type { CollectWish, ExternalResource } from '../../../../domain/collect/external.js';
import { collectWish } from '../../../../domain/collect/wish.js';
import type { ExternalResources } from '../../port.js';
import type { Cloud } from '../cloud.js';
import { classify } from '../errors.js';
import { openScope } from '../scope.js';
import { typed } from '../task.js';
import { findBalancers, findTargetGroups } from './balancers.js';
import { findAddresses, findGroups, findInterfaces } from './network.js';
import { removeExternal } from './remove.js';
import { claimantOf, type Search, searchOf } from './scope.js';
import { findSnapshots, findVolumes, tagFilters } from './volumes.js';

type Find = (search: Search) => Promise<ExternalResource[]>;

const FIND: Readonly<Record<string, Find>> = {
  'network-interface': findInterfaces,
  'security-group': findGroups,
  'elastic-ip': (search) => findAddresses(search, tagFilters(search)),
  'ebs-volume': findVolumes,
  'ebs-snapshot': findSnapshots,
};

/**
 * What controllers in a cluster on AWS make. Everything is asked of the services themselves, never of the tagging API, which lags behind and knows not every kind, so
 * upstream's alternative strategy needs nothing else.
 */
export function awsExternal(cloud: Cloud): ExternalResources<AWSCluster> {
  return {
    kinds: EXTERNAL_KINDS,
    wish: (infraCluster) => wishOf(cloud, infraCluster),
    find: (ctx, kinds, inventory) =>
      typed(ctx.signal, async () => {
        const search = searchOf(await openScope(cloud, ctx), inventory);
        const balancers = kinds.includes('load-balancer') ? await findBalancers(search) : [];
        const groups = kinds.includes('target-group') ? await findTargetGroups(search, balancers) : [];
        const resources = [...balancers, ...groups];
        const asked = wishOf(cloud, ctx.infraCluster).kinds ?? [];
        for (const kind of kinds) {
          const stays = EXTERNAL_KINDS.some((one) => one.name === kind && one.data) && !asked.includes(kind);
          resources.push(...((await (stays ? ifAllowed(search, kind) : FIND[kind]?.(search))) ?? []));
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

/** What stays anyway is only listed: an identity that may not list it, as one with upstream's policy, must not hold a deletion up. */
async function ifAllowed(search: Search, kind: string): Promise<ExternalResource[]> {
  try {
    return (await FIND[kind]?.(search)) ?? [];
  } catch (error) {
    const { signal, log } = search.scope.ctx;
    const known = classify(error);
    if (signal.aborted || known.type !== 'Unauthorized') throw error;
    log.warn('external resources that stay cannot be listed', { kind, error: known.message });
    return [];
  }
}
