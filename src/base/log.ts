import pino from 'pino';

/**
 * One JSON line per event. Every line carries `event` (stable, `area.what`) beside the sentence for people.
 * Invariant 11: fields hold UIDs, AE titles, addresses and counts, never names or other patient data.
 */
export type LogFields = Record<string, unknown>;

export type Log = {
  debug(event: string, message: string, fields?: LogFields): void;
  info(event: string, message: string, fields?: LogFields): void;
  warn(event: string, message: string, fields?: LogFields): void;
  error(event: string, message: string, fields?: LogFields): void;
  child(fields: LogFields): Log;
};

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

function wrap(logger: pino.Logger): Log {
  return {
    debug: (event, message, fields) => logger.debug({ event, ...fields }, message),
    info: (event, message, fields) => logger.info({ event, ...fields }, message),
    warn: (event, message, fields) => logger.warn({ event, ...fields }, message),
    error: (event, message, fields) => logger.error({ event, ...fields }, message),
    child: (fields) => wrap(logger.child(fields)),
  };
}

/** Writes to `fd` (1 is standard output). Lines are written synchronously: a crash loses none. */
export function createLog(options: { level: LogLevel; name: string; fd?: number }): Log {
  const destination = pino.destination({ fd: options.fd ?? 1, sync: true });
  const formatters = { level: (label: string) => ({ level: label }) };
  return wrap(
    pino(
      { level: options.level, base: { name: options.name }, formatters, timestamp: pino.stdTimeFunctions.isoTime },
      destination,
    ),
  );
}

/** Collects lines in memory, for tests. */
export function createMemoryLog(): {
  log: Log;
  lines: Array<LogFields & { event: string; level: string; msg: string }>;
} {
  const lines: Array<LogFields & { event: string; level: string; msg: string }> = [];
  const make = (base: LogFields): Log => {
    const at = (level: string) => (event: string, msg: string, fields?: LogFields) => {
      lines.push({ ...base, ...fields, event, level, msg });
    };
    return {
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      child: (f) => make({ ...base, ...f }),
    };
  };
  return { log: make({}), lines };
}
