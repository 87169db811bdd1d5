/**
 * Step `scan`: malware scan by clamd, of the whole object and of each encapsulated document in it apart, which clamd would
 * not find in an object by itself. What is not said to be clean does not go on.
 */
import { GatewayError } from '../../base/errors.ts';
import { type Bytes, bytesIn, type DataSet, type DicomObject } from '../../dicom/dataSet/dicomObject.ts';
import { encodePart10 } from '../../dicom/dataSet/encodePart10.ts';
import type { Application } from '../application.ts';
import type { InstanceStep, StepOutcome } from '../step.ts';
import { type ScannerSettings, scanStream, type Verdict } from './clamd.ts';
import { notScanned } from './notScanned.ts';

const encapsulatedDocument = 0x00420011;
const chunkSize = 256 * 1024;
const version = '1.0.0';

export function createScan(whenAway: Application['scannerDown'], scanner: ScannerSettings | undefined): InstanceStep {
  return {
    name: 'scan',
    version,
    async apply(object): Promise<StepOutcome> {
      for (const [what, parts] of toScan(object)) {
        const verdict = await scan(parts, scanner);
        if (verdict.kind === 'clean') continue;
        if (verdict.kind !== 'away') return refusal(what, verdict, scanner);
        // One that was there and went in the middle of this object may have gone because of it: that is not being away.
        if (whenAway === 'pass' && !verdict.midway) return pass(object, notScanned);
        throw away(verdict, scanner);
      }
      return pass(object, 'clean, by clamd');
    },
  };
}

/** Lost midway, it is asked again at once: what it said before it closed may have been lost with the connection. */
async function scan(parts: Bytes[], scanner: ScannerSettings | undefined): Promise<Verdict> {
  if (scanner === undefined) return { kind: 'away', reason: 'none is configured', midway: false };
  let wasThere = false;
  for (let attempt = 1; ; attempt++) {
    const verdict = await scanStream(inChunks(parts), scanner);
    if (verdict.kind !== 'away') return verdict;
    wasThere ||= verdict.midway;
    if (!verdict.midway || attempt === attempts) return { ...verdict, midway: wasThere };
  }
}

const attempts = 3;

const pass = (object: DicomObject, detail: string): StepOutcome => ({
  kind: 'pass',
  object,
  applied: { name: 'scan', version, detail },
});

/** The documents first: they are the smaller part. */
function* toScan(object: DicomObject): Generator<[what: string, parts: Bytes[]]> {
  for (const document of documentsIn(object.dataSet)) yield ['its encapsulated document (0042,0011)', [document]];
  yield ['the object', encodePart10(object).pieces];
}

function* documentsIn({ elements }: DataSet): Generator<Bytes> {
  for (const { tag, value } of elements) {
    if (value.kind === 'sequence') for (const item of value.items) yield* documentsIn(item.dataSet);
    else if (tag === encapsulatedDocument) {
      if (value.kind === 'bytes') yield value.bytes;
      else yield* value.fragments;
    }
  }
}

function* inChunks(parts: Iterable<Bytes>): Generator<Buffer> {
  for (const part of parts) {
    for (let done = 0; done < part.length; done += chunkSize) {
      const length = Math.min(chunkSize, part.length - done);
      yield Buffer.isBuffer(part)
        ? part.subarray(done, done + length)
        : bytesIn({ source: part.source, offset: part.offset + done, length });
    }
  }
}

function refusal(
  what: string,
  verdict: Exclude<Verdict, { kind: 'clean' | 'away' }>,
  scanner: ScannerSettings | undefined,
): StepOutcome {
  switch (verdict.kind) {
    case 'found':
      return { kind: 'refused', code: 'scan.infected', reason: `clamd found ${verdict.signature} in ${what}` };
    case 'too-large': {
      const limit = scanner === undefined ? '' : ` (processing.scanner.maxSize is ${scanner.maxSize} bytes)`;
      return { kind: 'refused', code: 'scan.too-large', reason: `${what} is larger than clamd looks through${limit}` };
    }
    case 'error':
      return { kind: 'refused', code: 'scan.error', reason: `clamd could not scan ${what}: ${verdict.answer}` };
  }
}

/** Lost midway counts as an attempt of the task: an object that ends the scanner does not do so for ever. */
function away({ reason, midway }: Extract<Verdict, { kind: 'away' }>, scanner: ScannerSettings | undefined) {
  const configured = scanner === undefined ? 'set processing.scanner' : 'start clamd';
  return new GatewayError(`the malware scanner is away: ${reason}`, {
    code: midway ? 'scan.interrupted' : 'scan.unavailable',
    operation: 'scan for malware',
    ...(scanner === undefined
      ? {}
      : {
          subject:
            'socket' in scanner.address ? scanner.address.socket : `${scanner.address.host}:${scanner.address.port}`,
        }),
    hint: `${configured}; what waits is tried again by itself. Nothing passes unscanned`,
    retryable: true,
  });
}
