/**
 * Availability by minutes. A minute is `good` when something showed that the link worked and nothing that it did not, `bad`
 * when something showed that it did not, and unknown when nothing showed anything. Availability is good / (good + bad), over the last 24 hours
 * and since the figures began; what is unknown is not counted. Pure.
 */

export type Evidence = 'good' | 'bad';

/** Minutes with evidence. */
export type MinuteCounts = { goodMinutes: number; badMinutes: number };

const minuteMs = 60_000;
const span = 24 * 60;
const states = ['', 'good', 'bad'] as const;
const letters = '.gb';

/** The last 24 hours as text, for a file, run by run: `10g3.`. `newest` is the minute that it begins with,
 * minutes since 1970; it goes backwards from there. */
export type MinutesEntries = MinuteCounts & { newest: number; day: string };

export class Minutes {
  /** By minute modulo `span`: 0 unknown, 1 good, 2 bad. */
  readonly #day = new Uint8Array(span);
  #newest: number | undefined;
  /** Since the figures began. */
  readonly #total: MinuteCounts = { goodMinutes: 0, badMinutes: 0 };

  constructor(entries?: MinutesEntries) {
    if (entries === undefined) return;
    const { newest, day, goodMinutes, badMinutes } = entries;
    this.#newest = newest;
    this.#total = { goodMinutes, badMinutes };
    const plain = day.replace(/(\d+)(.)/g, (_, count: string, letter: string) =>
      letter.repeat(Math.min(span, Number(count))),
    );
    for (let age = 0; age < Math.min(span, plain.length); age++) {
      this.#day[at(newest - age)] = Math.max(0, letters.indexOf(plain.charAt(age)));
    }
  }

  note(evidence: Evidence, now: number): void {
    const minute = Math.floor(now / minuteMs);
    this.#moveTo(minute);
    const was = states[this.#day[at(minute)] ?? 0];
    if (was === evidence || was === 'bad') return; // what went wrong in a minute is not made good by the rest of it
    if (was === 'good') this.#total.goodMinutes--;
    this.#total[evidence === 'good' ? 'goodMinutes' : 'badMinutes']++;
    this.#day[at(minute)] = states.indexOf(evidence);
  }

  /** The last 24 hours, the minute that is running among them. */
  lastDay(now: number): MinuteCounts {
    this.#moveTo(Math.floor(now / minuteMs));
    let [goodMinutes, badMinutes] = [0, 0];
    for (const state of this.#day) {
      if (state === 1) goodMinutes++;
      else if (state === 2) badMinutes++;
    }
    return { goodMinutes, badMinutes };
  }

  get total(): MinuteCounts {
    return { ...this.#total };
  }

  entries(): MinutesEntries {
    const newest = this.#newest ?? 0;
    let day = '';
    for (let age = 0, begins = 0; age < span; age++) {
      const state = this.#day[at(newest - age)] ?? 0;
      if (age + 1 < span && this.#day[at(newest - age - 1)] === state) continue;
      day += `${age + 1 - begins}${letters.charAt(state)}`;
      begins = age + 1;
    }
    return { ...this.#total, newest, day };
  }

  /** Forgets the minutes that are more than a day old. After a clock that was far ahead, all of them. */
  #moveTo(minute: number): void {
    const newest = this.#newest ?? minute;
    if (minute > newest + span || minute < newest - span) this.#day.fill(0);
    else for (let m = newest + 1; m <= minute; m++) this.#day[at(m)] = 0;
    if (minute > newest || minute < newest - span || this.#newest === undefined) this.#newest = minute;
  }
}

const at = (minute: number) => ((minute % span) + span) % span;
