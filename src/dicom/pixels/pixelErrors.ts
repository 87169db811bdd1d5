/** What can be wrong with pixel data. The codes are stable: steps make quarantine reasons of them. */
import { GatewayError } from '../../base/errors.ts';

export type PixelErrorCode =
  /** The bytes contradict themselves or what the header says of them. */
  | 'pixels.malformed'
  /** Sound as far as can be told, but in a form that is not decoded here. */
  | 'pixels.unsupported'
  /** It would take more memory than one instance may. */
  | 'pixels.too-large';

const hints: Record<PixelErrorCode, string> = {
  'pixels.malformed':
    'Look at the instance with a DICOM viewer; if it is broken there too, ask the sender for it again.',
  'pixels.unsupported': 'Process it without the steps that need pixels, or let the sender use another transfer syntax.',
  'pixels.too-large': 'Raise limits.memory of the application, or process it without the steps that need pixels.',
};

export function pixelError(code: PixelErrorCode, message: string, cause?: unknown): GatewayError {
  return new GatewayError(message, { code, operation: 'read pixel data', hint: hints[code], cause });
}

export const malformed = (message: string, cause?: unknown) => pixelError('pixels.malformed', message, cause);
export const unsupported = (message: string) => pixelError('pixels.unsupported', message);

export function isPixelError(error: unknown): error is GatewayError & { code: PixelErrorCode } {
  return error instanceof GatewayError && error.code in hints;
}
