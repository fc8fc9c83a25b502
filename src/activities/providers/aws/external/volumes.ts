import type { Snapshot, Volume } from '@aws-sdk/client-ec2';
import type { ExternalResource } from '../../../../domain/collect/external.js';
import { pages, pieces } from '../pages.js';
import { cloudProviderTag, ownershipOf, TAG, tagMap } from '../tags.js';
import type { TagFilter } from './network.js';
import { external, type Search } from './scope.js';

/** EC2 takes this many values of a filter. */
const VALUES = 200;

/** The filters of EC2 that find what the cluster's tags name, one call each: EC2 joins filters by "and". */
export function tagFilters({ scope }: Search): TagFilter[] {
  return [
    { Name: 'tag-key', Values: [cloudProviderTag(scope.clusterName)] },
    { Name: 'tag:ebs.csi.aws.com/cluster-name', Values: [scope.clusterName] },
    { Name: `tag:${TAG.id}`, Values: [scope.clusterId] },
  ];
}

/** The ids of `prefix` that the cluster's own objects named. */
function handles({ inventory }: Search, prefix: string): { readonly id: string; readonly source: string }[] {
  return inventory.items.flatMap(({ ids, source }) =>
    ids.filter((id) => id.startsWith(prefix)).map((id) => ({ id, source })),
  );
}

function filtersFor(search: Search, prefix: string, name: string): TagFilter[] {
  const ids = handles(search, prefix).map(({ id }) => id);
  return [...tagFilters(search), ...pieces(ids, VALUES).map((Values) => ({ Name: name, Values }))];
}

/** A resource by its tags, or, where they say nothing, by the object of the cluster that names it. */
function claimed(
  search: Search,
  prefix: string,
  tags: Readonly<Record<string, string>>,
  resource: Plain,
): ExternalResource[] {
  const found = external(search.scope, tags, resource);
  const handle = handles(search, prefix).find(({ id }) => id === resource.id);
  if (found.length > 0 || !handle) return found;
  const clusterId = tags[TAG.id];
  const others = Object.keys(tags).filter((key) => key.startsWith(cloudProviderTag('')));
  return [
    {
      ...resource,
      claim: 'owned',
      evidence: `named by ${handle.source}`,
      ...(clusterId === undefined ? {} : { clusterId }),
      ...(others.length > 0 ? { others: others.map((key) => key.slice(cloudProviderTag('').length)) } : {}),
    },
  ];
}

type Plain = Omit<ExternalResource, 'claim' | 'evidence' | 'clusterId' | 'others'>;

/** Volumes that tags or PersistentVolumes tie to the cluster. Volumes of its instances are not among them: they go with their instance. */
export async function findVolumes(search: Search): Promise<ExternalResource[]> {
  const { ec2 } = search.scope.aws;
  const found = new Map<string, Volume>();
  for (const filter of filtersFor(search, 'vol-', 'volume-id')) {
    const some = await pages(async (NextToken) => {
      const page = await ec2.describeVolumes({ Filters: [filter], ...(NextToken ? { NextToken } : {}) });
      return { items: page.Volumes ?? [], next: page.NextToken };
    });
    for (const volume of some) found.set(volume.VolumeId ?? '', volume);
  }
  const userOf = ({ Attachments = [] }: Volume): string =>
    Attachments.find((a) => a.State !== 'detached')?.InstanceId ?? '';
  const users = [...new Set([...found.values()].map(userOf))].filter((id) => id !== '');
  const own = await ownInstances(search, users);
  return [...found].flatMap(([id, volume]) => {
    const tags = tagMap(volume.Tags);
    const user = own.has(userOf(volume)) ? '' : userOf(volume);
    return claimed(search, 'vol-', tags, {
      kind: 'ebs-volume',
      id,
      name: tags[TAG.name] ?? tags['CSIVolumeName'] ?? '',
      ...(volume.CreateTime ? { createdAt: volume.CreateTime.toISOString() } : {}),
      ...(user ? { usedBy: `instance ${user}` } : {}),
    });
  });
}

/** Those of `ids` that are machines of this cluster, and go before its volumes do. */
async function ownInstances({ scope }: Search, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const own = new Set<string>();
  for (const Values of pieces(ids, VALUES)) {
    const reservations = await pages(async (NextToken) => {
      const page = await scope.aws.ec2.describeInstances({
        Filters: [{ Name: 'instance-id', Values }],
        ...(NextToken ? { NextToken } : {}),
      });
      return { items: page.Reservations ?? [], next: page.NextToken };
    });
    for (const { InstanceId = '', Tags } of reservations.flatMap((one) => one.Instances ?? []))
      if (['ours', 'upstream'].includes(ownershipOf(tagMap(Tags), scope))) own.add(InstanceId);
  }
  return own;
}

/** Snapshots of this account, likewise. */
export async function findSnapshots(search: Search): Promise<ExternalResource[]> {
  const { ec2 } = search.scope.aws;
  const found = new Map<string, Snapshot>();
  for (const filter of filtersFor(search, 'snap-', 'snapshot-id')) {
    const some = await pages(async (NextToken) => {
      const page = await ec2.describeSnapshots({
        OwnerIds: ['self'],
        Filters: [filter],
        ...(NextToken ? { NextToken } : {}),
      });
      return { items: page.Snapshots ?? [], next: page.NextToken };
    });
    for (const snapshot of some) found.set(snapshot.SnapshotId ?? '', snapshot);
  }
  return [...found].flatMap(([id, snapshot]) => {
    const tags = tagMap(snapshot.Tags);
    return claimed(search, 'snap-', tags, {
      kind: 'ebs-snapshot',
      id,
      name: tags[TAG.name] ?? tags['CSIVolumeSnapshotName'] ?? '',
      ...(snapshot.StartTime ? { createdAt: snapshot.StartTime.toISOString() } : {}),
    });
  });
}
