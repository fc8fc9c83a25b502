import type { IgnitionSpec } from '../../api/types/aws.js';

const DEFAULT_VERSION = '2.3';

/** The version of Ignition's format, in full: `2.3` → `2.3.0`. */
function fullVersion({ version = DEFAULT_VERSION }: IgnitionSpec): string {
  return `${version}.0`;
}

/** Authorities are given as URLs, or as the certificate itself: that becomes a data URL. */
function authority(text: string): { source: string } {
  return { source: URL.canParse(text) ? text : `data:;base64,${Buffer.from(text).toString('base64')}` };
}

/**
 * The small Ignition config of a machine whose real one lies elsewhere, at an `s3://` or `https://` URL: Ignition fetches that and goes by it. Source: capa
 * controllers/awsmachine_controller.go (ignitionUserData).
 */
export function pointingConfig(source: string, spec: IgnitionSpec): string {
  const { proxy, tls } = spec;
  const version = fullVersion(spec);
  if (version.startsWith('2.')) {
    return JSON.stringify({ ignition: { version, config: { append: [{ source }] } } });
  }
  return JSON.stringify({
    ignition: {
      version,
      config: { merge: [{ source }] },
      ...(proxy ? { proxy: present(proxy) } : {}),
      ...(tls
        ? { security: { tls: { certificateAuthorities: (tls.certificateAuthorities ?? []).map(authority) } } }
        : {}),
    },
  });
}

function present<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as Partial<T>;
}

/** A statement of a bucket policy. */
interface Statement {
  readonly Sid: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Principal: { readonly AWS: string };
  readonly Action: string;
  readonly Resource: string;
  readonly Condition?: Readonly<Record<string, unknown>>;
}

export interface BucketPolicyInput {
  readonly partition: string;
  readonly account: string;
  readonly bucket: string;
  readonly controlPlaneProfile: string | undefined;
  readonly nodeProfiles: readonly string[];
}

/**
 * Who may read bootstrap data: control plane machines theirs, nodes theirs and that of pools, all over TLS. Profiles are named as their roles, as upstream
 * takes them to be. With presigned URLs nobody needs to. Source: capa pkg/cloud/services/s3 (bucketPolicy).
 */
export function bucketPolicy(input: BucketPolicyInput): {
  readonly Version: '2012-10-17';
  readonly Statement: readonly Statement[];
} {
  const { partition, account, bucket, controlPlaneProfile, nodeProfiles } = input;
  const objects = (prefix: string): string => `arn:${partition}:s3:::${bucket}/${prefix}*`;
  const read = (Sid: string, profile: string, prefix: string): Statement => ({
    Sid,
    Effect: 'Allow',
    Principal: { AWS: `arn:${partition}:iam::${account}:role/${profile}` },
    Action: 's3:GetObject',
    Resource: objects(prefix),
  });
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'ForceSSLOnlyAccess',
        Effect: 'Deny',
        Principal: { AWS: '*' },
        Action: 's3:*',
        Resource: objects(''),
        Condition: { Bool: { 'aws:SecureTransport': false } },
      },
      ...(controlPlaneProfile ? [read('control-plane', controlPlaneProfile, 'control-plane/')] : []),
      ...nodeProfiles.flatMap((profile) => [
        read(profile, profile, 'node/'),
        read(`${profile}-pools`, profile, 'machine-pool/'),
      ]),
    ],
  };
}

/** The partition of a region. Source: AWS general reference. */
export function partitionOf(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn';
  if (region.startsWith('us-gov-')) return 'aws-us-gov';
  if (region.startsWith('us-iso-')) return 'aws-iso';
  if (region.startsWith('us-isob-')) return 'aws-iso-b';
  return 'aws';
}
