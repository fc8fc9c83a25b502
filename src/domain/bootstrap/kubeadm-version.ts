import { PerdureError } from '../errors.js';

/** Versions of kubeadm's configuration API that are written. */
export type KubeadmApi = 'v1beta3' | 'v1beta4';

export interface KubernetesVersion {
  readonly major: number;
  readonly minor: number;
}

const OLDEST_MINOR = 22;
const V1BETA4_MINOR = 31;

/** Major and minor of a version like `v1.34.0`; `object` and `field` name it in the `InvalidConfiguration` thrown for anything else. */
export function parseKubernetesVersion(object: string, field: string, version: string | undefined): KubernetesVersion {
  const parts = /^v?(\d+)\.(\d+)(?:\.\d+)?(?:[-+].*)?$/.exec(version ?? '');
  if (!parts) {
    throw new PerdureError(
      'InvalidConfiguration',
      `${object}: ${field} "${version ?? ''}" is not a Kubernetes version; set one like v1.34.0`,
      { details: { field, value: version ?? '' } },
    );
  }
  return { major: Number(parts[1]), minor: Number(parts[2]) };
}

/**
 * kubeadm API version for the kubeadm of that Kubernetes version, pre-releases counted as the release. Source: capi
 * bootstrap/kubeadm/pkg/types/utils.go.
 */
export function kubeadmApiFor(object: string, field: string, version: string | undefined): KubeadmApi {
  const { major, minor } = parseKubernetesVersion(object, field, version);
  if (major < 1 || (major === 1 && minor < OLDEST_MINOR)) {
    throw new PerdureError(
      'InvalidConfiguration',
      `${object}: ${field} ${version} is older than v1.${OLDEST_MINOR}.0, the oldest that can be bootstrapped; use a newer version`,
      { details: { field, value: version ?? '' } },
    );
  }
  return major > 1 || minor >= V1BETA4_MINOR ? 'v1beta4' : 'v1beta3';
}

/** Go's text of a duration: `30s`, `4m0s`, `8760h0m0s`. */
export function goDuration(seconds: number): string {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  if (hours > 0) return `${hours}h${minutes}m${seconds % 60}s`;
  return minutes > 0 ? `${minutes}m${seconds % 60}s` : `${seconds}s`;
}

/** `host:port`, with brackets around an IPv6 address. */
export function hostPort(endpoint: { readonly host: string; readonly port: number }): string {
  return endpoint.host.includes(':') ? `[${endpoint.host}]:${endpoint.port}` : `${endpoint.host}:${endpoint.port}`;
}
