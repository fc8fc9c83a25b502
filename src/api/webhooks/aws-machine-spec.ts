import { isIP } from 'node:net';
import { subdomainProblem } from '../../domain/selectors.js';
import type { AWSMachineSpec, AWSVolume, CloudInitSpec, IgnitionSpec } from '../types/aws.js';
import { checkReference } from './aws-fields.js';
import { parseCidr } from './cidr.js';
import type { AdmissionContext } from './context.js';
import { type FieldError, forbidden, invalid, required } from './field-errors.js';
import { withoutEmpties } from './json.js';

/** Fields whose emptiness says something: an empty block asks for spot, Ignition or a host; an empty key name asks for no key. */
const MEANINGFUL = new Set(['spotMarketOptions', 'ignition', 'dynamicHostAllocation', 'sshKeyName']);

/** The spec as an immutability check should see it. */
export function comparableMachineSpec(spec: AWSMachineSpec): Record<string, unknown> {
  const out = withoutEmpties(spec, MEANINGFUL) as Record<string, unknown>;
  // Upstream's clients write the zero of this switch where others write nothing.
  const cloudInit = out['cloudInit'] as CloudInitSpec | undefined;
  if (cloudInit?.insecureSkipSecretsManager === false) delete cloudInit.insecureSkipSecretsManager;
  return withoutEmpties(out, MEANINGFUL) as Record<string, unknown>;
}

/** Secret names are the controller's, and senseless when no secret is made. */
export function checkCloudInit(spec: AWSMachineSpec, path: string): FieldError[] {
  const cloudInit = spec.cloudInit ?? {};
  const errors: FieldError[] = [];
  if (cloudInit.insecureSkipSecretsManager) {
    for (const field of ['secretPrefix', 'secretCount', 'secureSecretsBackend'] as const) {
      if (cloudInit[field])
        errors.push(forbidden(`${path}.cloudInit.${field}`, 'cannot be set when insecureSkipSecretsManager is true'));
    }
  }
  if (Boolean(cloudInit.secretPrefix) !== Boolean(cloudInit.secretCount)) {
    errors.push(
      forbidden(`${path}.cloudInit.secretCount`, 'secretCount and secretPrefix go together: set both or neither'),
    );
  }
  return errors;
}

/** Gate, exclusion of cloud-init, versions, proxies and authorities. Source: capa webhooks/awsmachine_webhook.go. */
export function checkIgnition(
  spec: Pick<AWSMachineSpec, 'ignition' | 'cloudInit'>,
  path: string,
  ctx: AdmissionContext,
): FieldError[] {
  const { ignition, cloudInit } = spec;
  if (!ignition) return [];
  const errors: FieldError[] = [];
  if (!ctx.gates.BootstrapFormatIgnition) {
    const message = 'can only be set with feature gate BootstrapFormatIgnition: turn it on or use cloud-init';
    errors.push(forbidden(`${path}.ignition`, message));
  }
  if (Object.values(cloudInit ?? {}).some(Boolean)) {
    errors.push(forbidden(`${path}.cloudInit`, 'cannot be set together with ignition: remove one of them'));
  }
  if (ignition.version === '2.3' || ignition.version === '3.0') {
    const message = 'needs ignition.version 3.1 or later';
    if (ignition.proxy) errors.push(forbidden(`${path}.ignition.proxy`, message));
    if (ignition.tls) errors.push(forbidden(`${path}.ignition.tls`, message));
  }
  return [
    ...errors,
    ...checkProxy(ignition, `${path}.ignition.proxy`),
    ...checkAuthorities(ignition, `${path}.ignition.tls`),
  ];
}

function checkProxy(ignition: IgnitionSpec, path: string): FieldError[] {
  const { httpProxy, httpsProxy, noProxy } = ignition.proxy ?? {};
  const errors: FieldError[] = [];
  for (const [field, value] of Object.entries({ httpProxy, httpsProxy })) {
    if (value !== undefined && !URL.canParse(value))
      errors.push(invalid(`${path}.${field}`, undefined, 'is not a URL'));
  }
  (noProxy ?? []).forEach((entry, i) => {
    if (!isNoProxy(entry)) {
      errors.push(
        invalid(`${path}.noProxy[${i}]`, entry, 'must be *, an address, a CIDR block, host:port or a domain name'),
      );
    }
  });
  return errors;
}

function isNoProxy(entry: string): boolean {
  if (entry === '*' || isIP(entry) !== 0 || parseCidr(entry)) return true;
  if (/^(\[[^\]]*\]|[^:[\]]*):[^:]*$/.test(entry)) return true;
  const domain = entry.startsWith('.') ? entry.slice(1) : entry;
  return subdomainProblem(domain) === undefined;
}

const AUTHORITY_SCHEMES = ['http:', 'https:', 'tftp:', 's3:', 'arn:', 'gs:'];
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function checkAuthorities(ignition: IgnitionSpec, path: string): FieldError[] {
  return (ignition.tls?.certificateAuthorities ?? []).flatMap((source, i) => {
    const at = `${path}.certificateAuthorities[${i}]`;
    if (source.startsWith('data:')) {
      const comma = source.indexOf(',');
      if (comma < 0) return [invalid(at, undefined, 'is not a data URL: it has no comma before the data')];
      return BASE64.test(source.slice(comma + 1)) ? [] : [invalid(at, undefined, 'a data URL must hold base64')];
    }
    const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(source)?.[0].toLowerCase();
    if (scheme !== undefined && AUTHORITY_SCHEMES.includes(scheme)) return [];
    return [invalid(at, undefined, 'must be a URL with scheme http, https, tftp, s3, arn, gs or data')];
  });
}

/** Sizes and speeds that EBS takes. */
export function checkVolumes(spec: Pick<AWSMachineSpec, 'rootVolume' | 'nonRootVolumes'>, path: string): FieldError[] {
  return [
    ...(spec.rootVolume ? checkVolume(spec.rootVolume, `${path}.rootVolume`) : []),
    ...(spec.nonRootVolumes ?? []).flatMap((volume, i) => {
      const at = `${path}.nonRootVolumes[${i}]`;
      const named = volume.deviceName
        ? []
        : [required(`${at}.deviceName`, 'a volume that is not the root needs a device name, e.g. /dev/sdb')];
      return [...checkVolume(volume, at), ...named];
    }),
  ];
}

function checkVolume(volume: AWSVolume, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if ((volume.type === 'io1' || volume.type === 'io2') && !volume.iops) {
    errors.push(required(`${path}.iops`, `volumes of type ${volume.type} need iops`));
  }
  if (volume.throughput === undefined) return errors;
  if (volume.type !== 'gp3')
    errors.push(invalid(`${path}.throughput`, volume.throughput, 'is only for type gp3: remove it or change the type'));
  if (volume.throughput < 125 || volume.throughput > 2000) {
    errors.push(invalid(`${path}.throughput`, volume.throughput, 'must be between 125 and 2000 MiB/s'));
  }
  return errors;
}

export function checkReferences(spec: Pick<AWSMachineSpec, 'additionalSecurityGroups'>, path: string): FieldError[] {
  return (spec.additionalSecurityGroups ?? []).flatMap((group, i) =>
    checkReference(group, `${path}.additionalSecurityGroups[${i}]`),
  );
}

/** Spot, capacity blocks and reservations exclude each other in part. */
export function checkMarket(
  spec: Pick<
    AWSMachineSpec,
    'marketType' | 'spotMarketOptions' | 'capacityReservationId' | 'capacityReservationPreference'
  >,
  path: string,
): FieldError[] {
  const { marketType, spotMarketOptions, capacityReservationId, capacityReservationPreference: preference } = spec;
  const errors: FieldError[] = [];
  if (spotMarketOptions && (marketType === 'CapacityBlock' || marketType === 'OnDemand')) {
    errors.push(
      forbidden(`${path}.marketType`, `${marketType} and spotMarketOptions exclude each other: remove one of them`),
    );
  }
  if (marketType === 'CapacityBlock' && capacityReservationId === undefined) {
    errors.push(
      required(`${path}.capacityReservationId`, 'marketType CapacityBlock needs the reservation that was bought'),
    );
  }
  const at = `${path}.capacityReservationPreference`;
  if (capacityReservationId !== undefined && preference && preference !== 'CapacityReservationsOnly') {
    errors.push(forbidden(at, 'with capacityReservationId it can only be CapacityReservationsOnly or empty'));
  }
  if (preference === 'CapacityReservationsOnly' && (marketType === 'Spot' || spotMarketOptions)) {
    errors.push(forbidden(at, 'CapacityReservationsOnly excludes spot instances: remove one of them'));
  }
  return errors;
}

/** Placement: a partition needs its group. */
export function checkPlacement(spec: AWSMachineSpec, path: string): FieldError[] {
  if (spec.placementGroupPartition === undefined || spec.placementGroupName) return [];
  return [required(`${path}.placementGroupName`, 'placementGroupPartition needs the placement group it is in')];
}

/** Dedicated hosts. `old`: a machine that upstream's 2.10.0 defaulted to host affinity without a host stays editable (#5971). */
export function checkHost(spec: AWSMachineSpec, path: string, old?: AWSMachineSpec): FieldError[] {
  const errors: FieldError[] = [];
  const byId = Boolean(spec.hostID);
  const dynamic = spec.dynamicHostAllocation !== undefined;
  if (byId && dynamic) {
    const message = 'hostID and dynamicHostAllocation exclude each other: remove one of them';
    errors.push(forbidden(`${path}.hostID`, message), forbidden(`${path}.dynamicHostAllocation`, message));
  }
  const needsHost = 'needs tenancy host';
  if (byId && spec.tenancy !== 'host') errors.push(forbidden(`${path}.hostID`, needsHost));
  if (strandedAffinity(spec) && !(old && strandedAffinity(old)))
    errors.push(forbidden(`${path}.hostAffinity`, `host ${needsHost}`));
  if (dynamic && spec.tenancy !== 'host') errors.push(forbidden(`${path}.dynamicHostAllocation`, needsHost));
  if (dynamic && spec.hostAffinity !== 'host') {
    errors.push(
      forbidden(
        `${path}.dynamicHostAllocation`,
        'needs hostAffinity host, so that the host is not left empty after a stop',
      ),
    );
  }
  return errors;
}

function strandedAffinity(spec: AWSMachineSpec): boolean {
  return spec.hostAffinity === 'host' && spec.tenancy !== 'host';
}
