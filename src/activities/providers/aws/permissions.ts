import type { IpPermission } from '@aws-sdk/client-ec2';
import { type AtomicRule, atomicRule, type RuleSource } from '../../../domain/aws/ingress.js';

/** EC2's grouped permissions → one rule per source. */
export function fromPermissions(permissions: readonly IpPermission[] | undefined): AtomicRule[] {
  return (permissions ?? []).flatMap((permission) => {
    const { IpProtocol = '-1', FromPort, ToPort } = permission;
    const rule = (type: RuleSource['type'], value: string | undefined, description: string | undefined): AtomicRule =>
      atomicRule(IpProtocol, FromPort, ToPort, { type, value: value ?? '' }, description ?? '');
    return [
      ...(permission.IpRanges ?? []).map((range) => rule('cidr', range.CidrIp, range.Description)),
      ...(permission.Ipv6Ranges ?? []).map((range) => rule('cidr6', range.CidrIpv6, range.Description)),
      ...(permission.UserIdGroupPairs ?? []).map((pair) => rule('group', pair.GroupId, pair.Description)),
      ...(permission.PrefixListIds ?? []).map((list) => rule('prefixList', list.PrefixListId, list.Description)),
    ];
  });
}

/** One permission per rule. Protocols without ports get -1, which EC2 takes for "all". */
export function toPermissions(rules: readonly AtomicRule[]): IpPermission[] {
  return rules.map(({ protocol, fromPort, toPort, source, description }) => ({
    IpProtocol: protocol,
    FromPort: fromPort,
    ToPort: toPort,
    ...sourceOf(source, description ? { Description: description } : {}),
  }));
}

function sourceOf({ type, value }: RuleSource, text: { Description?: string }): IpPermission {
  switch (type) {
    case 'cidr':
      return { IpRanges: [{ CidrIp: value, ...text }] };
    case 'cidr6':
      return { Ipv6Ranges: [{ CidrIpv6: value, ...text }] };
    case 'group':
      return { UserIdGroupPairs: [{ GroupId: value, ...text }] };
    case 'prefixList':
      return { PrefixListIds: [{ PrefixListId: value, ...text }] };
  }
}
