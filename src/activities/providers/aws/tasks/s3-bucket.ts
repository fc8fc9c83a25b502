import type { AWSCluster, AWSTags, S3Bucket } from '../../../../api/types/aws.js';
import { bucketPolicy, partitionOf } from '../../../../domain/aws/ignition.js';
import { PerdureError } from '../../../../domain/errors.js';
import type { Change, EnsureTask } from '../../port.js';
import type { Cloud } from '../cloud.js';
import { sameJson } from '../equal.js';
import { hasCode, statusOf } from '../errors.js';
import type { ClusterScope, ClusterView } from '../scope.js';
import { missingTags, ownedTags, ownershipOf, tagList, tagMap } from '../tags.js';
import { defineTask } from '../task.js';
import { pollUntil } from '../wait.js';

/** Bucket that is made for the cluster, written down before it is: S3 tags it only afterwards. */
const BUCKET_ANNOTATION = 'perdure.dev/aws-s3-bucket';
/** The only region that must not be named when a bucket is made in it. */
const UNNAMED_REGION = 'us-east-1';
const PAGE = 1_000;

interface Observed {
  readonly exists: boolean;
  /** Brought by the user: used, neither changed nor deleted. */
  readonly given: boolean;
  readonly tags: AWSTags;
  readonly policy: unknown;
  readonly expiring: boolean;
}

const ABSENT: Observed = { exists: false, given: false, tags: {}, policy: undefined, expiring: false };

/** True when the cluster has, or may have, a bucket of its own. */
export function wantsBucket({ spec, metadata }: AWSCluster): boolean {
  return spec.s3Bucket !== undefined || metadata.annotations?.[BUCKET_ANNOTATION] !== undefined;
}

/** The bucket from which machines with Ignition fetch their bootstrap data. Source: capa pkg/cloud/services/s3. */
export function bucketTask(cloud: Cloud): EnsureTask<AWSCluster, Observed> {
  return defineTask<Observed>(cloud, {
    id: 's3-bucket',
    title: 'Ensure S3 bucket',
    dependsOn: [],
    condition: 'S3BucketCreated',
    observe,
    plan: (view, observed) => (bucketOf(view) ? plan(view, observed) : []),
    apply,
    remove,
  });
}

const bucketOf = ({ object }: ClusterView): S3Bucket | undefined => object.spec.s3Bucket;
const madeName = ({ object }: ClusterView): string | undefined => object.metadata.annotations?.[BUCKET_ANNOTATION];

async function observe(scope: ClusterScope): Promise<Observed> {
  const Bucket = bucketOf(scope)?.name;
  if (!Bucket || !(await exists(scope, Bucket))) return ABSENT;
  const { s3 } = scope.aws;
  const tags = tagMap((await orAbsent(() => s3.getBucketTagging({ Bucket }), 'NoSuchTagSet'))?.TagSet);
  const owner = ownershipOf(tags, scope);
  if (owner === 'foreign') {
    throw new PerdureError(
      'OwnershipConflict',
      `${where(scope)}: spec.s3Bucket.name: bucket ${Bucket} carries the id of another cluster; use another name`,
      { details: { field: 'spec.s3Bucket.name', value: Bucket } },
    );
  }
  if (owner === 'none' && madeName(scope) !== Bucket) return { ...ABSENT, exists: true, given: true, tags };
  const [policy, lifecycle] = await Promise.all([
    orAbsent(() => s3.getBucketPolicy({ Bucket }), 'NoSuchBucketPolicy'),
    orAbsent(() => s3.getBucketLifecycleConfiguration({ Bucket }), 'NoSuchLifecycleConfiguration'),
  ]);
  const expiring = (lifecycle?.Rules ?? []).some((rule) => rule.ID === RULE.ID && rule.Status === 'Enabled');
  return { exists: true, given: false, tags, policy: parsed(policy?.Policy), expiring };
}

const where = ({ namespace, object }: ClusterView): string => `AWSCluster ${namespace}/${object.metadata.name}`;

async function exists(scope: ClusterScope, Bucket: string): Promise<boolean> {
  try {
    await scope.aws.s3.headBucket({ Bucket });
    return true;
  } catch (error) {
    if (statusOf(error) === 404) return false;
    if (statusOf(error) !== 403) throw error;
    throw new PerdureError(
      'InvalidConfiguration',
      `${where(scope)}: spec.s3Bucket.name: bucket ${Bucket} belongs to another account, or the identity may not use it; use another name or grant s3 permissions`,
      { details: { field: 'spec.s3Bucket.name', value: Bucket } },
    );
  }
}

async function orAbsent<T>(call: () => Promise<T>, ...codes: string[]): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (!hasCode(error, ...codes, 'NoSuchBucket')) throw error;
    return undefined;
  }
}

function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Data of pools goes by content, and nobody else knows when it has served. */
const RULE = {
  ID: 'machine-pool',
  Status: 'Enabled',
  Filter: { Prefix: 'machine-pool/' },
  Expiration: { Days: 1 },
} as const;

function wantedTags(view: ClusterView, name: string): AWSTags {
  const additional = view.object.spec.additionalTags;
  return ownedTags({ ...view, name, role: 'node', key: 's3-bucket', additional });
}

/** Without the account: it is not known before asking, and the rest tells the difference. */
const withoutAccount = (policy: unknown): unknown =>
  JSON.parse(JSON.stringify(policy ?? null).replaceAll(/:\d{12}:/g, '::'));

function wantedPolicy(view: ClusterView, account: string): ReturnType<typeof bucketPolicy> {
  const bucket = bucketOf(view);
  const presigned = bucket?.presignedURLDuration !== undefined;
  return bucketPolicy({
    partition: view.object.spec.partition || partitionOf(view.region),
    account,
    bucket: bucket?.name ?? '',
    controlPlaneProfile: presigned ? undefined : bucket?.controlPlaneIAMInstanceProfile,
    nodeProfiles: presigned ? [] : (bucket?.nodesIAMInstanceProfiles ?? []),
  });
}

function plan(view: ClusterView, observed: Observed): Change[] {
  const name = bucketOf(view)?.name ?? '';
  const change = (action: Change['action'], detail: string): Change => ({
    action,
    resource: 's3-bucket',
    name,
    detail,
  });
  if (!observed.exists) return [change('create', view.region)];
  if (observed.given) return [];
  const policy = sameJson(withoutAccount(observed.policy), withoutAccount(wantedPolicy(view, '')));
  return [
    ...(Object.keys(missingTags(wantedTags(view, name), observed.tags)).length > 0 ? [change('update', 'tags')] : []),
    ...(policy ? [] : [change('update', 'policy')]),
    ...(observed.expiring ? [] : [change('update', 'expiry of data of pools')]),
  ];
}

async function apply(scope: ClusterScope, observed: Observed): Promise<void> {
  const Bucket = bucketOf(scope)?.name;
  if (!Bucket || observed.given) return;
  const { s3, sts } = scope.aws;
  if (!observed.exists) {
    await scope.record((_, metadata) => {
      metadata.annotations = { ...metadata.annotations, [BUCKET_ANNOTATION]: Bucket };
    });
    await create(scope, Bucket);
  }
  const tags = wantedTags(scope, Bucket);
  if (Object.keys(missingTags(tags, observed.tags)).length > 0)
    await s3.putBucketTagging({ Bucket, Tagging: { TagSet: tagList({ ...observed.tags, ...tags }) } });
  const { Account = '' } = await sts.getCallerIdentity({});
  const policy = wantedPolicy(scope, Account);
  if (!sameJson(observed.policy, policy)) await s3.putBucketPolicy({ Bucket, Policy: JSON.stringify(policy) });
  if (!observed.expiring)
    await s3.putBucketLifecycleConfiguration({ Bucket, LifecycleConfiguration: { Rules: [RULE] } });
}

/** Names are unique in the world: an attempt before ours has made the one that we own already. */
async function create(scope: ClusterScope, Bucket: string): Promise<void> {
  const { region, aws } = scope;
  try {
    await aws.s3.createBucket({
      Bucket,
      ...(region === UNNAMED_REGION ? {} : { CreateBucketConfiguration: { LocationConstraint: region as never } }),
    });
  } catch (error) {
    if (hasCode(error, 'BucketAlreadyOwnedByYou')) return;
    if (!hasCode(error, 'BucketAlreadyExists')) throw error;
    throw new PerdureError(
      'InvalidConfiguration',
      `${where(scope)}: spec.s3Bucket.name: a bucket ${Bucket} exists in another account, and names are unique in the world; use another name`,
      { details: { field: 'spec.s3Bucket.name', value: Bucket } },
    );
  }
}

/** Only a bucket made for this cluster goes, with whatever is in it; upstream leaves a bucket that is not empty behind. */
async function remove(scope: ClusterScope): Promise<void> {
  const { s3 } = scope.aws;
  const names = new Set([madeName(scope), bucketOf(scope)?.name].filter((name) => name !== undefined));
  for (const Bucket of names) {
    const tags = tagMap((await orAbsent(() => s3.getBucketTagging({ Bucket }), 'NoSuchTagSet'))?.TagSet);
    const owner = ownershipOf(tags, scope);
    if (owner === 'foreign' || (owner === 'none' && madeName(scope) !== Bucket)) continue;
    await empty(scope, Bucket);
    await orAbsent(() => s3.deleteBucket({ Bucket }));
    await pollUntil(scope.ctx, `bucket ${Bucket} to be gone`, async () =>
      (await exists(scope, Bucket)) ? undefined : true,
    );
  }
}

/** Every version of every object: a bucket with versions left is not empty. */
async function empty({ aws, ctx }: ClusterScope, Bucket: string): Promise<void> {
  for (;;) {
    ctx.heartbeat(`emptying bucket ${Bucket}`);
    const page = await orAbsent(() => aws.s3.listObjectVersions({ Bucket, MaxKeys: PAGE }));
    const found = [...(page?.Versions ?? []), ...(page?.DeleteMarkers ?? [])];
    const Objects = found.map(({ Key = '', VersionId }) => ({ Key, ...(VersionId ? { VersionId } : {}) }));
    if (Objects.length === 0) return;
    const { Errors = [] } = await aws.s3.deleteObjects({ Bucket, Delete: { Objects, Quiet: true } });
    const [failed] = Errors;
    if (failed) {
      throw new PerdureError(
        'Transient',
        `bucket ${Bucket}: ${failed.Key} cannot be deleted: ${failed.Code}: ${failed.Message}`,
        {
          details: { code: failed.Code ?? '' },
        },
      );
    }
  }
}
