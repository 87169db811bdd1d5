import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStore } from '../../../src/delivery/store/openStore.ts';
import type { S3Configuration } from '../../../src/delivery/store/s3Client.ts';
import { storeFailure } from '../../../src/delivery/store/storeErrors.ts';
import { type CephServer, cephMissing, startCeph } from '../../support/cephServer.ts';
import { type CertificateFiles, createTestPki } from '../../support/certificates.ts';
import { codeOf, makeContent, makeRequest } from './content.fixture.ts';
import { describeConformance, describePaging, SMALL_PARTS } from './objectStore.conformance.ts';
import { describeS3Conformance } from './s3Store.conformance.ts';

const MEBIBYTE = 1024 * 1024;

function describeCeph(title: string, missing: string | undefined, tree?: string): void {
  describe.skipIf(missing)(`${title} ${missing ?? ''}`, { timeout: 120_000 }, () => {
    let ceph: CephServer & { tlsEndpoint: string | undefined };
    let certificate: CertificateFiles;
    let directory: string;
    beforeAll(async () => {
      directory = mkdtempSync(join(tmpdir(), 'medusa-ceph-test-'));
      const { authority } = await createTestPki(directory);
      const alternativeNames = [{ type: 'dns' as const, value: 'localhost' }];
      certificate = await authority.issue('ceph', { alternativeNames });
      ceph = await startCeph({ tls: certificate, tree });
      await ceph.createBucket('medusa');
    }, 180_000);
    afterAll(async () => {
      await ceph?.remove();
      if (directory) rmSync(directory, { recursive: true, force: true });
    }, 60_000);

    const configuration = (): S3Configuration => {
      const { endpoint, region, accessKeyId, secretAccessKey } = ceph;
      const access = { endpoint, region, accessKeyId, secretAccessKey, pathStyle: true };
      return { name: 'ceph', type: 's3', bucket: 'medusa', prefix: 'conformance', ...access, ...SMALL_PARTS };
    };
    describeConformance({ configuration });
    describePaging({ configuration });
    describeS3Conformance({ configuration, server: () => ceph });

    test('over TLS by an authority of our own; without caFile the certificate is not trusted', async () => {
      const secure = { ...configuration(), prefix: 'tls', endpoint: ceph.tlsEndpoint ?? '' };
      const trusting = openStore({ ...secure, caFile: certificate.caFile }, { retry: false });
      const request = makeRequest('key', makeContent(11 * MEBIBYTE, 'tls'));
      expect(await trusting.put(request)).toMatchObject({ outcome: 'created' });
      await trusting.close();
      const distrusting = openStore(secure, { retry: false });
      const error = await distrusting.head('key').catch((reason) => reason);
      const expected = { code: 'store.certificate', permanent: false, storeUnavailable: true, retrySoon: false };
      expect(storeFailure(error)).toMatchObject(expected);
      await distrusting.close();
      // The name in the certificate is localhost.
      const elsewhere = secure.endpoint.replace('localhost', '127.0.0.1');
      const misnamed = openStore({ ...secure, endpoint: elsewhere, caFile: certificate.caFile }, { retry: false });
      expect(await codeOf(misnamed.head('key'))).toBe('store.certificate');
      await misnamed.close();
    });

    test('no space left by the quota: unavailable, nothing permanent, and it works when the quota is raised', async () => {
      const store = openStore({ ...configuration(), prefix: 'quota' }, { retry: false });
      await store.capabilities();
      await ceph.setQuota(1);
      const request = makeRequest('big', makeContent(6 * MEBIBYTE, 'quota'));
      try {
        const error = await store.put(request).catch((reason) => reason);
        const expected = { code: 'store.full', permanent: false, storeUnavailable: true, retrySoon: false };
        expect(storeFailure(error)).toMatchObject(expected);
        expect(await store.head('big')).toBeUndefined();
      } finally {
        await ceph.setQuota(undefined);
      }
      expect(await store.put(request)).toMatchObject({ outcome: 'created' });
      await store.close();
    });
  });
}

describeCeph('Ceph radosgw', cephMissing());

const tree = process.env.MEDUSA_CEPH20;
if (tree) describeCeph('Ceph radosgw of MEDUSA_CEPH20', existsSync(tree) ? undefined : `skipped: no ${tree}`, tree);
