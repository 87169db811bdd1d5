/** The test certificates in the forms that listeners, senders and raw peers take them. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TlsClientMaterial } from '../../src/dicom/scu/connect.ts';
import type { TlsMaterial } from '../../src/dicom/transport/listener.ts';
import { type CertificateFiles, createTestPki, type TestPki } from './certificates.ts';

export type DicomTls = {
  pki: TestPki;
  /** A listener that wants client certificates of the test authority. */
  server: TlsMaterial;
  client: TlsClientMaterial;
  /** What a client shows with one of the certificates, or without any. */
  clientWith(files: CertificateFiles | undefined): TlsClientMaterial;
  serverWith(files: CertificateFiles): TlsMaterial;
  remove(): void;
};

export async function makeDicomTls(): Promise<DicomTls> {
  const folder = mkdtempSync(join(tmpdir(), 'dicom-tls-'));
  const pki = await createTestPki(folder);
  const read = (path: string) => readFileSync(path, 'utf8');
  const clientWith = (files: CertificateFiles | undefined): TlsClientMaterial => ({
    ca: read(pki.caFile),
    ...(files === undefined ? {} : { certificate: read(files.certificateFile), key: read(files.keyFile) }),
  });
  const serverWith = (files: CertificateFiles): TlsMaterial => ({
    certificate: read(files.certificateFile),
    key: read(files.keyFile),
    clientCa: read(pki.caFile),
    requireClientCertificate: true,
    minVersion: 'TLSv1.2',
  });
  return {
    pki,
    server: serverWith(pki.server),
    client: clientWith(pki.client),
    clientWith,
    serverWith,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** For RawPeer and node:tls. */
export const tlsOptions = (material: TlsClientMaterial) => ({
  ca: material.ca,
  ...(material.certificate === undefined ? {} : { cert: material.certificate }),
  ...(material.key === undefined ? {} : { key: material.key }),
});
