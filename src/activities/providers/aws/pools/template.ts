import { createHash } from 'node:crypto';
import type { LaunchTemplateVersion, RequestLaunchTemplateData } from '@aws-sdk/client-ec2';
import type { AWSLaunchTemplate, AWSTags } from '../../../../api/types/aws.js';
import type { ChosenImage } from '../ami.js';
import { launchRequest } from '../launch.js';

export interface TemplateInput {
  /** For messages. */
  readonly what: string;
  readonly spec: AWSLaunchTemplate;
  readonly image: ChosenImage;
  readonly groups: readonly string[];
  /** Base64. Secret. */
  readonly userData: string;
  readonly tags: AWSTags;
  readonly clusterSshKey: string | undefined;
}

/** Place, number and token of a launch: the group's business. */
const NOT_IN_TEMPLATE = ['ClientToken', 'MinCount', 'MaxCount', 'NetworkInterfaces'];

/** What a version of the launch template is to hold: the launch of a machine without its place and its token. Pure. */
export function templateData(input: TemplateInput): RequestLaunchTemplateData {
  const { name: _name, versionNumber: _version, enclaveOptions, instanceType = '', ...spec } = input.spec;
  const request = launchRequest({ ...input, spec: { ...spec, instanceType }, subnetId: '', token: '' });
  const data = Object.entries(request).filter(
    ([field, value]) => !NOT_IN_TEMPLATE.includes(field) && !(field === 'InstanceType' && value === ''),
  );
  return {
    ...Object.fromEntries(data),
    SecurityGroupIds: [...input.groups],
    ...(enclaveOptions?.enabled === undefined ? {} : { EnclaveOptions: { Enabled: enclaveOptions.enabled } }),
  };
}

/** What a version was made from: `spec` decides whether instances are outdated, `data` changes without that. */
export interface Digests {
  readonly spec: string;
  readonly data: string;
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 20);

/**
 * Digests of what a version is to hold; the order of members does not count. Bootstrap data by another name is for all instances, as upstream has it, other
 * data by the same name only for new ones.
 */
export function digestsOf({ UserData = '', ...rest }: RequestLaunchTemplateData, dataSecretName: string): Digests {
  return { spec: digest(`${dataSecretName} ${canonical(rest)}`), data: digest(UserData) };
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** A version is described by what it was made from, so that nobody has to remember it: `perdure <spec> <data>`. */
export const descriptionOf = ({ spec, data }: Digests): string => `perdure ${spec} ${data}`;

/** What a version says of itself; undefined for one that somebody else made. */
export function readDescription(text: string | undefined): Digests | undefined {
  const [, spec, data] = /^perdure ([0-9a-f]{20}) ([0-9a-f]{20})$/.exec(text ?? '') ?? [];
  return spec && data ? { spec, data } : undefined;
}

/** Versions, oldest first. */
export type Versions = readonly LaunchTemplateVersion[];

const specOf = (version: LaunchTemplateVersion): string | undefined =>
  readDescription(version.VersionDescription)?.spec;

/** Whether a new version is needed, and why: the template, or only its user data. Pure. */
export function versionNeeded(versions: Versions, wanted: Digests): 'template' | 'user data' | undefined {
  const latest = readDescription(versions.at(-1)?.VersionDescription);
  if (latest?.spec !== wanted.spec) return 'template';
  return latest.data === wanted.data ? undefined : 'user data';
}

/** The first of the newest versions that hold the same template: since it was made, it is what instances should be made from. */
export function currentRun(versions: Versions, spec: string): LaunchTemplateVersion | undefined {
  let first: LaunchTemplateVersion | undefined;
  for (const version of [...versions].reverse()) {
    if (specOf(version) !== spec) break;
    first = version;
  }
  return first;
}

/** Whether an instance of that version of the template is not what instances should be. An unknown version is. Pure. */
export function isOutdated(versions: Versions, spec: string, version: string | undefined): boolean {
  const made = versions.find((v) => String(v.VersionNumber) === version);
  return made === undefined || specOf(made) !== spec;
}

/** How many versions are kept besides those in use. */
const KEPT = 2;

/**
 * Numbers of versions that nobody needs: neither in use, nor among the newest, nor the first of the current ones or the one before it, which tell since when
 * the template is that of today. Pure.
 */
export function prunable(versions: Versions, used: ReadonlySet<string>, spec: string): string[] {
  const first = currentRun(versions, spec)?.VersionNumber;
  const at = versions.findIndex((v) => v.VersionNumber === first);
  const boundary = [first, versions[at - 1]?.VersionNumber];
  return versions
    .slice(0, -KEPT)
    .filter((v) => !v.DefaultVersion && !boundary.includes(v.VersionNumber) && !used.has(String(v.VersionNumber)))
    .map((v) => String(v.VersionNumber));
}
