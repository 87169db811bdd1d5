/** Short forms of a manifest written out, so that the schema sees one form only. Paths to keys stay what they were. Pure. */

const isSection = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `- scan` and `- scan:` are `- scan: {}`. */
function normaliseStep(step: unknown): unknown {
  if (typeof step === 'string') return { [step]: {} };
  if (!isSection(step)) return step;
  return Object.fromEntries(Object.entries(step).map(([name, settings]) => [name, settings ?? {}]));
}

export function normaliseManifest(root: unknown): unknown {
  if (!isSection(root) || !isSection(root.dataPart) || !Array.isArray(root.dataPart.steps)) return root;
  return { ...root, dataPart: { ...root.dataPart, steps: root.dataPart.steps.map(normaliseStep) } };
}
