import type { AWSClusterSpec, CNIIngressRule, IngressRule, SecurityGroupRole } from '../../api/types/aws.js';
import { notYet } from '../errors.js';

/** Where kubeadm's API server listens on the instance; the load balancer's own port may differ. */
export const API_SERVER_BIND_PORT = 6443;
const ANYWHERE = '0.0.0.0/0';
const ANYWHERE6 = '::/0';

export interface RuleSource {
  readonly type: 'cidr' | 'cidr6' | 'group' | 'prefixList';
  readonly value: string;
}

/** An ingress rule with exactly one source, in the form two descriptions of the same rule share. Ports are -1 where the protocol has none. */
export interface AtomicRule {
  readonly protocol: string;
  readonly fromPort: number;
  readonly toPort: number;
  readonly source: RuleSource;
  readonly description: string;
}

const PROTOCOL_ALIASES: Readonly<Record<string, string>> = {
  '6': 'tcp',
  '17': 'udp',
  '1': 'icmp',
  icmpv6: '58',
  all: '-1',
};
const WITH_PORTS: ReadonlySet<string> = new Set(['tcp', 'udp', 'icmp', '58']);

/** Builds an atomic rule: protocol aliases resolved, ports dropped where EC2 drops them. */
export function atomicRule(
  protocol: string,
  fromPort: number | undefined,
  toPort: number | undefined,
  source: RuleSource,
  description = '',
): AtomicRule {
  const name = PROTOCOL_ALIASES[protocol] ?? protocol;
  const ports = WITH_PORTS.has(name);
  return {
    protocol: name,
    fromPort: ports ? (fromPort ?? -1) : -1,
    toPort: ports ? (toPort ?? -1) : -1,
    source,
    description,
  };
}

/** Equal for rules that EC2 holds to be the same; descriptions do not count. */
export function ruleKey(rule: AtomicRule): string {
  return `${rule.protocol}/${rule.fromPort}-${rule.toPort}/${rule.source.type}:${rule.source.value}`;
}

/** For people: `tcp 6443 from sg-1`. */
export function describeRule(rule: AtomicRule): string {
  const ports =
    rule.fromPort === -1
      ? ''
      : rule.fromPort === rule.toPort
        ? ` ${rule.fromPort}`
        : ` ${rule.fromPort}-${rule.toPort}`;
  return `${rule.protocol}${ports} from ${rule.source.value}`;
}

export interface RuleDiff {
  readonly revoke: readonly AtomicRule[];
  readonly authorize: readonly AtomicRule[];
}

/** What turns `current` into `desired`; duplicates in either count once. */
export function diffRules(current: readonly AtomicRule[], desired: readonly AtomicRule[]): RuleDiff {
  const have = new Map(current.map((rule) => [ruleKey(rule), rule]));
  const want = new Map(desired.map((rule) => [ruleKey(rule), rule]));
  return {
    revoke: [...have].filter(([key]) => !want.has(key)).map(([, rule]) => rule),
    authorize: [...want].filter(([key]) => !have.has(key)).map(([, rule]) => rule),
  };
}

/** The default when the spec says nothing about the CNI: Calico's. Source: capa AWSCluster defaulting webhook. */
export const DEFAULT_CNI_RULES: readonly CNIIngressRule[] = [
  { description: 'bgp (calico)', protocol: 'tcp', fromPort: 179, toPort: 179 },
  { description: 'IP-in-IP (calico)', protocol: '4', fromPort: -1, toPort: 65535 },
];

export interface IngressInput {
  readonly spec: AWSClusterSpec;
  /** Port of the load balancer's main listener. */
  readonly apiServerPort: number;
  readonly vpcCidr: string;
  /** The VPC's IPv6 block, once it has one. */
  readonly vpcCidr6?: string | undefined;
  /** Public addresses of the NAT gateways; empty while unknown. */
  readonly natIPs: readonly string[];
  /** Id of the group with that role. */
  groupId(role: SecurityGroupRole): string;
}

type Source = Pick<IngressRule, 'cidrBlocks' | 'ipv6CidrBlocks' | 'sourceSecurityGroupIds'>;

/** Roles of the groups a self-managed cluster has. */
export type GroupRole = Exclude<SecurityGroupRole, 'node-eks-additional'>;

/** The groups of a cluster, in creation order; that of the bastion only when it has one. */
export function groupRoles({ bastion }: Pick<AWSClusterSpec, 'bastion'>): readonly GroupRole[] {
  return ['apiserver-lb', 'lb', 'controlplane', 'node', ...(bastion?.enabled ? (['bastion'] as const) : [])];
}

/**
 * Every ingress rule of the group `role`. Throws `NotYet` when a rule asks for the addresses of NAT gateways that are not there yet.
 * Source: capa pkg/cloud/services/securitygroup (getSecurityGroupIngressRules).
 */
export function desiredIngress(role: GroupRole, input: IngressInput): AtomicRule[] {
  switch (role) {
    case 'controlplane':
      return controlPlaneRules(input);
    case 'node':
      return nodeRules(input);
    case 'apiserver-lb':
      return loadBalancerRules(input);
    case 'lb':
      return serviceRules(input);
    case 'bastion':
      return bastionRules(input);
  }
}

const hasIPv6 = ({ spec }: IngressInput): boolean => spec.network?.vpc?.ipv6 !== undefined;

/** Everybody, of both families where the VPC has both. */
function anywhere(input: IngressInput): Source {
  return { cidrBlocks: [ANYWHERE], ...(hasIPv6(input) ? { ipv6CidrBlocks: [ANYWHERE6] } : {}) };
}

/** Everything in the VPC. */
function fromWithin({ spec, vpcCidr, vpcCidr6 }: IngressInput): Source {
  const secondary = (spec.network?.vpc?.secondaryCidrBlocks ?? []).map((block) => block.ipv4CidrBlock);
  return { cidrBlocks: [vpcCidr, ...secondary], ...(vpcCidr6 ? { ipv6CidrBlocks: [vpcCidr6] } : {}) };
}

/** Blocks of either family, as users list them in one field. */
function blocks(cidrs: readonly string[]): Source {
  return {
    cidrBlocks: cidrs.filter((cidr) => !cidr.includes(':')),
    ipv6CidrBlocks: cidrs.filter((cidr) => cidr.includes(':')),
  };
}

/** Who may log in at the bastion. */
function bastionRules(input: IngressInput): AtomicRule[] {
  const { allowedCIDRBlocks = [], disableIngressRules } = input.spec.bastion ?? {};
  if (disableIngressRules) return [];
  return tcp('SSH', 22, 22, allowedCIDRBlocks.length > 0 ? blocks(allowedCIDRBlocks) : anywhere(input));
}

/** Machines take logins from the bastion, where there is one. */
function fromBastion({ spec, groupId }: IngressInput): AtomicRule[] {
  return spec.bastion?.enabled ? tcp('SSH', 22, 22, { sourceSecurityGroupIds: [groupId('bastion')] }) : [];
}

function controlPlaneRules(input: IngressInput): AtomicRule[] {
  const group = (...roles: SecurityGroupRole[]): Source => ({
    sourceSecurityGroupIds: roles.map((r) => input.groupId(r)),
  });
  return [
    ...cniRules(input),
    ...tcp('Kubernetes API', API_SERVER_BIND_PORT, API_SERVER_BIND_PORT, group('apiserver-lb', 'controlplane', 'node')),
    ...tcp('etcd', 2379, 2379, group('controlplane')),
    ...tcp('etcd peer', 2380, 2380, group('controlplane')),
    ...fromBastion(input),
    ...userRules(input.spec.network?.additionalControlPlaneIngressRules, input),
  ];
}

function nodeRules(input: IngressInput): AtomicRule[] {
  const wished = input.spec.network?.nodePortIngressRuleCidrBlocks ?? [];
  const groups = { sourceSecurityGroupIds: [input.groupId('controlplane'), input.groupId('node')] };
  return [
    ...cniRules(input),
    ...tcp('Node Port Services', 30000, 32767, wished.length > 0 ? blocks(wished) : anywhere(input)),
    ...tcp('Kubelet API', 10250, 10250, groups),
    ...fromBastion(input),
    ...userRules(input.spec.network?.additionalNodeIngressRules, input),
  ];
}

/**
 * Kubelets must reach the endpoint, from the VPC or through NAT; users from where they say, else from anywhere. When anywhere is open
 * the NAT addresses are left out: they add nothing, and the set would depend on whether NAT gateways exist yet.
 */
function loadBalancerRules(input: IngressInput): AtomicRule[] {
  const { spec, apiServerPort: port } = input;
  const custom = [spec.controlPlaneLoadBalancer, spec.secondaryControlPlaneLoadBalancer].flatMap(
    (lb) => lb?.ingressRules ?? [],
  );
  const open = tcp('Kubernetes API', port, port, anywhere(input));
  const internal = spec.controlPlaneLoadBalancer?.scheme === 'internal';
  const fromVpc = internal ? tcp('Kubernetes API', port, port, fromWithin(input)) : [];
  if (custom.length === 0) return [...fromVpc, ...open];
  const user = userRules(custom, input);
  // Over IPv6 the kubelets come with addresses of their own.
  const natted = tcp('Kubernetes API', port, port, {
    cidrBlocks: input.natIPs.map((ip) => `${ip}/32`),
    ...(input.vpcCidr6 ? { ipv6CidrBlocks: [input.vpcCidr6] } : {}),
  });
  const kubelet = internal ? fromVpc : input.natIPs.length > 0 ? natted : open;
  return [...kubelet, ...user];
}

/** The group handed to the cloud controller manager; for an NLB it also lets the balancer reach the instances (their own port, not the listener's). */
function serviceRules(input: IngressInput): AtomicRule[] {
  const { spec } = input;
  return [spec.controlPlaneLoadBalancer, spec.secondaryControlPlaneLoadBalancer].flatMap((lb) => {
    if (lb?.loadBalancerType !== 'nlb' && lb !== spec.secondaryControlPlaneLoadBalancer) return [];
    if (!lb) return [];
    const source = lb.preserveClientIP ? anywhere(input) : fromWithin(input);
    const text = 'Allow NLB traffic to the control plane instances';
    return [
      ...tcp(text, API_SERVER_BIND_PORT, API_SERVER_BIND_PORT, source),
      ...(lb.additionalListeners ?? []).flatMap(({ port }) => tcp(`${text} on port ${port}`, port, port, source)),
    ];
  });
}

function cniRules(input: IngressInput): AtomicRule[] {
  const groups = { sourceSecurityGroupIds: [input.groupId('controlplane'), input.groupId('node')] };
  return (input.spec.network?.cni?.cniIngressRules ?? DEFAULT_CNI_RULES).flatMap((rule) => expand(rule, groups));
}

function userRules(rules: readonly IngressRule[] | undefined, input: IngressInput): AtomicRule[] {
  return (rules ?? []).flatMap((rule) => expand(rule, sourceOf(rule, input)));
}

function sourceOf(rule: IngressRule, input: IngressInput): Source {
  if (rule.natGatewaysIPsSource) {
    if (input.natIPs.length === 0)
      throw notYet(`ingress rule "${rule.description}" waits for the addresses of the NAT gateways`);
    return { cidrBlocks: input.natIPs.map((ip) => `${ip}/32`) };
  }
  if (rule.cidrBlocks?.length || rule.ipv6CidrBlocks?.length) return rule;
  const ids = new Set([
    ...(rule.sourceSecurityGroupIds ?? []),
    ...(rule.sourceSecurityGroupRoles ?? []).map((role) => input.groupId(role)),
  ]);
  return { sourceSecurityGroupIds: ids.size > 0 ? [...ids].sort() : [input.groupId('controlplane')] };
}

function tcp(description: string, fromPort: number, toPort: number, source: Source): AtomicRule[] {
  return expand({ description, protocol: 'tcp', fromPort, toPort }, source);
}

function expand(rule: CNIIngressRule, source: Source): AtomicRule[] {
  const sources: RuleSource[] = [
    ...(source.cidrBlocks ?? []).map((value) => ({ type: 'cidr' as const, value })),
    ...(source.ipv6CidrBlocks ?? []).map((value) => ({ type: 'cidr6' as const, value })),
    ...(source.sourceSecurityGroupIds ?? []).map((value) => ({ type: 'group' as const, value })),
  ];
  return sources.map((one) => atomicRule(rule.protocol, rule.fromPort, rule.toPort, one, rule.description));
}
