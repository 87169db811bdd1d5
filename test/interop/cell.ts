/** One cell of the table: a peer, a service, a transport; what it needs and what came of it. */
import type { TlsClientMaterial } from '../../src/dicom/scu/connect.ts';
import type { ScuTarget } from '../../src/dicom/scu/requestor.ts';
import type { CertificateFiles } from '../support/certificates.ts';
import type { DicomTls } from '../support/dicomTls.ts';
import type { Sample } from './samples.ts';
import { calledAeTitle, type Target } from './targets.ts';

export type Transport = 'plain' | 'tls';

export type Scene = {
  target: Target;
  transport: Transport;
  tls: DicomTls;
  samples: Sample[];
  quick: boolean;
};

/** `note` is for the table: what was counted, or what went wrong. */
export type Verdict = { ok: boolean; note: string };

export type Cell = {
  peer: string;
  service: 'echo' | 'store' | 'corpus' | 'malformed' | 'replay';
  transport: Transport;
  /** Why it cannot be run here; undefined when it can. */
  missing: string | undefined;
  run(scene: Scene): Promise<Verdict>;
};

export const portOf = ({ target, transport }: Scene) => (transport === 'tls' ? target.tlsPort : target.plainPort);
/** What a peer shows on TLS; undefined on plain. */
export const filesOf = ({ tls, transport }: Scene): CertificateFiles | undefined =>
  transport === 'tls' ? tls.pki.client : undefined;

export function scuTarget(scene: Scene): ScuTarget {
  const tls: { tls: TlsClientMaterial } | object = scene.transport === 'tls' ? { tls: scene.tls.client } : {};
  return { host: '127.0.0.1', port: portOf(scene), callingAeTitle: 'INTEROP', calledAeTitle, ...tls };
}

export const fail = (note: string): Verdict => ({ ok: false, note });
export const pass = (note: string): Verdict => ({ ok: true, note });

/** What became of a sample: nothing, the same image in other bytes, or the very bytes that were in its file. */
export async function judgeSamples(scene: Scene, sent: Sample[], demand: 'verbatim' | 'image'): Promise<Verdict> {
  const { received, settleMs } = scene.target;
  const uids = sent.map((sample) => sample.sopInstanceUid);
  await received.until((all) => uids.every((uid) => all.some((one) => one.sopInstanceUid === uid)), settleMs);
  const { readFileSync } = await import('node:fs');
  const counts = { verbatim: 0, image: 0, missing: 0 };
  for (const sample of sent) {
    const found = received.all().find((one) => one.sopInstanceUid === sample.sopInstanceUid);
    const bytes = found && readFileSync(found.path);
    if (found === undefined || bytes === undefined || !bytes.includes(sample.pixels)) counts.missing++;
    else if (bytes.subarray(-sample.dataSet.length).equals(sample.dataSet)) counts.verbatim++;
    else counts.image++;
  }
  const note = `${counts.verbatim} of ${sent.length} verbatim, ${counts.image} re-encoded by the peer`;
  if (counts.missing > 0) return fail(`${counts.missing} of ${sent.length} not there as sent; ${note}`);
  return demand === 'verbatim' && counts.image > 0 ? fail(note) : pass(note);
}
