/** The fuzzer itself: would it notice? Each of these puts a mistake in, of a kind that has been made before. */
import { describe, expect, it } from 'vitest';
import { IdentifyingTagScanner } from '../../src/dicom/dataSet/identifyingTags.ts';
import { MessageReader } from '../../src/dicom/dimse/messageReader.ts';
import { Association } from '../../src/dicom/upperLayer/association.ts';
import { encodePdu, type Pdu } from '../../src/dicom/upperLayer/pdu.ts';
import { PduReader } from '../../src/dicom/upperLayer/pduReader.ts';
import { associateRq as usualRq } from '../support/rawPeer.ts';
import { bytesAllocated } from './allocations.ts';
import { decodeCase, encodeCase, type FuzzCase, streamOf } from './fuzzCase.ts';
import { Fuzzer } from './fuzzer.ts';
import { associateRq } from './generate.ts';
import { mutate } from './mutate.ts';
import { lengthFields, replaceInside } from './pduStructure.ts';
import { Random } from './random.ts';
import type { Target } from './target.ts';
import { associationTarget } from './targets/association.ts';
import { identifyingTagsTarget } from './targets/identifyingTags.ts';
import { messageTarget } from './targets/message.ts';
import { pduReaderTarget } from './targets/pduReader.ts';

const find = async (target: Target) =>
  (await new Fuzzer(target, { cases: 3000, seconds: 30, seed: 3, stopAtFailure: true }).run()).failures;

/** Drops what comes with the end of a PDU in one chunk, now and then. */
class LosesBytes extends PduReader {
  override push(chunk: Buffer): void {
    super.push(chunk.length === 13 ? chunk.subarray(0, 12) : chunk);
  }
}

/** Keeps a view of a chunk that is not its own for the length of one call. */
class KeepsViews extends PduReader {
  #last: Buffer | undefined;
  override push(chunk: Buffer): void {
    const last = this.#last;
    this.#last = chunk.length < 3 ? chunk : undefined;
    if (last) super.push(last);
    if (this.#last === undefined) super.push(chunk);
  }
}

/** Copies everything that has come on every call. */
class Copies extends PduReader {
  #all: Buffer = Buffer.alloc(0);
  override push(chunk: Buffer): void {
    this.#all = Buffer.concat([this.#all, chunk]);
    super.push(chunk);
  }
}

/** Does not mind what comes in the middle of a data set. */
class TakesEverything extends MessageReader {
  override onPdv(contextId: number, control: number, bytes: Buffer, fragmentEnds: boolean): void {
    super.onPdv(contextId, bytes.length === 2 ? control | 2 : control, bytes, fragmentEnds);
  }
}

/** Says twice that it is over. */
class ClosesTwice extends Association {
  override transportClosed(): void {
    super.transportClosed();
    super.abort('once more');
    this.release();
    if (this.state === 'Sta1') this.transportConnected();
  }
}

/** Forgets that a value may come in two pieces. */
class Forgets extends IdentifyingTagScanner {
  override push(chunk: Buffer): void {
    if (chunk.length !== 7) super.push(chunk);
  }
}

describe('the fuzzer notices', () => {
  it.each<[string, Target]>([
    ['bytes that are lost', pduReaderTarget(LosesBytes)],
    ['memory that is kept though it is the caller’s', pduReaderTarget(KeepsViews)],
    ['copies that grow with the square of what comes', pduReaderTarget(Copies)],
    ['a message that is taken apart by its pieces', messageTarget(TakesEverything)],
    ['an association that goes on after its end', associationTarget(ClosesTwice)],
    ['a scanner that loses a piece', identifyingTagsTarget(Forgets)],
  ])('%s', async (_what, target) => {
    const failures = await find(target);
    expect(failures.length).toBeGreaterThan(0);
    // The reproducer shows it again, and alone.
    const again = decodeCase(Buffer.from(failures[0]?.reproducer ?? '', 'base64'));
    await expect((async () => target.run(again, () => {}))()).rejects.toThrow();
  });

  it('what is thrown, once for each kind, made small', async () => {
    const target: Target = {
      ...pduReaderTarget(),
      run: (fuzzCase) => {
        if (streamOf(fuzzCase).includes(0x58)) throw new TypeError(`at ${fuzzCase.seed}`);
      },
    };
    const failures = await find(target);
    expect(failures).toHaveLength(1);
    expect(streamOf(decodeCase(Buffer.from(failures[0]?.reproducer ?? '', 'base64')))).toEqual(Buffer.from([0x58]));
  });

  it('the same with the same seed', async () => {
    const seen = async () => {
      const cases: string[] = [];
      const onCase = (fuzzCase: FuzzCase) => void cases.push(encodeCase(fuzzCase).toString('hex'));
      await new Fuzzer(pduReaderTarget(), { cases: 300, seconds: 30, seed: 5, onCase }).run();
      return cases;
    };
    expect(await seen()).toEqual(await seen());
  });
});

describe('its parts', () => {
  it('a case survives being written down', () => {
    const fuzzCase = {
      seed: 7,
      steps: [
        { op: 0, data: Buffer.from('abc') },
        { op: 9, data: Buffer.alloc(0) },
      ],
    };
    expect(decodeCase(encodeCase(fuzzCase))).toEqual(fuzzCase);
  });

  it('a mutation leaves the case that it began with alone', () => {
    const random = new Random(1);
    const original = { seed: 1, steps: [{ op: 0, data: associateRq(random) }] };
    const before = encodeCase(original);
    for (let i = 0; i < 500; i++) mutate(original, original, random, { operations: 3, maxBytes: 900, maxSteps: 9 });
    expect(encodeCase(original)).toEqual(before);
  });

  it('lengths stay true around what is replaced', () => {
    const pdu = encodePdu(usualRq());
    const name = pdu.indexOf('1.2.840.10008.1.1');
    const changed = replaceInside(pdu, name, name + 3, Buffer.from('1.22.333'));
    const seen: Pdu[] = [];
    new PduReader(
      { associatePduLength: 9999, maximumLength: 9999 },
      { onPdu: (value) => void seen.push(value), onPData: () => {}, onPdv: () => {} },
    ).push(changed);
    expect(seen[0]).toMatchObject({ contexts: [{ abstractSyntax: '1.22.333.840.10008.1.1' }, {}] });
    expect(lengthFields(changed)).toHaveLength(lengthFields(pdu).length);
  });

  it('allocations are counted, nested ones once', () => {
    const counted = bytesAllocated(() => Buffer.concat([Buffer.alloc(1000), Buffer.from('x'.repeat(500))]));
    expect(counted).toBe(1000 + 500 + 1500 + 300);
  });
});
