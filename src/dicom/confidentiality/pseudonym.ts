/** What stands for a patient, an AE title: the same at one site for the same original, and not to be had back from it. Pure. */
import { createHmac } from 'node:crypto';

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** `characters` times 5 bits, in letters and digits that are not mistaken for each other. */
function code(key: Buffer, text: string, characters: number): string {
  const digest = createHmac('sha256', key).update(text).digest();
  let bits = BigInt(`0x${digest.toString('hex')}`);
  let made = '';
  while (made.length < characters) {
    made += alphabet[Number(bits & 31n)];
    bits >>= 5n;
  }
  return made;
}

/** What is written into Patient ID where nobody knows it: it would make one patient of all of them. In capitals, without marks. */
const placeholders: ReadonlySet<string> = new Set(
  `UNKNOWN UNKNOWNPATIENT UNBEKANNT INCONNU DESCONOCIDO ANONYMOUS ANONYMIZED ANONYMISED ANONYM ANON NONE NULL NIL NA NOID NOPATIENTID
  NOTAVAILABLE NOTKNOWN UNDEFINED UNIDENTIFIED UNASSIGNED REMOVED DELETED EMPTY BLANK TEST TESTPATIENT PATIENT PATIENTID PID ID MRN DUMMY
  DEFAULT TEMP TEMPORARY EMERGENCY NOTFALL TRAUMA JOHNDOE JANEDOE X XX XXX XXXX NN`.split(/\s+/),
);

/** No letter and no digit, one character again and again (`000000`, `XXXXX`), or a word for nobody. */
export function isPlaceholder(patientId: string): boolean {
  const plain = patientId.toUpperCase().replace(/[^\p{L}\p{N}]/gu, '');
  return plain === '' || placeholders.has(plain) || /^(?:0|9{4,}|(.)\1{4,})$/.test(plain) || /^0+$/.test(plain);
}

/**
 * Who a patient is: an ID is one only together with who issued it. Without an ID, or with a placeholder for one, the study stands
 * for the patient. The length keeps issuer and ID apart whatever they are made of.
 */
export function patientKey(patientId: string, issuer: string, studyInstanceUid: string): string {
  if (isPlaceholder(patientId)) return `study\0${studyInstanceUid}`;
  return `patient\0${issuer.length}\0${issuer}\0${patientId}`;
}

/** 16 characters, 80 bits: `P-` and 16 of them, for Patient ID and Patient's Name. */
export const patientPseudonym = (key: Buffer, patient: string): string => `P-${code(key, patient, 16)}`;

/** 14 characters, as an AE title may have 16. */
export const aePseudonym = (key: Buffer, title: string): string => `AE${code(key, `ae\0${title}`, 12)}`;
