import type { IpPermission, SecurityGroup } from '@aws-sdk/client-ec2';
import type { AtomicRule } from '../../../../domain/aws/ingress.js';
import { hasCode } from '../errors.js';
import { fromPermissions, toPermissions } from '../permissions.js';
import { type ClusterScope, type ClusterView, isManagedVpc } from '../scope.js';
import { ownershipOf, tagMap } from '../tags.js';

/** The rules of one group that refer to groups that go. */
export interface Reference {
  readonly group: SecurityGroup;
  readonly ingress: readonly AtomicRule[];
  readonly egress: readonly AtomicRule[];
  /** Whether the rules may be taken from the group. */
  readonly free: boolean;
}

/**
 * Who refers to the groups `going`. Rules may be taken from those groups themselves, from the cluster's own, and from a VPC's default group, which is nobody's: a rule that
 * names a group that goes allows nothing any more. Not from anybody else's. Pure.
 */
export function referencesTo(
  view: ClusterView,
  groups: readonly SecurityGroup[],
  going: ReadonlySet<string>,
): Reference[] {
  const naming = (permissions: readonly IpPermission[] | undefined): AtomicRule[] =>
    fromPermissions(permissions).filter(({ source }) => source.type === 'group' && going.has(source.value));
  return groups
    .map((group) => ({
      group,
      ingress: naming(group.IpPermissions),
      egress: naming(group.IpPermissionsEgress),
      free: going.has(group.GroupId ?? '') || group.GroupName === 'default' || isOwn(view, group),
    }))
    .filter(({ ingress, egress }) => ingress.length + egress.length > 0);
}

function isOwn(view: ClusterView, group: SecurityGroup): boolean {
  const ownership = ownershipOf(tagMap(group.Tags), view);
  if (ownership === 'ours') return true;
  const recorded = Object.values(view.object.status?.networkStatus?.securityGroups ?? {});
  return ownership === 'upstream' && (isManagedVpc(view) || recorded.some((one) => one.id === group.GroupId));
}

/** Takes the rules that refer to groups that go out of where they may be taken; answers, by group, whose rule holds it. */
export async function freeGroups(
  scope: ClusterScope,
  groups: readonly SecurityGroup[],
  going: ReadonlySet<string>,
): Promise<ReadonlyMap<string, string>> {
  const held = new Map<string, string>();
  for (const { group, ingress, egress, free } of referencesTo(scope, groups, going)) {
    const { GroupId = '', GroupName = '' } = group;
    if (free) {
      const { ec2 } = scope.aws;
      await revoke(ingress, (IpPermissions) => ec2.revokeSecurityGroupIngress({ GroupId, IpPermissions }));
      await revoke(egress, (IpPermissions) => ec2.revokeSecurityGroupEgress({ GroupId, IpPermissions }));
      continue;
    }
    for (const { source } of [...ingress, ...egress]) {
      held.set(
        source.value,
        `a rule of security group ${GroupId} (${GroupName}) refers to it, which is not this cluster's: remove the rule`,
      );
    }
  }
  return held;
}

async function revoke(
  rules: readonly AtomicRule[],
  call: (permissions: IpPermission[]) => Promise<unknown>,
): Promise<void> {
  if (rules.length === 0) return;
  try {
    await call(toPermissions(rules));
  } catch (error) {
    if (!hasCode(error, 'InvalidGroup.NotFound', 'InvalidPermission.NotFound')) throw error;
  }
}
