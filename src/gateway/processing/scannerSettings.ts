/** `processing.scanner` as the step needs it. Pure. */
import type { ScannerSettings } from '../../process/steps/clamd.ts';
import type { Configuration } from '../config/configuration.ts';

export function scannerSettings(scanner: Configuration['processing']['scanner']): ScannerSettings | undefined {
  if (scanner === undefined) return undefined;
  const { address, timeout, maxSize } = scanner;
  if (address.startsWith('/')) return { address: { socket: address }, timeout, maxSize };
  const at = address.lastIndexOf(':');
  const host = address.slice(0, at).replace(/^\[|\]$/g, '');
  return { address: { host, port: Number(address.slice(at + 1)) }, timeout, maxSize };
}
