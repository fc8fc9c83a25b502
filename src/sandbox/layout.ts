import path from 'node:path';

/** Where a sandbox keeps everything; nothing it makes lies outside, but what the kernel holds (processes, namespaces, cgroups). */
export interface Layout {
  readonly root: string;
  readonly pki: string;
  readonly logs: string;
  readonly run: string;
  readonly etcd: string;
  readonly temporalDb: string;
  readonly machines: string;
  readonly kubeconfig: string;
  /** What `perdure status` and clients read: ports and addresses. */
  readonly endpoints: string;
  /** Who keeps the sandbox running, and how that goes. */
  readonly supervisor: string;
  /** What was lost with a process that kept it in memory. */
  readonly losses: string;
}

export function layoutOf(root: string): Layout {
  const at = (...parts: string[]): string => path.join(root, ...parts);
  return {
    root,
    pki: at('pki'),
    logs: at('logs'),
    run: at('run'),
    etcd: at('etcd'),
    temporalDb: at('temporal.db'),
    machines: at('machines'),
    kubeconfig: at('kubeconfig'),
    endpoints: at('endpoints.json'),
    supervisor: at('supervisor.json'),
    losses: at('losses.json'),
  };
}

/** Addresses of the running parts; written once all ports are chosen. */
export interface Endpoints {
  readonly apiServer: string;
  readonly etcd: string;
  readonly etcdPeer: string;
  readonly controllerManager: string;
  readonly temporal: string;
  readonly ui: string;
  readonly aws: string;
  readonly webhooks: string;
  readonly bridgeHealth: string;
  readonly workerHealth: string;
}
