/** One error class for all that can go wrong with a reason an operator can act on. */

export type ErrorDetails = {
  /** Stable identifier, in the form `area.problem`, for tests, metrics and the operator guide. */
  code: string;
  /** What was being done: "write segment", "PUT object". */
  operation: string;
  /** To what: a path, a peer's AE title, a UID. Never patient data. */
  subject?: string;
  /** What to do next, in one sentence, for the person who reads the log at 3 a.m. */
  hint?: string;
  /** True when the same operation may succeed later without anybody changing anything. */
  retryable?: boolean;
  cause?: unknown;
};

export class GatewayError extends Error {
  readonly code: string;
  readonly operation: string;
  readonly subject: string | undefined;
  readonly hint: string | undefined;
  readonly retryable: boolean;

  constructor(message: string, details: ErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'GatewayError';
    this.code = details.code;
    this.operation = details.operation;
    this.subject = details.subject;
    this.hint = details.hint;
    this.retryable = details.retryable ?? false;
  }
}

/** The operating system's error code (`ENOSPC`, `ECONNRESET`, ...) of an error or of what caused it. */
export function systemCode(error: unknown): string | undefined {
  for (let e = error, depth = 0; e instanceof Error && depth < 5; e = e.cause, depth++) {
    const code = (e as NodeJS.ErrnoException).code;
    if (typeof code === 'string' && /^E[A-Z0-9]+$/.test(code)) return code;
  }
  return undefined;
}

/** The message of anything that was thrown, with the messages of its causes. */
export function describeError(error: unknown): string {
  const parts: string[] = [];
  for (let e = error, depth = 0; e !== undefined && e !== null && depth < 5; depth++) {
    const text = e instanceof Error ? e.message : String(e);
    if (text && !parts.some((part) => part.includes(text))) parts.push(text);
    e = e instanceof Error ? e.cause : undefined;
  }
  return parts.join(': ') || 'unknown error';
}
