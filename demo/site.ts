/** A small hospital for the demo: certificates, a configuration, split applications, a store and a study, all below one folder. */
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createMemoryLog } from '../src/base/log.ts';
import { openSandbox } from '../src/process/sandbox/openSandbox.ts';
import { ctStudy, type WrittenInstance, writeStudy } from '../synthetic/index.ts';
import { type CertificateFiles, createTestPki } from '../test/support/certificates.ts';

export type DemoSite = {
  directory: string;
  config: string;
  stateDirectory: string;
  store: string;
  studyDirectory: string;
  sender: CertificateFiles;
  instances: WrittenInstance[];
  /** Names of the applications that the study goes through. */
  applications: string[];
  /** Why there is no application with a program of its own; undefined: there is one. */
  noForeignPart: string | undefined;
};

const imagesForTheCloud = `# Made by the demo. docs/split-applications.md explains every key.
name: images-for-the-cloud
version: 1.0.0
description: The study without the patient, compressed without loss, and a picture of each slice
scope: study
select: { modality: [CT] }
dataPart:
  steps:
    - deidentify: { options: [retainModifiedDates] }
    - preview: { maxEdge: 256 }
    - compress: { transferSyntax: htj2k-lossless }
  placement: { bandwidth: "results must be < 60 % of input" }
cloudPart: { image: "registry.example.org/viewer:1.0.0" }
deliver: both
`;
/** With a program of its own, which runs in the sandbox. */
const quantification = 'ct-quantification';

const configuration = (
  server: CertificateFiles,
  applications: string[],
) => `# Made by the demo. config/gateway.example.yaml explains every key.
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
study: { quietSeconds: 2, onAssociationEnd: 1 }
stores:
  - { name: cloud, type: directory, path: ./store, prefix: medusa }
applications: { directory: ./apps }
routes:
${applications.map((name) => `  - { name: ${name}, store: cloud, application: ${name}, match: { modalities: [CT] } }`).join('\n')}
api: { host: 127.0.0.1, port: 0 }
`;

/** Why foreign data parts cannot run on this machine; undefined: they can. */
async function sandboxMissing(workDirectory: string): Promise<string | undefined> {
  const sandbox = await openSandbox({ workDirectory, hidden: [], log: createMemoryLog().log });
  if (!sandbox.available) return sandbox.error.message;
  await sandbox.close();
  return undefined;
}

export async function setUpSite(directory: string, slices: number): Promise<DemoSite> {
  rmSync(directory, { recursive: true, force: true });
  const [store, apps, studyDirectory] = ['store', 'apps', 'study'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  mkdirSync(store, { recursive: true });
  mkdirSync(join(apps, 'images-for-the-cloud'), { recursive: true });
  writeFileSync(join(apps, 'images-for-the-cloud', 'application.yaml'), imagesForTheCloud);
  const noForeignPart = await sandboxMissing(join(directory, 'sandbox-trial'));
  const applications = ['images-for-the-cloud'];
  if (noForeignPart === undefined) {
    applications.push(quantification);
    const source = new URL(`../config/apps/${quantification}`, import.meta.url).pathname;
    cpSync(source, join(apps, quantification), { recursive: true });
  }
  const pki = await createTestPki(join(directory, 'certificates'));
  const config = join(directory, 'gateway.yaml');
  writeFileSync(config, configuration(pki.server, applications));
  return {
    ...{ directory, config, store, studyDirectory, applications, noForeignPart },
    stateDirectory: join(directory, 'state'),
    sender: pki.client,
    instances: writeStudy(studyDirectory, ctStudy({ slices, seed: 1 })),
  };
}
