import { afterAll, beforeAll, describe } from 'vitest';
import type { S3Configuration } from '../../../src/delivery/store/s3Client.ts';
import type { S3TestServer } from '../../support/serverProcess.ts';
import { startSwift, swiftMissing } from '../../support/swiftServer.ts';
import { describeConformance, SMALL_PARTS } from './objectStore.conformance.ts';
import { describeS3Conformance } from './s3Store.conformance.ts';

const missing = swiftMissing();

describe.skipIf(missing)(`OpenStack Swift, s3api ${missing ?? ''}`, { timeout: 120_000 }, () => {
  let swift: S3TestServer;
  beforeAll(async () => {
    swift = await startSwift();
    await swift.createBucket('medusa');
  }, 120_000);
  afterAll(() => swift?.remove());

  const configuration = (): S3Configuration => {
    const { endpoint, region, accessKeyId, secretAccessKey } = swift;
    const access = { endpoint, region, accessKeyId, secretAccessKey, pathStyle: true };
    return { name: 'swift', type: 's3', bucket: 'medusa', prefix: 'conformance', ...access, ...SMALL_PARTS };
  };
  describeConformance({ configuration });
  describeS3Conformance({ configuration, server: () => swift });
});
