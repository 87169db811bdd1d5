/**
 * Lossless compression by kind of image: the frames of one synthetic image, encoded, decoded again and compared as the step
 * `compress` does it, in this process; beside them `dcmcjpls`, which neither decodes nor compares. It takes one file a call:
 * what starting it takes is measured as well and taken off. Seconds are those of a processor: what else runs on the machine
 * is not in them.
 */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BufferSource } from '../../src/dicom/dataSet/byteSources.ts';
import { parsePart10 } from '../../src/dicom/dataSet/parsePart10.ts';
import { frameDecoder } from '../../src/dicom/pixels/decodeFrame.ts';
import { framesOf } from '../../src/dicom/pixels/frames.ts';
import { losslessEncoder } from '../../src/dicom/pixels/losslessEncoder.ts';
import { pixelDescription } from '../../src/dicom/pixels/pixelDescription.ts';
import { crStudy, ctStudy, usMultiFrame } from '../../synthetic/index.ts';
import { hasProgram } from '../../test/support/programs.ts';
import { median } from '../statistics.ts';
import { lastCore, timed } from './oneCore.ts';

export type CodecImageRow = {
  codec: 'htj2k' | 'jpeg-ls' | 'dcmcjpls';
  image: string;
  /** Bytes before by bytes after. */
  ratio: number;
  /** Frames a second of one core's time. */
  imagesPerSecond: number;
  /** Of the bytes before, in 10^6. */
  megabytesPerSecond: number;
};

type Image = { name: string; part10: Buffer };

const memoryLimit = 2 ** 30;

function images(): Image[] {
  const made = [
    { name: 'CT 512 x 512', instances: ctStudy({ slices: 1, seed: 11 }) },
    { name: 'CT 256 x 256', instances: ctStudy({ slices: 1, seed: 12, rows: 256, columns: 256 }) },
    { name: 'CR 3000 x 2500', instances: crStudy({ seed: 13 }) },
    { name: 'US RGB 640 x 480', instances: [usMultiFrame({ seed: 14, frames: 4 })] },
  ];
  return made.flatMap(({ name, instances }) => [...instances].map((instance) => ({ name, part10: instance.part10() })));
}

type Timed = { bytesIn: number; bytesOut: number; frames: number; seconds: number };

/** The median of `rounds`, after one that warms up. */
async function measureOwn(family: 'htj2k' | 'jpeg-ls', { name, part10 }: Image, rounds: number): Promise<Timed> {
  const object = parsePart10(new BufferSource(name, part10), { maxBytesInMemory: memoryLimit });
  const description = pixelDescription(object);
  if (!description) throw new Error(`${name} is no image`);
  const frames = framesOf(object, description);
  const decode = frameDecoder(object, description, memoryLimit);
  let bytesOut = 0;
  const seconds: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    bytesOut = 0;
    const before = process.cpuUsage();
    for (let index = 0; index < frames.count; index++) {
      const pixels = await decode(frames.read(index, memoryLimit));
      const encoder = losslessEncoder(family, description, pixels.photometric);
      const encoded = 'reason' in encoder ? undefined : await encoder.encode(pixels);
      if (!encoded) throw new Error(`${name} cannot be encoded by ${family}`);
      bytesOut += encoded.length;
    }
    const { user, system } = process.cpuUsage(before);
    if (round > 0) seconds.push((user + system) / 1e6);
  }
  return { bytesIn: frames.storedSize, bytesOut, frames: frames.count, seconds: median(seconds) ?? Number.NaN };
}

const calls = 5;

async function measureDcmcjpls({ part10 }: Image, frames: number, rounds: number): Promise<Timed> {
  const directory = mkdtempSync(join(tmpdir(), 'codec-images-'));
  const [input, output] = [join(directory, 'in.dcm'), join(directory, 'out.dcm')];
  const core = lastCore();
  const cpu = async (command: string) => {
    const loop = `for ((i = 0; i < ${calls}; i++)); do ${command}; done`;
    return (await timed(core, loop, [input, output])).cpu / calls;
  };
  try {
    writeFileSync(input, part10);
    const seconds: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const start = await cpu('dcmcjpls --version');
      seconds.push(Math.max((await cpu('dcmcjpls "$1" "$2"')) - start, 1e-4));
    }
    const bytesOut = statSync(output).size;
    return { bytesIn: part10.length, bytesOut, frames, seconds: median(seconds) ?? Number.NaN };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const rowOf = (codec: CodecImageRow['codec'], image: string, timed: Timed): CodecImageRow => ({
  codec,
  image,
  ratio: timed.bytesIn / timed.bytesOut,
  imagesPerSecond: timed.frames / timed.seconds,
  megabytesPerSecond: timed.bytesIn / 1e6 / timed.seconds,
});

/** Without dcmcjpls its rows are missing. `only`: images whose name begins so. */
export async function measureCodecImages({
  quick,
  only = '',
}: {
  quick: boolean;
  only?: string;
}): Promise<CodecImageRow[]> {
  const rounds = quick ? 3 : 9;
  const isHere = hasProgram('dcmcjpls') && hasProgram('taskset');
  const rows: CodecImageRow[] = [];
  for (const image of images().filter(({ name }) => name.startsWith(only))) {
    let frames = 1;
    for (const family of ['htj2k', 'jpeg-ls'] as const) {
      const timed = await measureOwn(family, image, rounds);
      frames = timed.frames;
      rows.push(rowOf(family, image.name, timed));
    }
    if (isHere) rows.push(rowOf('dcmcjpls', image.name, await measureDcmcjpls(image, frames, rounds)));
  }
  return rows;
}
