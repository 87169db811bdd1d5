/**
 * Step `compress`: pixel data to lossless HTJ2K or JPEG-LS. An instance that cannot be compressed, would not be smaller or
 * would not come back bit for bit stays exactly as it was, and the receipt says why. What was compressed with loss is never
 * compressed anew; what was compressed without loss only with `recompress`.
 */
import { type DicomObject, lengthOf } from '../../dicom/dataSet/dicomObject.ts';
import { implicitWithBigEndianPixels } from '../../dicom/dataSet/transferSyntax.ts';
import { frameDecoder } from '../../dicom/pixels/decodeFrame.ts';
import { framesOf } from '../../dicom/pixels/frames.ts';
import { type LosslessEncoder, losslessEncoder } from '../../dicom/pixels/losslessEncoder.ts';
import { type PixelDescription, pixelDescription, pixelElement } from '../../dicom/pixels/pixelDescription.ts';
import { isPixelError } from '../../dicom/pixels/pixelErrors.ts';
import { PixelStore } from '../../dicom/pixels/pixelStore.ts';
import { hasNestedFragments, withPixelData } from '../../dicom/pixels/replacePixelData.ts';
import type { StepSettings } from '../application.ts';
import type { InstanceStep, StepContext, StepOutcome } from '../step.ts';

export type CompressSettings = Omit<Extract<StepSettings, { step: 'compress' }>, 'step'>;

const name = 'compress';
const version = '1';
const families = { 'htj2k-lossless': 'htj2k', 'jpeg-ls-lossless': 'jpeg-ls' } as const;

export function compressStep(settings: CompressSettings): InstanceStep {
  return {
    name,
    version,
    async apply(object, context): Promise<StepOutcome> {
      const pass = (result: DicomObject, detail: string): StepOutcome => ({
        kind: 'pass',
        object: result,
        applied: { name, version, detail: `${settings.transferSyntax}: ${detail}` },
      });
      try {
        const compressed = await compress(object, settings, context);
        if ('leftAlone' in compressed) return pass(object, `left as it was: ${compressed.leftAlone}`);
        return pass(compressed.object, `${compressed.from} bytes of pixel data to ${compressed.to}`);
      } catch (error) {
        if (!isPixelError(error)) throw error;
        return pass(object, `left as it was: ${error.code}: ${error.message}`);
      }
    },
  };
}

type Compressed = { object: DicomObject; from: number; to: number } | { leftAlone: string };

async function compress(object: DicomObject, settings: CompressSettings, context: StepContext): Promise<Compressed> {
  const description = pixelDescription(object);
  if (!description) return { leftAlone: 'no image' };
  const reason = reasonAgainst(object, description, settings);
  if (reason !== undefined) return { leftAlone: reason };
  const { memoryLimit, scratch } = context;
  const frames = framesOf(object, description);
  const decode = frameDecoder(object, description, memoryLimit);
  const store = new PixelStore(scratch);
  let encoder: LosslessEncoder | undefined;
  for (let index = 0; index < frames.count; index++) {
    const pixels = await decode(frames.read(index, memoryLimit));
    if (!encoder) {
      const made = losslessEncoder(families[settings.transferSyntax], description, pixels.photometric);
      if ('reason' in made) return { leftAlone: made.reason };
      if (made.transferSyntaxUid === object.meta.transferSyntaxUid) return { leftAlone: 'compressed so already' };
      encoder = made;
    }
    const encoded = await encoder.encode(pixels);
    if (!encoded) return { leftAlone: `frame ${index + 1} would not come back bit for bit` };
    store.addFragment(encoded);
    if (store.size >= frames.storedSize) return { leftAlone: 'it would not be smaller' };
  }
  if (!encoder) return { leftAlone: 'no frames' };
  const { transferSyntaxUid, photometric } = encoder;
  const value = { kind: 'fragments', fragments: store.fragments() } as const;
  return {
    object: withPixelData(object, description, { transferSyntaxUid, photometric, value }),
    from: frames.storedSize,
    to: store.size,
  };
}

function reasonAgainst(
  object: DicomObject,
  description: PixelDescription,
  { recompress }: CompressSettings,
): string | undefined {
  const { codec, lossless, subsampled, frames, frameBytes, bitsAllocated } = description;
  if (codec !== 'native' && !lossless) return 'compressed with loss by whoever sent it';
  if (codec !== 'native' && !recompress) return `compressed already (${object.meta.transferSyntaxUid})`;
  if (object.meta.transferSyntaxUid === implicitWithBigEndianPixels) return 'a byte order of its own';
  if (subsampled) return 'subsampled colour';
  if (hasNestedFragments(object.dataSet)) return 'encapsulated pixel data in a sequence, an icon perhaps';
  const value = pixelElement(object)?.value;
  const surplus = value?.kind === 'bytes' && bitsAllocated >= 8 ? lengthOf(value.bytes) - frameBytes * frames : 0;
  return surplus > 1 ? `${surplus} bytes more than its frames have` : undefined;
}
