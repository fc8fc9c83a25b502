import type {
  Claimant,
  CollectWish,
  ExternalInventory,
  ExternalKind,
  ExternalResource,
  Fate,
  FatedResource,
  InventoryItem,
} from './external.js';

export interface FateContext {
  readonly claimant: Claimant;
  readonly wish: CollectWish;
  readonly inventory: ExternalInventory;
  readonly kinds: readonly ExternalKind[];
  /** Why a resource was to go when it was looked at before, by `kind/id`: what proved it may be gone by now, as the load balancer of a target group is. */
  readonly decided?: ReadonlyMap<string, string>;
}

type Verdict = readonly [fate: Fate, reason: string];

/**
 * What becomes of each resource that names the cluster in its tags, and why; by kind and id. A tag with a name proves nothing by itself, names repeat: a resource goes
 * only when its cluster's id, the cluster's own objects, its own network, or the want of any other cluster of that name say that it is this one's. Pure.
 */
export function fatesOf(resources: readonly ExternalResource[], context: FateContext): FatedResource[] {
  const order = new Map(context.kinds.map((kind, i) => [kind.name, i]));
  const rank = (r: ExternalResource): number => order.get(r.kind) ?? context.kinds.length;
  return resources
    .map((resource) => {
      const [fate, reason] = fateOf(resource, context);
      return { ...resource, fate, reason };
    })
    .sort((a, b) => rank(a) - rank(b) || (a.id < b.id ? -1 : Number(a.id > b.id)));
}

function fateOf(resource: ExternalResource, context: FateContext): Verdict {
  const item = itemOf(resource, context.inventory);
  const before = context.decided?.get(`${resource.kind}/${resource.id}`);
  return (
    anothers(resource, context.claimant) ??
    unwanted(resource, context, item) ??
    (before === undefined ? undefined : ['delete', before]) ??
    unproven(resource, context.claimant, item) ??
    proof(resource, context.claimant, item)
  );
}

/** Whether it is, or may be, somebody else's. */
function anothers(resource: ExternalResource, claimant: Claimant): Verdict | undefined {
  const { clusterId, others = [], claim, network, evidence, doubt } = resource;
  if (doubt !== undefined) return ['refused', doubt];
  if (clusterId !== undefined && clusterId !== claimant.id)
    return ['refused', `carries the id of another cluster, ${clusterId}`];
  if (others.length > 0) return ['refused', `is tagged for ${others.join(', ')} as well`];
  if (claim === 'shared') return ['refused', `is shared, says its tag ${evidence}`];
  if (network !== undefined && claimant.network !== undefined && network !== claimant.network)
    return ['refused', `lies in network ${network}, the cluster in ${claimant.network}`];
  return undefined;
}

/** Whether its owner does not want it collected. */
function unwanted(
  resource: ExternalResource,
  { wish, kinds }: FateContext,
  item: InventoryItem | undefined,
): Verdict | undefined {
  if (!wish.enabled) return ['keep', wish.because ?? 'collection is turned off for this cluster'];
  const kind = kinds.find((k) => k.name === resource.kind);
  if (wish.kinds && !wish.kinds.includes(resource.kind))
    return ['keep', `${resource.kind} is not among the kinds to collect: ${wish.kinds.join(', ') || 'none'}`];
  if (!wish.kinds && (kind === undefined || kind.data))
    return ['keep', `may hold data: kept unless ${resource.kind} is asked for by name`];
  if (item?.retain) return ['keep', `${item.source} says that it is retained`];
  if (resource.usedBy !== undefined) return ['keep', `is in use by ${resource.usedBy}`];
  return undefined;
}

/** Whether nothing but a name ties it to the cluster, and that name could mean another one. */
function unproven(
  resource: ExternalResource,
  claimant: Claimant,
  item: InventoryItem | undefined,
): Verdict | undefined {
  if (isOwn(resource, claimant) || item) return undefined;
  if (resource.createdAt !== undefined && Date.parse(resource.createdAt) < Date.parse(claimant.createdAt))
    return ['refused', `is older than the cluster (${resource.createdAt}), so of another one of its name`];
  if (claimant.namesake !== undefined)
    return [
      'refused',
      `${resource.evidence} could mean ${claimant.namesake} as well, and nothing else tells whose it is`,
    ];
  return undefined;
}

const isOwn = ({ clusterId, network }: ExternalResource, claimant: Claimant): boolean =>
  clusterId === claimant.id || (claimant.ownNetwork && network !== undefined && network === claimant.network);

function proof(resource: ExternalResource, claimant: Claimant, item: InventoryItem | undefined): Verdict {
  if (resource.clusterId === claimant.id) return ['delete', "carries the cluster's id"];
  if (item) return ['delete', `made for ${item.source}`];
  if (isOwn(resource, claimant)) return ['delete', `${resource.evidence}, in the cluster's own network`];
  return ['delete', `${resource.evidence}, and no other cluster is called ${claimant.name}`];
}

function itemOf({ id, name, aliases = [] }: ExternalResource, { items }: ExternalInventory): InventoryItem | undefined {
  const known = new Set([id, name, ...aliases]);
  return items.find((item) => item.ids.some((one) => known.has(one)));
}
