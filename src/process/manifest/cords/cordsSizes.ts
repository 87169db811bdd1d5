/** Sizes as CORDS writes them: `4G`, `512M`. Pure. */

const units = { B: 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 } as const;

export function formatCordsSize(bytes: number): string {
  const unit = (['T', 'G', 'M', 'K'] as const).find((one) => bytes > 0 && bytes % units[one] === 0) ?? 'B';
  return `${bytes / units[unit]}${unit}`;
}

/** Bytes of `4G`, `4GB`, `4GiB`; a number without a unit means gigabytes, as OCCI has it. undefined: it is none. */
export function parseCordsSize(text: string): number | undefined {
  const [, number, unit = 'G'] = /^\s*(\d+(?:\.\d+)?)\s*([BKMGT]?)(?:i?B)?\s*$/i.exec(text) ?? [];
  if (number === undefined) return undefined;
  const bytes = Math.round(Number(number) * units[(unit || 'G').toUpperCase() as keyof typeof units]);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
