import { createHash } from 'node:crypto';
import type { S3Bucket } from '../../../api/types/aws.js';
import { parseGoDuration } from '../../../domain/go-duration.js';
import type { AwsCall } from './cloud.js';
import { hasCode, isAbsent } from './errors.js';
import { presignedGet } from './presign.js';

const DEFAULT_PRESIGN_SECONDS = 15 * 60;

/** Key of a machine's bootstrap data in the cluster's bucket, as upstream has it. */
export function machineKey(isControlPlane: boolean, name: string): string {
  return `${isControlPlane ? 'control-plane' : 'node'}/${name}`;
}

/** Key of a pool's bootstrap data: by content, since instances of different age read different data. The bucket's lifecycle removes old ones. */
export function poolKey(launchTemplate: string, data: Buffer): string {
  return `machine-pool/${launchTemplate}/${createHash('sha256').update(data).digest('hex')}`;
}

/** Stores bootstrap data, encrypted; the same again changes nothing. Returns the URL for the machine: secret when it is presigned. */
export async function putBootstrapData(
  aws: AwsCall,
  { name: Bucket, presignedURLDuration }: S3Bucket,
  Key: string,
  data: Buffer,
): Promise<string> {
  await aws.s3.putObject({ Bucket, Key, Body: data, ServerSideEncryption: 'aws:kms' });
  if (presignedURLDuration === undefined) return `s3://${Bucket}/${Key}`;
  return await presignedGet(aws.s3, Bucket, Key, parseGoDuration(presignedURLDuration) ?? DEFAULT_PRESIGN_SECONDS);
}

/** Removes bootstrap data; absent is success, and so is a lack of rights where the bucket says so. */
export async function removeBootstrapData(
  aws: AwsCall,
  { name: Bucket, bestEffortDeleteObjects }: S3Bucket,
  Key: string,
): Promise<void> {
  try {
    await aws.s3.deleteObject({ Bucket, Key });
  } catch (error) {
    if (isAbsent(error) || hasCode(error, 'NoSuchBucket', 'NoSuchKey')) return;
    if (!bestEffortDeleteObjects || !hasCode(error, 'AccessDenied', 'Forbidden')) throw error;
  }
}
