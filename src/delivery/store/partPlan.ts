/** Limits of S3's multipart uploads. */
export const MIN_PART_BYTES = 5 * 1024 * 1024;
export const MAX_PARTS = 10_000;

export type Part = { number: number; start: number; end: number };

/** Cuts an object of `size` > 0 bytes into parts of `partSize`, the last one shorter; `end` is exclusive. */
export function planParts(size: number, partSize: number): Part[] {
  const count = Math.max(1, Math.ceil(size / partSize));
  return Array.from({ length: count }, (_, index) => ({
    number: index + 1,
    start: index * partSize,
    end: Math.min(size, (index + 1) * partSize),
  }));
}

/** The part size to use: the configured one, raised to what S3 demands and to what keeps the count within its limit. */
export function effectivePartSize(size: number, configured: number): number {
  const mebibyte = 1024 * 1024;
  const forCount = Math.ceil(size / MAX_PARTS / mebibyte) * mebibyte;
  return Math.max(MIN_PART_BYTES, configured, forCount);
}
