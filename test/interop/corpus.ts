/** Real objects from the folder beside the project, through each sender that can send them. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseFileMeta } from '../../src/dicom/dataSet/fileMeta.ts';
import { IdentifyingTagScanner } from '../../src/dicom/dataSet/identifyingTags.ts';
import { describeObjectFile } from '../../src/dicom/scu/objectFile.ts';
import { type SentInstance, sendFiles } from '../../src/dicom/scu/sendFiles.ts';
import { isUid, uid } from '../../src/dicom/uids.ts';
import { type CorpusEntry, corpusEntries, realObjects } from '../support/corpus.ts';
import { dcmsend, dcmtkMissing, storescu } from '../support/dcmtkPeers.ts';
import { missingPackages } from '../support/debianPackages.ts';
import { orthancMissing } from '../support/orthancServer.ts';
import { hasCorpus } from '../support/programs.ts';
import {
  type Cell,
  certificateOf,
  fail,
  pass,
  portOf,
  type Scene,
  scuTarget,
  type Transport,
  type Verdict,
} from './cell.ts';
import { withOrthanc } from './peers/orthanc.ts';
import { run } from './programs.ts';
import { digestOf, type Received } from './receivedFolder.ts';
import { calledAeTitle } from './targets.ts';

const transports: Transport[] = ['plain', 'mtls'];
const peerTools = new URL('../../../shared/tools/peers/', import.meta.url).pathname;
const rawstore = join(peerTools, 'rawstore.py');
const replay = join(peerTools, 'replay.py');
const noCorpus = hasCorpus ? undefined : 'no corpus beside the project';
const noScript = (path: string) =>
  existsSync(path) ? missingPackages([{ program: 'python3', package: 'python3' }]) : 'not here: the script';

const malformed = () => corpusEntries().filter((entry) => entry.isMalformed);
const some = (entries: CorpusEntry[], quick: boolean) => (quick ? entries.filter((_, i) => i % 8 === 0) : entries);

/** The data set as a verbatim sender sends it: a deflated one is padded to even length (PS3.5 A.5). */
function sentDigests(file: Buffer, offsets: number[], isDeflated: boolean): string[] {
  return offsets.map((offset) => {
    const dataSet = file.subarray(offset);
    const pad = isDeflated && dataSet.length % 2 === 1;
    return digestOf(pad ? Buffer.concat([dataSet, Buffer.from([0])]) : dataSet);
  });
}

/** Waits for `wanted` and tells which of it did not come: what was acknowledged must be there, byte for byte. */
async function missingOf<T>(
  scene: Scene,
  wanted: T[],
  isThere: (one: T, all: Received[]) => boolean,
  tolerated = 0,
): Promise<T[]> {
  const { received, settleMs } = scene.target;
  const absent = (all: Received[]) => wanted.filter((one) => !isThere(one, all));
  await received.until((all) => absent(all).length <= tolerated, settleMs);
  return absent(received.all());
}

const acknowledgedNote = (acknowledged: number, others: string[]) => {
  const counted = new Map<string, number>();
  for (const other of others) counted.set(other, (counted.get(other) ?? 0) + 1);
  const rest = [...counted].map(([what, count]) => `${count} ${what}`).join(', ');
  return `${acknowledged} acknowledged and stored verbatim${rest ? `; ${rest}` : ''}`;
};

async function ownSend(scene: Scene, entries: CorpusEntry[]): Promise<Verdict> {
  const sent: SentInstance[] = [];
  const paths = entries.map((entry) => entry.absolute);
  const report = await sendFiles({ ...scuTarget(scene), paths, associations: 4, onInstance: (one) => sent.push(one) });
  const acknowledged = sent.filter((one) => one.status === 0);
  const wanted = await Promise.all(
    acknowledged.map(async ({ file }) => {
      const object = await describeObjectFile(file);
      const isDeflated = object.transferSyntaxUid === uid.deflatedExplicitVrLittleEndian;
      return { object, digest: sentDigests(readFileSync(file), [object.offset], isDeflated)[0] };
    }),
  );
  const absent = await missingOf(scene, wanted, ({ object, digest }, all) =>
    all.some(
      (one) =>
        one.digest === digest &&
        one.sopInstanceUid === object.sopInstanceUid &&
        one.transferSyntaxUid === object.transferSyntaxUid,
    ),
  );
  if (absent.length > 0) return fail(`${absent.length} acknowledged and not there, first ${absent[0]?.object.path}`);
  const undefinedEnds = report.failed.filter((one) => /within|broke|closed/.test(one.reason));
  if (undefinedEnds.length > 0) return fail(`${undefinedEnds[0]?.file}: ${undefinedEnds[0]?.reason}`);
  return pass(
    acknowledgedNote(
      report.acknowledged,
      report.failed.map((one) => one.reason.split(/[:;]/)[0] ?? ''),
    ),
  );
}

/** rawstore.py prints a line for each file: its outcome, seconds, path; and ALIVE at the end when C-ECHO still works. */
async function rawSend(scene: Scene, entries: CorpusEntry[]): Promise<Verdict> {
  const files = certificateOf(scene);
  const tls = files ? ['--tls', files.caFile, files.certificateFile, files.keyFile] : [];
  const paths = entries.map((entry) => entry.absolute);
  const { output } = await run(
    'python3',
    [rawstore, '127.0.0.1', String(portOf(scene)), calledAeTitle, ...tls, ...paths],
    {
      limitMs: 600_000,
    },
  );
  const outcomes = output.split('\n').flatMap((line) => {
    const [, what, path] = /^(.*?) +[0-9.]+s (\/.*)$/.exec(line) ?? [];
    return what && path ? [{ what: what.trim(), path }] : [];
  });
  if (outcomes.length !== entries.length) return fail(`only ${outcomes.length} of ${entries.length} answered`);
  const strange = outcomes.find(({ what }) => !/^(status 0x[0-9a-f]{4}$|REJECT|ABORT|CONTEXT REFUSED)/.test(what));
  if (strange) return fail(`${strange.what}: ${strange.path}`);
  const wanted = outcomes
    .filter(({ what }) => what === 'status 0x0000')
    .map(({ path }) => {
      const file = readFileSync(path);
      const meta = parseFileMeta(file);
      const isDeflated = meta?.transferSyntaxUid === uid.deflatedExplicitVrLittleEndian;
      // Where the file meta information is damaged the sender may see its end elsewhere than we do.
      const offsets = [meta?.dataSetOffset ?? 0, 0, 4, 132];
      const syntax = isUid(meta?.transferSyntaxUid) ? meta.transferSyntaxUid : undefined; // else the sender guessed
      return { path, syntax, digests: sentDigests(file, offsets, isDeflated) };
    });
  const absent = await missingOf(scene, wanted, ({ digests, syntax }, all) =>
    all.some((one) => digests.includes(one.digest) && (syntax === undefined || one.transferSyntaxUid === syntax)),
  );
  if (absent.length > 0)
    return fail(
      `${absent.length} acknowledged and not there: ${absent.map((one) => `${one.path} ${one.syntax}`).join(' ')}`,
    );
  if (!/^ALIVE$/m.test(output)) return fail('no C-ECHO at the end');
  return pass(
    acknowledgedNote(
      wanted.length,
      outcomes.map((one) => one.what).filter((what) => what !== 'status 0x0000'),
    ),
  );
}

async function replaySeeds(scene: Scene): Promise<Verdict> {
  const files = certificateOf(scene);
  const tls = files ? ['--tls', files.caFile, files.certificateFile, files.keyFile] : [];
  const seeds = corpusEntries().filter((entry) => entry.path.startsWith('seeds-') && entry.path.endsWith('.raw'));
  const mutations = scene.quick ? '2' : '30';
  const args = [replay, '127.0.0.1', String(portOf(scene)), ...tls, '--to', '0.3', '--mutate', mutations];
  const { output, timedOut } = await run('python3', [...args, ...seeds.map((entry) => entry.absolute)], {
    limitMs: 300_000,
  });
  if (timedOut) return fail('did not end');
  const sequences = output.split('\n').filter((line) => line.includes(' msgs ')).length;
  return sequences === seeds.length
    ? pass(`${seeds.length} seeds, ${mutations} mutations of each`)
    : fail(`${sequences} of ${seeds.length} replayed`);
}

/**
 * DCMTK and Orthanc decide themselves what they send: of every instance that they call stored, one of the names by which it
 * may go (its file meta information and its data set need not agree) must be there. `unsent` is how many
 * the sender calls stored although it did not send them.
 */
async function namesThere(scene: Scene, wanted: string[][], note: string, unsent = 0): Promise<Verdict> {
  const isThere = (names: string[], all: Received[]) =>
    all.some((one) => names.includes(one.sopInstanceUid) || names.includes(one.ownSopInstanceUid));
  const absent = await missingOf(scene, wanted, isThere, unsent);
  if (absent.length > unsent) return fail(`${absent.length} of ${wanted.length} not there: ${absent.join(' ')}`);
  return pass(absent.length > 0 ? `${note}; of these it never sent ${absent.length}` : note);
}

/**
 * storescu -v prints "I: Sending file: PATH" and later "I: Received Store Response (Success)", with marks of its progress
 * in between that may stick to either line.
 */
function dcmtkStoreLog(output: string, paths: string[]): { stored: string[]; others: number } {
  const stored: string[] = [];
  let file: string | undefined;
  let others = 0;
  for (const line of output.split('\n')) {
    const [, sent] = /Sending file: (.*)$/.exec(line) ?? [];
    if (sent !== undefined) file = paths.find((path) => sent.startsWith(path));
    const [, status] = /Received (?:C-)?Store Response \(([^)]*)\)/i.exec(line) ?? [];
    if (status === undefined) continue;
    if (status === 'Success' && file !== undefined) stored.push(file);
    else others++;
  }
  return { stored, others };
}

/** DCMTK cuts a name to the 64 characters that a UID may have. */
const namesOf = (...names: Array<string | undefined>) =>
  names.flatMap((name) => (name ? [name, name.slice(0, 64)] : []));

async function instanceNames(path: string): Promise<string[]> {
  const file = readFileSync(path);
  const meta = parseFileMeta(file);
  const { transferSyntaxUid = uid.explicitVrLittleEndian, offset = meta?.dataSetOffset ?? 0 } =
    await describeObjectFile(path).catch(() => ({ transferSyntaxUid: meta?.transferSyntaxUid, offset: undefined }));
  const scanner = new IdentifyingTagScanner(transferSyntaxUid);
  scanner.push(file.subarray(offset));
  return namesOf(meta?.sopInstanceUid, scanner.end().sopInstanceUid);
}

async function storescuCorpus(scene: Scene): Promise<Verdict> {
  const files = certificateOf(scene);
  const bySyntax = Map.groupBy(some(realObjects(), scene.quick), (entry) => entry.transferSyntaxUid);
  let stored: string[] = [];
  let others = 0;
  for (const entries of bySyntax.values()) {
    const paths = entries.map((entry) => entry.absolute);
    const target = { port: portOf(scene), called: calledAeTitle, ...(files ? { tls: files } : {}) };
    const { output } = await storescu(target, paths, ['-R', '-nh']);
    const log = dcmtkStoreLog(output, paths);
    stored = stored.concat(log.stored);
    others += log.others;
  }
  if (stored.length === 0) return fail('nothing was stored');
  return namesThere(
    scene,
    await Promise.all(stored.map(instanceNames)),
    `${stored.length} stored, ${others} refused, the rest DCMTK cannot send`,
  );
}

async function dcmsendCorpus(scene: Scene): Promise<Verdict> {
  const report = join(scene.target.directory, 'dcmsend.txt');
  const paths = some(realObjects(), scene.quick).map((entry) => entry.absolute);
  const options = ['--no-halt', '--no-uid-checks', '--create-report-file', report];
  await dcmsend({ port: portOf(scene), called: calledAeTitle }, paths, options);
  const text = existsSync(report) ? readFileSync(report, 'latin1') : '';
  const blocks = text.split(/\n\s*\n/).filter((block) => /DIMSE Status\s*:\s*0x0000/.test(block));
  const stored = blocks.flatMap((block) => /Filename\s*:\s*(.*)/.exec(block)?.[1] ?? []);
  if (stored.length === 0) return fail('nothing was stored');
  return namesThere(
    scene,
    await Promise.all(stored.map(instanceNames)),
    `${stored.length} stored, the rest DCMTK cannot send`,
  );
}

/** Instances that were acknowledged to this sender, by the target's own account. */
const acknowledgedTo = (scene: Scene, peer: string) =>
  scene
    .events()
    .filter((line) => line.event === 'association.released' && line.peer === peer)
    .reduce((sum, line) => sum + Number(line.instances) + Number(line.duplicates), 0);

async function orthancCorpus(scene: Scene): Promise<Verdict> {
  return withOrthanc(scene, async (orthanc) => {
    let notImported = 0;
    const imported = new Map<string, string>();
    // Each takes Orthanc about a second.
    const objects = some(realObjects(), scene.quick).filter((_, i) => !scene.quick || i % 2 === 0);
    for (const { absolute } of objects) {
      await orthanc.importFile(absolute).then(
        (id) => imported.set(id, absolute),
        () => notImported++,
      );
    }
    const stored: string[][] = [];
    let failed = 0;
    for (const [id, path] of imported) {
      const request = { Resources: [id], Permissive: true };
      const answer = await orthanc
        .rest('POST', '/modalities/gateway/store', request)
        .catch(() => ({ FailedInstancesCount: 1 }));
      if ((answer as { FailedInstancesCount: number }).FailedInstancesCount > 0) failed++;
      else stored.push(await instanceNames(path));
    }
    if (stored.length === 0) return fail('nothing was stored');
    const note = `${stored.length} stored, ${failed} it failed to send, ${notImported} it did not import`;
    // It calls some stored that it never sent; our account of what it did send is the stricter one.
    return namesThere(scene, stored, note, stored.length - acknowledgedTo(scene, 'ORTHANC'));
  });
}

export const corpusCells: Cell[] = transports.flatMap((transport): Cell[] => [
  {
    peer: 'our send',
    service: 'corpus',
    transport,
    freshTarget: true,
    missing: noCorpus,
    run: (scene) => ownSend(scene, some(realObjects(), scene.quick)),
  },
  {
    peer: 'rawstore',
    service: 'corpus',
    transport,
    freshTarget: true,
    missing: noCorpus ?? noScript(rawstore),
    run: (scene) => rawSend(scene, some(realObjects(), scene.quick)),
  },
  {
    peer: 'DCMTK storescu',
    service: 'corpus',
    transport,
    freshTarget: true,
    missing: noCorpus ?? dcmtkMissing(),
    run: storescuCorpus,
  },
  ...(transport === 'plain'
    ? [
        {
          peer: 'DCMTK dcmsend',
          service: 'corpus',
          transport,
          freshTarget: true,
          missing: noCorpus ?? dcmtkMissing(),
          run: dcmsendCorpus,
        } as const,
      ]
    : []),
  {
    peer: 'Orthanc',
    service: 'corpus',
    transport,
    freshTarget: true,
    missing: noCorpus ?? orthancMissing(),
    run: orthancCorpus,
  },
  {
    peer: 'our send',
    service: 'malformed',
    transport,
    freshTarget: true,
    missing: noCorpus,
    run: (scene) => ownSend(scene, some(malformed(), scene.quick)),
  },
  {
    peer: 'rawstore',
    service: 'malformed',
    transport,
    freshTarget: true,
    missing: noCorpus ?? noScript(rawstore),
    run: (scene) => rawSend(scene, some(malformed(), scene.quick)),
  },
  {
    peer: 'replay',
    service: 'replay',
    transport,
    freshTarget: true,
    missing: noCorpus ?? noScript(replay),
    run: replaySeeds,
  },
]);
