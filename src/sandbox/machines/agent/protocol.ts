import type { HealthEntry } from '../feed.js';

/** How a target is checked. */
export interface CheckConfig {
  readonly kind: 'tcp' | 'http' | 'https';
  /** undefined checks the port that gets the traffic. */
  readonly port: number | undefined;
  readonly path: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly healthyThreshold: number;
  readonly unhealthyThreshold: number;
}

export interface TargetConfig {
  /** Instance id, or the address when the target is one. */
  readonly id: string;
  readonly ip: string;
  readonly port: number;
}

/** One listener of a load balancer. */
export interface BalancerConfig {
  /** Load balancer and port. */
  readonly key: string;
  readonly vip: string;
  readonly port: number;
  readonly targets: readonly TargetConfig[];
  readonly check: CheckConfig;
}

/** What the metadata service tells one machine. */
export interface MetadataConfig {
  readonly ip: string;
  readonly tokenRequired: boolean;
  readonly enabled: boolean;
  /** Path below `/latest/` → content; user data is base64 under `user-data`. */
  readonly entries: Readonly<Record<string, string>>;
  readonly userDataBase64: string;
}

/** Everything one namespace's agent serves; always sent whole. */
export interface AgentConfig {
  readonly dnsAddresses: readonly string[];
  readonly names: Readonly<Record<string, string>>;
  readonly metadataAddress: string;
  readonly metadata: readonly MetadataConfig[];
  readonly emulatorAddress: string;
  readonly balancers: readonly BalancerConfig[];
}

/** From the host to the agent. `listener` comes with a listening socket of the host's own network. */
export type ToAgent =
  | { readonly type: 'config'; readonly config: AgentConfig }
  | { readonly type: 'listener'; readonly key: string };

/** From the agent to the host. `emulator` comes with a listening socket of the namespace. */
export type FromAgent =
  | { readonly type: 'ready' }
  /** The last configuration is in place. */
  | { readonly type: 'applied' }
  | { readonly type: 'health'; readonly entries: readonly HealthEntry[] }
  | { readonly type: 'emulator' }
  | { readonly type: 'trouble'; readonly message: string };
