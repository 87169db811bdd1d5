import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';

export type S3Access = { endpoint: string; region: string; accessKeyId: string; secretAccessKey: string };

export function createTestClient({ endpoint, region, accessKeyId, secretAccessKey }: S3Access): S3Client {
  return new S3Client({
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey },
    forcePathStyle: true,
    maxAttempts: 5,
    requestChecksumCalculation: 'WHEN_REQUIRED',
  });
}

/** Creates a bucket; one that is ours already is as good. */
export async function createBucket(access: S3Access, name: string): Promise<void> {
  const client = createTestClient(access);
  try {
    await client.send(new CreateBucketCommand({ Bucket: name }));
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'BucketAlreadyOwnedByYou') throw error;
  } finally {
    client.destroy();
  }
}
