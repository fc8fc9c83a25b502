import type { Image } from '@aws-sdk/client-ec2';
import semver from 'semver';
import type { AWSMachineSpec } from '../../../api/types/aws.js';
import { PerdureError } from '../../../domain/errors.js';
import { hasCode } from './errors.js';
import { type LaunchScope, requireCluster } from './machine-scope.js';
import { architectureOf } from './static-data.js';

const TTL_MS = 15 * 60_000;
/** Where the Cluster API project publishes its images. Source: capa pkg/cloud/services/ec2/ami.go. */
const DEFAULT_ORG = '819546954734';
const DEFAULT_FORMAT = 'capa-ami-{{.BaseOS}}-?{{.K8sVersion}}-*';
const DEFAULT_OS = 'ubuntu-24.04';
/** How many other versions a message names. */
const NAMED_VERSIONS = 6;

export interface ChosenImage {
  readonly id: string;
  readonly rootDeviceName: string | undefined;
  /** GiB. */
  readonly rootSize: number | undefined;
}

/** Name pattern of an image: Go template fields `BaseOS` and `K8sVersion` filled in. */
export function imageName(format: string, baseOS: string, version: string): string {
  return format
    .replaceAll(/\{\{\s*\.BaseOS\s*\}\}/g, baseOS)
    .replaceAll(/\{\{\s*\.K8sVersion\s*\}\}/g, version.replace(/^v/, ''));
}

/** The machine's image: by id, or the newest that matches the lookup fields of machine, cluster, or the defaults. */
export async function chooseImage(scope: LaunchScope): Promise<ChosenImage> {
  const { spec } = scope.object;
  const id = spec.ami?.id || (spec.ami?.eksLookupType && (await eksImage(scope, spec.ami.eksLookupType)));
  const image = id ? await byId(scope, id) : await byLookup(scope);
  const root = image.BlockDeviceMappings?.find((device) => device.DeviceName === image.RootDeviceName);
  return { id: image.ImageId ?? '', rootDeviceName: image.RootDeviceName, rootSize: root?.Ebs?.VolumeSize };
}

type EksLookup = NonNullable<NonNullable<AWSMachineSpec['ami']>['eksLookupType']>;

/** Where AWS publishes the images it optimises for EKS. Source: capa pkg/cloud/services/ec2/ami.go. */
const EKS_PARAMETER: Readonly<Record<EksLookup, (architecture: 'x86_64' | 'arm64') => string>> = {
  AmazonLinux: (architecture) => (architecture === 'arm64' ? 'amazon-linux-2-arm64' : 'amazon-linux-2'),
  AmazonLinuxGPU: () => 'amazon-linux-2-gpu',
  AmazonLinux2023: (architecture) => `amazon-linux-2023/${architecture}/standard`,
  AmazonLinux2023GPU: (architecture) => `amazon-linux-2023/${architecture}/nvidia`,
};

async function eksImage(scope: LaunchScope, lookup: EksLookup): Promise<string> {
  const { cloud, aws, what, ctx, object } = scope;
  const minor = /^v?(\d+\.\d+)/.exec(ctx.machine.spec.version ?? '')?.[1];
  const architecture = await architectureOf(cloud, aws, object.spec.instanceType);
  const wrong = (problem: string): PerdureError =>
    new PerdureError('InvalidConfiguration', `${what}: spec.ami.eksLookupType ${lookup}: ${problem}`, {
      details: { field: 'spec.ami.eksLookupType', value: lookup },
    });
  if (!minor || !architecture) throw wrong('set Machine.spec.version and an instance type of the region');
  const name = `/aws/service/eks/optimized-ami/${minor}/${EKS_PARAMETER[lookup](architecture)}/recommended/image_id`;
  return await cloud.cached(`parameter/${aws.account}/${name}`, TTL_MS, async () => {
    try {
      const { Parameter } = await aws.shared(AbortSignal.timeout(30_000)).ssm.getParameter({ Name: name });
      if (Parameter?.Value) return Parameter.Value;
    } catch (error) {
      if (!hasCode(error, 'ParameterNotFound')) throw error;
    }
    throw wrong(`AWS has no parameter ${name} in ${aws.region}; use another version or set spec.ami.id`);
  });
}

async function byId({ cloud, aws, what, object }: LaunchScope, id: string): Promise<Image> {
  // Without a root volume in the spec nothing about the image is needed.
  if (!object.spec.rootVolume) return { ImageId: id };
  const images = await cloud.cached(`image/${aws.account}/${id}`, TTL_MS, async () => {
    const { Images = [] } = await aws
      .shared(AbortSignal.timeout(30_000))
      .ec2.describeImages({ Filters: [{ Name: 'image-id', Values: [id] }] });
    return Images;
  });
  const image = images[0];
  if (image) return image;
  throw new PerdureError(
    'InvalidConfiguration',
    `${what}: image ${id} of spec.ami.id does not exist in ${aws.region}; correct it`,
    {
      details: { field: 'spec.ami.id', value: id },
    },
  );
}

async function byLookup(scope: LaunchScope): Promise<Image> {
  const { cloud, aws, ctx, what, object } = scope;
  const cluster = requireCluster(scope).object.spec;
  const { spec } = object;
  const version = ctx.machine.spec.version;
  if (!version) {
    throw new PerdureError(
      'InvalidConfiguration',
      `${what}: neither spec.ami.id nor Machine.spec.version is set; set one to choose an image`,
    );
  }
  const architecture = await architectureOf(cloud, aws, spec.instanceType);
  if (!architecture) {
    throw new PerdureError(
      'InvalidConfiguration',
      `${what}: spec.instanceType ${spec.instanceType} is not offered in ${aws.region}; choose another`,
      {
        details: { field: 'spec.instanceType', value: spec.instanceType },
      },
    );
  }
  const owner = spec.imageLookupOrg || cluster.imageLookupOrg || DEFAULT_ORG;
  const format = spec.imageLookupFormat || cluster.imageLookupFormat || DEFAULT_FORMAT;
  const name = imageName(format, spec.imageLookupBaseOS || cluster.imageLookupBaseOS || DEFAULT_OS, version);
  const images = await find(scope, { owner, name, architecture });
  const newest = [...images].sort((a, b) => (b.CreationDate ?? '').localeCompare(a.CreationDate ?? ''))[0];
  if (newest) return newest;
  const anyVersion = imageName(format, spec.imageLookupBaseOS || cluster.imageLookupBaseOS || DEFAULT_OS, '*');
  const others = anyVersion === name ? [] : versionsOf(await find(scope, { owner, name: anyVersion, architecture }));
  const hint = others.length > 0 ? `; of other Kubernetes versions there are images: ${others.join(', ')}` : '';
  throw new PerdureError(
    'InvalidConfiguration',
    `${what}: no image named ${name} of owner ${owner} for ${architecture} in ${aws.region}${hint}; set spec.ami.id, the imageLookup fields or another version`,
    { details: { field: 'spec.ami', name, owner } },
  );
}

/** The newest versions that names of images tell, newest first. */
function versionsOf(images: readonly Image[]): string[] {
  const versions = images.flatMap(({ Name = '' }) => Name.match(/\d+\.\d+\.\d+/g)?.at(-1) ?? []);
  return semver
    .rsort([...new Set(versions)])
    .slice(0, NAMED_VERSIONS)
    .map((version) => `v${version}`);
}

interface Lookup {
  readonly owner: string;
  readonly name: string;
  readonly architecture: string;
}

function find({ cloud, aws }: LaunchScope, { owner, name, architecture }: Lookup): Promise<Image[]> {
  return cloud.cached(`images/${aws.account}/${owner}/${name}/${architecture}`, TTL_MS, async () => {
    const filter = (Name: string, value: string) => ({ Name, Values: [value] });
    const { Images = [] } = await aws.shared(AbortSignal.timeout(30_000)).ec2.describeImages({
      Filters: [
        filter('owner-id', owner),
        filter('name', name),
        filter('architecture', architecture),
        filter('state', 'available'),
        filter('virtualization-type', 'hvm'),
      ],
    });
    return Images;
  });
}
