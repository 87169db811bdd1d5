/**
 * The conformance gate (DESIGN, invariant 8): looks at everything that would leave a run that de-identifies, independently of the
 * steps that made it. What it finds is named by place and kind, never by value.
 */
import type { CreateGate, GateFinding, Leaving } from '../engine/gate.ts';
import { AttributeRules } from './attributeRules.ts';
import { checkDicom } from './dicomCheck.ts';
import { checkFile } from './fileCheck.ts';
import { Needles } from './needles.ts';

export const createGate: CreateGate = ({ application, identities }) => {
  const needles = new Needles(identities);
  const rules = new AttributeRules(application);
  return {
    check(leaving: Leaving): GateFinding[] {
      if (leaving.kind === 'file') return checkFile(leaving, needles);
      const isForeign = leaving.madeBy === 'data-part';
      return checkDicom(leaving.source, { rules, needles, isForeign });
    },
  };
};
