/**
 * One identity in every place where hospitals put it, written by pydicom; what leaves is searched by pydicom and as raw bytes,
 * not by our own reader. Then the gate by itself: what it says when nothing was done.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodePart10 } from '../../../src/dicom/dataSet/encodePart10.ts';
import type { DeidentifyOption } from '../../../src/process/application.ts';
import type { GateFinding } from '../../../src/process/engine/gate.ts';
import type { Identity } from '../../../src/process/step.ts';
import { missingPackages } from '../../support/debianPackages.ts';
import { allBytes } from '../../support/objects.ts';
import { gateFindings, stepOutcome } from './gateSupport.ts';

const python = '/usr/bin/python3';
const missing =
  missingPackages([{ program: 'python3', package: 'python3-pydicom' }]) ??
  (spawnSync(python, ['-c', 'import pydicom']).status === 0 ? undefined : 'skipped: not installed: python3-pydicom');
const script = (name: string) => new URL(name, import.meta.url).pathname;

function ask(name: string, ...args: string[]): unknown {
  const { status, stdout, stderr } = spawnSync(python, ['-W', 'ignore', script(name), ...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

/** In other scripts than Latin, and in letters with marks. */
const foreign = ['Müller', 'Jürgen', '小东', 'Иванов', '山田', 'Yamada'];
/** What the gate, not the step, has to hold back: text in pixel data, which steps pass on as they are. */
const heldByTheGate = ['jpeg-behind', 'jpeg-comment', 'pixels-behind'];

const basicNames = (name: string) => name !== 'document';
const optionNames = (name: string) => ['explicit', 'report', 'waveform', 'presentation', 'utf-8'].includes(name);
/** Each option, and whose texts stay with it: the UIDs have the day of the study in them. */
const optionSets: Array<[DeidentifyOption, string[]]> = [
  ['retainUids', ['retainUids', 'retainFullDates']],
  ['retainDeviceIdentity', ['retainDeviceIdentity']],
  ['retainInstitutionIdentity', ['retainInstitutionIdentity']],
  ['retainPatientCharacteristics', ['retainPatientCharacteristics']],
  ['retainFullDates', ['retainFullDates']],
  ['retainModifiedDates', []],
  ['cleanDescriptors', []],
  ['cleanGraphics', []],
  ['cleanStructuredContent', []],
  ['retainSafePrivate', ['retainSafePrivate']],
  ['cleanPixelData', []],
];

type Result = { name: string; bytes: Buffer; identity: Identity; findings: GateFinding[] };

describe.skipIf(missing !== undefined)(`a planted identity${missing ?? ''}`, () => {
  let folder: string;
  let planted: Record<string, string[]>;
  let texts: string[];
  let inputs: Array<{ name: string; bytes: Buffer }>;
  /** What leaves, by the option. */
  const made = new Map<string, Result[]>();
  /** Which texts are where, by `option/name`, as pydicom and the bytes say. */
  let found: Record<string, Array<[text: string, where: string]>>;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'medusa-planted-'));
    const plants = join(folder, 'before');
    mkdirSync(plants);
    planted = ask('./plant.py', plants) as Record<string, string[]>;
    texts = [...Object.values(planted).flat(), ...foreign];
    inputs = readdirSync(plants).map((file) => ({
      name: basename(file, '.dcm'),
      bytes: readFileSync(join(plants, file)),
    }));
    made.set('basic', await results([], basicNames));
    for (const [option] of optionSets) made.set(option, await results([option], optionNames));
    const files = inputs.map(({ name }) => join('before', `${name}.dcm`));
    for (const [option, objects] of made) {
      mkdirSync(join(folder, option));
      for (const { name, bytes } of objects) {
        files.push(join(option, `${name}.dcm`));
        writeFileSync(join(folder, option, `${name}.dcm`), bytes);
      }
    }
    writeFileSync(join(folder, 'texts.json'), JSON.stringify(texts));
    found = ask('./findPlanted.py', join(folder, 'texts.json'), folder, ...files) as typeof found;
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true }));

  async function results(options: DeidentifyOption[], wants: (name: string) => boolean): Promise<Result[]> {
    const made: Result[] = [];
    for (const { name, bytes } of inputs.filter((input) => wants(input.name))) {
      const { object, identity } = await passed(bytes, options);
      const written = allBytes(encodePart10(object).pieces);
      made.push({
        name,
        bytes: written,
        identity,
        findings: gateFindings(written, { options, identities: [identity] }),
      });
    }
    return made;
  }

  async function passed(bytes: Buffer, options: DeidentifyOption[]) {
    const outcome = await stepOutcome(bytes, { options });
    if (outcome.kind !== 'pass' || outcome.identity === undefined) throw new Error(JSON.stringify(outcome));
    return { object: outcome.object, identity: outcome.identity };
  }

  const foundIn = (option: string, name: string) => found[join(option, `${name}.dcm`)];

  test('is in all objects before: the search can find each text', () => {
    const before = new Set<string>();
    for (const { name } of inputs) {
      expect(foundIn('before', name)?.length, name).toBeGreaterThan(0);
      for (const [text] of foundIn('before', name) ?? []) before.add(text);
    }
    expect([...before].sort()).toEqual([...texts].sort());
  });

  test('is in nothing that leaves, under the basic profile', () => {
    const objects = (made.get('basic') ?? []).filter(({ name }) => !heldByTheGate.includes(name));
    expect(objects.length).toBeGreaterThanOrEqual(10);
    for (const { name, findings } of objects) {
      expect(foundIn('basic', name), name).toEqual([]);
      expect(findings, name).toEqual([]);
    }
  });

  test('in pixel data is held back by the gate', () => {
    const objects = (made.get('basic') ?? []).filter(({ name }) => heldByTheGate.includes(name));
    expect(objects).toHaveLength(heldByTheGate.length);
    for (const { name, findings } of objects) {
      expect(findings, name).toEqual([{ code: 'gate.original-value', reason: '(7FE0,0010) has an original value' }]);
    }
  });

  test('in a PDF is refused by the step', async () => {
    const document = inputs.find(({ name }) => name === 'document')?.bytes ?? Buffer.alloc(0);
    expect(await stepOutcome(document, { options: [] })).toMatchObject({ kind: 'refused' });
  });

  test.each(optionSets)('with option %s only what it retains is left', (option, retained) => {
    const objects = made.get(option) ?? [];
    expect(objects).toHaveLength(5);
    const stays = new Set(retained.flatMap((by) => planted[by] ?? []));
    for (const { name, findings } of objects) {
      expect(
        foundIn(option, name)?.filter(([text]) => !stays.has(text)),
        name,
      ).toEqual([]);
      expect(findings, name).toEqual([]);
    }
    const kept = new Set(foundIn(option, 'explicit')?.map(([text]) => text));
    expect([...kept].sort()).toEqual([...stays].sort());
  });

  test('the gate finds it in everything when the step did nothing, and never says what', async () => {
    for (const { name, bytes } of inputs.filter((input) => basicNames(input.name))) {
      const { identity } = await passed(bytes, []);
      const findings = gateFindings(bytes, { options: [], identities: [identity] });
      const codes = new Set(findings.map(({ code }) => code));
      const expected = [
        'gate.preamble',
        'gate.file-meta',
        'gate.not-marked',
        'gate.original-value',
        'gate.original-uid',
      ];
      for (const code of [...expected, 'gate.attribute-left']) expect([...codes], name).toContain(code);
      const said = JSON.stringify(findings).toLowerCase();
      for (const text of texts) expect(said, name).not.toContain(text.toLowerCase());
    }
  });

  test('the gate finds it by the values alone, in each syntax and character set', async () => {
    for (const { name, bytes } of inputs.filter((input) => basicNames(input.name))) {
      const { identity } = await passed(bytes, []);
      const findings = gateFindings(bytes, { options: [], identities: [identity], madeBy: 'data-part' });
      expect(findings.filter(({ code }) => code === 'gate.original-value').length, name).toBeGreaterThan(5);
    }
  });
});
