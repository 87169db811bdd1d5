/** A small hospital for the demo: certificates, a configuration, an object store and a study, all below one folder. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ctStudy, tinyStudy, type WrittenInstance, writeStudy } from '../synthetic/index.ts';
import { type CertificateFiles, createTestPki } from '../test/support/certificates.ts';

export type DemoSite = {
  directory: string;
  config: string;
  stateDirectory: string;
  store: string;
  studyDirectory: string;
  sender: CertificateFiles;
  instances: WrittenInstance[];
};

const configuration = (server: CertificateFiles) => `# Made by the demo. config/gateway.example.yaml explains every key.
site: demo-hospital
aeTitle: MEDUSA
stateDirectory: ./state
listeners:
  - name: tls
    host: 127.0.0.1
    port: 0
    tls:
      certificateFile: ${server.certificateFile}
      keyFile: ${server.keyFile}
      clientCaFile: ${server.caFile}
peers:
  - aeTitle: DEMO_PACS
    addresses: [127.0.0.1/32]
spool: { segmentSize: 32MiB, quota: 1GiB, preallocate: 2, reserve: 64MiB }
study: { quietSeconds: 2 }
stores:
  - { name: cloud, type: directory, path: ./store, prefix: medusa }
routes:
  - { name: everything, store: cloud }
api: { host: 127.0.0.1, port: 0 }
`;

export async function setUpSite(directory: string, slices: number): Promise<DemoSite> {
  rmSync(directory, { recursive: true, force: true });
  const store = join(directory, 'store');
  const studyDirectory = join(directory, 'study');
  mkdirSync(store, { recursive: true });
  const pki = await createTestPki(join(directory, 'certificates'));
  const config = join(directory, 'gateway.yaml');
  writeFileSync(config, configuration(pki.server));
  const instances = [
    ...writeStudy(studyDirectory, ctStudy({ slices, seed: 1 })),
    ...writeStudy(studyDirectory, tinyStudy({ instances: 10, seed: 2 })),
  ];
  return {
    directory,
    config,
    stateDirectory: join(directory, 'state'),
    store,
    studyDirectory,
    sender: pki.client,
    instances,
  };
}
