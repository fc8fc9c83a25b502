import type { KubeadmConfig } from '../../api/types/index.js';
import type { KubeObject } from '../../api/types/meta.js';
import { ANNOTATION } from '../names.js';

const DEFAULT_PORT = 6443;
const RFC3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/;

/**
 * When the certificates of a control plane machine expire, RFC 3339 in UTC: as its annotation says, else as its bootstrap config's does. What is no
 * time says nothing. Source: capi machine reconcileCertificateExpiry.
 */
export function certificatesExpiryOf(machine: KubeObject, config: KubeObject | undefined): string | undefined {
  const text =
    machine.metadata.annotations?.[ANNOTATION.certificatesExpiry] ??
    config?.metadata.annotations?.[ANNOTATION.certificatesExpiry];
  const time = RFC3339.test(text ?? '') ? new Date(text ?? '') : undefined;
  return time === undefined || Number.isNaN(time.getTime()) ? undefined : rfc3339(time);
}

/** RFC 3339 with seconds, as Kubernetes stores times. */
export function rfc3339(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, 'Z');
}

/** The port of a machine's API server. Source: capi calculateAPIServerPort. */
export function apiServerPort({ spec }: KubeadmConfig): number {
  return (
    spec?.initConfiguration?.localAPIEndpoint?.bindPort ||
    spec?.joinConfiguration?.controlPlane?.localAPIEndpoint?.bindPort ||
    DEFAULT_PORT
  );
}
