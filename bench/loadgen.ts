/** Runs the load generator (loadgen/, in C): the same for all receivers, and faster than any of them. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { CertificateFiles } from '../test/support/certificates.ts';
import { buildNative, compilerMissing } from '../test/support/nativeBuild.ts';
import type { Payload } from './payloads.ts';

const run = promisify(execFile);

/** Why the load generator cannot be had here; undefined when it can. */
export function loadgenMissing(): string | undefined {
  return compilerMissing(true);
}

/** Compiles it when it is first needed. */
export function loadgenPath(): string {
  return buildNative('bench/loadgen', 'loadgen', ['-Wall', '-lssl', '-lcrypto', '-lpthread']);
}

export type LoadResult = {
  instances: number;
  ok: number;
  failed: number;
  unsent: number;
  /** How often each status came, by its four hexadecimal digits. */
  statuses: Record<string, number>;
  /** Of data sets that were acknowledged. */
  bytes: number;
  seconds: number;
  instancesPerSecond: number;
  megabytesPerSecond: number;
  /** From the last byte handed to the kernel to the response read. */
  ackP50Ms: number;
  ackP99Ms: number;
  ackMaxMs: number;
  /** Of the load generator itself. */
  cpuSeconds: number;
  maxPdu: number;
  /** As granted. */
  window: number;
  /** Protocol and cipher, empty over plain TCP. */
  tls: string;
  /** The first thing that went wrong, or empty. */
  error: string;
};

export type Load = {
  port: number;
  calledAeTitle: string;
  payload: Payload;
  count: number;
  associations: number;
  /** AE title of the sender; default LOADGEN. */
  callingAeTitle?: string;
  /** Requests that each association may have unanswered, if the receiver grants so many; default 1. */
  window?: number;
  /** The longest P-DATA-TF that is sent, whatever the receiver takes, bytes; default 131072. */
  maxPdu?: number;
  /** The client's certificate; plain when left out. */
  tls?: CertificateFiles;
};

/** Every instance that one bench sends has its own SOP Instance UID, whomever it is sent to. */
let nextNumber = 0;

/**
 * What storescp, Orthanc and the sink agree to by themselves with an OpenSSL client. Offering nothing else keeps our gateway,
 * which would choose AES-128, from having less to compute.
 */
export const cipherSuite = 'TLS_AES_256_GCM_SHA384';

export function tlsArguments(tls: CertificateFiles): string[] {
  return [
    '--tls',
    '--ca',
    tls.caFile,
    '--cert',
    tls.certificateFile,
    '--key',
    tls.keyFile,
    '--ciphersuites',
    cipherSuite,
  ];
}

/** Sends, and answers what was measured, failures included. Throws when the load generator itself cannot work. */
export async function sendLoad(load: Load): Promise<LoadResult> {
  const { payload } = load;
  const args = [
    ...['--port', String(load.port), '--called', load.calledAeTitle],
    ...['--file', payload.file, '--placeholder', payload.sopInstanceUid],
    ...['--sop-class', payload.sopClassUid, '--transfer-syntax', payload.transferSyntaxUid],
    ...['--count', String(load.count), '--associations', String(load.associations)],
    ...['--uid-start', String(nextNumber)],
    ...(load.callingAeTitle === undefined ? [] : ['--calling', load.callingAeTitle]),
    ...(load.window === undefined ? [] : ['--window', String(load.window)]),
    ...(load.maxPdu === undefined ? [] : ['--max-pdu', String(load.maxPdu)]),
    ...(load.tls ? tlsArguments(load.tls) : []),
  ];
  nextNumber += load.count;
  try {
    return JSON.parse((await run(loadgenPath(), args)).stdout) as LoadResult;
  } catch (error) {
    // It exits with 1 when something was not acknowledged; what it measured is still on its output.
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    if (stdout.startsWith('{')) return JSON.parse(stdout) as LoadResult;
    throw new Error(`loadgen: ${stderr || String(error)}`);
  }
}
