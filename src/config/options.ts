import { ConfigurationError, describe } from './errors';
import { longestTimerMs } from '../utils/timeout';

/** Where mageflow writes what an operator should know. The SDK's loggers and `console` fit. */
export interface MageflowLogger {
  info(message: string): unknown;
  warn(message: string): unknown;
  error(message: string, error?: Error): unknown;
}

/** Options of `new Mageflow(hatchet, redis, options)`; all optional. */
export interface MageflowOptions {
  /** Begins every Redis key. Default `'mageflow'`. */
  keyPrefix?: string | undefined;
  /** How long Redis keeps what finished, and what nobody goes on with, in milliseconds. Defaults: 24 hours, 7 days. */
  retention?: { finishedMs?: number | undefined; abandonedMs?: number | undefined } | undefined;
  /** How long what was granted, published or started stays unquestioned, in milliseconds. Default 10,000. */
  leaseMs?: number | undefined;
  /** How often a process looks for leases that ran out, in milliseconds. Default 5,000. */
  reconcileIntervalMs?: number | undefined;
  /** How long a call waits for Redis before it throws `StoreError`, in milliseconds. Default 5,000. */
  commandTimeoutMs?: number | undefined;
  /** Values above this size travel by reference instead of inside the run's input, in bytes. Default 262,144. */
  maxInlineBytes?: number | undefined;
  /** The largest list of results that a callback's body gets as a list, in bytes. Default 64 MiB. */
  maxResultBytes?: number | undefined;
  /** Default: the Hatchet client's logger. */
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
 * @throws ConfigurationError naming the field, what was expected and what came
 */
export function resolveOptions(options: MageflowOptions, logger: MageflowLogger): Settings {
  refuseUnknown(options, known, 'option');
  const keyPrefix = options.keyPrefix ?? 'mageflow';
  if (typeof keyPrefix !== 'string' || !/^[^{}\s]+$/.test(keyPrefix)) {
    throw new ConfigurationError(
      `keyPrefix: expected a text without braces and white space, got ${describe(keyPrefix)}.`,
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
  };
}

/** The client's logger says itself whose lines they are; a user's own doesn't. */
function prefixed(logger: MageflowLogger): MageflowLogger {
  const line = (message: string) => `mageflow: ${message}`;
  return {
    info: (message) => logger.info(line(message)),
    warn: (message) => logger.warn(line(message)),
    error: (message, error) => (error ? logger.error(line(message), error) : logger.error(line(message))),
  };
}

/**
 * A whole number of at least 1 (or `min`), or its default for undefined and null.
 * @throws ConfigurationError for everything else
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

/** A time that timers are set to: a longer one would ring at once. @throws ConfigurationError */
function timerMs(field: string, value: unknown, fallback: number): number {
  const ms = wholeNumber(field, value, fallback);
  if (ms > longestTimerMs)
    throw new ConfigurationError(`${field}: expected at most ${longestTimerMs} ms (24 days), got ${describe(ms)}.`);
  return ms;
}

/** @throws ConfigurationError for a key that isn't known: a typing error would otherwise go unnoticed. */
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
