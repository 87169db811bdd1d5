/**
 * The conformance gate (DESIGN, invariant 8): looks at everything that would leave a run that de-identifies, independently of the
 * steps that made it. What it finds is named by place and kind, never by value.
 */
import type { CreateGate, GateFinding, Leaving } from '../engine/gate.ts';
import { AttributeRules } from './attributeRules.ts';
import { checkDicom } from './dicomCheck.ts';
import { checkFile } from './fileCheck.ts';
import { Needles } from './needles.ts';
import { originalsOf } from './originals.ts';
import { checkRun } from './runCheck.ts';

export const createGate: CreateGate = ({ application, identities }) => {
  const rules = new AttributeRules(application);
  const needles = new Needles(identities, { keepsUids: rules.options.has('retainUids') });
  const ofRun = checkRun(identities, rules.options);
  return {
    check(leaving: Leaving): GateFinding[] {
      const isForeign = leaving.madeBy === 'data-part';
      if (leaving.kind === 'file') return [...ofRun, ...checkFile(leaving, { rules, needles, isForeign })];
      if (leaving.original !== undefined) {
        const { values, uids } = originalsOf(leaving.original, rules.options);
        needles.learn(values, uids);
      }
      return [...ofRun, ...checkDicom(leaving.source, { rules, needles, isForeign })];
    },
  };
};
