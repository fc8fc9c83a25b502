import { parse, stringify } from 'yaml';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject } from '../../api/types/meta.js';
import { PerdureError } from '../../domain/errors.js';
import { type Hosts, localServer, readHosts } from '../../sandbox/machines/index.js';
import { connectKube, type GlobalOptions, layoutFor } from './connect.js';

interface Kubeconfig {
  readonly clusters?: { readonly cluster: { server: string; 'tls-server-name'?: string } }[];
}

/** A kubeconfig for use outside the cloud: a load balancer's name is replaced by the sandbox's address for it, TLS still checks the name. */
export function localKubeconfig(text: string, hosts: Hosts): string {
  const config = parse(text) as Kubeconfig;
  for (const { cluster } of config.clusters ?? []) {
    const local = localServer(cluster.server, hosts);
    if (local) Object.assign(cluster, { server: local.server, 'tls-server-name': local.tlsServerName });
  }
  return stringify(config);
}

/** Kubeconfig of a workload cluster from its Secret, with addresses that work on this host. Throws `NotFound` when there is none. */
export async function workloadKubeconfig(options: GlobalOptions, name: string): Promise<string> {
  const kube = connectKube(options);
  const namespace = options.namespace ?? 'default';
  try {
    const ref = { namespace, name: `${name}-kubeconfig` };
    const secret = await kube.get<KubeObject & { data?: Record<string, string> }>(KINDS.Secret, ref);
    const value = secret?.data?.['value'];
    if (!value)
      throw new PerdureError(
        'NotFound',
        `Secret ${namespace}/${name}-kubeconfig does not exist: the cluster has no kubeconfig yet, or the name or --namespace is wrong`,
      );
    return localKubeconfig(Buffer.from(value, 'base64').toString('utf8'), readHosts(layoutFor(options).machines));
  } finally {
    await kube.close();
  }
}
