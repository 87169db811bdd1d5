/**
 * What must not get in. Such a cell is good when the peer was turned away and the gateway's log says why: the event, and
 * where there is one the rejection of PS3.8 table 9-21.
 */
import { dcmtkMissing, echoscu, type SendResult, type SendTarget } from '../support/dcmtkPeers.ts';
import { orthancMissing } from '../support/orthancServer.ts';
import { type Cell, fail, logged, pass, portOf, type Scene, type Transport, type Verdict } from './cell.ts';
import { withOrthanc } from './peers/orthanc.ts';
import { pixelmed, pixelmedMissing } from './peers/programs.ts';
import { lastLine } from './programs.ts';
import { calledAeTitle, peerTitle, userIdentity } from './targets.ts';

type Expected = {
  /** Event of the gateway's log. */
  event: string;
  /** What A-ASSOCIATE-RJ has to be (PS3.8 table 9-21), where there is one; result and source are 1. */
  reason?: number;
  /** What the peer has to make of it. */
  peerSays?: RegExp;
};

/** The peer said how it went: turned away it must have been, and for the reason that the log has. */
async function judge(scene: Scene, wasRefused: boolean, words: string, expected: Expected): Promise<Verdict> {
  if (!wasRefused) return fail(`it was let in: ${words}`);
  const line = await logged(scene, (one) => one.event === expected.event);
  const seen = [...new Set(scene.events().map((one) => one.event))].join(', ') || 'nothing';
  if (line === undefined) return fail(`the log has no ${expected.event} but ${seen}; the peer said: ${words}`);
  const { result, source, reason } = line;
  if (expected.reason !== undefined && `${result}/${source}/${reason}` !== `1/1/${expected.reason}`) {
    return fail(`rejected with ${result}/${source}/${reason}: ${line.msg}`);
  }
  if (expected.peerSays && !expected.peerSays.test(words)) return fail(`the peer says: ${words}`);
  return pass(`log: ${line.msg}; the peer: ${words}`);
}

/** What DCMTK prints of it: all lines that are no debris of its own. */
function dcmtkWords(output: string): string {
  const words = output.split('\n').filter((line) => /^[EF]: /.test(line) || /Reason:/.test(line));
  return words.map((line) => line.replace(/^[EFI]: */, '')).join(' | ') || lastLine(output);
}

type Echo = { transport: Transport; peer?: string; target: (scene: Scene) => Partial<SendTarget>; extra?: string[] };

const dcmtkRefusal = (what: string, { transport, target }: Echo, expected: Expected): Cell => ({
  peer: 'DCMTK echoscu',
  service: what,
  transport,
  target: 'closed',
  missing: dcmtkMissing(),
  run: async (scene) => {
    const chosen: SendTarget = { port: portOf(scene), called: calledAeTitle, calling: 'INTEROP', ...target(scene) };
    const result: SendResult = await echoscu(chosen);
    return judge(scene, !result.ok, dcmtkWords(result.output), expected);
  },
});

/** As PS3.8 numbers them, and as DCMTK names them. */
const reasonName = {
  3: /Calling AE Title Not Recognized/,
  7: /Called AE Title Not Recognized/,
};
const rejected = (reason: 3 | 7, peerSays = reasonName[reason]): Expected => ({
  event: 'association.rejected',
  reason,
  peerSays,
});

const dcmtkRefusals: Cell[] = [
  dcmtkRefusal('unknown AE title: 1/1/3', { transport: 'plain', target: () => ({ calling: 'STRANGER' }) }, rejected(3)),
  dcmtkRefusal(
    'unknown AE title: 1/1/3',
    { transport: 'mtls', target: ({ tls }) => ({ calling: 'STRANGER', tls: tls.pki.client }) },
    rejected(3),
  ),
  dcmtkRefusal(
    'wrong called AE title: 1/1/7',
    { transport: 'plain', target: () => ({ called: 'OTHER' }) },
    rejected(7),
  ),
  dcmtkRefusal(
    "another peer's AE title: 1/1/3",
    { transport: 'mtls', target: ({ tls }) => ({ calling: peerTitle.bound, tls: tls.pki.client }) },
    rejected(3),
  ),
  dcmtkRefusal(
    'no client certificate',
    { transport: 'mtls', target: ({ tls }) => ({ tls: { caFile: tls.pki.caFile } }) },
    { event: 'tls.no-client-certificate' },
  ),
  dcmtkRefusal(
    'certificate of a foreign CA',
    { transport: 'mtls', target: ({ tls }) => ({ tls: { ...tls.pki.foreignClient, caFile: tls.pki.caFile } }) },
    { event: 'tls.client-certificate-refused' },
  ),
  dcmtkRefusal(
    'expired certificate',
    { transport: 'mtls', target: ({ tls }) => ({ tls: tls.pki.expiredClient }) },
    { event: 'tls.client-certificate-expired' },
  ),
  dcmtkRefusal(
    'plain client on a TLS port',
    { transport: 'mtls', target: () => ({}) },
    {
      event: 'listener.plain-on-tls-port',
    },
  ),
  dcmtkRefusal(
    'TLS client on a plain port',
    { transport: 'plain', target: ({ tls }) => ({ tls: tls.pki.client }) },
    { event: 'listener.tls-on-plain-port' },
  ),
];

const orthancRefusal: Cell = {
  peer: 'Orthanc',
  service: 'unknown AE title: 1/1/3',
  transport: 'plain',
  target: 'closed',
  missing: orthancMissing(),
  run: (scene) =>
    withOrthanc(scene, async (orthanc) => {
      const words = await orthanc.echo('gateway').then(
        () => undefined,
        (error: Error) => error.message,
      );
      const [, said] = /"Details" : "(.*)",?$/m.exec(words ?? '') ?? [];
      return judge(scene, words !== undefined, said ?? words ?? '', rejected(3, /DUL Association Rejected/));
    }),
};

/** PixelMed's verification, with its own TLS, or with a user identity. */
const pixelmedEcho = (
  what: string,
  transport: Transport,
  options: { calling?: string; extra: string[] },
  verdict: (scene: Scene, words: string) => Promise<Verdict>,
): Cell => ({
  peer: 'PixelMed',
  service: what,
  transport,
  target: 'closed',
  missing: pixelmedMissing,
  run: async (scene) => {
    const address = ['127.0.0.1', String(portOf(scene)), calledAeTitle, options.calling ?? 'INTEROP'];
    const { output } = await pixelmed('VerificationSOPClassSCU', [...address, ...options.extra]);
    return verdict(scene, lastLine(output));
  },
});

async function noEcho(scene: Scene, words: string, expected: Expected): Promise<Verdict> {
  return judge(scene, !scene.events().some((line) => Number(line.echoes) > 0), words, expected);
}

const { user, passcode } = userIdentity;

const pixelmedRefusals: Cell[] = [
  pixelmedEcho('retired TLS profile', 'mtls', { extra: ['SECURE'] }, (scene, words) =>
    noEcho(scene, words, { event: 'tls.legacy-client' }),
  ),
  pixelmedEcho(
    'wrong passcode',
    'plain',
    { calling: peerTitle.user, extra: ['NONSECURE', user, 'guessed'] },
    (scene, words) => noEcho(scene, words, { event: 'association.rejected' }),
  ),
  pixelmedEcho(
    'right passcode: let in',
    'plain',
    { calling: peerTitle.user, extra: ['NONSECURE', user, passcode] },
    async (scene, words) => {
      const end = await logged(scene, (line) => Number(line.echoes) > 0);
      return end ? pass('') : fail(`the target saw no C-ECHO; the peer: ${words}`);
    },
  ),
];

export const refusalCells: Cell[] = [...dcmtkRefusals, orthancRefusal, ...pixelmedRefusals];
