import type { SecurityGroupRole } from '../../../api/types/aws.js';
import { notYet } from '../../../domain/errors.js';
import type { ClusterScope } from './scope.js';
import { groupOf, vpcGroups } from './tasks/security-groups.js';

/** Ids of the cluster's groups: from the status, or by their tags when the status was lost in a move. `NotYet` while one is missing. */
export async function groupIds(scope: ClusterScope, roles: readonly SecurityGroupRole[]): Promise<string[]> {
  const recorded = scope.object.status?.networkStatus?.securityGroups ?? {};
  const known = roles.flatMap((role) => recorded[role]?.id ?? []);
  if (known.length === roles.length) return known;
  const groups = await vpcGroups(scope);
  return roles.map((role) => {
    const id = groupOf(scope, role, groups)?.GroupId;
    if (!id) throw notYet(`cluster ${scope.namespace}/${scope.clusterName} has no ${role} security group yet`);
    return id;
  });
}
