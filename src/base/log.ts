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

const severity: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3, silent: 4 };

/** What is written from `level` on; shared by a log and its children, which pino's own levels are not. */
type Threshold = { level: LogLevel };

function wrap(logger: pino.Logger, threshold: Threshold): Log {
  const at = (level: Exclude<LogLevel, 'silent'>) => (event: string, message: string, fields?: LogFields) => {
    if (severity[level] >= severity[threshold.level]) logger[level]({ event, ...fields }, message);
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => wrap(logger.child(fields), threshold),
  };
}

/** A log whose level can be changed while it is in use, for its children too. */
export type LeveledLog = Log & { setLevel(level: LogLevel): void };

/** Writes to `fd` (1 is standard output). Lines are written synchronously: a crash loses none. */
export function createLog(options: { level: LogLevel; name: string; fd?: number }): LeveledLog {
  const destination = pino.destination({ fd: options.fd ?? 1, sync: true });
  const formatters = { level: (label: string) => ({ level: label }) };
  const logger = pino(
    { level: 'debug', base: { name: options.name }, formatters, timestamp: pino.stdTimeFunctions.isoTime },
    destination,
  );
  const threshold = { level: options.level };
  const setLevel = (level: LogLevel) => {
    threshold.level = level;
  };
  return { ...wrap(logger, threshold), setLevel };
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
