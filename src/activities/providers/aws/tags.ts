import type { AWSTags } from '../../../api/types/aws.js';
import { PerdureError } from '../../../domain/errors.js';

export const TAG = {
  /** Random id of the cluster, equal to its annotation of the same name; survives moves. */
  id: 'perdure.dev/id',
  /** Random id of the machine. */
  machineId: 'perdure.dev/machine-id',
  /** Random id of the machine pool, on its group, launch template and instances. */
  poolId: 'perdure.dev/pool-id',
  /** What the resource is for within its cluster, e.g. `nat/us-east-1a`. */
  key: 'perdure.dev/key',
  role: 'sigs.k8s.io/cluster-api-provider-aws/role',
  elb: 'kubernetes.io/role/elb',
  internalElb: 'kubernetes.io/role/internal-elb',
  name: 'Name',
  machineName: 'MachineName',
} as const;

/** Upstream's ownership tag: knows the cluster by name only. */
export const clusterTag = (cluster: string): string => `sigs.k8s.io/cluster-api-provider-aws/cluster/${cluster}`;
/** The cloud controller manager's tag. */
export const cloudProviderTag = (cluster: string): string => `kubernetes.io/cluster/${cluster}`;

export interface Identity {
  readonly clusterName: string;
  readonly clusterId: string;
}

export interface TagWish extends Identity {
  readonly name: string;
  readonly role?: string;
  readonly key?: string;
  /** additionalTags of the spec: may name the resource, never change its owner. */
  readonly additional?: AWSTags | undefined;
  /** Tags that the kind of resource needs. */
  readonly extra?: AWSTags;
}

/** The tags of a resource of ours. Throws `InvalidConfiguration` where the user's leave no room for them: none is left out silently. */
export function ownedTags({ clusterName, clusterId, name, role, key, additional, extra }: TagWish): AWSTags {
  const tags = {
    [TAG.name]: name,
    ...additional,
    ...extra,
    [clusterTag(clusterName)]: 'owned',
    ...(role ? { [TAG.role]: role } : {}),
    ...(key ? { [TAG.key]: key } : {}),
    [TAG.id]: clusterId,
  };
  const count = Object.keys(tags).length;
  if (count > LIMIT)
    throw new PerdureError(
      'InvalidConfiguration',
      `additionalTags of ${name} are too many: AWS takes ${LIMIT} tags, and with those that Perdure sets it would be ${count}; remove ${count - LIMIT}`,
      { details: { field: 'additionalTags', name } },
    );
  return tags;
}

/** Tags that AWS takes on one resource; its own, `aws:…`, do not count. */
const LIMIT = 50;

/**
 * Whose a resource is. `ours`: it carries our id. `upstream`: it has no id but upstream's tag with our cluster's name, which proves nothing by itself
 * (names repeat): adopt only what the spec names by id or what lies inside our VPC. `foreign`: another id, never touched. `none`: nobody's.
 */
export type Ownership = 'ours' | 'upstream' | 'foreign' | 'none';

export function ownershipOf(tags: AWSTags | undefined, { clusterName, clusterId }: Identity): Ownership {
  const id = tags?.[TAG.id];
  if (id !== undefined) return id === clusterId ? 'ours' : 'foreign';
  return tags?.[clusterTag(clusterName)] === 'owned' ? 'upstream' : 'none';
}

/** SDK tag list → map. */
export function tagMap(tags: readonly { Key?: string | undefined; Value?: string | undefined }[] | undefined): AWSTags {
  return Object.fromEntries((tags ?? []).map(({ Key, Value }) => [Key ?? '', Value ?? '']));
}

/** Map → SDK tag list, sorted: equal tags are equal bytes, which ClientToken checks. */
export function tagList(tags: AWSTags): { Key: string; Value: string }[] {
  return Object.entries(tags)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([Key, Value]) => ({ Key, Value }));
}

/** The tags of `wanted` that `actual` lacks or has with another value. */
export function missingTags(wanted: AWSTags, actual: AWSTags | undefined): AWSTags {
  return Object.fromEntries(Object.entries(wanted).filter(([key, value]) => actual?.[key] !== value));
}

/** User-given tags without those that only owners may set. */
export function userTags(tags: AWSTags | undefined): AWSTags {
  const reserved =
    /^(perdure\.dev\/|sigs\.k8s\.io\/cluster-api-provider-aws\/|kubernetes\.io\/(cluster|role)\/|aws:|Name$)/;
  return Object.fromEntries(Object.entries(tags ?? {}).filter(([key]) => !reserved.test(key)));
}

/**
 * Which of the tags `wanted` fit beside what a resource has: those of `first` before all others, then by key. New values of tags that are there always
 * fit. `left` names those that do not.
 */
export function tagsThatFit(
  wanted: AWSTags,
  actual: AWSTags,
  first: readonly string[],
): { readonly fits: AWSTags; readonly left: readonly string[] } {
  const rank = (key: string): number => (first.includes(key) ? first.indexOf(key) : first.length);
  const fresh = Object.keys(wanted)
    .filter((key) => !(key in actual))
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  const room = LIMIT - Object.keys(actual).filter((key) => !key.startsWith('aws:')).length;
  const left = fresh.slice(Math.max(room, 0));
  return { fits: Object.fromEntries(Object.entries(wanted).filter(([key]) => !left.includes(key))), left };
}
