import { ConfigurationError, describe } from './errors';
import { systemClock, type Clock } from '../utils/clock';
import { longestTimerMs } from '../utils/timeout';

/** The logger for messages to operators. The SDK's loggers and `console` fit. */
export interface MageflowLogger {
  info(message: string): unknown;
  warn(message: string): unknown;
  error(message: string, error?: Error): unknown;
}

/** Options of `new Mageflow(hatchet, redis, options)`; all optional. */
export interface MageflowOptions {
  /** The first part of every Redis key. Must not contain braces or white space. Default `'mageflow'`. */
  keyPrefix?: string | undefined;
  /** How long Redis keeps finished work, and work that nobody continues, in milliseconds. Defaults: 24 hours, 7 days. */
  retention?: { finishedMs?: number | undefined; abandonedMs?: number | undefined } | undefined;
  /**
   * How long an in-flight item may go without a report before the reconciler asks the engine about it, in ms. Default
   * 10,000.
   */
  leaseMs?: number | undefined;
  /** How often the reconciler looks for expired leases, in milliseconds. Default 5,000. */
  reconcileIntervalMs?: number | undefined;
  /**
   * How long a call waits for Redis before it throws `StoreError`, and how long `close()` waits for unpublished work, in
   * milliseconds. Default 5,000.
   */
  commandTimeoutMs?: number | undefined;
  /** Values larger than this travel by reference instead of inside the run's input, in bytes. Default 262,144 (256 KiB). */
  maxInlineBytes?: number | undefined;
  /**
   * The largest list of results that a callback's body receives as a list, in bytes. Larger lists are read from
   * `mageContext().results`. Default 67,108,864 (64 MiB).
   */
  maxResultBytes?: number | undefined;
  /** An object with `info`, `warn` and `error`. Default: the Hatchet client's logger. */
  logger?: MageflowLogger | undefined;
}

/** Options with every default filled in. */
export interface Settings {
  keyPrefix: string;
  finishedMs: number;
  abandonedMs: number;
  leaseMs: number;
  reconcileIntervalMs: number;
  commandTimeoutMs: number;
  maxInlineBytes: number;
  maxResultBytes: number;
  logger: MageflowLogger;
  clock: Clock;
}

const day = 24 * 60 * 60 * 1000;
const known = new Set([
  'keyPrefix',
  'retention',
  'leaseMs',
  'reconcileIntervalMs',
  'commandTimeoutMs',
  'maxInlineBytes',
  'maxResultBytes',
  'logger',
]);

/**
 * Checks the options and fills in the defaults.
 * @param clock - the time and timers of the instance; of the process by default
 * @throws ConfigurationError naming the field, the expected value and the given one
 */
export function resolveOptions(options: MageflowOptions, logger: MageflowLogger, clock = systemClock): Settings {
  refuseUnknown(options, known, 'option');
  const keyPrefix = options.keyPrefix ?? 'mageflow';
  if (typeof keyPrefix !== 'string' || !/^[^{}\s]+$/.test(keyPrefix)) {
    throw new ConfigurationError(
      `keyPrefix: expected a string without braces and white space, got ${describe(keyPrefix)}.`,
    );
  }
  const retention = options.retention ?? {};
  refuseUnknown(retention, new Set(['finishedMs', 'abandonedMs']), 'field of retention');
  const given = options.logger ?? logger;
  if (
    typeof given !== 'object' ||
    (['info', 'warn', 'error'] as const).some((level) => typeof given[level] !== 'function')
  ) {
    throw new ConfigurationError(
      `logger: expected an object with the functions info, warn and error, got ${describe(given)}.`,
    );
  }
  return {
    keyPrefix,
    finishedMs: wholeNumber('retention.finishedMs', retention.finishedMs, day),
    abandonedMs: wholeNumber('retention.abandonedMs', retention.abandonedMs, 7 * day),
    leaseMs: timerMs('leaseMs', options.leaseMs, 10_000),
    reconcileIntervalMs: timerMs('reconcileIntervalMs', options.reconcileIntervalMs, 5_000),
    commandTimeoutMs: timerMs('commandTimeoutMs', options.commandTimeoutMs, 5_000),
    maxInlineBytes: wholeNumber('maxInlineBytes', options.maxInlineBytes, 256 * 1024),
    maxResultBytes: wholeNumber('maxResultBytes', options.maxResultBytes, 64 * 1024 * 1024),
    logger: options.logger ? prefixed(options.logger) : given,
    clock,
  };
}

/**
 * Returns after how many ms without a visit of a reconciler something counts as left alone, and a process as gone. More than
 * one visit may be late.
 */
export function leftAloneMs({
  leaseMs,
  reconcileIntervalMs,
}: Pick<Settings, 'leaseMs' | 'reconcileIntervalMs'>): number {
  return 3 * leaseMs + 2 * reconcileIntervalMs;
}

/** Prefixes the lines of a user's logger. The client's logger already adds the name `mageflow`. */
function prefixed(logger: MageflowLogger): MageflowLogger {
  const line = (message: string) => `mageflow: ${message}`;
  return {
    info: (message) => logger.info(line(message)),
    warn: (message) => logger.warn(line(message)),
    error: (message, error) => (error ? logger.error(line(message), error) : logger.error(line(message))),
  };
}

/**
 * Returns a whole number of at least 1 (or `min`), or the default for undefined and null.
 * @throws ConfigurationError for every other value
 */
export function wholeNumber(
  field: string,
  value: unknown,
  fallback: number,
  range: { min?: number; max?: number } = {},
): number {
  if (value === undefined || value === null) return fallback;
  const { min = 1, max = Number.MAX_SAFE_INTEGER } = range;
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) {
    const upper = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
    throw new ConfigurationError(`${field}: expected a whole number ${upper}, got ${describe(value)}.`);
  }
  return value;
}

/** Checks the time of a timer, because a timer with a longer time would fire at once. @throws ConfigurationError */
function timerMs(field: string, value: unknown, fallback: number): number {
  const ms = wholeNumber(field, value, fallback);
  if (ms > longestTimerMs)
    throw new ConfigurationError(`${field}: expected at most ${longestTimerMs} ms (24 days), got ${describe(ms)}.`);
  return ms;
}

/** Returns a boolean as it is. @throws ConfigurationError for every other value */
export function trueOrFalse(field: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw new ConfigurationError(`${field}: expected true or false, got ${describe(value)}.`);
}

/** Returns one of some texts as it is. @throws ConfigurationError for every other value */
export function oneOf<T extends string>(field: string, value: unknown, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === value);
  if (found !== undefined) return found;
  throw new ConfigurationError(`${field}: expected one of ${allowed.join(', ')}, got ${describe(value)}.`);
}

/** Returns a time as ms since 1970; undefined for undefined and null. @throws ConfigurationError for every other value */
export function time(field: string, value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  const ms = value instanceof Date ? value.getTime() : value;
  if (typeof ms === 'number' && Number.isFinite(ms)) return ms;
  throw new ConfigurationError(`${field}: expected a Date or ms since 1970, got ${describe(value)}.`);
}

/** Refuses unknown fields, because a misspelt field would have no effect. @throws ConfigurationError */
export function refuseUnknown(value: object, allowed: ReadonlySet<string>, what: string): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const [kind = what, place = 'options'] = what.split(' of ');
    throw new ConfigurationError(`${place}: expected an object with ${kind}s, got ${describe(value)}.`);
  }
  for (const field of Object.keys(value)) {
    if (!allowed.has(field)) {
      throw new ConfigurationError(`${field}: unknown ${what}. Known: ${[...allowed].join(', ')}.`);
    }
  }
}
