/** The way back: what left the site, and who it was, asked of the map that the gateway kept. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { BufferSource } from '../../src/dicom/dataSet/byteSources.ts';
import { element, stringValue, uidValue } from '../../src/dicom/dataSet/elements.ts';
import { parsePart10 } from '../../src/dicom/dataSet/parsePart10.ts';
import { reidentify } from '../../src/gateway/applications/reidentify.ts';
import { statePaths } from '../../src/gateway/statePaths.ts';
import { ctStudy } from '../../synthetic/index.ts';
import { appOf, isDelivered, writeApplication } from './applicationSite.ts';
import { createSite, type Site, until } from './site.ts';

const manifest = `name: headers
version: 1.0.0
description: de-identified headers
scope: study
select: {}
dataPart: { steps: [{ deidentify: { profile: basic } }] }
deliver: instances
`;
const configuration = `spool: { segmentSize: 8MiB, quota: 256MiB, preallocate: 1, reserve: 0 }
study: { quietSeconds: 1, onAssociationEnd: 0.1 }
stores: [{ name: cloud, type: directory, path: ./store }]
applications: { directory: ./apps }
routes: [{ name: all, match: {}, store: cloud, application: headers }]
`;

let site: Site;
afterEach(() => site.remove());

test('a pseudonym and each UID that left lead back, on this machine only, and the map itself tells nobody', async () => {
  site = createSite(configuration);
  writeApplication(site, 'headers', { 'application.yaml': manifest });
  const study = [...ctStudy({ slices: 3, seed: 7, rows: 32, columns: 32 })];
  const [first] = study;
  const gateway = await site.start();
  await site.send(site.write('study', study), { associations: 1 });
  await until(gateway, (now) => appOf(now, 'headers').tasks.finished === 1 && isDelivered(now), 'delivered', 120_000);

  const [file = ''] = site.stored('store');
  const { dataSet } = parsePart10(new BufferSource('result', readFileSync(file)));
  const pseudonym = stringValue(dataSet, 0x00100020) ?? '';
  const instance = uidValue(dataSet, 0x00080018);
  expect(element(dataSet, 0x00100010)).toBeDefined();
  const texts = [pseudonym, instance, '2.25.1'];
  const [patient, one, nobody] = await reidentify(site, { texts, reason: 'the test asks' });
  expect(patient?.found?.uids).toContainEqual(
    expect.objectContaining({
      kind: 'study',
      original: first?.studyInstanceUid,
      replacement: uidValue(dataSet, 0x0020000d),
    }),
  );
  expect(study.map(({ sopInstanceUid }) => sopInstanceUid)).toContain(one?.found?.uids[0]?.original);
  expect(one?.found?.patient).toEqual(patient?.found?.patient);
  expect(patient?.found?.patient.patientName).not.toBe('');
  expect(nobody?.found).toBeUndefined();
  const map = readFileSync(statePaths(site.stateDirectory).identityMap);
  const { patientName = '', patientId = '' } = patient?.found?.patient ?? {};
  for (const text of [patientName, patientId, first?.studyInstanceUid ?? '']) expect(map.includes(text)).toBe(false);
  expect(readFileSync(join(site.directory, 'gateway.log'), 'utf8')).not.toContain(patientName);
}, 180_000);
