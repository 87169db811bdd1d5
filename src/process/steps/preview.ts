/**
 * Step `preview`: pictures of an instance for people, beside the instance, which passes unchanged. What is no image, or one
 * that cannot be drawn, passes without a picture, and the receipt says so.
 */
import type { DicomObject } from '../../dicom/dataSet/dicomObject.ts';
import { type Attributes, decimals, tags } from '../../dicom/pixels/attributes.ts';
import { frameDecoder } from '../../dicom/pixels/decodeFrame.ts';
import { framesOf } from '../../dicom/pixels/frames.ts';
import { fitted, toJpeg, toPng } from '../../dicom/pixels/picture.ts';
import { pixelDescription } from '../../dicom/pixels/pixelDescription.ts';
import { isPixelError } from '../../dicom/pixels/pixelErrors.ts';
import { render } from '../../dicom/pixels/render.ts';
import type { StepSettings } from '../application.ts';
import type { InstanceStep, StepContext, StepFile, StepOutcome } from '../step.ts';

export type PreviewSettings = Omit<Extract<StepSettings, { step: 'preview' }>, 'step'>;

const name = 'preview';
const version = '1';

export function previewStep(settings: PreviewSettings): InstanceStep {
  return {
    name,
    version,
    async apply(object, context): Promise<StepOutcome> {
      const pass = (detail: string, files: StepFile[] = []): StepOutcome => ({
        kind: 'pass',
        object,
        applied: { name, version, detail },
        files,
      });
      try {
        const made = await pictures(object, settings, context);
        if (!made) return pass('no picture: no image');
        const { format, maxEdge } = settings;
        return pass(`${format}, max edge ${maxEdge}, ${made.files.length} of ${made.count} frames`, made.files);
      } catch (error) {
        if (!isPixelError(error)) throw error;
        return pass(`no picture: ${error.code}: ${error.message}`);
      }
    },
  };
}

/** Undefined: no image. */
async function pictures(
  object: DicomObject,
  { format, maxEdge, frames: which }: PreviewSettings,
  { memoryLimit, fileStem }: StepContext,
): Promise<{ files: StepFile[]; count: number } | undefined> {
  const description = pixelDescription(object);
  if (!description) return undefined;
  const frames = framesOf(object, description);
  const decode = frameDecoder(object, description, memoryLimit);
  const indexes = chosenFrames(which, frames.count);
  const files: StepFile[] = [];
  let held = 0;
  for (const index of indexes) {
    const pixels = await decode(frames.read(index, memoryLimit));
    const picture = fitted(render(object, description, pixels, index), maxEdge, pixelAspect(object));
    const bytes = format === 'png' ? toPng(picture) : await toJpeg(picture);
    held += bytes.length;
    // The pictures of one instance are held together.
    if (held > memoryLimit / 2) break;
    const suffix = indexes.length > 1 ? `-${String(index + 1).padStart(String(frames.count).length, '0')}` : '';
    const contentType = format === 'png' ? 'image/png' : 'image/jpeg';
    const extension = format === 'png' ? 'png' : 'jpg';
    files.push({ name: `previews/${fileStem(object)}${suffix}.${extension}`, contentType, bytes });
  }
  return { files, count: frames.count };
}

function chosenFrames(which: PreviewSettings['frames'], count: number): number[] {
  if (which === 'all') return Array.from({ length: count }, (_, index) => index);
  return [which === 'first' ? 0 : Math.floor(count / 2)];
}

const greatestStretch = 4;

/** Height of a pixel by its width; 1 when nothing sensible is said. */
function pixelAspect(object: Attributes): number {
  for (const tag of [tags.pixelSpacing, tags.pixelAspectRatio]) {
    const [vertical, horizontal] = decimals(object, tag);
    if (vertical === undefined || horizontal === undefined || vertical <= 0 || horizontal <= 0) continue;
    const aspect = vertical / horizontal;
    return aspect > greatestStretch || aspect < 1 / greatestStretch ? 1 : aspect;
  }
  return 1;
}
