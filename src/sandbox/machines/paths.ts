import { join } from 'node:path';

/** Where the machine host keeps things in its state directory. */
export interface HostPaths {
  readonly lock: string;
  /** Written once the host serves, removed when it ends. */
  readonly ready: string;
  /** Addresses given to load balancers, so that they survive a restart. */
  readonly addresses: string;
  /** Name → loopback address, for clients on the host. */
  readonly hosts: string;
  readonly machines: string;
  /** Output of the agents in the namespaces. */
  readonly agentLog: string;
}

export interface MachinePaths {
  readonly dir: string;
  readonly record: string;
  readonly console: string;
  readonly cgroups: string;
  readonly upper: string;
  readonly work: string;
  readonly root: string;
  readonly kubelet: string;
  readonly containerd: string;
}

export function hostPaths(stateDir: string): HostPaths {
  return {
    lock: join(stateDir, 'host.lock'),
    ready: join(stateDir, 'host.json'),
    addresses: join(stateDir, 'addresses.json'),
    hosts: join(stateDir, 'hosts.json'),
    machines: join(stateDir, 'instances'),
    agentLog: join(stateDir, 'agents.log'),
  };
}

export function machinePaths(stateDir: string, instanceId: string): MachinePaths {
  const dir = join(hostPaths(stateDir).machines, instanceId);
  return {
    dir,
    record: join(dir, 'record.json'),
    console: join(dir, 'console.log'),
    cgroups: join(dir, 'cgroups'),
    upper: join(dir, 'upper'),
    work: join(dir, 'work'),
    root: join(dir, 'root'),
    kubelet: join(dir, 'kubelet'),
    containerd: join(dir, 'containerd'),
  };
}
