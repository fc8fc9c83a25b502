/** Network and load balancers of an AWSCluster, spec and status. Source: capa api/v1beta2/network_types.go. */

export type AWSTags = Record<string, string>;
export type SecurityGroupRole = 'bastion' | 'node' | 'controlplane' | 'apiserver-lb' | 'lb' | 'node-eks-additional';
export type SecurityGroupProtocol = '-1' | '4' | 'tcp' | 'udp' | 'icmp' | '58' | '50';
export type LoadBalancerType = 'classic' | 'elb' | 'alb' | 'nlb' | 'disabled';
export type LoadBalancerScheme = 'internet-facing' | 'internal';
export type LoadBalancerProtocol = 'TCP' | 'SSL' | 'HTTP' | 'HTTPS' | 'TLS' | 'UDP';
export type TargetGroupIPType = 'ipv4' | 'ipv6';
export type ZoneType = 'availability-zone' | 'local-zone' | 'wavelength-zone';

export interface ElasticIPPool {
  publicIpv4Pool?: string;
  publicIpv4PoolFallbackOrder?: 'amazon-pool' | 'none';
}

export interface IPAMPool {
  id?: string;
  name?: string;
  netmaskLength?: number;
}

export interface IPv6Spec {
  cidrBlock?: string;
  poolId?: string;
  egressOnlyInternetGatewayId?: string;
  ipamPool?: IPAMPool;
}

/** `id` empty: the VPC is made by Perdure; `id` set without our tag: brought by the user. */
export interface VPCSpec {
  id?: string;
  cidrBlock?: string;
  secondaryCidrBlocks?: { ipv4CidrBlock: string }[];
  ipamPool?: IPAMPool;
  /** Presence alone, even empty, turns IPv6 on. */
  ipv6?: IPv6Spec;
  internetGatewayId?: string;
  carrierGatewayId?: string;
  tags?: AWSTags;
  /** Default 3. */
  availabilityZoneUsageLimit?: number;
  /** Default Ordered. */
  availabilityZoneSelection?: 'Ordered' | 'Random';
  emptyRoutesDefaultVPCSecurityGroup?: boolean;
  privateDnsHostnameTypeOnLaunch?: 'ip-name' | 'resource-name';
  elasticIpPool?: ElasticIPPool;
  /** Default PreferPrivate. */
  subnetSchema?: 'PreferPrivate' | 'PreferPublic';
}

/** `id` beginning `subnet-` names an existing subnet; any other id is a logical name, and `resourceID` gets the cloud's id. */
export interface SubnetSpec {
  id: string;
  resourceID?: string;
  cidrBlock?: string;
  ipv6CidrBlock?: string;
  availabilityZone?: string;
  isPublic?: boolean;
  isIpv6?: boolean;
  routeTableId?: string;
  natGatewayId?: string;
  tags?: AWSTags;
  zoneType?: ZoneType;
  parentZoneName?: string;
}

export interface CNIIngressRule {
  description: string;
  protocol: string;
  fromPort: number;
  toPort: number;
}

export interface CNISpec {
  cniIngressRules?: CNIIngressRule[];
}

export interface IngressRule {
  description: string;
  protocol: SecurityGroupProtocol;
  fromPort: number;
  toPort: number;
  cidrBlocks?: string[];
  ipv6CidrBlocks?: string[];
  sourceSecurityGroupIds?: string[];
  sourceSecurityGroupRoles?: SecurityGroupRole[];
  natGatewaysIPsSource?: boolean;
}

export interface NetworkSpec {
  vpc?: VPCSpec;
  subnets?: SubnetSpec[];
  cni?: CNISpec;
  securityGroupOverrides?: Partial<Record<SecurityGroupRole, string>>;
  additionalControlPlaneIngressRules?: IngressRule[];
  additionalNodeIngressRules?: IngressRule[];
  nodePortIngressRuleCidrBlocks?: string[];
}

export interface TargetGroupHealthCheckCounters {
  intervalSeconds?: number;
  timeoutSeconds?: number;
  thresholdCount?: number;
  unhealthyThresholdCount?: number;
}

export interface AdditionalListenerHealthCheck extends TargetGroupHealthCheckCounters {
  protocol?: 'TCP' | 'HTTP' | 'HTTPS';
  port?: string;
  path?: string;
}

export interface AdditionalListenerSpec {
  port: number;
  /** Default TCP. */
  protocol?: 'TCP';
  healthCheck?: AdditionalListenerHealthCheck;
  targetGroupIPType?: TargetGroupIPType;
}

export interface AWSLoadBalancerSpec {
  name?: string;
  /** Default internet-facing. */
  scheme?: LoadBalancerScheme;
  /** Default classic. */
  loadBalancerType?: LoadBalancerType;
  crossZoneLoadBalancing?: boolean;
  subnets?: string[];
  healthCheckProtocol?: LoadBalancerProtocol;
  healthCheck?: TargetGroupHealthCheckCounters;
  additionalListeners?: AdditionalListenerSpec[];
  additionalSecurityGroups?: string[];
  ingressRules?: IngressRule[];
  targetGroupIPType?: TargetGroupIPType;
  preserveClientIP?: boolean;
  disableHostsRewrite?: boolean;
  /** Absent means Enabled. */
  dnsResolutionCheck?: 'None' | 'Enabled';
}

export interface SecurityGroupStatus {
  id: string;
  name: string;
  /** Singular on the wire, as upstream. */
  ingressRule?: IngressRule[];
  tags?: AWSTags;
}

export interface TargetGroupStatus {
  name: string;
  port: number;
  protocol: 'tcp' | 'tls' | 'udp' | 'TCP' | 'TLS' | 'UDP';
  vpcId: string;
  targetGroupHealthCheck?: TargetGroupHealthCheckCounters & { protocol?: string; path?: string; port?: string };
  ipType?: TargetGroupIPType;
}

export interface LoadBalancerStatus {
  arn?: string;
  name?: string;
  dnsName?: string;
  scheme?: LoadBalancerScheme;
  availabilityZones?: string[];
  subnetIds?: string[];
  securityGroupIds?: string[];
  /** Classic load balancers only. */
  listeners?: { protocol: string; port: number; instanceProtocol: string; instancePort: number }[];
  /** Classic load balancers only; `interval` and `timeout` in nanoseconds, as Go writes a time.Duration. */
  healthChecks?: {
    target: string;
    interval: number;
    timeout: number;
    healthyThreshold: number;
    unhealthyThreshold: number;
  };
  /** Classic load balancers only; `idleTimeout` in nanoseconds. */
  attributes?: { idleTimeout?: number; crossZoneLoadBalancing?: boolean };
  tags?: AWSTags;
  elbListeners?: { protocol: string; port: number; targetGroup: TargetGroupStatus }[];
  elbAttributes?: Record<string, string>;
  loadBalancerType?: Exclude<LoadBalancerType, 'disabled'>;
  loadBalancerIPAddressType?: 'ipv4' | 'dualstack' | 'dualstack-without-public-ipv4';
}

export interface NetworkStatus {
  securityGroups?: Partial<Record<SecurityGroupRole, SecurityGroupStatus>>;
  apiServerElb?: LoadBalancerStatus;
  secondaryAPIServerELB?: LoadBalancerStatus;
  natGatewaysIPs?: string[];
}
