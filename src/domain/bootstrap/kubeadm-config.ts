import type { ClusterConfiguration, InitConfiguration, JoinConfiguration } from '../../api/types/index.js';
import {
  argsOf,
  compact,
  componentOf,
  durationOf,
  nodeRegistrationOf,
  type Plain,
  patchesOf,
  timeoutsOf,
} from './kubeadm-parts.js';
import { goDuration, type KubeadmApi } from './kubeadm-version.js';
import { toYaml } from './yaml.js';

/** What kubeadm's ClusterConfiguration has and Cluster API keeps in other objects. */
export interface ClusterData {
  readonly clusterName: string;
  readonly kubernetesVersion?: string | undefined;
  readonly dnsDomain?: string | undefined;
  readonly serviceSubnet?: string | undefined;
  readonly podSubnet?: string | undefined;
  /** v1beta3 has this timeout in ClusterConfiguration; it comes from initConfiguration.timeouts. */
  readonly controlPlaneComponentHealthCheckSeconds?: number | undefined;
}

const SECONDS_PER_DAY = 86_400;

function header(api: KubeadmApi, kind: string): Plain {
  return { apiVersion: `kubeadm.k8s.io/${api}`, kind };
}

/**
 * kubeadm's ClusterConfiguration. Blocks that upstream writes as `{}` are written, so that the decoded text is the same as upstream's.
 * Source: capi bootstrap/kubeadm/pkg/types/upstreamv1beta{3,4}/conversion.go.
 */
export function clusterConfigurationFor(
  api: KubeadmApi,
  configuration: ClusterConfiguration = {},
  data: ClusterData = { clusterName: '' },
): Plain {
  const c = configuration;
  const days = (count: number | undefined): string | undefined =>
    count === undefined ? undefined : goDuration(count * SECONDS_PER_DAY);
  return {
    ...header(api, 'ClusterConfiguration'),
    apiServer: compact({
      ...componentOf(api, c.apiServer),
      certSANs: c.apiServer?.certSANs,
      timeoutForControlPlane: api === 'v1beta3' ? durationOf(data.controlPlaneComponentHealthCheckSeconds) : undefined,
    }),
    controllerManager: componentOf(api, c.controllerManager),
    scheduler: componentOf(api, c.scheduler),
    etcd: etcdOf(api, c.etcd),
    dns: compact({ imageRepository: c.dns?.imageRepository, imageTag: c.dns?.imageTag }),
    networking: compact({ dnsDomain: data.dnsDomain, serviceSubnet: data.serviceSubnet, podSubnet: data.podSubnet }),
    ...compact({
      clusterName: data.clusterName,
      kubernetesVersion: data.kubernetesVersion,
      controlPlaneEndpoint: c.controlPlaneEndpoint,
      certificatesDir: c.certificatesDir,
      imageRepository: c.imageRepository,
      featureGates: Object.keys(c.featureGates ?? {}).length > 0 ? c.featureGates : undefined,
    }),
    ...(api === 'v1beta3'
      ? {}
      : {
          proxy: {},
          ...compact({
            encryptionAlgorithm: c.encryptionAlgorithm,
            certificateValidityPeriod: days(c.certificateValidityPeriodDays),
            caCertificateValidityPeriod: days(c.caCertificateValidityPeriodDays),
          }),
        }),
  };
}

function etcdOf(api: KubeadmApi, etcd: ClusterConfiguration['etcd']): Plain {
  const { local, external } = etcd ?? {};
  return compact({
    local: local && {
      ...compact({
        imageRepository: local.imageRepository,
        imageTag: local.imageTag,
        extraArgs: argsOf(api, local.extraArgs),
        extraEnvs: api === 'v1beta3' ? undefined : local.extraEnvs,
        serverCertSANs: local.serverCertSANs,
        peerCertSANs: local.peerCertSANs,
      }),
      dataDir: local.dataDir ?? '',
    },
    external: external && {
      endpoints: external.endpoints,
      caFile: external.caFile,
      certFile: external.certFile,
      keyFile: external.keyFile,
    },
  });
}

/** kubeadm's InitConfiguration. */
export function initConfigurationFor(api: KubeadmApi, configuration: InitConfiguration = {}): Plain {
  const c = configuration;
  return {
    ...header(api, 'InitConfiguration'),
    nodeRegistration: nodeRegistrationOf(api, c.nodeRegistration),
    localAPIEndpoint: compact({ ...c.localAPIEndpoint }),
    ...compact({
      bootstrapTokens: c.bootstrapTokens?.map((t) => ({
        token: t.token,
        ...compact({
          description: t.description,
          ttl: durationOf(t.ttlSeconds),
          expires: t.expires,
          usages: t.usages,
          groups: t.groups,
        }),
      })),
      skipPhases: c.skipPhases,
      patches: patchesOf(c.patches),
      timeouts: api === 'v1beta3' ? undefined : timeoutsOf(c.timeouts),
    }),
  };
}

/** kubeadm's JoinConfiguration. In v1beta3 only the TLS bootstrap timeout has a place. */
export function joinConfigurationFor(api: KubeadmApi, configuration: JoinConfiguration = {}): Plain {
  const c = configuration;
  const { bootstrapToken, file, tlsBootstrapToken } = c.discovery ?? {};
  return {
    ...header(api, 'JoinConfiguration'),
    nodeRegistration: nodeRegistrationOf(api, c.nodeRegistration),
    discovery: compact({
      bootstrapToken: bootstrapToken && {
        token: bootstrapToken.token ?? '',
        ...compact({
          apiServerEndpoint: bootstrapToken.apiServerEndpoint,
          caCertHashes: bootstrapToken.caCertHashes,
          unsafeSkipCAVerification: bootstrapToken.unsafeSkipCAVerification || undefined,
        }),
      },
      file: file && { kubeConfigPath: file.kubeConfigPath },
      tlsBootstrapToken,
      timeout: api === 'v1beta3' ? durationOf(c.timeouts?.tlsBootstrapSeconds) : undefined,
    }),
    ...compact({
      caCertPath: c.caCertPath,
      controlPlane: c.controlPlane && { localAPIEndpoint: compact({ ...c.controlPlane.localAPIEndpoint }) },
      skipPhases: c.skipPhases,
      patches: patchesOf(c.patches),
      timeouts: api === 'v1beta3' ? undefined : timeoutsOf(c.timeouts),
    }),
  };
}

/** The text of a configuration: keys sorted, as upstream writes it. */
export function kubeadmYaml(configuration: Plain): string {
  return toYaml(configuration, { sortKeys: true });
}
