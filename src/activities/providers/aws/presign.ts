import { GetObjectCommand, type S3 } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';

/** A URL by which anyone who has it may read the object for `seconds`; makes no call. Secret. */
export async function presignedGet(client: S3, Bucket: string, Key: string, expiresIn: number): Promise<string> {
  return await getSignedUrl(client, new GetObjectCommand({ Bucket, Key }), { expiresIn });
}
