/**
 * A case is a script: what arrives, in which pieces, and what else happens in between. Every target reads the same form, so
 * mutation, minimisation and regression files need no knowledge of it.
 *
 * As bytes: seed (4), then for each step its operation (1), length (3) and data. A file that ends early is a shorter case.
 */

/** Operation 0 is a chunk of bytes from the peer; what the others mean is each target's own. */
export type Step = { op: number; data: Buffer };
/** `seed` decides what the target itself chooses at random: role, transfer syntax, further cuts. */
export type FuzzCase = { seed: number; steps: Step[] };

export const bytesOp = 0;

export const chunk = (data: Buffer): Step => ({ op: bytesOp, data });

export function encodeCase({ seed, steps }: FuzzCase): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(seed >>> 0);
  const parts = steps.flatMap(({ op, data }) => {
    const header = Buffer.alloc(4);
    header.writeUInt8(op);
    header.writeUIntBE(data.length, 1, 3);
    return [header, data];
  });
  return Buffer.concat([head, ...parts]);
}

export function decodeCase(bytes: Buffer): FuzzCase {
  if (bytes.length < 4) return { seed: 0, steps: [] };
  const steps: Step[] = [];
  let offset = 4;
  while (offset + 4 <= bytes.length) {
    const end = offset + 4 + bytes.readUIntBE(offset + 1, 3);
    steps.push({ op: bytes.readUInt8(offset), data: Buffer.from(bytes.subarray(offset + 4, end)) });
    offset = end;
  }
  return { seed: bytes.readUInt32BE(0), steps };
}

/** All that arrives, without the cuts. */
export function streamOf({ steps }: FuzzCase): Buffer {
  return Buffer.concat(steps.filter((step) => step.op === bytesOp).map((step) => step.data));
}

export const sizeOf = ({ steps }: FuzzCase): number => steps.reduce((sum, step) => sum + step.data.length, 0);
