import type {
  AWSLoadBalancerSpec,
  AWSTags,
  LoadBalancerScheme,
  LoadBalancerStatus,
  LoadBalancerType,
  TargetGroupIPType,
} from '../../../api/types/aws.js';
import { isEdge, isSubnetId } from '../../../domain/aws/subnets.js';
import { PerdureError } from '../../../domain/errors.js';
import { defaultLoadBalancerName, loadBalancerNameFromHost, rivalLoadBalancerName } from './names.js';
import { type ClusterScope, type ClusterView, isManagedVpc, subnetIdOf, subnetsOf, vpcOf } from './scope.js';
import { ownedTags, ownershipOf } from './tags.js';

/** Where a name other than the default is kept: spec names are the user's, and status does not survive a move. */
export const BALANCER_ANNOTATION = 'perdure.dev/aws-load-balancer-name';

export type BalancerSlot = 'primary' | 'secondary';

/** A control-plane load balancer as the spec wishes it, defaults filled in. */
export interface BalancerWish {
  readonly slot: BalancerSlot;
  readonly spec: AWSLoadBalancerSpec;
  readonly type: LoadBalancerType;
  readonly scheme: LoadBalancerScheme;
}

/** The balancers of a spec; none for type `disabled`. Source: capa AWSCluster defaulting webhook. */
export function balancerWishes(view: Pick<ClusterView, 'object'>): BalancerWish[] {
  const { controlPlaneLoadBalancer: primary = {}, secondaryControlPlaneLoadBalancer: secondary } = view.object.spec;
  const type = primary.loadBalancerType ?? 'classic';
  return [
    ...(type === 'disabled'
      ? []
      : [{ slot: 'primary' as const, spec: primary, type, scheme: primary.scheme ?? 'internet-facing' }]),
    ...(secondary
      ? [{ slot: 'secondary' as const, spec: secondary, type: 'nlb' as const, scheme: secondary.scheme ?? 'internal' }]
      : []),
  ];
}

/** What the status remembers of a balancer. */
export function recordedBalancer(
  view: Pick<ClusterView, 'object'>,
  slot: BalancerSlot,
): LoadBalancerStatus | undefined {
  const network = view.object.status?.networkStatus;
  return slot === 'primary' ? network?.apiServerElb : network?.secondaryAPIServerELB;
}

/** Names under which the balancer may be, most certain first; the last one is what a new balancer is called. */
interface NameChoice {
  readonly name: string;
  /** The user chose it: a balancer of that name that is nobody's is then theirs to use. */
  readonly given: boolean;
  /** To be used when another owner has `name`. */
  readonly rival: string | undefined;
}

function nameChoice(view: ClusterView, { slot, spec, type }: BalancerWish): NameChoice {
  const { namespace, clusterName: cluster, object } = view;
  if (spec.name) return { name: spec.name, given: true, rival: undefined };
  const host = object.spec.controlPlaneEndpoint?.host ?? '';
  const known =
    object.metadata.annotations?.[BALANCER_ANNOTATION] ??
    recordedBalancer(view, slot)?.name ??
    (host ? loadBalancerNameFromHost(host) : undefined);
  if (known) return { name: known, given: false, rival: undefined };
  const naming = { namespace, cluster, classic: type === 'classic' };
  return { name: defaultLoadBalancerName(naming), given: false, rival: rivalLoadBalancerName(naming, view.clusterId) };
}

/** What both kinds of balancer tell about themselves. */
export interface FoundBalancer {
  readonly dnsName: string;
  readonly vpcId: string;
  readonly tags: AWSTags;
}

export interface Located<T extends FoundBalancer> {
  /** Name in use, or for a new one. */
  readonly name: string;
  readonly found: T | undefined;
  /** Brought by the user: instances are registered, nothing else is changed, never deleted. */
  readonly given: boolean;
}

/**
 * Finds the balancer, or the name to create it under. A stranger's balancer with the default name means another name; with a name of the user's
 * choice it is used as it is, unless another cluster owns it (`OwnershipConflict`). An endpoint whose balancer is gone is `ExternallyModified`: its
 * address cannot be had again.
 */
export async function locate<T extends FoundBalancer>(
  scope: ClusterScope,
  wish: BalancerWish,
  find: (name: string) => Promise<T | undefined>,
  deleting = false,
): Promise<Located<T>> {
  const choice = nameChoice(scope, wish);
  const found = await find(choice.name);
  if (!found) {
    if (deleting || !isEndpointTaken(scope, wish)) return { name: choice.name, found, given: false };
    throw gone(scope, choice.name);
  }
  if (isOurs(scope, wish, choice.name, found)) return { name: choice.name, found, given: false };
  if (choice.given && ownershipOf(found.tags, scope) === 'none') return { name: choice.name, found, given: true };
  const second = choice.rival ? await find(choice.rival) : found;
  if (choice.rival && (!second || isOurs(scope, wish, choice.rival, second))) {
    return { name: choice.rival, found: second, given: false };
  }
  if (deleting) return { name: choice.name, found: undefined, given: true };
  throw new PerdureError(
    'OwnershipConflict',
    `load balancer "${choice.rival ?? choice.name}" belongs to another cluster or to nobody; remove it, or set another name in spec.controlPlaneLoadBalancer.name`,
    { details: { loadBalancer: choice.rival ?? choice.name } },
  );
}

function isEndpointTaken(scope: ClusterScope, { slot }: BalancerWish): boolean {
  return slot === 'primary' && Boolean(scope.object.spec.controlPlaneEndpoint?.host);
}

function gone(scope: ClusterScope, name: string): PerdureError {
  const where = `AWSCluster ${scope.namespace}/${scope.object.metadata.name}`;
  const host = scope.object.spec.controlPlaneEndpoint?.host ?? '';
  return new PerdureError(
    'ExternallyModified',
    `${where}: load balancer "${name}" is gone, and with it the endpoint ${host}, which cannot change; recreate the cluster`,
    { details: { loadBalancer: name } },
  );
}

/** Upstream's tag counts only with proof: our endpoint, our record, or our VPC. */
function isOurs(scope: ClusterScope, { slot }: BalancerWish, name: string, found: FoundBalancer): boolean {
  const owner = ownershipOf(found.tags, scope);
  if (owner !== 'upstream') return owner === 'ours';
  const host = scope.object.spec.controlPlaneEndpoint?.host?.toLowerCase();
  if (slot === 'primary' && host && host === found.dnsName.toLowerCase()) return true;
  if (recordedBalancer(scope, slot)?.name === name) return true;
  return isManagedVpc(scope) && vpcOf(scope).id === found.vpcId;
}

/** Tags of a balancer and its target groups. */
export function balancerTags(view: ClusterView, wish: BalancerWish, name: string): AWSTags {
  const additional = view.object.spec.additionalTags;
  return ownedTags({ ...view, name, role: 'apiserver', key: `lb/${wish.slot}`, additional });
}

/** Subnets to attach: the spec's, else one per zone, public for an internet-facing balancer. */
export function balancerSubnets(view: ClusterView, { spec, scheme, slot }: BalancerWish): string[] {
  const all = subnetsOf(view);
  const field = slot === 'primary' ? 'spec.controlPlaneLoadBalancer' : 'spec.secondaryControlPlaneLoadBalancer';
  const where = `AWSCluster ${view.namespace}/${view.object.metadata.name}: ${field}`;
  if (spec.subnets?.length) {
    return spec.subnets.map((wanted) => {
      const named = all.find((subnet) => subnet.id === wanted);
      const id = named ? subnetIdOf(named) : isSubnetId(wanted) ? wanted : undefined;
      if (id) return id;
      throw new PerdureError(
        'InvalidConfiguration',
        `${where}.subnets: "${wanted}" is neither a subnet id nor in spec.network.subnets; correct it`,
      );
    });
  }
  const byZone = new Map<string, string>();
  for (const subnet of all) {
    const id = subnetIdOf(subnet);
    const zone = subnet.availabilityZone ?? '';
    if (isEdge(subnet)) continue;
    if (id && (subnet.isPublic ?? false) === (scheme === 'internet-facing') && !byZone.has(zone)) byZone.set(zone, id);
  }
  if (byZone.size > 0) return [...byZone.values()];
  const kind = scheme === 'internet-facing' ? 'public' : 'private';
  throw new PerdureError(
    'InvalidConfiguration',
    `${where}.scheme is ${scheme}, which needs ${kind} subnets in spec.network.subnets; add one or change the scheme`,
  );
}

/** Stores what is known of the balancer; the address is written to the endpoint by the finish step only. */
export async function recordBalancer(
  scope: ClusterScope,
  slot: BalancerSlot,
  status: LoadBalancerStatus,
): Promise<void> {
  await scope.recordStatus((stored) => {
    const key = slot === 'primary' ? 'apiServerElb' : 'secondaryAPIServerELB';
    stored.networkStatus = { ...stored.networkStatus, [key]: { ...stored.networkStatus?.[key], ...status } };
  });
}

/** Intent before effect: a name that is not the default is written down before the balancer is made. */
export async function recordName(scope: ClusterScope, wish: BalancerWish, name: string): Promise<void> {
  const { namespace, clusterName: cluster } = scope;
  const usual = wish.spec.name ?? defaultLoadBalancerName({ namespace, cluster, classic: wish.type === 'classic' });
  if (name === usual) return;
  await scope.record((_, metadata) => {
    metadata.annotations = { ...metadata.annotations, [BALANCER_ANNOTATION]: name };
  });
}

/** The family of addresses at which targets are reached. AWS takes a balancer of both families in a VPC with IPv6. Source: capa AWSCluster defaulting webhook. */
export function targetIPType(
  view: Pick<ClusterView, 'object'>,
  wished: TargetGroupIPType | undefined,
): TargetGroupIPType {
  return wished ?? (view.object.spec.network?.vpc?.ipv6 ? 'ipv6' : 'ipv4');
}

/** Health check counters with upstream's defaults. */
export function healthCounters({ healthCheck }: AWSLoadBalancerSpec): {
  readonly interval: number;
  readonly timeout: number;
  readonly healthy: number;
  readonly unhealthy: number;
} {
  return {
    interval: healthCheck?.intervalSeconds ?? 5,
    timeout: healthCheck?.timeoutSeconds ?? 4,
    healthy: healthCheck?.thresholdCount ?? 2,
    unhealthy: healthCheck?.unhealthyThresholdCount ?? 6,
  };
}
