import type { Discovery, JoinConfiguration, NodeTaint } from '../../api/types/index.js';
import type { BootstrapFile } from './cloud-config.js';
import { compact } from './kubeadm-parts.js';
import { toYaml } from './yaml.js';

/** Keeps pods off a new worker until its labels are there; removed with the first sync of the Node. */
export const UNINITIALIZED_TAINT: NodeTaint = { key: 'node.cluster.x-k8s.io/uninitialized', effect: 'NoSchedule' };

/** What discovery by token needs and the user did not say. */
export interface TokenDiscovery {
  readonly token: string;
  readonly apiServerEndpoint: string;
  readonly caCertHashes: readonly string[];
}

export type DiscoveryNeed = 'token' | 'kubeconfig' | 'nothing';

/** Which kind of discovery is to be completed: a file given by the user is respected, without a kubeconfig for it nothing is missing. */
export function discoveryNeed(discovery: Discovery | undefined): DiscoveryNeed {
  if (discovery?.file === undefined) return 'token';
  return discovery.file.kubeConfig === undefined ? 'nothing' : 'kubeconfig';
}

/** Discovery by token; what the user gave wins over `defaults`. Source: capi reconcileDiscovery. */
export function withTokenDiscovery(discovery: Discovery | undefined, defaults: TokenDiscovery): Discovery {
  const given = discovery?.bootstrapToken;
  const caCertHashes = given?.caCertHashes?.length ? given.caCertHashes : [...defaults.caCertHashes];
  return {
    ...discovery,
    bootstrapToken: {
      ...given,
      token: given?.token || defaults.token,
      apiServerEndpoint: given?.apiServerEndpoint || defaults.apiServerEndpoint,
      ...(caCertHashes.length > 0 ? { caCertHashes } : { unsafeSkipCAVerification: true }),
    },
  };
}

/** The kubeconfig file of discovery by file, with the cluster's endpoint and CA where the user gave none. */
export function discoveryKubeconfig(
  file: NonNullable<Discovery['file']>,
  defaults: { readonly server: string; readonly certificateAuthority: string },
): BootstrapFile | undefined {
  if (file.kubeConfig === undefined) return undefined;
  const { cluster = {}, user } = file.kubeConfig;
  const content = toYaml(
    {
      apiVersion: 'v1',
      kind: 'Config',
      preferences: {},
      'current-context': 'default',
      contexts: [{ name: 'default', context: { cluster: 'default', user: 'default' } }],
      clusters: [
        {
          name: 'default',
          cluster: compact({
            server: cluster.server || defaults.server,
            'tls-server-name': cluster.tlsServerName,
            ...trustOf(cluster, defaults.certificateAuthority),
            'proxy-url': cluster.proxyURL,
          }),
        },
      ],
      users: [{ name: 'default', user: userOf(user) }],
    },
    { sortKeys: true },
  );
  return { path: file.kubeConfigPath, owner: 'root:root', permissions: '0640', content };
}

/** A CA beside the insecure flag is an error for every client: the flag wins. */
function trustOf(
  cluster: { certificateAuthorityData?: string; insecureSkipTLSVerify?: boolean },
  authority: string,
): Record<string, unknown> {
  if (cluster.insecureSkipTLSVerify) return { 'insecure-skip-tls-verify': true };
  return {
    'certificate-authority-data': cluster.certificateAuthorityData || Buffer.from(authority).toString('base64'),
  };
}

type KubeConfigUser = NonNullable<NonNullable<Discovery['file']>['kubeConfig']>['user'];

function userOf(user: KubeConfigUser): Record<string, unknown> {
  const { authProvider, exec } = user;
  return compact({
    'auth-provider': authProvider && { name: authProvider.name, ...compact({ config: authProvider.config }) },
    exec: exec && {
      apiVersion: exec.apiVersion || 'client.authentication.k8s.io/v1',
      command: exec.command,
      args: exec.args ?? null,
      env: exec.env?.map((e) => ({ name: e.name, value: e.value })) ?? null,
      interactiveMode: 'Never',
      provideClusterInfo: exec.provideClusterInfo ?? false,
    },
  });
}

/** A worker's JoinConfiguration with the taint that keeps pods away until the first sync. The stored object is not changed. */
export function workerJoin(join: JoinConfiguration): JoinConfiguration {
  const taints = join.nodeRegistration?.taints ?? [];
  const has = taints.some((t) => t.key === UNINITIALIZED_TAINT.key && t.effect === UNINITIALIZED_TAINT.effect);
  return has
    ? join
    : { ...join, nodeRegistration: { ...join.nodeRegistration, taints: [...taints, UNINITIALIZED_TAINT] } };
}

/** A control plane machine's JoinConfiguration: `controlPlane` is always there. */
export function controlPlaneJoin(join: JoinConfiguration): JoinConfiguration {
  return { ...join, controlPlane: join.controlPlane ?? {} };
}
