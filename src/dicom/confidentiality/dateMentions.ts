/** Days in text, however people write them: `22.11.1939`, `2/1/39`, `22 Nov 1939`, `November 22, 1939`, `11221939`. Pure. */
import { fold } from './cleanText.ts';

/** First three letters, folded, of the months in English, German, French, Italian, Spanish. */
const months: ReadonlyMap<string, number> = new Map(
  [
    'jan gen ene',
    'feb fev',
    'mar mrz maer',
    'apr avr abr',
    'may mai mag',
    'jun juin giu',
    'jul juil lug',
    'aug aou ago',
    'sep set',
    'oct okt ott',
    'nov',
    'dec dez dic',
  ].flatMap((names, i) => names.split(' ').map((name) => [name, i + 1] as const)),
);
const monthOf = (word: string): number | undefined =>
  months.get(word.slice(0, 4)) ?? months.get(word.slice(0, 3)) ?? undefined;

const numeric = /(?<!\d)(\d{1,4})[\s./:_-]{1,3}(\d{1,2})[\s./:_-]{1,3}(\d{1,4})(?!\d)/g;
const joined = /(?<!\d)(?:\d{8}|\d{6})(?!\d)/g;
const dayFirst =
  /(?<!\d)(\d{1,2})[\s.,_-]{0,3}(?:of |de |di )?([a-z]{3,10})[\s.,_-]{0,3}(?:of |de |di )?(\d{4}|\d{2})(?!\d)/g;
const monthFirst = /(?<![a-z])([a-z]{3,10})[\s.,_-]{0,3}(\d{1,2})(?:st|nd|rd|th)?[\s.,_-]{1,3}(\d{4}|\d{2})(?!\d)/g;
const longest = 65_536;

/** Whether one of `days` (YYYYMMDD) stands in `text`, with the day, the month and two or four digits of the year. */
export function mentionsDay(text: string, days: ReadonlySet<string>): boolean {
  if (days.size === 0 || !/\d/.test(text)) return false;
  const years = new Set([...days].flatMap((day) => [day, day.slice(2)]));
  const is = (year: string, month: string | number, day: string) =>
    years.has(`${year}${String(month).padStart(2, '0')}${day.padStart(2, '0')}`);
  const folded = fold(text.slice(0, longest));
  for (const [, a = '', b = '', c = ''] of folded.matchAll(numeric)) {
    if (is(a.padStart(2, '0'), b, c) || is(c.padStart(2, '0'), b, a) || is(c.padStart(2, '0'), a, b)) return true;
  }
  for (const [run] of folded.matchAll(joined)) {
    const [start, middle, end] = [run.slice(0, 2), run.slice(2, 4), run.slice(4)];
    if (years.has(run) || is(end, middle, start) || is(end, start, middle)) return true;
  }
  for (const [, day = '', word = '', year = ''] of folded.matchAll(dayFirst)) {
    const month = monthOf(word);
    if (month !== undefined && is(year, month, day)) return true;
  }
  for (const [, word = '', day = '', year = ''] of folded.matchAll(monthFirst)) {
    const month = monthOf(word);
    if (month !== undefined && is(year, month, day)) return true;
  }
  return false;
}
