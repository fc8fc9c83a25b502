import { gzipSync } from 'node:zlib';
import type { RequestLaunchTemplateData } from '@aws-sdk/client-ec2';
import type { AWSResourceReference } from '../../../../api/types/aws.js';
import { notYet, PerdureError } from '../../../../domain/errors.js';
import { isSizedElsewhere } from '../../../../domain/status/machine-pool.js';
import { chooseImage } from '../ami.js';
import { poolKey } from '../objects.js';
import { chooseGroups } from '../placement.js';
import { requireVpcId, subnetIdOf, subnetsOf } from '../scope.js';
import { ignitionUserData, readBootstrapData, USER_DATA_LIMIT } from '../user-data.js';
import { type GroupWish, groupWish } from './group.js';
import { type PoolScope, poolTags } from './scope.js';
import { type Digests, digestsOf, templateData } from './template.js';

/** What a pool is to be in AWS. */
export interface PoolWish {
  /** Puts bootstrap data where instances will look for it, and tells what the launch template is to hold. Secret. */
  template(): Promise<RequestLaunchTemplateData>;
  readonly digests: Digests;
  /** The group, once the launch template has an id. */
  group(templateId: string): GroupWish;
}

/** Reads what the wish depends on: image, groups, subnets, bootstrap data. Throws `InvalidConfiguration` naming the field. */
export async function readWish(scope: PoolScope): Promise<PoolWish> {
  const { object, ctx, what, launch, cluster } = scope;
  const [image, groups, bootstrap, subnets] = await Promise.all([
    chooseImage(launch),
    chooseGroups(launch),
    readBootstrap(scope),
    chooseSubnets(scope),
  ]);
  const templateWith = (userData: string): RequestLaunchTemplateData =>
    templateData({
      what,
      spec: object.spec.awsLaunchTemplate,
      image,
      groups: groups.all,
      userData,
      tags: poolTags(scope),
      clusterSshKey: cluster.object.spec.sshKeyName,
    });
  const { replicas = 1 } = ctx.pool.spec;
  const external = isSizedElsewhere(ctx.pool);
  return {
    template: async () => templateWith(await userDataOf(scope, bootstrap)),
    // of the data itself: a URL to it may be another each time
    digests: digestsOf(
      templateWith(bootstrap.inline ?? bootstrap.data.toString('base64')),
      ctx.pool.spec.template.spec.bootstrap.dataSecretName ?? '',
    ),
    group: (templateId) => groupWish({ what, spec: object.spec, replicas, external, subnets, templateId }),
  };
}

interface Bootstrap {
  /** Secret. */
  readonly data: Buffer;
  /** Base64 of what goes into the template itself; absent where it goes into the cluster's bucket. Secret. */
  readonly inline?: string;
}

/**
 * The bootstrap data as upstream gives it to pools: in the launch template itself, cloud-init's packed only when it would not fit; or that of Ignition in the
 * cluster's bucket, where the spec says so.
 */
async function readBootstrap({ ctx, what, object }: PoolScope): Promise<Bootstrap> {
  const name = ctx.pool.spec.template.spec.bootstrap.dataSecretName;
  if (!name) throw notYet(`${what} waits for bootstrap data`);
  const { data, format } = await readBootstrapData(ctx, { namespace: ctx.pool.metadata.namespace ?? '', name }, what);
  const ignition = format === 'ignition';
  if (ignition && object.spec.ignition?.storageType === 'ClusterObjectStore') return { data };
  const fitting = data.length <= USER_DATA_LIMIT || ignition ? data : gzipSync(data);
  if (fitting.length <= USER_DATA_LIMIT) return { data, inline: fitting.toString('base64') };
  const remedy = ignition ? 'set spec.ignition.storageType to ClusterObjectStore' : 'shorten the bootstrap data';
  throw new PerdureError(
    'InvalidConfiguration',
    `${what}: user data has ${fitting.length} bytes${ignition ? '' : ' packed'}, EC2 takes at most ${USER_DATA_LIMIT}; ${remedy}`,
    { details: { bytes: fitting.length, limit: USER_DATA_LIMIT } },
  );
}

async function userDataOf({ what, aws, cluster, object }: PoolScope, { data, inline }: Bootstrap): Promise<string> {
  if (inline !== undefined) return inline;
  const key = poolKey(object.spec.awsLaunchTemplate.name || object.metadata.name, data);
  const { ignition = {} } = object.spec;
  const text = await ignitionUserData({ what, aws, data, ignition, bucket: cluster.object.spec.s3Bucket, key });
  return text.toString('base64');
}

/**
 * Subnets the spec names or filters; else those of the wished zones and kind, private ones by default. Source: capa
 * exp/ scope.MachinePoolScope.SubnetIDs.
 */
async function chooseSubnets(scope: PoolScope): Promise<string[]> {
  const { object, cluster, ctx, what } = scope;
  const { subnets: given = [], availabilityZones = [], availabilityZoneSubnetType: kind = 'private' } = object.spec;
  if (given.length > 0) {
    const found = await Promise.all(given.map((one) => resolveSubnet(scope, one)));
    return [...new Set(found.flat())];
  }
  const zones = availabilityZones.length > 0 ? availabilityZones : (ctx.pool.spec.failureDomains ?? []);
  const fitting = subnetsOf(cluster).filter(
    (one) =>
      (zones.length === 0 || zones.includes(one.availabilityZone ?? '')) &&
      (kind === 'all' || (one.isPublic ?? false) === (kind === 'public')),
  );
  const ids = fitting.flatMap((one) => subnetIdOf(one) ?? []);
  if (ids.length > 0) return ids;
  const where = zones.length > 0 ? ` in ${zones.join(', ')}` : '';
  throw new PerdureError(
    'InvalidConfiguration',
    `${what}: the cluster has no ${kind === 'all' ? '' : `${kind} `}subnet${where}; correct spec.availabilityZones, spec.availabilityZoneSubnetType or spec.subnets`,
    { details: { field: 'spec.availabilityZones' } },
  );
}

async function resolveSubnet(scope: PoolScope, { id, filters = [] }: AWSResourceReference): Promise<string[]> {
  const { cluster, aws, what } = scope;
  if (id) {
    const named = subnetsOf(cluster).find((one) => one.id === id || one.resourceID === id);
    return [(named && subnetIdOf(named)) ?? id];
  }
  const { Subnets = [] } = await aws.ec2.describeSubnets({
    Filters: [
      ...filters.map(({ name, values }) => ({ Name: name, Values: values })),
      { Name: 'vpc-id', Values: [requireVpcId(cluster)] },
      { Name: 'state', Values: ['available'] },
    ],
  });
  const ids = Subnets.flatMap((one) => one.SubnetId ?? []);
  if (ids.length > 0) return ids;
  throw new PerdureError(
    'InvalidConfiguration',
    `${what}: spec.subnets: no subnet of the VPC matches the filters; correct them`,
    {
      details: { field: 'spec.subnets' },
    },
  );
}
