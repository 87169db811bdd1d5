/** The promise of a manifest: how small the results are beside what they were made from. Pure. */

const promisePattern = /^results must be < ?(\d{1,3}(?:\.\d{1,3})?) ?% of input$/;

export const promiseHint = 'write "results must be < 5 % of input", in quotes, with a number above 0 and up to 100';

/** 0.05 of `results must be < 5 % of input`; undefined when it is no such sentence. */
export function parsePromise(text: string): number | undefined {
  const percent = Number(promisePattern.exec(text)?.[1]);
  return percent > 0 && percent <= 100 ? Number((percent / 100).toFixed(5)) : undefined;
}

export function formatPromise(ratio: number): string {
  return `results must be < ${Number((ratio * 100).toFixed(3))} % of input`;
}
