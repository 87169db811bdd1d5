/** What has to hold for all identities of a run together: how far dates were moved, and who has which pseudonym. Pure. */
import type { DeidentifyOption } from '../application.ts';
import type { GateFinding } from '../engine/gate.ts';
import type { Identity } from '../step.ts';

/** Days. Fewer would leave the season, or the date itself. */
const leastShift = -61;

export function checkRun(identities: readonly Identity[], options: ReadonlySet<DeidentifyOption>): GateFinding[] {
  const findings: GateFinding[] = [];
  const isMoved = options.has('retainModifiedDates');
  if (isMoved && identities.some(({ dateShiftDays }) => !(dateShiftDays <= leastShift))) {
    findings.push({ code: 'gate.date-shift', reason: `dates were moved by fewer than ${-leastShift} days` });
  }
  const byPatient = new Map<string, string>();
  const byPseudonym = new Map<string, string>();
  let isMixed = false;
  for (const { patient, uids } of identities) {
    const { pseudonym, patientId, issuer } = patient;
    // Without an ID the study stands for the patient.
    const study = uids.find(({ kind }) => kind === 'study')?.original ?? '';
    const who = patientId === '' ? `study ${study}` : JSON.stringify([issuer, patientId]);
    if (pseudonym === '' || who === 'study ') continue;
    isMixed ||= (byPatient.get(who) ?? pseudonym) !== pseudonym || (byPseudonym.get(pseudonym) ?? who) !== who;
    byPatient.set(who, pseudonym);
    byPseudonym.set(pseudonym, who);
  }
  if (isMixed) {
    findings.push({
      code: 'gate.pseudonym',
      reason: 'a patient of the run has two pseudonyms, or two patients have one',
    });
  }
  return findings;
}
