import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { blockNames, conformanceText, fillBlocks } from '../../scripts/conformance.ts';
import { conformanceBlocks, unusedCodes } from '../../scripts/conformanceBlocks.ts';
import { storageSopClasses } from '../../scripts/storageSopClasses.ts';
import { status } from '../../src/dicom/dimse/status.ts';
import { refusalOf } from '../../src/dicom/services/operationRefusal.ts';
import { isStorageSopClass, uid } from '../../src/dicom/uids.ts';
import {
  answerExtendedNegotiations,
  answerRoles,
  answerWindow,
  defaultNegotiationPolicy,
  negotiate,
} from '../../src/dicom/upperLayer/negotiation.ts';
import { contextResult } from '../../src/dicom/upperLayer/pdu.ts';
import { knownKeys } from '../../src/gateway/config/jsonSchema.ts';
import { runProgram } from '../gateway/cli/cli.ts';

const root = new URL('../../', import.meta.url).pathname;
const text = conformanceText();
const ctImage = '1.2.840.10008.5.1.4.1.1.2';

function sources(folder: string): string {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
    .join('\n');
}

describe('generated blocks of the conformance statement', () => {
  test('are what `npm run generate` writes', () => {
    expect(text).toBe(fillBlocks(text, conformanceBlocks()));
  });

  test('each has one place, and each place is made', () => {
    expect(blockNames(text).sort()).toEqual(Object.keys(conformanceBlocks()).sort());
  });

  test('a place that nothing makes, one that is missing and one that is not closed are errors', () => {
    const open = '<!-- generated:a -->\n';
    expect(fillBlocks(`${open}old\n<!-- /generated:a -->`, { a: 'new' })).toBe(`${open}new\n<!-- /generated:a -->`);
    expect(() => fillBlocks(`${open}<!-- /generated:a -->`, {})).toThrow('nothing makes the block a');
    expect(() => fillBlocks('', { a: 'x' })).toThrow('0 closed places');
    expect(() => fillBlocks(`${open}x`, { a: 'x' })).toThrow('0 closed places');
  });

  test('codes that are said to be unused are, and the others are used', () => {
    const code = sources('src');
    for (const { table, name, isUnused } of unusedCodes()) {
      const inUse = new RegExp(`${table}\\.${name}\\b|refuse\\(\\s*'${name}'`).test(code);
      expect({ table, name, inUse }).toEqual({ table, name, inUse: !isUnused });
    }
  });
});

describe('storage SOP classes by name', () => {
  test('come once each, and are accepted', () => {
    const uids = storageSopClasses.map((one) => one.uid);
    expect(new Set(uids).size).toBe(uids.length);
    expect(uids.filter((one) => !isStorageSopClass(one))).toEqual([]);
    expect(uids).toContain(ctImage);
    expect(uids.length).toBeGreaterThan(190);
  });
});

describe('what the conformance statement says by hand', () => {
  test('of configuration keys: they exist', () => {
    const keys = knownKeys().map(({ key }) => key);
    const lastParts = new Set(keys.map((key) => key.split('.').at(-1)?.replace('[]', '')));
    const outside = text.replaceAll(/<!-- generated:[\s\S]*?<!-- \/generated/g, '');
    const dotted = [...outside.matchAll(/`((?:limits|storageCommitment)\.[A-Za-z.]+)`/g)].map(([, key]) => key ?? '');
    expect(dotted.length).toBeGreaterThan(6);
    expect(dotted.filter((key) => !keys.includes(key))).toEqual([]);
    const single = ['listeners', 'peers', 'sopClasses', 'transferSyntaxPreference', 'calledAeTitles', 'userIdentity'];
    const more = ['means', 'report', 'sameAssociation', 'requireClientCertificate', 'plain', 'storageCommitment'];
    for (const key of [...single, ...more]) {
      expect(outside).toContain(key);
      expect(lastParts).toContain(key);
    }
  });

  test('of commands: they exist', async () => {
    const help = async (...args: string[]) => (await runProgram([...args, '--help'])).out;
    expect(await help('send')).toMatch(/--associations[\s\S]*--window[\s\S]*--tls[\s\S]*--commit[\s\S]*--listen/);
    expect(await help('peers', 'test')).toContain('C-ECHO');
    expect(await help('reload')).toContain('configuration file');
  });

  test('of presentation contexts', () => {
    const answer = (
      abstractSyntax: string,
      transferSyntaxes: string[],
      roles: { scu: boolean; scp: boolean }[] = [],
    ) => {
      const selections = roles.map((role) => ({ sopClassUid: abstractSyntax, ...role }));
      const accepts = (one: string) => one === uid.storageCommitmentPushModel || defaultNegotiationPolicy.accepts(one);
      const policy = { ...defaultNegotiationPolicy, accepts };
      const negotiated = negotiate([{ id: 1, abstractSyntax, transferSyntaxes }], policy, selections);
      return 'results' in negotiated ? negotiated.results[0] : undefined;
    };
    const anything = '1.3.12.2.1107.5.9.77';
    expect(answer(ctImage, [anything])).toMatchObject({ result: 0, transferSyntax: anything });
    expect(answer(ctImage, ['no uid'])?.result).toBe(contextResult.transferSyntaxesNotSupported);
    expect(answer('1.2.840.10008.5.1.4.1.2.2.1', [anything])?.result).toBe(contextResult.abstractSyntaxNotSupported);
    expect(answer(ctImage, [anything], [{ scu: false, scp: true }])?.result).toBe(contextResult.userRejection);
    const commitment = (syntax: string) => answer(uid.storageCommitmentPushModel, [syntax])?.result;
    expect(commitment(uid.explicitVrLittleEndian)).toBe(0);
    expect(commitment(uid.implicitVrLittleEndian)).toBe(0);
    expect(commitment(uid.explicitVrBigEndian)).toBe(contextResult.transferSyntaxesNotSupported);
  });

  test('of extended negotiation', () => {
    const accepted = new Set([ctImage, uid.verification]);
    expect(answerRoles([{ sopClassUid: ctImage, scu: true, scp: true }], accepted)).toEqual([
      { sopClassUid: ctImage, scu: true, scp: false },
    ]);
    expect(answerWindow({ invoked: 16, performed: 16 }, 8)).toEqual({ invoked: 8, performed: 1 });
    const asked = [...accepted].map((sopClassUid) => ({ sopClassUid, applicationInformation: Buffer.alloc(6) }));
    expect(answerExtendedNegotiations(asked, accepted)).toEqual([
      { sopClassUid: ctImage, applicationInformation: Buffer.from([2, 0, 3, 0, 0, 0]) },
    ]);
  });

  test('of operations that are not offered, and of how many reports are on their way', () => {
    const cFindRq = 0x0020;
    expect(refusalOf({ commandField: cFindRq, commandDataSetType: 0 })?.status).toBe(0x0211);
    expect(status.success).toBe(0);
    const most = /const reportsAtATime = (\d+);/.exec(sources('src/commitment'))?.[1];
    expect(text).toContain(`on at most ${most} associations at a time`);
  });
});
