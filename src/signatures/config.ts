import { ConfigurationError, describe } from '../errors';
import { refuseUnknown, wholeNumber } from '../options';

/** How a swarm runs its items. `undefined` and `null` mean the default. */
export interface SwarmConfig {
  /** How many items hold a slot at once, from 1 to 1,000,000. Default 30. */
  maxConcurrency?: number | null;
  /** The n-th failed item stops the swarm: running items finish, waiting ones are cancelled, the error callbacks run. Default null: go on whatever fails. */
  stopAfterNFailures?: number | null;
  /** Whether the outputs are kept for `run`, `results()` and the callbacks. Default true. */
  keepResults?: boolean | null;
}

/** A configuration with its defaults filled in. */
export interface ResolvedConfig {
  maxConcurrency: number;
  stopAfterNFailures: number | null;
  keepResults: boolean;
}

const fields = new Set(['maxConcurrency', 'stopAfterNFailures', 'keepResults']);

/** @throws ConfigurationError naming the field, what was expected and what came */
export function resolveConfig(config: SwarmConfig | null | undefined): ResolvedConfig {
  const given = config ?? {};
  refuseUnknown(given, fields, 'field of a swarm config');
  const { stopAfterNFailures, keepResults } = given;
  if (keepResults !== undefined && keepResults !== null && typeof keepResults !== 'boolean') {
    throw new ConfigurationError(`keepResults: expected true or false, got ${describe(keepResults)}.`);
  }
  return {
    maxConcurrency: wholeNumber('maxConcurrency', given.maxConcurrency, 30, { max: 1_000_000 }),
    stopAfterNFailures:
      stopAfterNFailures === undefined || stopAfterNFailures === null
        ? null
        : wholeNumber('stopAfterNFailures', stopAfterNFailures, 1),
    keepResults: keepResults ?? true,
  };
}
