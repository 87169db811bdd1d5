/** Counts what is allocated in Buffers while something runs: each one's bytes and what the object itself takes, about 100. */

const objectBytes = 100;
type Allocator = (...args: never[]) => Buffer;
const names = ['alloc', 'allocUnsafe', 'allocUnsafeSlow', 'from', 'concat'] as const;

/** The bytes that `run` (synchronous) allocated in Buffers, freed or not. */
export function bytesAllocated(run: () => void): number {
  let total = 0;
  let depth = 0;
  const patched = Buffer as unknown as Record<(typeof names)[number], Allocator>;
  const originals = names.map((name) => [name, patched[name]] as const);
  for (const [name, original] of originals) {
    patched[name] = (...args: never[]) => {
      depth++; // one allocator may call another
      try {
        const made = original.apply(Buffer, args);
        if (depth === 1) total += made.length + objectBytes;
        return made;
      } finally {
        depth--;
      }
    };
  }
  try {
    run();
  } finally {
    for (const [name, original] of originals) patched[name] = original;
  }
  return total;
}
