/** A gate for tests of the engine: finds the identities' values as text, and nothing else. */
import type { CreateGate } from '../../../src/process/engine/gate.ts';

export const createGate: CreateGate = ({ identities }) => {
  const values = [...new Set(identities.flatMap((identity) => identity.values))];
  return {
    check({ source }) {
      const bytes = source.read(0, source.size);
      return values.some((value) => bytes.includes(value)) ? [{ code: 'test.found', reason: 'a value' }] : [];
    },
  };
};
