import type { ProfileOption } from './profileOptions.ts';
import type { SafePrivate } from './safePrivateTable.ts';
import type { Plan } from './treatments.ts';

/** What is known of the instance before its elements are looked at one by one. */
export type Subject = {
  plan: Plan;
  options: ReadonlySet<ProfileOption>;
  safePrivate: SafePrivate;
  /** Folded words that cleaned text must not keep. */
  words: ReadonlySet<string>;
  /** Whether text that is otherwise kept mentions somebody. */
  isMentionedIn(text: string): boolean;
  shiftDays: number;
  replaceUid(original: string, tag: number): string;
  /** For Patient ID and Patient's Name, wherever they stand. */
  pseudonymFor(tag: number, value: string): string;
  replaceAe(title: string): string;
  /** Dates that were moved are told, for whoever looks for the originals. */
  onShifted(text: string): void;
};
