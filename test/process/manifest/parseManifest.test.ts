import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Problem } from '../../../src/base/yaml/problem.ts';
import { manifestYaml } from '../../../src/process/manifest/manifestYaml.ts';
import { loadManifest, parseManifest } from '../../../src/process/manifest/parseManifest.ts';
import { folderMaker } from './manifestFolders.ts';

/** `line:column key: message | hint` */
const short = ({ line, column, key, message, hint }: Problem) =>
  `${line}:${column} ${key}: ${message}${hint === undefined ? '' : ` | ${hint}`}`;

function problemsOf(text: string): string[] {
  const result = parseManifest(text, 'application.yaml');
  return result.ok ? [] : result.problems.map(short);
}

function warningsOf(text: string): string[] {
  const result = parseManifest(text, 'application.yaml');
  return result.ok ? result.warnings.map(short) : problemsOf(text);
}

const head = 'name: a\nversion: 1.0.0\n';
const steps = (text: string) => `${head}dataPart: { steps: [deidentify, metadata${text}] }`;
const folder = folderMaker();

describe('each kind of mistake', () => {
  it.each<[name: string, text: string, expected: string]>([
    ['nothing', '', '1:1 : the file is empty | begin with name: and version:, see docs/split-applications.md'],
    ['an unknown key', `${head}scop: study`, '3:1 scop: is not a known key | did you mean "scope"?'],
    [
      'an unknown step',
      `${head}dataPart: { steps: [deidentfy] }`,
      '3:21 dataPart.steps[0].deidentfy: is not a known key | did you mean "deidentify"?',
    ],
    [
      'an unknown setting of a step',
      `${head}dataPart:\n  steps:\n    - preview: { maxEgde: 3 }`,
      '5:18 dataPart.steps[0].preview.maxEgde: is not a known key | did you mean "maxEdge"?',
    ],
    [
      'an unknown option',
      `${head}dataPart: { steps: [{ deidentify: { options: [retainUid] } }, metadata] }`,
      '3:47 dataPart.steps[0].deidentify.options[0]: has to be retainUids or retainDeviceIdentity or retainInstitutionIdentity or retainPatientCharacteristics or retainFullDates or retainModifiedDates or cleanDescriptors or cleanGraphics or cleanStructuredContent or retainSafePrivate or cleanPixelData | did you mean "retainUids"?',
    ],
    [
      'no version',
      'name: a\nversion: "1.2"\n',
      '2:10 version: is not a version | write major.minor.patch in quotes, such as "1.2.0" or "2.0.0-rc.1"; no build metadata',
    ],
    [
      'a promise that is none',
      `${head}dataPart: { placement: { bandwidth: "results must be small" } }`,
      '3:37 dataPart.placement.bandwidth: is not a promise | write "results must be < 5 % of input", in quotes, with a number above 0 and up to 100',
    ],
    [
      'a promise of more than all',
      `${head}dataPart: { placement: { bandwidth: "results must be < 101 % of input" } }`,
      '3:37 dataPart.placement.bandwidth: is not a promise | write "results must be < 5 % of input", in quotes, with a number above 0 and up to 100',
    ],
    [
      'an image',
      `${head}dataPart: { image: "debian:13" }`,
      '3:20 dataPart.image: OCI images are not supported yet | put the program beside the manifest and name it with command',
    ],
    [
      'a keyword that there is not',
      `${head}select: { tags: [{ tag: SeriesDescripton, present: true }] }`,
      '3:25 select.tags[0].tag: is not an attribute: did you mean SeriesDescription? | write a keyword of PS3.6 such as SeriesDescription, or eight hexadecimal digits in quotes',
    ],
    [
      'a limit beyond reason',
      `${head}dataPart: { limits: { wall: 48h } }`,
      '3:29 dataPart.limits.wall: must be at most 86400000 ms | write a duration such as 500ms, 30s, 5min, 24h, 7d',
    ],
    [
      'a private element in an even group',
      `${head}dataPart: { steps: [{ deidentify: { safePrivate: [{ creator: X, element: "(0018,xx10)" }] } }] }`,
      '3:74 dataPart.steps[0].deidentify.safePrivate[0].element: is not a private element | write it as "(0019,xx0C)", with an odd group',
    ],
  ])('%s', (_name, text, expected) => {
    expect(problemsOf(text)[0]).toBe(expected);
  });
});

describe('rules between keys', () => {
  it.each<[name: string, text: string, expected: string]>([
    [
      'preview before deidentify',
      `${head}dataPart:\n  steps:\n    - preview\n    - deidentify`,
      '5:7 dataPart.steps[0]: preview before deidentify would show who the patient is | move it behind deidentify',
    ],
    [
      'metadata before deidentify',
      `${head}dataPart: { steps: [metadata, deidentify] }`,
      '3:21 dataPart.steps[0]: metadata before deidentify would show who the patient is | move it behind deidentify',
    ],
    [
      'something behind compress',
      steps(', compress, preview'),
      '3:43 dataPart.steps[2]: compress has to be the last step, and preview follows | move it to the end: later steps would have to decode it again',
    ],
    ['a step twice', steps(', metadata'), '3:43 dataPart.steps[2]: metadata is step 2 already | remove one of the two'],
    [
      'two steps in one',
      `${head}deliver: both\ndataPart: { steps: [{ deidentify: {}, metadata: {} }] }`,
      '4:21 dataPart.steps[0]: names 2 steps | begin each step with "- ", in the order they run in',
    ],
    [
      'nothing to deliver',
      `${head}dataPart: { steps: [deidentify] }`,
      '1:1 deliver: nothing would be delivered: no part makes results | add a command, preview or metadata, or say deliver: instances',
    ],
    [
      'more than the most',
      `${steps('')}\nselect: { minInstances: 20, maxInstances: 10 }`,
      '4:43 select.maxInstances: is below select.minInstances (20)',
    ],
    [
      'many of one',
      `${steps('')}\nscope: instance\nselect: { minInstances: 20 }`,
      '5:25 select.minInstances: can never be reached: scope is instance | say scope: series or study',
    ],
    [
      'a test of nothing',
      `${steps('')}\nselect: { tags: [{ tag: "00080060" }] }`,
      '4:18 select.tags[0]: tests nothing | add equals, contains, matches, present, min or max',
    ],
    [
      'a broken expression',
      `${steps('')}\nselect: { tags: [{ tag: Modality, matches: "(" }] }`,
      '4:44 select.tags[0].matches: is not a regular expression | a \\ stands as \\\\ in double quotes',
    ],
  ])('%s', (_name, text, expected) => {
    expect(problemsOf(text)).toEqual([expected]);
  });

  it('warns of what is delivered with the identity in it', () => {
    expect(warningsOf(`${head}deliver: instances`)).toEqual([
      '1:1 dataPart.steps: without deidentify, what is delivered says who the patient is | add "- deidentify", unless the store is one that may know',
    ]);
    expect(warningsOf(steps(''))).toEqual([]);
    expect(warningsOf(steps(', compress'))).toEqual([
      '3:43 dataPart.steps[2]: compress does nothing: no instances are delivered | remove it',
    ]);
  });
});

const everything = `
name: all-of-it
version: 2.1.0-rc.1
description: Every key that there is
scope: series
select:
  modality: [CT, PT]
  sopClass: ["1.2.840.10008.5.1.4.1.1.2"]
  tags:
    - { tag: SeriesDescription, contains: lung }
    - { tag: "00280010", min: 256, max: 1024 }
  minInstances: 20
  maxInstances: 2000
dataPart:
  steps:
    - scan: { scannerDown: pass }
    - select: { tags: [{ tag: ImageType, equals: ORIGINAL }] }
    - deidentify:
        options: [retainModifiedDates, cleanDescriptors]
        burnedIn:
          - match: { modality: US, manufacturer: acme, rows: 600, columns: 800 }
            regions: [{ x: 0, y: 0, width: 800, height: 40 }]
        safePrivate: [{ creator: ACME 1.1, element: "(0019,xx0C)" }]
    - metadata:
    - preview: { format: jpeg, maxEdge: 256, frames: first }
    - compress: { transferSyntax: jpeg-ls-lossless, recompress: true }
  command: [./analyse, --fast]
  image: null
  limits: { memory: 3GiB, cpu: 1.5, wall: 90s, output: 20MB, processes: 8 }
  placement: { bandwidth: "results must be < 2.5 % of input" }
cloudPart:
  endpoint: https://zone.example.org/app
  image: registry.example.org/app:1.2.0
  infrastructure:
    cores: 4
    memory: 8GiB
    storage: 100GB
    architecture: amd64
    network: { label: ethernet, vlan: "7", ports: [{ from: 443 }, { protocol: udp, from: 5000, to: 5010 }] }
deliver: [results, instances]
termination: { onFailure: quarantine, onInstanceFailure: quarantine }
`;

it('becomes an Application with all that it says, and that becomes the same text again', () => {
  const directory = folder({ 'application.yaml': everything, analyse: { text: '#!/bin/sh\n', mode: 0o755 } });
  const loaded = loadManifest(join(directory, 'application.yaml'));
  if (!loaded.ok) throw new Error(loaded.problems.map(short).join('\n'));
  const { application } = loaded;
  expect(application).toEqual({
    name: 'all-of-it',
    version: '2.1.0-rc.1',
    description: 'Every key that there is',
    directory,
    digest: expect.stringMatching(/^[0-9a-f]{64}$/),
    scope: 'series',
    select: {
      modality: ['CT', 'PT'],
      sopClass: ['1.2.840.10008.5.1.4.1.1.2'],
      tags: [
        { tag: '0008103E', contains: 'lung' },
        { tag: '00280010', min: 256, max: 1024 },
      ],
      minInstances: 20,
      maxInstances: 2000,
    },
    steps: [
      { step: 'scan' },
      { step: 'select', where: { tags: [{ tag: '00080008', equals: 'ORIGINAL' }] } },
      {
        step: 'deidentify',
        profile: 'basic',
        options: ['retainModifiedDates', 'cleanDescriptors'],
        burnedIn: [
          {
            match: { modality: 'US', manufacturer: 'acme', rows: 600, columns: 800 },
            regions: [{ x: 0, y: 0, width: 800, height: 40 }],
          },
        ],
        safePrivate: [{ creator: 'ACME 1.1', group: 0x19, element: 0x0c }],
      },
      { step: 'metadata' },
      { step: 'preview', format: 'jpeg', maxEdge: 256, frames: 'first' },
      { step: 'compress', transferSyntax: 'jpeg-ls-lossless', recompress: true },
    ],
    command: ['./analyse', '--fast'],
    limits: { memory: 3 * 2 ** 30, cpu: 1.5, wall: 90_000, output: 20e6, processes: 8 },
    promisedRatio: 0.025,
    scannerDown: 'pass',
    cloudPart: {
      endpoint: 'https://zone.example.org/app',
      image: 'registry.example.org/app:1.2.0',
      infrastructure: {
        cores: 4,
        memory: 8 * 2 ** 30,
        storage: 100e9,
        architecture: 'amd64',
        network: {
          label: 'ethernet',
          vlan: '7',
          ports: [
            { protocol: 'tcp', from: 443 },
            { protocol: 'udp', from: 5000, to: 5010 },
          ],
        },
      },
    },
    deliver: 'both',
    termination: { onFailure: 'quarantine', onInstanceFailure: 'quarantine' },
  });
  const copy = folder({ 'application.yaml': manifestYaml(application), analyse: { text: '', mode: 0o755 } });
  const again = loadManifest(join(copy, 'application.yaml'));
  if (!again.ok) throw new Error(again.problems.map(short).join('\n'));
  expect({ ...again.application, directory: '', digest: '' }).toEqual({ ...application, directory: '', digest: '' });
});

describe('the command', () => {
  const manifest = (command: string) => `${head}dataPart:\n  steps: [deidentify]\n  command: ${command}\n`;
  const analyse = { text: '#!/bin/sh\n', mode: 0o755 };
  const problemsIn = (command: string, files = {}, options = {}) => {
    const result = loadManifest(
      join(folder({ 'application.yaml': manifest(command), ...files }), 'application.yaml'),
      options,
    );
    return result.ok
      ? []
      : result.problems.map(({ line, column, key, message }) => `${line}:${column} ${key}: ${message}`);
  };

  it.each([
    '[./analyse]',
    '[bin/analyse, -v]',
    '[python3, analyse.py]',
    '[/usr/bin/env, ./analyse]',
    '[sh, -e, analyse.py]',
  ])('may be %s', (command) => {
    expect(problemsIn(command, { analyse, 'bin/analyse': analyse, 'analyse.py': '' })).toEqual([]);
  });

  it.each<[command: string, expected: string]>([
    ['[./analyze]', '5:13 dataPart.command[0]: there is no file "./analyze" beside the manifest'],
    ['[./analyse.py]', '5:13 dataPart.command[0]: "./analyse.py" is not executable'],
    ['[python3]', '5:3 dataPart.command: python3 is given nothing to run'],
    ['[python3, analyze.py]', '5:22 dataPart.command[1]: there is no file "analyze.py" beside the manifest'],
    ['[no-such-program]', '5:13 dataPart.command[0]: there is no program "no-such-program" in /usr/bin'],
    ['[/usr/bin/no-such]', '5:13 dataPart.command[0]: there is no program "/usr/bin/no-such"'],
    ['[./../analyse]', '5:13 dataPart.command[0]: leads out of the folder'],
    ['[./analyse, --out=../x]', '5:24 dataPart.command[1]: leads out of the folder'],
    ['[./analyse, /var/state/spool]', '5:24 dataPart.command[1]: lies in the state directory of the gateway'],
    ['[/var/state/x]', '5:13 dataPart.command[0]: lies in the state directory of the gateway'],
    ['[]', '5:3 dataPart.command: is an empty list'],
  ])('may not be %s', (command, expected) => {
    expect(problemsIn(command, { analyse, 'analyse.py': '' }, { stateDirectory: '/var/state' })).toEqual([expected]);
  });
});
