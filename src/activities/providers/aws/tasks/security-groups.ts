import type { SecurityGroup } from '@aws-sdk/client-ec2';
import type { AWSCluster, AWSClusterSpec, AWSTags, SecurityGroupRole } from '../../../../api/types/aws.js';
import {
  type AtomicRule,
  describeRule,
  desiredIngress,
  diffRules,
  type GroupRole,
  groupRoles,
  type RuleDiff,
} from '../../../../domain/aws/ingress.js';
import { PerdureError } from '../../../../domain/errors.js';
import type { Change, EnsureTask } from '../../port.js';
import { dependents } from '../blockers.js';
import type { Cloud } from '../cloud.js';
import { hasCode } from '../errors.js';
import { resourceName, rivalGroupName } from '../names.js';
import { fromPermissions, toPermissions } from '../permissions.js';
import { type ClusterScope, type ClusterView, isManagedVpc, requireVpcId, vpcOf } from '../scope.js';
import { addTags, isEmpty, tagsToAdd } from '../tagging.js';
import { cloudProviderTag, ownedTags, ownershipOf, TAG, tagList, tagMap } from '../tags.js';
import { defineTask } from '../task.js';
import { mapLimited, pollUntil, whenVisible } from '../wait.js';
import { liveGateways, publicIPs } from './nat-gateways.js';

interface Observed {
  /** Every group of the VPC. */
  readonly groups: readonly SecurityGroup[];
  readonly natIPs: readonly string[];
}

/** The groups of load balancer, services, control plane and nodes, with exactly the rules they need. */
export function securityGroupsTask(cloud: Cloud, spec: AWSClusterSpec): EnsureTask<AWSCluster, Observed> {
  return defineTask<Observed>(cloud, {
    id: 'security-groups',
    title: 'Ensure security groups',
    dependsOn: needsNatIPs(spec) ? ['vpc', 'nat-gateways'] : ['vpc'],
    condition: 'ClusterSecurityGroupsReady',
    observe,
    plan: planSecurityGroups,
    apply,
    remove,
  });
}

/** True when rules are made of the NAT gateways' addresses. Those of a VPC brought by the user are not ours to know. */
function needsNatIPs(spec: AWSClusterSpec): boolean {
  const { network, controlPlaneLoadBalancer: primary, secondaryControlPlaneLoadBalancer: secondary } = spec;
  const custom = [...(primary?.ingressRules ?? []), ...(secondary?.ingressRules ?? [])];
  const rules = [
    ...custom,
    ...(network?.additionalControlPlaneIngressRules ?? []),
    ...(network?.additionalNodeIngressRules ?? []),
  ];
  const kubelets = custom.length > 0 && primary?.scheme !== 'internal';
  return (
    (kubelets || rules.some((rule) => rule.natGatewaysIPsSource)) &&
    (!network?.vpc?.id || network.vpc.tags !== undefined)
  );
}

async function observe(scope: ClusterScope): Promise<Observed> {
  const recorded = scope.object.status?.networkStatus?.natGatewaysIPs ?? [];
  const ask = recorded.length === 0 && needsNatIPs(scope.object.spec);
  const [groups, natIPs] = await Promise.all([
    vpcGroups(scope),
    ask ? liveGateways(scope).then(publicIPs) : Promise.resolve(recorded),
  ]);
  checkOverrides(scope, groups);
  return { groups, natIPs };
}

/** Every security group of the VPC, all pages. */
export async function vpcGroups(scope: ClusterScope): Promise<SecurityGroup[]> {
  const { id } = vpcOf(scope);
  if (!id) return [];
  const groups: SecurityGroup[] = [];
  let token: string | undefined;
  do {
    const page = await scope.aws.ec2.describeSecurityGroups({
      Filters: [{ Name: 'vpc-id', Values: [id] }],
      ...(token ? { NextToken: token } : {}),
    });
    groups.push(...(page.SecurityGroups ?? []));
    token = page.NextToken;
  } while (token);
  return groups;
}

function overridesOf(view: ClusterView): Partial<Record<SecurityGroupRole, string>> {
  return view.object.spec.network?.securityGroupOverrides ?? {};
}

function checkOverrides(view: ClusterView, groups: readonly SecurityGroup[]): void {
  const where = `AWSCluster ${view.namespace}/${view.object.metadata.name}: spec.network.securityGroupOverrides`;
  const wrong = (message: string): PerdureError =>
    new PerdureError('InvalidConfiguration', `${where}${message}`, {
      details: { field: 'spec.network.securityGroupOverrides' },
    });
  const overrides = Object.entries(overridesOf(view));
  if (overrides.length > 0 && isManagedVpc(view))
    throw wrong(' needs a VPC of yours; set spec.network.vpc.id or remove it');
  const absent = overrides.find(([, id]) => !groups.some((group) => group.GroupId === id));
  if (absent) throw wrong(`[${absent[0]}]: group ${absent[1]} is not in VPC ${vpcOf(view).id}; correct the id`);
}

/** The group of a role: the user's, ours by tag, or upstream's where that is certain. */
export function groupOf(
  view: ClusterView,
  role: SecurityGroupRole,
  groups: readonly SecurityGroup[],
): SecurityGroup | undefined {
  const override = overridesOf(view)[role];
  if (override) return groups.find((group) => group.GroupId === override);
  const withRole = groups.filter((group) => tagMap(group.Tags)[TAG.role] === role);
  return (
    withRole.find((group) => ownershipOf(tagMap(group.Tags), view) === 'ours') ??
    withRole.find((group) => isUpstreams(view, group))
  );
}

/** Upstream's tag says only a name, so it counts in a VPC of ours or for a group that the status names. */
function isUpstreams(view: ClusterView, group: SecurityGroup): boolean {
  if (ownershipOf(tagMap(group.Tags), view) !== 'upstream') return false;
  const recorded = Object.values(view.object.status?.networkStatus?.securityGroups ?? {});
  return (Boolean(vpcOf(view).id) && isManagedVpc(view)) || recorded.some((one) => one.id === group.GroupId);
}

function nameOf(view: ClusterView, role: GroupRole, groups: readonly SecurityGroup[]): string {
  const name = resourceName.securityGroup(view.clusterName, role);
  return groups.some((group) => group.GroupName === name) ? rivalGroupName(name, view.clusterId) : name;
}

/** The cloud controller manager must find its tag on one group only, the service group. */
function wantedTags(view: ClusterView, role: GroupRole, name: string): AWSTags {
  const mark = cloudProviderTag(view.clusterName);
  const { [mark]: _, ...additional } = view.object.spec.additionalTags ?? {};
  const extra: AWSTags = role === 'lb' ? { [mark]: 'owned' } : {};
  return ownedTags({ ...view, name, role, key: `sg/${role}`, additional, extra });
}

interface RoleState {
  readonly role: GroupRole;
  readonly group: SecurityGroup | undefined;
  readonly name: string;
  readonly given: boolean;
}

function roleStates(view: ClusterView, groups: readonly SecurityGroup[]): RoleState[] {
  return groupRoles(view.object.spec).map((role) => {
    const group = groupOf(view, role, groups);
    return {
      role,
      group,
      name: group?.GroupName ?? nameOf(view, role, groups),
      given: overridesOf(view)[role] !== undefined,
    };
  });
}

/** What to change on a group's rules. The service group is shared with the cloud controller manager: nothing is taken from it. */
function ruleChanges(
  view: ClusterView,
  role: GroupRole,
  current: readonly AtomicRule[],
  natIPs: readonly string[],
  groupId: (role: SecurityGroupRole) => string,
): RuleDiff {
  const { apiServerPort, object } = view;
  const { cidrBlock: vpcCidr = '10.0.0.0/16', ipv6 } = vpcOf(view);
  const input = { spec: object.spec, apiServerPort, vpcCidr, vpcCidr6: ipv6?.cidrBlock, natIPs, groupId };
  const diff = diffRules(current, desiredIngress(role, input));
  return role === 'lb' ? { ...diff, revoke: [] } : diff;
}

/** What differs from the wish; pure. */
export function planSecurityGroups(view: ClusterView, { groups, natIPs }: Observed): Change[] {
  const states = roleStates(view, groups);
  const id = (role: SecurityGroupRole): string =>
    states.find((s) => s.role === role)?.group?.GroupId ?? `<new ${role}>`;
  const changes = states.flatMap(({ role, group, name, given }) => {
    const change = (action: Change['action'], detail: string): Change => ({
      action,
      resource: 'security-group',
      name,
      detail,
    });
    if (given) return [];
    const { revoke, authorize } = ruleChanges(view, role, fromPermissions(group?.IpPermissions), natIPs, id);
    return [
      ...(group ? [] : [change('create', role)]),
      ...(group && !isEmpty(tagsToAdd(wantedTags(view, role, name), group)) ? [change('update', 'tags')] : []),
      ...revoke.map((rule) => change('update', `revoke ${describeRule(rule)}`)),
      ...authorize.map((rule) => change('update', `allow ${describeRule(rule)}`)),
    ];
  });
  const recorded = view.object.status?.networkStatus?.securityGroups ?? {};
  if (changes.length === 0 && states.some(({ role, group }) => recorded[role]?.id !== group?.GroupId)) {
    changes.push({
      action: 'update',
      resource: 'security-group',
      name: 'status.networkStatus.securityGroups',
      detail: 'record ids',
    });
  }
  const lax = laxDefaultGroup(view, groups);
  if (lax) changes.push({ action: 'update', resource: 'security-group', name: 'default', detail: 'revoke all rules' });
  return changes;
}

/** The VPC's default group, when its rules are to be emptied and are not. */
function laxDefaultGroup(view: ClusterView, groups: readonly SecurityGroup[]): SecurityGroup | undefined {
  if (!vpcOf(view).emptyRoutesDefaultVPCSecurityGroup || !isManagedVpc(view)) return undefined;
  return groups.find(
    (group) => group.GroupName === 'default' && (group.IpPermissions?.length || group.IpPermissionsEgress?.length),
  );
}

async function apply(scope: ClusterScope, { groups, natIPs }: Observed): Promise<void> {
  const { aws, ctx } = scope;
  await emptyDefaultGroup(scope, groups);
  const ids = new Map<SecurityGroupRole, string>();
  const states = roleStates(scope, groups);
  await mapLimited(states, 4, async ({ role, group, name }) => {
    ids.set(role, group?.GroupId ?? (await create(scope, role, name)));
  });
  await scope.recordStatus((status) => {
    const recorded = { ...status.networkStatus?.securityGroups };
    for (const { role, name } of states) recorded[role] = { ...recorded[role], id: ids.get(role) ?? '', name };
    status.networkStatus = { ...status.networkStatus, securityGroups: recorded };
  });
  await mapLimited(
    states.filter(({ given }) => !given),
    4,
    async ({ role, group, name }) => {
      const GroupId = ids.get(role) ?? '';
      if (group) await addTags(aws, GroupId, tagsToAdd(wantedTags(scope, role, name), group));
      const current = fromPermissions(group?.IpPermissions);
      const { revoke, authorize } = ruleChanges(scope, role, current, natIPs, (one) => ids.get(one) ?? '');
      // Allow first: replacing a rule must not cut off who may still come.
      if (authorize.length > 0) {
        const IpPermissions = toPermissions(authorize);
        await whenVisible(ctx, () => aws.ec2.authorizeSecurityGroupIngress({ GroupId, IpPermissions }));
      }
      if (revoke.length > 0) {
        await aws.ec2.revokeSecurityGroupIngress({ GroupId, IpPermissions: toPermissions(revoke) });
      }
    },
  );
}

/** Names are unique in a VPC: a second attempt meets its own group, which carries our tag. */
async function create(scope: ClusterScope, role: GroupRole, name: string): Promise<string> {
  const { aws, ctx } = scope;
  const VpcId = requireVpcId(scope);
  try {
    const { GroupId } = await whenVisible(ctx, () =>
      aws.ec2.createSecurityGroup({
        VpcId,
        GroupName: name,
        Description: `Kubernetes cluster ${scope.clusterName}: ${role}`,
        TagSpecifications: [{ ResourceType: 'security-group', Tags: tagList(wantedTags(scope, role, name)) }],
      }),
    );
    return GroupId ?? '';
  } catch (error) {
    if (!hasCode(error, 'InvalidGroup.Duplicate')) throw error;
    const found = groupOf(scope, role, await vpcGroups(scope));
    if (!found?.GroupId) throw error;
    return found.GroupId;
  }
}

async function emptyDefaultGroup(scope: ClusterScope, groups: readonly SecurityGroup[]): Promise<void> {
  const group = laxDefaultGroup(scope, groups);
  if (!group?.GroupId) return;
  const GroupId = group.GroupId;
  const ingress = toPermissions(fromPermissions(group.IpPermissions));
  const egress = toPermissions(fromPermissions(group.IpPermissionsEgress));
  if (ingress.length > 0) await scope.aws.ec2.revokeSecurityGroupIngress({ GroupId, IpPermissions: ingress });
  if (egress.length > 0) await scope.aws.ec2.revokeSecurityGroupEgress({ GroupId, IpPermissions: egress });
}

/** All rules first, since the groups refer to each other; then the groups. */
async function remove(scope: ClusterScope): Promise<void> {
  const { aws, ctx } = scope;
  const overrides = new Set(Object.values(overridesOf(scope)));
  const ours = async (): Promise<SecurityGroup[]> =>
    (await vpcGroups(scope)).filter(
      (group) =>
        (ownershipOf(tagMap(group.Tags), scope) === 'ours' || isUpstreams(scope, group)) &&
        !overrides.has(group.GroupId ?? ''),
    );
  const groups = await ours();
  if (groups.length === 0) return;
  await mapLimited(groups, 4, async ({ GroupId = '', IpPermissions }) => {
    const rules = toPermissions(fromPermissions(IpPermissions));
    if (rules.length === 0) return;
    await ignoring(['InvalidGroup.NotFound', 'InvalidPermission.NotFound'], () =>
      aws.ec2.revokeSecurityGroupIngress({ GroupId, IpPermissions: rules }),
    );
  });
  await mapLimited(groups, 4, async ({ GroupId = '', GroupName }) => {
    try {
      await ignoring(['InvalidGroup.NotFound'], () => aws.ec2.deleteSecurityGroup({ GroupId }));
    } catch (error) {
      if (!hasCode(error, 'DependencyViolation', 'InvalidGroup.InUse')) throw error;
      throw await dependents(
        scope,
        `security group ${GroupId} (${GroupName})`,
        [{ Name: 'group-id', Values: [GroupId] }],
        error,
        GroupId,
      );
    }
  });
  await pollUntil(ctx, 'security groups to be gone', async () => ((await ours()).length === 0 ? true : undefined));
}

async function ignoring(codes: readonly string[], call: () => Promise<unknown>): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (!hasCode(error, ...codes)) throw error;
  }
}
