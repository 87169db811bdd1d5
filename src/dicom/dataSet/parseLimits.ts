/** What an object may take while it is read; whoever reads chooses. */
export type ParseLimits = {
  /** Bytes read into memory, or inflated. */
  maxBytesInMemory: number;
  /** Values that are longer stay in the source. */
  maxValueInMemory: number;
  /** Sequences within sequences. */
  maxDepth: number;
  /** Elements in all, those in items included. */
  maxElements: number;
  /** Items and fragments in all. */
  maxItems: number;
};

export const defaultLimits: ParseLimits = {
  maxBytesInMemory: 64 * 1024 * 1024,
  maxValueInMemory: 64 * 1024,
  maxDepth: 64,
  maxElements: 1_000_000,
  maxItems: 500_000,
};
