import type { AccessOptions } from './access.js';
import { type KubeClient, kubeFromKubeconfigFile, kubeInCluster } from './client.js';

/** Where the management cluster is: a kubeconfig, or this pod's service account. */
export interface ManagementSource {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly limit?: { readonly qps: number; readonly burst: number };
}

/** The client of the management cluster. */
export function managementKube(source: ManagementSource, options: AccessOptions = {}): KubeClient {
  const access = { ...(source.limit ? { limit: source.limit } : {}), ...options };
  if (source.kubeconfig === undefined) return kubeInCluster(access);
  return kubeFromKubeconfigFile(source.kubeconfig, {
    ...access,
    ...(source.context === undefined ? {} : { context: source.context }),
  });
}
