import { ConfigurationError, describe } from './errors';
import { refuseUnknown, wholeNumber } from './options';

/** How a swarm runs its items. `undefined` and `null` mean the default. */
export interface SwarmConfig {
  /** How many items hold a slot at once, from 1 to 1,000,000. Default 30. */
  maxConcurrency?: number | null | undefined;
  /** The n-th failed item stops the swarm: running items finish, waiting ones are cancelled, the error callbacks run. Default null: go on whatever fails. */
  stopAfterNFailures?: number | null | undefined;
  /** Stops it like `stopAfterNFailures`, when this part of the finished items (0 to 1) has failed, from 20 finished items on. Default null. */
  stopAfterFailureRatio?: number | null | undefined;
  /**
   * How long the whole swarm may take from its start, in milliseconds: then it is cancelled, counts as failed and its error
   * callbacks run. Default null: as long as it takes.
   */
  timeoutMs?: number | null | undefined;
  /** Whether the outputs are kept for `run`, `results()` and the callbacks. Default true. */
  keepResults?: boolean | null | undefined;
}

/** A configuration with its defaults filled in. */
export interface ResolvedConfig {
  maxConcurrency: number;
  stopAfterNFailures: number | null;
  stopAfterFailureRatio: number | null;
  timeoutMs: number | null;
  keepResults: boolean;
}

const changeable = ['maxConcurrency', 'stopAfterNFailures', 'stopAfterFailureRatio', 'timeoutMs'] as const;
const fields = new Set<string>([...changeable, 'keepResults']);

/** @throws ConfigurationError naming the field, what was expected and what came */
export function resolveConfig(config: SwarmConfig | null | undefined): ResolvedConfig {
  const given = config ?? {};
  refuseUnknown(given, fields, 'field of a swarm config');
  const { keepResults } = given;
  if (keepResults !== undefined && keepResults !== null && typeof keepResults !== 'boolean') {
    throw new ConfigurationError(`keepResults: expected true or false, got ${describe(keepResults)}.`);
  }
  return {
    maxConcurrency: wholeNumber('maxConcurrency', given.maxConcurrency, 30, { max: 1_000_000 }),
    stopAfterNFailures: limit('stopAfterNFailures', given.stopAfterNFailures),
    stopAfterFailureRatio: ratio(given.stopAfterFailureRatio),
    timeoutMs: limit('timeoutMs', given.timeoutMs),
    keepResults: keepResults ?? true,
  };
}

/** What is to be changed of a configuration: fields that are undefined stay, null is the default. @throws ConfigurationError */
export function resolveChange(config: SwarmConfig): Partial<Omit<ResolvedConfig, 'keepResults'>> {
  refuseUnknown(config, fields, 'field of a swarm config');
  if (config.keepResults !== undefined)
    throw new ConfigurationError('keepResults: expected nothing, as it is settled when the swarm is made.');
  const resolved = resolveConfig(config);
  return Object.fromEntries(
    changeable.filter((field) => config[field] !== undefined).map((field) => [field, resolved[field]]),
  );
}

function limit(field: string, value: unknown): number | null {
  return value === undefined || value === null ? null : wholeNumber(field, value, 1);
}

function ratio(value: unknown): number | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'number' || !(value >= 0 && value <= 1))
    throw new ConfigurationError(`stopAfterFailureRatio: expected a number from 0 to 1, got ${describe(value)}.`);
  return value;
}
