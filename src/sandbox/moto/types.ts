/** How long resources stay in passing states, milliseconds; 0 means "by the next request". `allMs` sets every passing state at once. */
export interface MotoDelays {
  readonly allMs?: number;
  readonly instancePendingMs?: number;
  readonly instanceStoppingMs?: number;
  readonly instanceShuttingDownMs?: number;
  /** How long a terminated instance is still described (an hour on AWS). */
  readonly instanceTerminatedVisibleMs?: number;
  readonly natPendingMs?: number;
  readonly natDeletingMs?: number;
  readonly natDeletedVisibleMs?: number;
  readonly loadBalancerProvisioningMs?: number;
  /** How long the interfaces of a deleted load balancer keep its subnets and security groups in use. */
  readonly loadBalancerInterfacesMs?: number;
  readonly targetRegistrationMs?: number;
  readonly targetDrainingMs?: number;
  readonly vpcEndpointPendingMs?: number;
  readonly vpcEndpointDeletingMs?: number;
  readonly volumeCreatingMs?: number;
  readonly groupDeletingMs?: number;
  readonly groupHealthCheckMs?: number;
  readonly refreshStepMs?: number;
}

/** What happens to a call that a fault rule matches. */
export type FaultEffect =
  /** The AWS error `code` is answered instead of the call. Status defaults to 400. */
  | { readonly kind: 'error'; readonly code: string; readonly message?: string; readonly status?: number }
  /** The call waits first; adds up with other rules. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** The connection breaks and the call never happened. */
  | { readonly kind: 'dropBefore' }
  /** The call happens, then the connection breaks without an answer. */
  | { readonly kind: 'dropAfter' }
  /** A token bucket; calls beyond it get the service's throttling error. */
  | {
      readonly kind: 'throttle';
      readonly ratePerSecond: number;
      readonly burst?: number;
      readonly code?: string;
      readonly status?: number;
    };

/** A scripted failure. Every given field must match; names may be shell globs. */
export interface FaultRule {
  /** Chosen by the server when absent; posting an id again replaces that rule. */
  readonly id?: string;
  /** `ec2`, `elb` (classic), `elbv2`, `sts`, `secretsmanager`, `tagging`, … */
  readonly service?: string | readonly string[];
  /** API action, for instance `RunInstances` or `Create*`. */
  readonly action?: string | readonly string[];
  readonly region?: string;
  readonly account?: string;
  readonly accessKey?: string;
  readonly mutating?: boolean;
  /** Request parameters in wire form, for instance `{ InstanceType: 't3.*' }`. */
  readonly params?: Readonly<Record<string, string>>;
  /** Which matching calls, counted from 1. */
  readonly nth?: number | readonly number[];
  /** Lets this many matching calls pass first. */
  readonly after?: number;
  /** How often the rule fires at most. */
  readonly count?: number;
  /** Chance per matching call, with a fixed `seed` (default 0). */
  readonly probability?: number;
  readonly seed?: number;
  readonly effect: FaultEffect;
}

/** A stored rule: `seen` counts calls it matched, `fired` those it acted on. */
export interface StoredFault extends FaultRule {
  readonly id: string;
  readonly seen: number;
  readonly fired: number;
}

/** One AWS call as the emulator saw it. */
export interface JournalCall {
  readonly sequence: number;
  readonly service: string;
  readonly action: string;
  readonly region: string;
  readonly account: string;
  readonly accessKey: string;
  /** ARN of the role session or account identity. */
  readonly caller: string;
  readonly time: string;
  readonly durationMs: number;
  /** HTTP status answered; 0 when the connection was broken on purpose. */
  readonly status: number;
  /** AWS error code, empty on success. */
  readonly error: string;
  readonly requestId: string;
  readonly mutating: boolean;
  /** Ids of the fault rules that acted, comma separated. */
  readonly fault: string;
  readonly clientToken: string;
}

export interface JournalFilter {
  readonly service?: string;
  /** Glob. */
  readonly action?: string;
  readonly region?: string;
  readonly account?: string;
  readonly accessKey?: string;
  readonly error?: string;
  readonly mutating?: boolean;
  /** Only calls after this sequence number. */
  readonly since?: number;
  /** Only the last so many. */
  readonly limit?: number;
}

export interface JournalSummary {
  readonly sequence: number;
  readonly total: number;
  readonly mutating: number;
  /** Calls by `service:Action`. */
  readonly actions: Readonly<Record<string, number>>;
}

/** One resource a user made and has not removed, in a form that compares. */
export interface InventoryItem {
  readonly account: string;
  readonly region: string;
  readonly service: string;
  readonly type: string;
  readonly id: string;
  readonly name: string;
  readonly tags: Readonly<Record<string, string>>;
}

export type InstanceState = 'pending' | 'running' | 'stopping' | 'stopped' | 'shutting-down' | 'terminated';

export interface EmulatedInterface {
  readonly id: string;
  readonly deviceIndex: number;
  readonly macAddress: string;
  readonly privateIp: string;
  readonly subnetId: string;
  readonly subnetCidr: string;
  readonly ipv6Addresses: readonly string[];
}

/** An instance as the machine host needs it. Addresses are null once it is terminated. */
export interface EmulatedInstance {
  readonly id: string;
  readonly account: string;
  readonly region: string;
  readonly availabilityZone: string;
  readonly state: InstanceState;
  readonly imageId: string;
  readonly imageName: string | null;
  readonly instanceType: string;
  readonly launchIndex: number;
  readonly launchTime: string;
  readonly privateIp: string | null;
  readonly privateDnsName: string;
  readonly publicIp: string | null;
  readonly macAddress: string | null;
  readonly interfaces: readonly EmulatedInterface[];
  readonly vpcId: string | null;
  readonly vpcCidr: string | null;
  readonly subnetId: string | null;
  readonly subnetCidr: string | null;
  readonly securityGroups: readonly string[];
  readonly keyName: string | null;
  /** Base64, as the client sent it; it may be gzip inside. Secret: never log it. */
  readonly userData: string | null;
  readonly iamInstanceProfile: string | null;
  readonly tags: Readonly<Record<string, string>>;
  readonly metadataOptions: {
    readonly httpEndpoint: 'enabled' | 'disabled';
    readonly httpTokens: 'optional' | 'required';
    readonly httpPutResponseHopLimit: number;
    readonly instanceMetadataTags: 'enabled' | 'disabled';
  };
}

export interface EmulatedTarget {
  /** Null for a target group of addresses. */
  readonly instanceId: string | null;
  readonly ip: string | null;
  readonly port: number;
  readonly state: InstanceState;
}

export interface EmulatedListener {
  readonly port: number;
  readonly protocol: string;
  readonly targetGroupArn: string | null;
  readonly targets: readonly EmulatedTarget[];
  readonly healthCheck: {
    /** `PROTOCOL:port/path`; the port may be `traffic-port`. */
    readonly target: string;
    readonly intervalSeconds: number;
    readonly timeoutSeconds: number;
    readonly healthyThreshold: number;
    readonly unhealthyThreshold: number;
  } | null;
}

/** A load balancer as the proxy needs it, classic and v2 alike. */
export interface EmulatedLoadBalancer {
  readonly name: string;
  readonly arn: string | null;
  readonly type: 'classic' | 'network' | 'application' | 'gateway';
  readonly account: string;
  readonly region: string;
  readonly dnsName: string;
  readonly scheme: string;
  readonly state: string;
  readonly vpcId: string;
  readonly securityGroups: readonly string[];
  readonly subnets: readonly string[];
  /** Where it listens inside the VPC, one per subnet; `publicIp` when it faces the internet. */
  readonly addresses: readonly {
    readonly subnetId: string;
    readonly privateIp: string;
    readonly publicIp: string | null;
  }[];
  readonly listeners: readonly EmulatedListener[];
}

/** A list with the version to wait on: pass it back and the next read blocks until something differs. */
export interface Watched<T> {
  readonly version: string;
  readonly items: readonly T[];
}

/** `version` of the last read and how long to wait for another, milliseconds (60 s at most); without them the read answers at once. */
export interface WatchOptions {
  readonly version?: string;
  readonly waitMs?: number;
  readonly account?: string;
  readonly region?: string;
  readonly signal?: AbortSignal;
}

/** Health of a machine, or of one port of it, seen from outside; `healthy: null` withdraws the report. `target` is an instance id or an IP. */
export interface HealthReport {
  readonly target: string;
  readonly port?: number;
  readonly healthy: boolean | null;
}
