import type { BalancerConfig, CheckConfig, TargetConfig } from '../agent/protocol.js';
import { balancerKey, type InventoryHealthCheck, type InventoryLoadBalancer } from '../inventory.js';
import type { BalancerAddresses } from './addresses.js';

/** Checks run ten times as often as configured, but not more often than this: a sandbox should not wait, and not burn processors either. */
const SHORTEST_INTERVAL_MS = 500;
const LONGEST_INTERVAL_MS = 1_000;
const LONGEST_TIMEOUT_MS = 3_000;
const LARGEST_THRESHOLD = 2;

/** Reads AWS's way to write a check: `TCP:6443`, `SSL:443`, `HTTPS:6443/readyz`, `HTTP:traffic-port/healthz`. */
export function readCheck(check: InventoryHealthCheck | undefined): CheckConfig {
  const [, protocol = 'TCP', port = '', path = ''] = /^([A-Za-z]+):([^/]*)(\/.*)?$/.exec(check?.target ?? '') ?? [];
  const kind = protocol.toLowerCase() === 'https' ? 'https' : protocol.toLowerCase() === 'http' ? 'http' : 'tcp';
  return {
    kind,
    port: /^\d+$/.test(port) ? Number(port) : undefined,
    path: path || '/',
    intervalMs: clamp((check?.intervalSeconds || 10) * 100, SHORTEST_INTERVAL_MS, LONGEST_INTERVAL_MS),
    timeoutMs: clamp((check?.timeoutSeconds || 2) * 1_000, 500, LONGEST_TIMEOUT_MS),
    healthyThreshold: clamp(check?.healthyThreshold || LARGEST_THRESHOLD, 1, LARGEST_THRESHOLD),
    unhealthyThreshold: clamp(check?.unhealthyThreshold || LARGEST_THRESHOLD, 1, LARGEST_THRESHOLD),
  };
}

/** One configuration for each listening port of a load balancer. Several target groups behind one port are served as one. */
export function balancerConfigs(lb: InventoryLoadBalancer, addresses: BalancerAddresses): BalancerConfig[] {
  const byPort = new Map<number, BalancerConfig>();
  for (const listener of lb.listeners) {
    const before = byPort.get(listener.port);
    const targets = listener.targets
      .filter((target) => target.state === 'running')
      .map((target): TargetConfig => ({ id: target.instanceId || target.ip, ip: target.ip, port: target.port }));
    byPort.set(listener.port, {
      key: `${balancerKey(lb)}:${listener.port}`,
      vip: addresses.vip,
      port: listener.port,
      targets: unique([...(before?.targets ?? []), ...targets]),
      check: before?.check ?? readCheck(listener.healthCheck),
    });
  }
  return [...byPort.values()];
}

function unique(targets: readonly TargetConfig[]): TargetConfig[] {
  return [...new Map(targets.map((target) => [`${target.id}|${target.ip}:${target.port}`, target])).values()];
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
