import type { ClusterConfiguration } from '../../api/types/index.js';
import { PerdureError } from '../errors.js';
import { migrateCorefile } from './corefile-migration.js';
import { imageText, parseImage } from './image.js';

/** CoreDNS as it stands in a workload cluster. */
export interface CoreDnsView {
  readonly image: string;
  readonly corefile: string;
  /** The configuration before a migration that was begun; what CoreDNS reads while one is under way. */
  readonly backup?: string;
}

/** What an update brings. */
export interface CoreDnsPlan {
  readonly image: string;
  /** For the new image, and for the one that runs. */
  readonly corefile: string;
  readonly previous: string;
}

const FIELD = 'spec.kubeadmConfigSpec.clusterConfiguration.dns';
const REGISTRIES: ReadonlySet<string> = new Set(['registry.k8s.io', 'k8s.gcr.io']);

/**
 * The change that brings CoreDNS to the image its control plane names; undefined when there is none. Nobody but the user changes its version: without
 * `dns.imageTag` the one that kubeadm installed stays. `underWay` says that CoreDNS reads the backup: an earlier update was cut short. Throws
 * `InvalidConfiguration` for versions and Corefiles that cannot be migrated. Source: capi getCoreDNSInfo, UpdateCoreDNS.
 */
export function planCoreDns(
  object: string,
  configuration: ClusterConfiguration | undefined,
  seen: CoreDnsView,
  underWay: boolean,
): CoreDnsPlan | undefined {
  const dns = configuration?.dns;
  const repository = (dns?.imageRepository || configuration?.imageRepository)?.replace(/\/+$/, '');
  if (!repository && !dns?.imageTag) return undefined;
  const current = parseImage(`${object}: deployment kube-system/coredns of the workload cluster`, seen.image);
  const from = versionOf(object, 'the image of deployment kube-system/coredns', current.tag);
  const tag = dns?.imageTag || current.tag;
  const to = versionOf(object, `${FIELD}.imageTag`, tag);
  const name = REGISTRIES.has(repository ?? '') && current.name === 'coredns' && isAtLeast(to, 1, 8) ? 'coredns/' : '';
  const image = imageText({
    repository: repository ?? current.repository,
    name: `${name}${current.name}`,
    tag,
    digest: repository || dns?.imageTag ? '' : current.digest,
  });
  if (image === seen.image) return undefined;
  const previous = underWay ? (seen.backup ?? seen.corefile) : seen.corefile;
  return { image, previous, corefile: migrateCorefile(object, from, to, previous) };
}

/** `1.12.1` of a tag like `v1.12.1_patch.2`. */
function versionOf(object: string, what: string, tag: string): string {
  const parts = /^v?(\d+)\.(\d+)(?:\.(\d+))?(?:[-+_.].*)?$/.exec(tag);
  if (parts) return `${parts[1]}.${parts[2]}.${parts[3] ?? '0'}`;
  throw new PerdureError(
    'InvalidConfiguration',
    `${object}: ${what} has tag "${tag}", which names no version of CoreDNS; use one like v1.12.1, or keep CoreDNS yourself with annotation controlplane.cluster.x-k8s.io/skip-coredns`,
    { details: { field: FIELD, value: tag } },
  );
}

function isAtLeast(version: string, major: number, minor: number): boolean {
  const [a = 0, b = 0] = version.split('.').map(Number);
  return a > major || (a === major && b >= minor);
}
