import type { AWSResourceReference, SecurityGroupRole } from '../../../api/types/aws.js';
import { PerdureError } from '../../../domain/errors.js';
import { groupIds } from './groups.js';
import { type LaunchScope, requireCluster } from './machine-scope.js';
import { isGivenSubnet, requireVpcId, subnetIdOf, subnetsOf } from './scope.js';

/**
 * The subnet of a new machine: the one the spec names or filters, else one in the failure domain, else the first; public ones only for machines
 * that want a public address. Source: capa pkg/cloud/services/ec2/instances.go (findSubnet).
 */
export async function chooseSubnet(scope: LaunchScope): Promise<string> {
  const cluster = requireCluster(scope);
  const { subnet, publicIP = false } = scope.object.spec;
  if (subnet?.id) {
    const named = subnetsOf(cluster).find((one) => one.id === subnet.id || one.resourceID === subnet.id);
    const id = named ? subnetIdOf(named) : isGivenSubnet({ id: subnet.id }) ? subnet.id : undefined;
    if (id) return id;
    throw wrongSubnet(scope, 'spec.subnet.id', `"${subnet.id}" is neither a subnet id nor in the AWSCluster`);
  }
  const zone = scope.ctx.machine.spec.failureDomain;
  if (subnet?.filters?.length) return await filteredSubnet(scope, subnet.filters, zone);
  const fitting = subnetsOf(cluster).filter(
    (one) => (one.isPublic ?? false) === publicIP && (!zone || one.availabilityZone === zone),
  );
  const id = fitting.flatMap((one) => subnetIdOf(one) ?? [])[0];
  if (id) return id;
  const kind = publicIP ? 'public' : 'private';
  const where = zone ? ` in failure domain ${zone}` : '';
  throw wrongSubnet(
    scope,
    zone ? 'Machine.spec.failureDomain' : 'spec.publicIP',
    `the cluster has no ${kind} subnet${where}`,
  );
}

async function filteredSubnet(
  scope: LaunchScope,
  filters: NonNullable<AWSResourceReference['filters']>,
  zone: string | undefined,
): Promise<string> {
  const cluster = requireCluster(scope);
  const { Subnets = [] } = await scope.aws.ec2.describeSubnets({
    Filters: [
      ...filters.map(({ name, values }) => ({ Name: name, Values: values })),
      { Name: 'vpc-id', Values: [requireVpcId(cluster)] },
      { Name: 'state', Values: ['available'] },
    ],
  });
  const found = Subnets.filter((one) => !zone || one.AvailabilityZone === zone)
    .map((one) => one.SubnetId ?? '')
    .sort()[0];
  if (found) return found;
  throw wrongSubnet(
    scope,
    'spec.subnet.filters',
    `no subnet of the VPC matches${zone ? ` in failure domain ${zone}` : ''}`,
  );
}

function wrongSubnet({ what }: LaunchScope, field: string, problem: string): PerdureError {
  return new PerdureError('InvalidConfiguration', `${what}: ${field}: ${problem}; correct it`, {
    details: { field },
  });
}

export interface ChosenGroups {
  /** All, sorted. */
  readonly all: readonly string[];
  /** Those that only the machine's spec adds. */
  readonly additional: readonly string[];
}

/** Groups of the machine: those of its roles, overrides of machine before cluster, then the additional ones. */
export async function chooseGroups(scope: LaunchScope): Promise<ChosenGroups> {
  const roles: SecurityGroupRole[] = scope.isControlPlane ? ['node', 'lb', 'controlplane'] : ['node', 'lb'];
  const { securityGroupOverrides = {}, additionalSecurityGroups = [] } = scope.object.spec;
  const plain = roles.filter((role) => !securityGroupOverrides[role]);
  const core = plain.length > 0 ? await groupIds(requireCluster(scope), plain) : [];
  const overrides = roles.flatMap((role) => securityGroupOverrides[role] ?? []);
  const own = new Set([...core, ...overrides]);
  const additional = new Set<string>();
  for (const reference of additionalSecurityGroups) {
    for (const id of await resolveGroups(scope, reference)) if (!own.has(id)) additional.add(id);
  }
  return { all: [...own, ...additional].sort(), additional: [...additional].sort() };
}

async function resolveGroups(scope: LaunchScope, { id, filters = [] }: AWSResourceReference): Promise<string[]> {
  if (id) return [id];
  const { cloud, aws, what } = scope;
  const Filters = [
    ...filters.map(({ name, values }) => ({ Name: name, Values: values })),
    { Name: 'vpc-id', Values: [requireVpcId(requireCluster(scope))] },
  ];
  // A minute: machines of a set look for the same groups at the same time.
  const ids = await cloud.cached(`groups/${aws.account}/${JSON.stringify(Filters)}`, 60_000, async () => {
    const { SecurityGroups = [] } = await aws
      .shared(AbortSignal.timeout(30_000))
      .ec2.describeSecurityGroups({ Filters });
    return SecurityGroups.map((group) => group.GroupId ?? '');
  });
  if (ids.length > 0) return ids;
  throw new PerdureError(
    'InvalidConfiguration',
    `${what}: spec.additionalSecurityGroups: no group matches the filters; correct them`,
    {
      details: { field: 'spec.additionalSecurityGroups' },
    },
  );
}
