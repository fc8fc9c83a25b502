import {
  DeleteRouteCommand,
  DescribeRouteTablesCommand,
  DescribeSecurityGroupsCommand,
  EC2Client,
  type IpPermission,
  RevokeSecurityGroupIngressCommand,
  type Route,
} from '@aws-sdk/client-ec2';
import {
  DeregisterTargetsCommand,
  DescribeTargetGroupsCommand,
  DescribeTargetHealthCommand,
  ElasticLoadBalancingV2Client,
} from '@aws-sdk/client-elastic-load-balancing-v2';

/** What a person with a console could break without anybody asking Perdure, in a form that compares. */
export interface Network {
  readonly rules: readonly string[];
  readonly routes: readonly string[];
  readonly targets: readonly string[];
}

export interface Meddler {
  look(): Promise<Network>;
  /** Deletes one rule of a security group, one default route and one target's registration; answers what is gone. */
  meddle(): Promise<Network>;
  close(): void;
}

const ruleText = (group: string, p: IpPermission): string =>
  [
    group,
    p.IpProtocol,
    p.FromPort ?? '',
    p.ToPort ?? '',
    (p.IpRanges ?? []).map((r) => r.CidrIp).sort(),
    (p.UserIdGroupPairs ?? []).map((g) => g.GroupId).sort(),
  ].join(' ');

const routeText = (table: string, r: Route): string =>
  [
    table,
    r.DestinationCidrBlock ?? r.DestinationIpv6CidrBlock ?? '',
    r.NatGatewayId ?? r.GatewayId ?? '',
    r.State ?? '',
  ].join(' ');

/** A stranger with the account's keys, who looks at and breaks the network of the cluster `name`. */
export function meddlerOf(endpoint: string, name: string): Meddler {
  const config = {
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'AKIASTRANGER00000000', secretAccessKey: 'x' },
  };
  const ec2 = new EC2Client(config);
  const elb = new ElasticLoadBalancingV2Client(config);
  const owned = [{ Name: `tag:sigs.k8s.io/cluster-api-provider-aws/cluster/${name}`, Values: ['owned'] }];

  const groups = async () =>
    (await ec2.send(new DescribeSecurityGroupsCommand({ Filters: owned }))).SecurityGroups ?? [];
  const tables = async () => (await ec2.send(new DescribeRouteTablesCommand({ Filters: owned }))).RouteTables ?? [];
  const registrations = async () => {
    const { TargetGroups = [] } = await elb.send(new DescribeTargetGroupsCommand({}));
    const found = [];
    for (const { TargetGroupArn = '' } of TargetGroups) {
      const { TargetHealthDescriptions = [] } = await elb.send(new DescribeTargetHealthCommand({ TargetGroupArn }));
      for (const one of TargetHealthDescriptions) {
        if (one.TargetHealth?.State !== 'draining') found.push({ arn: TargetGroupArn, id: one.Target?.Id ?? '' });
      }
    }
    return found;
  };

  return {
    async look() {
      const rules = (await groups()).flatMap((g) => (g.IpPermissions ?? []).map((p) => ruleText(g.GroupName ?? '', p)));
      const routes = (await tables()).flatMap((t) => (t.Routes ?? []).map((r) => routeText(t.RouteTableId ?? '', r)));
      const targets = (await registrations()).map((t) => `${t.arn} ${t.id}`);
      return { rules: rules.sort(), routes: routes.sort(), targets: targets.sort() };
    },
    async meddle() {
      const group = (await groups()).find((g) => g.GroupName === `${name}-controlplane`);
      const rule = group?.IpPermissions?.[0];
      const table = (await tables()).find((t) => t.Routes?.some((r) => r.NatGatewayId));
      const route = table?.Routes?.find((r) => r.NatGatewayId);
      const [target] = await registrations();
      if (!group || !rule || !table || !route || !target)
        throw new Error(`cluster ${name} has no rule, route or target to break`);
      await ec2.send(new RevokeSecurityGroupIngressCommand({ GroupId: group.GroupId, IpPermissions: [rule] }));
      await ec2.send(
        new DeleteRouteCommand({ RouteTableId: table.RouteTableId, DestinationCidrBlock: route.DestinationCidrBlock }),
      );
      await elb.send(new DeregisterTargetsCommand({ TargetGroupArn: target.arn, Targets: [{ Id: target.id }] }));
      return {
        rules: [ruleText(group.GroupName ?? '', rule)],
        routes: [routeText(table.RouteTableId ?? '', route)],
        targets: [`${target.arn} ${target.id}`],
      };
    },
    close() {
      ec2.destroy();
      elb.destroy();
    },
  };
}
