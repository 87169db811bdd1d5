/**
 * Modified dates (PS3.15 E.3.6): all dates of a patient are moved back by the same number of days, so what lies between two of
 * them stays; times of day are kept. Pure.
 */
import { createHmac } from 'node:crypto';

/** Days, from -1460 to -61: never 0, and far enough that a date says nothing of the season. */
export function shiftDaysFor(key: Buffer, patient: string): number {
  const number = createHmac('sha256', key).update(patient).digest().readUIntBE(0, 6);
  return -61 - (number % 1400);
}

const millisecondsInDay = 86_400_000;

/** 1..31 of 1..12 in a year of four digits; undefined when there is no such day. */
function dayNumber(year: number, month: number, day: number): number | undefined {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  const isThatDay = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  return isThatDay ? Math.round(date.getTime() / millisecondsInDay) : undefined;
}

/** YYYYMMDD; '' before the year 1. */
function dateText(dayNumber: number): string {
  const date = new Date(dayNumber * millisecondsInDay);
  const year = date.getUTCFullYear();
  if (year < 1) return '';
  const two = (number: number) => String(number).padStart(2, '0');
  return `${String(year).padStart(4, '0')}${two(date.getUTCMonth() + 1)}${two(date.getUTCDate())}`;
}

/**
 * YYYYMMDD, YYYYMM or YYYY, moved; a date that is known to the month or the year is moved from its middle and stays so. The old
 * form YYYY.MM.DD becomes YYYYMMDD. '' when it is no date: nothing of it may stay.
 */
function shiftDay(text: string, days: number): string {
  const [, year = '', month, day] = /^(\d{4})(?:\.?(\d\d)(?:\.?(\d\d))?)?$/.exec(text) ?? [];
  if (year === '') return '';
  const number = dayNumber(Number(year), Number(month ?? 7), Number(day ?? (month === undefined ? 1 : 15)));
  if (number === undefined) return '';
  return dateText(number + days).slice(0, year.length + (month?.length ?? 0) + (day?.length ?? 0));
}

/** A range, as in queries, is moved at both ends. */
const overRange = (text: string, shift: (end: string) => string): string =>
  text.includes('-') && !/[-+]\d{4}$/.test(text) ? text.split('-').map(shift).join('-') : shift(text);

/** One value of VR DA. */
export const shiftDate = (text: string, days: number): string =>
  text
    .split('-')
    .map((end) => (end === '' ? '' : shiftDay(end.trim(), days)))
    .join('-');

/** One value of VR DT: the day moves, the time of day stays, the offset from UTC goes, as it tells place and season. */
export function shiftDateTime(text: string, days: number): string {
  return overRange(text, (end) => {
    const [, day = '', time = ''] = /^(\d{4,8})((?:\d{2}){0,3}(?:\.\d{1,6})?)(?:[-+]\d{4})?$/.exec(end.trim()) ?? [];
    if (day.length === 8) {
      const moved = shiftDay(day, days);
      return moved === '' ? '' : moved + time;
    }
    return time === '' && day.length % 2 === 0 ? shiftDay(day, days) : '';
  });
}
