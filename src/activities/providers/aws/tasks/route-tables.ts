import type { ReplaceRouteCommandInput, Route, RouteTable } from '@aws-sdk/client-ec2';
import type { AWSCluster, AWSTags, SubnetSpec } from '../../../../api/types/aws.js';
import { isEdge, isWavelength } from '../../../../domain/aws/subnets.js';
import type { Change, EnsureTask } from '../../port.js';
import { dependents } from '../blockers.js';
import type { Cloud } from '../cloud.js';
import { hasCode } from '../errors.js';
import { clientToken, resourceName } from '../names.js';
import {
  type ClusterScope,
  type ClusterView,
  isGivenSubnet,
  isManagedVpc,
  requireVpcId,
  subnetIdOf,
  subnetsOf,
  vpcOf,
} from '../scope.js';
import { addTags, isEmpty, tagsToAdd } from '../tagging.js';
import { ownedTags, ownershipOf, TAG, tagList, tagMap } from '../tags.js';
import { defineTask } from '../task.js';
import { mapLimited, pollUntil, whenVisible } from '../wait.js';

interface Observed {
  readonly tables: readonly RouteTable[];
}

/**
 * A table per subnet: public ones lead to the internet gateway, or in a wavelength zone to the carrier gateway; private ones to the NAT gateway of their zone, and
 * over IPv6 to the egress-only gateway.
 */
export function routeTablesTask(cloud: Cloud): EnsureTask<AWSCluster, Observed> {
  return defineTask<Observed>(cloud, {
    id: 'route-tables',
    title: 'Ensure route tables',
    dependsOn: [...['subnets', 'internet-gateway', 'carrier-gateway', 'egress-only-internet-gateway', 'nat-gateways']],
    condition: 'RouteTablesReady',
    observe: async (scope) => ({ tables: await vpcTables(scope) }),
    plan: planRouteTables,
    apply,
    remove,
  });
}

async function vpcTables(scope: ClusterScope): Promise<RouteTable[]> {
  const { id } = vpcOf(scope);
  if (!id) return [];
  const { RouteTables = [] } = await scope.aws.ec2.describeRouteTables({ Filters: [{ Name: 'vpc-id', Values: [id] }] });
  return RouteTables;
}

type Target = Pick<Route, 'GatewayId' | 'NatGatewayId' | 'CarrierGatewayId' | 'EgressOnlyInternetGatewayId'>;

interface WantedRoute {
  /** An IPv6 block where it has a colon. */
  readonly destination: string;
  readonly target: Target;
}

const ANYWHERE = '0.0.0.0/0';
const ANYWHERE6 = '::/0';
/** Where DNS64 puts IPv4 addresses for hosts that have IPv6 alone. */
const NAT64 = '64:ff9b::/96';

/** Routes the subnet's table must have; none for a private subnet in a VPC without NAT. */
function wantedRoutes(view: ClusterView, subnet: SubnetSpec): WantedRoute[] {
  const { internetGatewayId, carrierGatewayId, ipv6 } = vpcOf(view);
  const routes: WantedRoute[] = [];
  const add = (destination: string, key: keyof Target, id: string | undefined): void => {
    if (id) routes.push({ destination, target: { [key]: id } });
  };
  const hasIPv6 = Boolean(subnet.ipv6CidrBlock);
  if (subnet.isPublic && isWavelength(subnet)) {
    add(ANYWHERE, 'CarrierGatewayId', carrierGatewayId);
  } else if (subnet.isPublic) {
    add(ANYWHERE, 'GatewayId', internetGatewayId);
    if (hasIPv6) add(ANYWHERE6, 'GatewayId', internetGatewayId);
  } else {
    const nat = natGatewayOf(view, subnet);
    if (subnet.cidrBlock) add(ANYWHERE, 'NatGatewayId', nat);
    else add(NAT64, 'NatGatewayId', nat);
    if (hasIPv6) add(ANYWHERE6, 'EgressOnlyInternetGatewayId', ipv6?.egressOnlyInternetGatewayId);
  }
  return routes;
}

/** That of its zone, for an edge zone of the parent, else any. */
function natGatewayOf(view: ClusterView, subnet: SubnetSpec): string | undefined {
  const hosts = subnetsOf(view).filter((one) => one.isPublic && one.natGatewayId);
  const zone = isEdge(subnet) ? subnet.parentZoneName : subnet.availabilityZone;
  return (hosts.find((one) => one.availabilityZone === zone) ?? hosts[0])?.natGatewayId;
}

/** `missing`: no such destination; `wrong`: another target, or one that is gone. */
function routeState(
  { destination, target }: WantedRoute,
  routes: readonly Route[] | undefined,
): 'right' | 'missing' | 'wrong' {
  const route = routes?.find((one) => destination === (one.DestinationCidrBlock ?? one.DestinationIpv6CidrBlock));
  if (!route) return 'missing';
  const same = Object.entries(target).every(([key, id]) => route[key as keyof Target] === id);
  return same && route.State !== 'blackhole' ? 'right' : 'wrong';
}

interface Pair {
  readonly subnet: SubnetSpec;
  readonly table: RouteTable | undefined;
  readonly associated: boolean;
}

const keyOf = (subnet: SubnetSpec): string => `rt/${subnet.id}`;

function isOurs(view: ClusterView, table: RouteTable): boolean {
  return ['ours', 'upstream'].includes(ownershipOf(tagMap(table.Tags), view));
}

/** The table of the subnet's association when it is ours, else the one made for it that lost its association. */
function pairs(view: ClusterView, { tables }: Observed): Pair[] {
  const shaped = subnetsOf(view).filter((subnet) => !isGivenSubnet(subnet));
  return shaped.map((subnet) => {
    const id = subnetIdOf(subnet);
    const mine = tables.filter((table) => isOurs(view, table));
    const current = mine.find((table) =>
      table.Associations?.some((a) => a.SubnetId === id && a.SubnetId !== undefined),
    );
    const table =
      current ??
      mine.find((one) => one.RouteTableId === subnet.routeTableId || tagMap(one.Tags)[TAG.key] === keyOf(subnet));
    return { subnet, table, associated: current !== undefined };
  });
}

function nameOf(view: ClusterView, { isPublic, availabilityZone }: SubnetSpec): string {
  return resourceName.routeTable(view.clusterName, isPublic === true, availabilityZone ?? '');
}

function wantedTags(view: ClusterView, subnet: SubnetSpec): AWSTags {
  return ownedTags({
    ...view,
    name: nameOf(view, subnet),
    role: 'common',
    key: keyOf(subnet),
    additional: view.object.spec.additionalTags,
  });
}

/** What differs from the wish; pure. */
export function planRouteTables(view: ClusterView, observed: Observed): Change[] {
  return pairs(view, observed).flatMap(({ subnet, table, associated }) => {
    const change = (action: Change['action'], detail: string): Change => ({
      action,
      resource: 'route-table',
      name: nameOf(view, subnet),
      detail,
    });
    if (!table) return [change('create', `for subnet ${subnet.id}`)];
    const routes = wantedRoutes(view, subnet).map(
      (wanted) => [wanted.destination, routeState(wanted, table.Routes)] as const,
    );
    return [
      ...(associated ? [] : [change('update', `associate with subnet ${subnet.id}`)]),
      ...routes
        .filter(([, state]) => state !== 'right')
        .map(([to, state]) => change('update', `route to ${to} is ${state}`)),
      ...(isEmpty(tagsToAdd(wantedTags(view, subnet), table)) ? [] : [change('update', 'tags')]),
      ...(subnet.routeTableId === table.RouteTableId ? [] : [change('update', 'record id')]),
    ];
  });
}

async function apply(scope: ClusterScope, observed: Observed): Promise<void> {
  const made = new Map<string, string>();
  try {
    await mapLimited(pairs(scope, observed), 3, async (pair) => {
      const table = pair.table ?? (await create(scope, pair.subnet));
      made.set(pair.subnet.id, table.RouteTableId ?? '');
      if (!pair.associated) await associate(scope, pair.subnet, table.RouteTableId ?? '', observed.tables);
      await converge(scope, pair.subnet, table);
    });
  } finally {
    await scope.record((spec) => {
      for (const subnet of spec.network?.subnets ?? []) {
        const id = made.get(subnet.id);
        if (id) subnet.routeTableId = id;
      }
    });
  }
}

async function create(scope: ClusterScope, subnet: SubnetSpec): Promise<RouteTable> {
  const VpcId = requireVpcId(scope);
  const { RouteTable: table } = await scope.aws.ec2.createRouteTable({
    VpcId,
    ClientToken: clientToken(scope.clusterId, keyOf(subnet), VpcId, subnet.routeTableId ?? ''),
    TagSpecifications: [{ ResourceType: 'route-table', Tags: tagList(wantedTags(scope, subnet)) }],
  });
  return table ?? {};
}

/** Our subnet may have been given another table by hand: then the association is moved, and that table stays as it is. */
async function associate(
  scope: ClusterScope,
  subnet: SubnetSpec,
  tableId: string,
  tables: readonly RouteTable[],
): Promise<void> {
  const { aws, ctx } = scope;
  const id = subnetIdOf(subnet) ?? '';
  const current = tables.flatMap((table) => table.Associations ?? []).find((a) => a.SubnetId === id);
  await whenVisible(ctx, async () => {
    if (current?.RouteTableAssociationId) {
      const AssociationId = current.RouteTableAssociationId;
      await aws.ec2.replaceRouteTableAssociation({ AssociationId, RouteTableId: tableId });
    } else {
      await aws.ec2.associateRouteTable({ RouteTableId: tableId, SubnetId: id });
    }
  });
}

async function converge(scope: ClusterScope, subnet: SubnetSpec, table: RouteTable): Promise<void> {
  const { aws, ctx } = scope;
  const RouteTableId = table.RouteTableId ?? '';
  for (const wanted of wantedRoutes(scope, subnet)) {
    const state = routeState(wanted, table.Routes);
    if (state === 'right') continue;
    const { destination, target } = wanted;
    const field = destination.includes(':') ? 'DestinationIpv6CidrBlock' : 'DestinationCidrBlock';
    const route: ReplaceRouteCommandInput = { RouteTableId, [field]: destination, ...target };
    await whenVisible(ctx, async () => {
      if (state === 'wrong') await aws.ec2.replaceRoute(route);
      else await createRoute(scope, route);
    });
  }
  await addTags(aws, RouteTableId, tagsToAdd(wantedTags(scope, subnet), table));
}

async function createRoute({ aws }: ClusterScope, route: ReplaceRouteCommandInput): Promise<void> {
  try {
    await aws.ec2.createRoute(route);
  } catch (error) {
    if (!hasCode(error, 'RouteAlreadyExists')) throw error;
    await aws.ec2.replaceRoute(route);
  }
}

async function remove(scope: ClusterScope): Promise<void> {
  const { aws, ctx } = scope;
  if (!isManagedVpc(scope)) return;
  const ours = async (): Promise<RouteTable[]> => (await vpcTables(scope)).filter((table) => isOurs(scope, table));
  const tables = await ours();
  if (tables.length === 0) return;
  await mapLimited(tables, 3, async ({ RouteTableId = '', Associations = [] }) => {
    for (const { RouteTableAssociationId, Main } of Associations) {
      if (!Main && RouteTableAssociationId) await disassociate(scope, RouteTableAssociationId);
    }
    try {
      await aws.ec2.deleteRouteTable({ RouteTableId });
    } catch (error) {
      if (hasCode(error, 'InvalidRouteTableID.NotFound')) return;
      if (!hasCode(error, 'DependencyViolation')) throw error;
      throw await dependents(
        scope,
        `route table ${RouteTableId}`,
        [{ Name: 'vpc-id', Values: [vpcOf(scope).id ?? ''] }],
        error,
      );
    }
  });
  await pollUntil(ctx, 'route tables to be gone', async () => ((await ours()).length === 0 ? true : undefined));
}

async function disassociate({ aws }: ClusterScope, AssociationId: string): Promise<void> {
  try {
    await aws.ec2.disassociateRouteTable({ AssociationId });
  } catch (error) {
    if (!hasCode(error, 'InvalidAssociationID.NotFound')) throw error;
  }
}
