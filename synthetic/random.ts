/** Repeatable random numbers: the same seed gives the same data on every machine. Not for anything secret. */

export type Random = () => number;

/** mulberry32: uniform in [0, 1), period 2^32. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** `length` (a power of two) samples of noise with mean 0 and about unit deviation, to be read in a circle. */
export function noiseTable(random: Random, length: number): Float32Array {
  const table = new Float32Array(length);
  // The sum of three uniform numbers has variance 1/4.
  for (let i = 0; i < length; i++) table[i] = (random() + random() + random() - 1.5) * 2;
  return table;
}
