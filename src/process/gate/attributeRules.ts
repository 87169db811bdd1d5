/**
 * What of an attribute may be in an object that was de-identified, by the rows of table E.1-1 and the options of the application.
 * Reads the table's data and nothing of what the step makes of it: where an IOD leaves a choice, whatever tells nobody anything
 * is right here. Pure.
 */

import { ownRows, type ProfileRow, profileRows } from '../../dicom/confidentiality/profileTable.ts';
import { safePrivateElements } from '../../dicom/confidentiality/safePrivateTable.ts';
import { lookUp } from '../../dicom/dataSet/dictionary.ts';
import type { Application, DeidentifyOption, SafePrivateRule } from '../application.ts';

/**
 * kept: an option retains it. cleaned: it stays without what identifies. harmless: nothing that says anything. stand-in: a
 * sequence that says nothing. new-uid: no UID that came in. inside: its items are looked at, itself says nothing.
 */
export type Allowed = 'kept' | 'cleaned' | 'harmless' | 'stand-in' | 'new-uid' | 'inside';

/** Sequences that are replaced as a whole: a content tree, drawings, who or where it was. Others of action D are looked into. */
const replacedAsAWhole = new Set([0x0040a730, 0x00700001, 0x00401101, 0x00080082]);

export class AttributeRules {
  readonly options: ReadonlySet<DeidentifyOption>;
  readonly #byTag = new Map<number, Allowed>();
  readonly #sequences = new Map<number, Allowed>();
  readonly #safePrivate: ReadonlySet<string>;
  readonly #documents: ReadonlySet<string>;

  constructor({ steps }: Pick<Application, 'steps'>) {
    const settings = steps.flatMap((step) => (step.step === 'deidentify' ? [step] : []));
    this.options = new Set(settings.flatMap(({ options }) => options));
    this.#safePrivate = new Set(
      [...safePrivateElements, ...settings.flatMap(({ safePrivate }) => safePrivate)].map(keyOf),
    );
    const known = settings.flatMap(({ burnedIn }) => burnedIn).filter(({ regions }) => regions.length === 0);
    this.#documents = new Set(known.flatMap(({ match }) => match.sopClass ?? []));
    for (const [tag, row] of [...ownRows, ...profileRows]) {
      this.#byTag.set(tag, this.#allowed(tag, row));
      this.#sequences.set(tag, this.#allowedSequence(tag, row));
    }
  }

  /** undefined: no row names it. */
  of(tag: number, isSequence: boolean): Allowed | undefined {
    return (isSequence ? this.#sequences : this.#byTag).get(tag);
  }

  /** Whether a rule of the manifest says that documents of this SOP class name nobody. */
  passesDocument(sopClassUid: string): boolean {
    return this.#documents.has(sopClassUid);
  }

  /** Whether a private element may stay. */
  isSafePrivate(creator: string, tag: number): boolean {
    if (!this.options.has('retainSafePrivate')) return false;
    return this.#safePrivate.has(keyOf({ creator, group: tag >>> 16, element: tag & 0xff }));
  }

  #optionActions(row: ProfileRow): Set<string> {
    const chosen = Object.entries(row.options).filter(([option]) => this.options.has(option as DeidentifyOption));
    return new Set(chosen.map(([, action]) => action));
  }

  /** Where options disagree, the careful one counts. */
  #allowed(tag: number, row: ProfileRow): Allowed {
    const actions = this.#optionActions(row);
    if (actions.has('C')) return 'cleaned';
    if (actions.has('K')) return 'kept';
    const isUid = row.basic === 'U' || (row.basic.includes('D') && lookUp(tag)?.vr === 'UI');
    return isUid ? 'new-uid' : 'harmless';
  }

  #allowedSequence(tag: number, row: ProfileRow): Allowed {
    if (this.#optionActions(row).size > 0) return 'inside';
    const { basic } = row;
    if (basic === 'U' || basic === 'X/Z/U*') return 'inside';
    if (!basic.includes('D')) return 'harmless';
    // Of the others the step may leave the items, each by its own row.
    return replacedAsAWhole.has(tag) ? 'stand-in' : 'inside';
  }
}

const keyOf = ({ creator, group, element }: SafePrivateRule) => `${group.toString(16)} ${element & 0xff} ${creator}`;
