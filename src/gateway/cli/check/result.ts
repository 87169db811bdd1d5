/** What one look at something found. */
import { describeError, GatewayError } from '../../../base/errors.ts';

export type CheckResult = {
  level: 'ok' | 'warn' | 'fail';
  /** What was looked at: a key of the configuration or a name. */
  subject: string;
  message: string;
  /** What mends it. */
  hint?: string;
};

export const ok = (subject: string, message: string): CheckResult => ({ level: 'ok', subject, message });
export const warn = (subject: string, message: string, hint?: string): CheckResult => ({
  level: 'warn',
  subject,
  message,
  ...(hint === undefined ? {} : { hint }),
});
export const fail = (subject: string, message: string, hint?: string): CheckResult => ({
  ...warn(subject, message, hint),
  level: 'fail',
});

export function failWith(subject: string, error: unknown): CheckResult {
  return fail(subject, describeError(error), error instanceof GatewayError ? error.hint : undefined);
}

export function renderResult({ level, subject, message, hint }: CheckResult): string {
  return `${level.padEnd(4)}  ${subject}: ${message}${hint === undefined ? '' : `\n      ${hint}`}\n`;
}
