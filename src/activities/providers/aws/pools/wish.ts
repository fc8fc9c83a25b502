import { gzipSync } from 'node:zlib';
import type { RequestLaunchTemplateData } from '@aws-sdk/client-ec2';
import type { AWSResourceReference } from '../../../../api/types/aws.js';
import { notYet, PerdureError } from '../../../../domain/errors.js';
import { isSizedElsewhere } from '../../../../domain/status/machine-pool.js';
import { chooseImage } from '../ami.js';
import { chooseGroups } from '../placement.js';
import { requireVpcId, subnetIdOf, subnetsOf } from '../scope.js';
import { readBootstrapData, USER_DATA_LIMIT } from '../user-data.js';
import { type GroupWish, groupWish } from './group.js';
import { type PoolScope, poolTags } from './scope.js';
import { type Digests, digestsOf, templateData } from './template.js';

/** What a pool is to be in AWS. */
export interface PoolWish {
  /** Holds user data. Secret. */
  readonly template: RequestLaunchTemplateData;
  readonly digests: Digests;
  /** The group, once the launch template has an id. */
  group(templateId: string): GroupWish;
}

/** Reads what the wish depends on: image, groups, subnets, bootstrap data. Throws `InvalidConfiguration` naming the field. */
export async function readWish(scope: PoolScope): Promise<PoolWish> {
  const { object, ctx, what, launch, cluster } = scope;
  assertPoolSupported(scope);
  const [image, groups, userData, subnets] = await Promise.all([
    chooseImage(launch),
    chooseGroups(launch),
    readUserData(scope),
    chooseSubnets(scope),
  ]);
  const template = templateData({
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
    template,
    digests: digestsOf(template, ctx.pool.spec.template.spec.bootstrap.dataSecretName ?? ''),
    group: (templateId) => groupWish({ what, spec: object.spec, replicas, external, subnets, templateId }),
  };
}

function assertPoolSupported({ object: { spec }, what }: PoolScope): void {
  const refused = spec.ignition
    ? 'spec.ignition'
    : spec.awsLaunchTemplate.ami?.eksLookupType
      ? 'spec.awsLaunchTemplate.ami.eksLookupType'
      : undefined;
  if (refused === undefined) return;
  throw new PerdureError('InvalidConfiguration', `${what}: ${refused} is not supported; remove it`, {
    details: { field: refused },
  });
}

/** The bootstrap data as upstream gives it to pools: in the launch template itself; packed only when it would not fit. */
async function readUserData(scope: PoolScope): Promise<string> {
  const { ctx, what } = scope;
  const name = ctx.pool.spec.template.spec.bootstrap.dataSecretName;
  if (!name) throw notYet(`${what} waits for bootstrap data`);
  const plain = await readBootstrapData(ctx, { namespace: ctx.pool.metadata.namespace ?? '', name }, what);
  const data = plain.length <= USER_DATA_LIMIT ? plain : gzipSync(plain);
  if (data.length <= USER_DATA_LIMIT) return data.toString('base64');
  throw new PerdureError(
    'InvalidConfiguration',
    `${what}: user data has ${data.length} bytes packed, EC2 takes at most ${USER_DATA_LIMIT}; shorten the bootstrap data`,
    { details: { bytes: data.length, limit: USER_DATA_LIMIT } },
  );
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
