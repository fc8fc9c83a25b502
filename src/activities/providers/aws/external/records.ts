import type { ListResourceRecordSetsCommandInput, ResourceRecordSet } from '@aws-sdk/client-route-53';
import { type DnsEntry, type DnsRecord, dnsEntries, hostOf } from '../../../../domain/aws/dns.js';
import type { ExternalResource } from '../../../../domain/collect/external.js';
import type { ExternalRemoval } from '../../port.js';
import { isAbsent } from '../errors.js';
import { pages, pieces } from '../pages.js';
import type { ClusterScope } from '../scope.js';
import { TAG, tagMap } from '../tags.js';
import { clustersNamed } from './claims.js';
import type { Search } from './scope.js';

/** ListTagsForResources takes this many. */
const TAGGED = 10;

type Start = Pick<ListResourceRecordSetsCommandInput, 'StartRecordName' | 'StartRecordType' | 'StartRecordIdentifier'>;
type Live = DnsRecord & { readonly live: ResourceRecordSet };

/** What is known of a load balancer goes for the names that point at it. */
type Pointed = Pick<ExternalResource, 'claim' | 'clusterId' | 'others' | 'network' | 'createdAt'>;

/**
 * Records that external-dns made for the cluster's load balancers, and those beside them that point at one and that nobody marked. Records bear no tags: what
 * they point at says whose they are. Only zones are read whose tags name the cluster or that hold a name which an object of the cluster asks for.
 */
export async function findRecords(search: Search, balancers: readonly ExternalResource[]): Promise<ExternalResource[]> {
  const hosts = hostsOf(search, balancers);
  const found: ExternalResource[] = [];
  for (const zone of await zonesOf(search)) {
    for (const entry of dnsEntries(await recordsOf(search.scope, zone))) {
      const resource = recordOf(search, zone, entry, hosts);
      if (resource) found.push(resource);
    }
  }
  return found;
}

/** Removes entries, each with its marks at once, if they still point where they pointed when it was decided. */
export async function removeRecords(
  scope: ClusterScope,
  resources: readonly ExternalResource[],
  attempt: (resource: ExternalResource, work: () => Promise<unknown>) => Promise<ExternalRemoval>,
): Promise<ExternalRemoval[]> {
  const removed: ExternalRemoval[] = [];
  const zones = new Map<string, DnsEntry<Live>[]>();
  for (const resource of resources) {
    const [zone = ''] = resource.id.split('/');
    removed.push(
      await attempt(resource, async () => {
        const entries = zones.get(zone) ?? dnsEntries(await recordsOf(scope, zone));
        zones.set(zone, entries);
        const entry = entries.find((one) => idOf(zone, one) === resource.id);
        if (!entry || entry.targets.join() !== (resource.aliases ?? []).join()) return;
        const Changes = entry.records.map(({ live }) => ({ Action: 'DELETE' as const, ResourceRecordSet: live }));
        await scope.aws.route53.changeResourceRecordSets({ HostedZoneId: zone, ChangeBatch: { Changes } });
      }),
    );
  }
  return removed;
}

const idOf = (zone: string, { name, set }: DnsEntry): string =>
  [zone, name, ...(set === undefined ? [] : [set])].join('/');

/** Host names and addresses of the cluster's load balancers: what its objects said, and what is there. */
function hostsOf({ inventory }: Search, balancers: readonly ExternalResource[]): ReadonlyMap<string, Pointed> {
  const said = inventory.items.flatMap(({ ids }) => ids.map((id) => [hostOf(id), { claim: 'owned' }] as const));
  const there = balancers.flatMap((balancer) =>
    (balancer.aliases ?? []).map((name) => [hostOf(name), balancer] as const),
  );
  return new Map<string, Pointed>([...said, ...there]);
}

function recordOf(
  { scope }: Search,
  zone: string,
  entry: DnsEntry,
  hosts: ReadonlyMap<string, Pointed>,
): ExternalResource | undefined {
  const { targets, heritage, name } = entry;
  const ours = targets.filter((target) => hosts.has(target));
  if (ours.length === 0 && heritage?.owner !== scope.clusterName) return undefined;
  const { claim = 'owned', clusterId, others, network, createdAt } = hosts.get(ours[0] ?? '') ?? {};
  const doubt = doubtOf(entry, ours);
  return {
    kind: 'dns-record',
    id: idOf(zone, entry),
    name,
    aliases: targets,
    claim,
    evidence: heritage ? `external-dns/owner=${heritage.owner}, points at ${targets.join(', ')}` : 'no mark',
    ...(clusterId ? { clusterId } : {}),
    ...(others ? { others } : {}),
    ...(network ? { network } : {}),
    ...(createdAt ? { createdAt } : {}),
    ...(doubt ? { doubt } : {}),
  };
}

function doubtOf({ targets, heritage }: DnsEntry, ours: readonly string[]): string | undefined {
  const foreign = targets.filter((target) => !ours.includes(target));
  if (!heritage) return `points at ${ours.join(', ')}, but nothing says that a controller made it: remove it yourself`;
  if (foreign.length === 0) return undefined;
  return `is marked as made for a cluster called ${heritage.owner}, but points at ${foreign.join(', ')}, which is not known to be this cluster's`;
}

/** Ids of the zones to read. */
async function zonesOf(search: Search): Promise<string[]> {
  const { aws } = search.scope;
  const all = await pages(async (Marker) => {
    const page = await aws.route53.listHostedZones(Marker ? { Marker } : {});
    return { items: page.HostedZones ?? [], next: page.IsTruncated ? page.NextMarker : undefined };
  });
  const zones = all.map(({ Id = '', Name = '' }) => ({ id: Id.replace(/^\/hostedzone\//, ''), name: hostOf(Name) }));
  const wished = search.inventory.items.flatMap(({ dnsNames = [] }) => dnsNames.map(hostOf));
  const asked = zones.filter(({ name }) => wished.some((host) => host === name || host.endsWith(`.${name}`)));
  const rest = zones.filter((zone) => !asked.includes(zone)).map(({ id }) => id);
  return [...asked.map(({ id }) => id), ...(await taggedZones(search, rest))];
}

async function taggedZones({ scope }: Search, ids: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const ResourceIds of pieces(ids, TAGGED)) {
    const { ResourceTagSets = [] } = await scope.aws.route53.listTagsForResources({
      ResourceType: 'hostedzone',
      ResourceIds,
    });
    for (const { ResourceId = '', Tags } of ResourceTagSets) {
      if (namesCluster(tagMap(Tags), scope)) found.push(ResourceId);
    }
  }
  return found;
}

const namesCluster = (tags: Readonly<Record<string, string>>, { clusterName, clusterId }: ClusterScope): boolean =>
  tags[TAG.id] === clusterId || clustersNamed(tags).some(({ name }) => name === clusterName);

/** All record sets of a zone; none where the zone is gone. */
async function recordsOf({ aws }: ClusterScope, HostedZoneId: string): Promise<Live[]> {
  try {
    const sets = await pages<ResourceRecordSet, Start>(async (start) => {
      const page = await aws.route53.listResourceRecordSets({ HostedZoneId, ...start });
      const next = page.IsTruncated
        ? {
            StartRecordName: page.NextRecordName,
            StartRecordType: page.NextRecordType,
            StartRecordIdentifier: page.NextRecordIdentifier,
          }
        : undefined;
      return { items: page.ResourceRecordSets ?? [], next };
    });
    return sets.map((live) => ({
      name: live.Name ?? '',
      type: live.Type ?? '',
      set: live.SetIdentifier,
      values: live.AliasTarget
        ? [live.AliasTarget.DNSName ?? '']
        : (live.ResourceRecords ?? []).map(({ Value = '' }) => Value),
      live,
    }));
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}
