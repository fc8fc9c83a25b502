import semver from 'semver';
import type { ClusterConfiguration, KubeadmControlPlaneSpec } from '../types/index.js';
import { type FieldError, forbidden, invalid, required } from './field-errors.js';
import { isDefined } from './object-fields.js';

const DEFAULT_CA_VALIDITY_DAYS = 3650;
const IMAGE_TAG = /^[-a-zA-Z0-9_.]*$/;

type Rollout = KubeadmControlPlaneSpec['rollout'];

/** A local etcd needs an odd number of members to keep a majority. */
export function checkReplicas(replicas: number | undefined, externalEtcd: boolean, path: string): FieldError[] {
  if (replicas === undefined) return [required(path, 'say how many machines, e.g. 3')];
  if (replicas <= 0) return [forbidden(path, `cannot be ${replicas}: a control plane has at least one machine`)];
  if (externalEtcd || replicas % 2 === 1) return [];
  return [
    forbidden(
      path,
      `cannot be an even number (${replicas}) when etcd is stacked: use ${replicas - 1} or ${replicas + 1}`,
    ),
  ];
}

/** True when the config names an etcd outside the cluster. */
export function hasExternalEtcd(configuration: ClusterConfiguration | undefined): boolean {
  return isDefined(configuration?.etcd?.external);
}

function surgeOf(value: number | string): number {
  return typeof value === 'number' ? value : /^\d+$/.test(value) ? Number(value) : Number.NaN;
}

/** Strategy and certificate periods; `replicas` is undefined in a template. */
export function checkRollout(
  rollout: Rollout,
  configuration: ClusterConfiguration | undefined,
  replicas: number | undefined,
  path: string,
): FieldError[] {
  const strategy = rollout?.strategy;
  const errors: FieldError[] = [];
  if (isDefined(strategy) && strategy.type !== 'RollingUpdate') {
    errors.push(required(`${path}.rollout.strategy.type`, 'only RollingUpdate is supported'));
  }
  const at = `${path}.rollout.strategy.rollingUpdate`;
  const maxSurge = strategy?.rollingUpdate?.maxSurge;
  const surge = maxSurge === undefined ? 1 : surgeOf(maxSurge);
  if (surge !== 0 && surge !== 1) errors.push(invalid(`${at}.maxSurge`, maxSurge, 'must be 1 or 0'));
  if (surge === 0 && replicas !== undefined && replicas < 3) {
    errors.push(
      invalid(`${at}.maxSurge`, maxSurge, `can only be 0 with at least 3 replicas, there are ${replicas}: use 1`),
    );
  }
  return [...errors, ...checkCertificatePeriods(rollout, configuration, path)];
}

function checkCertificatePeriods(
  rollout: Rollout,
  configuration: ClusterConfiguration | undefined,
  path: string,
): FieldError[] {
  const days = configuration?.certificateValidityPeriodDays;
  if (!days) return [];
  const errors: FieldError[] = [];
  const authority = configuration?.caCertificateValidityPeriodDays || DEFAULT_CA_VALIDITY_DAYS;
  if (days > authority) {
    const at = `${path}.kubeadmConfigSpec.clusterConfiguration.certificateValidityPeriodDays`;
    errors.push(invalid(at, days, `must not be longer than caCertificateValidityPeriodDays (${authority})`));
  }
  const before = rollout?.before?.certificatesExpiryDays;
  if (before && before >= days) {
    const at = `${path}.rollout.before.certificatesExpiryDays`;
    errors.push(
      invalid(
        at,
        before,
        `must be less than certificateValidityPeriodDays (${days}), or machines would be replaced for ever`,
      ),
    );
  }
  return errors;
}

/** A CoreDNS tag as a version, tolerant: `v1.12.0_patched` reads as 1.12.0. */
export function parseImageTag(tag: string): semver.SemVer | undefined {
  const match = /^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:[-_+].*)?$/.exec(tag.trim());
  if (!match) return undefined;
  return semver.parse([match[1], match[2] ?? '0', match[3] ?? '0'].map(Number).join('.')) ?? undefined;
}

/** Image tags and the choice of etcd; `old` adds that the choice stays. */
export function checkClusterConfiguration(
  configuration: ClusterConfiguration | undefined,
  old: ClusterConfiguration | undefined,
  update: boolean,
  path: string,
): FieldError[] {
  const errors: FieldError[] = [];
  const dnsTag = configuration?.dns?.imageTag;
  if (dnsTag !== undefined && !IMAGE_TAG.test(dnsTag)) {
    errors.push(invalid(`${path}.dns.imageTag`, dnsTag, 'is not an image tag'));
  } else if (dnsTag && !parseImageTag(dnsTag)) {
    errors.push(invalid(`${path}.dns.imageTag`, dnsTag, 'must begin with a CoreDNS version, e.g. v1.12.0'));
  }
  const etcdTag = configuration?.etcd?.local?.imageTag;
  if (etcdTag !== undefined && !IMAGE_TAG.test(etcdTag)) {
    errors.push(invalid(`${path}.etcd.local.imageTag`, etcdTag, 'is not an image tag'));
  }
  if (isDefined(configuration?.etcd?.local) && hasExternalEtcd(configuration)) {
    errors.push(forbidden(`${path}.etcd.local`, 'local and external etcd exclude each other: remove one of them'));
  }
  if (update && hasExternalEtcd(configuration) !== hasExternalEtcd(old)) {
    errors.push(
      forbidden(`${path}.etcd.external`, 'cannot change between external and local etcd: make another cluster'),
    );
  }
  return errors;
}
