/** One cell of the table: a peer, a service, a transport; what it needs and what came of it. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TlsClientMaterial } from '../../src/dicom/scu/connect.ts';
import type { ScuTarget } from '../../src/dicom/scu/requestor.ts';
import type { CertificateFiles } from '../support/certificates.ts';
import type { LogLine } from '../support/dicomListener.ts';
import type { DicomTls } from '../support/dicomTls.ts';
import type { Sample } from './samples.ts';
import { calledAeTitle, type Target, type TargetKind } from './targets.ts';

/** `tls`: only the gateway shows a certificate. `mtls`: both sides do. */
export const transports = ['plain', 'tls', 'mtls'] as const;
export type Transport = (typeof transports)[number];
export const transportName: Record<Transport, string> = { plain: 'plain', tls: 'TLS', mtls: 'mTLS' };

/** The columns of the first table. */
export const services = ['C-ECHO', 'C-STORE', 'commitment'] as const;
export type Service = (typeof services)[number];

export type Scene = {
  target: Target;
  transport: Transport;
  tls: DicomTls;
  /** Images of this cell alone. */
  samples: Sample[];
  quick: boolean;
  /** What the target has logged since the cell began. */
  events(): LogLine[];
};

/** `note` is for the reader: what was counted, or what went wrong. */
export type Verdict = { ok: boolean; note: string };

export type Cell = {
  peer: string;
  /** A column of the first table, or what else is done. */
  service: Service | (string & {});
  transport: Transport;
  /** What has to be configured at the gateway; default `open`. */
  target?: TargetKind;
  /** True: no other cell's traffic may have come before. */
  freshTarget?: true;
  /** Why it cannot be run here; undefined when it can. */
  missing: string | undefined;
  run(scene: Scene): Promise<Verdict>;
};

export const cellName = (cell: Cell) => `${cell.peer} ${cell.service} ${transportName[cell.transport]}`;

export const portOf = ({ target, transport }: Scene) => target.ports[transport];

/** What a peer is given for TLS: whom it trusts and, on mTLS, what it shows. */
export type PeerTls = Pick<CertificateFiles, 'caFile'> & Partial<CertificateFiles>;

export function tlsOf({ tls, transport }: Scene): PeerTls | undefined {
  if (transport === 'plain') return undefined;
  return transport === 'mtls' ? tls.pki.client : { caFile: tls.pki.caFile };
}

/** For peers that cannot do TLS without a certificate of their own: the one that they would show if asked. */
export const certificateOf = ({ tls, transport }: Scene): CertificateFiles | undefined =>
  transport === 'plain' ? undefined : tls.pki.client;

export function scuTarget(scene: Pick<Scene, 'target' | 'transport' | 'tls'>): ScuTarget {
  const { target, transport, tls } = scene;
  const material = transport === 'mtls' ? tls.client : tls.clientWith(undefined);
  const security: { tls: TlsClientMaterial } | object = transport === 'plain' ? {} : { tls: material };
  return { host: '127.0.0.1', port: target.ports[transport], callingAeTitle: 'INTEROP', calledAeTitle, ...security };
}

export const fail = (note: string): Verdict => ({ ok: false, note });
export const pass = (note: string): Verdict => ({ ok: true, note });

/** Waits for a log line for which `condition` holds; undefined when none comes in time. */
export async function logged(scene: Scene, condition: (line: LogLine) => boolean): Promise<LogLine | undefined> {
  for (let i = 0; i < 100; i++) {
    const found = scene.events().find(condition);
    if (found) return found;
    await sleep(100);
  }
  return undefined;
}

/** By the target's own account: some programs say little, or nothing, about how their C-ECHO went. */
export async function wasEchoed(scene: Scene): Promise<boolean> {
  return (await logged(scene, (line) => Number(line.echoes) > 0)) !== undefined;
}

/** What became of a sample: nothing, the same image in other bytes, or the very bytes that were in its file. */
export async function judgeSamples(scene: Scene, sent: Sample[], demand: 'verbatim' | 'image'): Promise<Verdict> {
  const { received, settleMs } = scene.target;
  const uids = sent.map((sample) => sample.sopInstanceUid);
  await received.until((all) => uids.every((uid) => all.some((one) => one.sopInstanceUid === uid)), settleMs);
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
