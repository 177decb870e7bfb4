import { ConfigurationError, describe } from './errors';
import { oneOf, refuseUnknown, trueOrFalse, wholeNumber } from './options';

/** The configuration of a swarm. `undefined` and `null` mean the default. */
export interface SwarmConfig {
  /** How many items may be published and unfinished at once, from 1 to 1,000,000. Default 30. */
  maxConcurrency?: number | null | undefined;
  /** Stops the swarm at this failure: waiting items are cancelled, and the error callbacks run. Default null: no limit. */
  stopAfterNFailures?: number | null | undefined;
  /**
   * Stops the swarm when this fraction (0 to 1) of the finished items has failed, checked from the 20th finished item on.
   * Default null: no limit.
   */
  stopAfterFailureRatio?: number | null | undefined;
  /**
   * How a failure limit treats running items: they finish, or they are cancelled in the engine. The swarm fails in both
   * cases. Default `'finish'`.
   */
  onStop?: 'finish' | 'cancel' | null | undefined;
  /**
   * Time limit for the whole swarm from its start, in milliseconds. Afterwards the swarm is cancelled, counts as failed, and
   * its error callbacks run. Default null: no limit.
   */
  timeoutMs?: number | null | undefined;
  /**
   * Adding the n-th item closes the swarm; adding more throws `SwarmClosedError`. Closing this way starts nothing: items
   * that were added without `run` stay pending until you run them or call `closeSwarm()`. Not for root tasks. Default
   * null: no limit.
   */
  maxItems?: number | null | undefined;
  /**
   * An open swarm that has been run closes itself once nothing has been added and nothing has been under way for this many milliseconds.
   * While it is suspended, limited by its rate or backing off it is not idle, and an item that was added and never run keeps it open. Not
   * for root tasks. Default null: never.
   */
  closeAfterIdleMs?: number | null | undefined;
  /**
   * How many items may start per period. Suspending, retries and restarts of workers don't exceed it. Default null: no limit.
   * @example { limit: 300, perMs: 60_000, burst: 10 }
   */
  rateLimit?: RateLimit | null | undefined;
  /** True if the outputs are stored for `run`, `results()` and the callbacks. `update` cannot change it. Default true. */
  keepResults?: boolean | null | undefined;
}

/**
 * A token bucket: the start of an item takes a token, and `limit` tokens are added each `perMs`. In any interval of `t` milliseconds, at most
 * `burst + limit * t / perMs` items begin.
 */
export interface RateLimit {
  /** How many items may start in `perMs`, from 1 to 1,000,000. */
  limit: number;
  /** In milliseconds, from 1 to 31 days. */
  perMs: number;
  /** How many may start at once after a pause, from 1 to 1,000,000. Default: `limit`. */
  burst?: number | null | undefined;
}

export interface ResolvedRateLimit extends RateLimit {
  burst: number;
}

/** The configuration of the internal swarm of a root task. */
export type RootConfig = Omit<SwarmConfig, 'maxItems' | 'closeAfterIdleMs'>;

/** A configuration with its defaults filled in. Null stands for "no limit". */
export interface ResolvedConfig {
  maxConcurrency: number;
  stopAfterNFailures: number | null;
  stopAfterFailureRatio: number | null;
  onStop: 'finish' | 'cancel';
  timeoutMs: number | null;
  maxItems: number | null;
  closeAfterIdleMs: number | null;
  rateLimit: ResolvedRateLimit | null;
  keepResults: boolean;
}

export type ConfigField = keyof ResolvedConfig;

/** The fields that `update` may change. */
export type ChangeableField = Exclude<ConfigField, 'keepResults'>;

/** A change of a running swarm. */
export type ConfigChange = Partial<ResolvedConfig>;

/** The definition of one configuration field. */
interface Row<T, F> {
  default: T;
  /** Checks a value that is neither undefined nor null. @throws ConfigurationError */
  check: (field: string, value: unknown) => T;
  /** Returns the text for Redis. A field with the text '' is not stored. */
  encode: (value: T) => string;
  /** The opposite of `encode`, for a stored text. */
  decode: (text: string) => T;
  /** True if `update` may change it. */
  changeable: F extends ChangeableField ? true : false;
  /** True if a root task may have it. */
  ofRoots: boolean;
}

/** The fields of {@link SwarmConfig}. A new field needs a row here, one in src/store/schema.json, and the code that implements it. */
const rows: { [F in ConfigField]: Row<ResolvedConfig[F], F> } = {
  maxConcurrency: {
    default: 30,
    check: (field, value) => wholeNumber(field, value, 30, { max: 1_000_000 }),
    encode: String,
    decode: Number,
    changeable: true,
    ofRoots: true,
  },
  stopAfterNFailures: { ...limit(), changeable: true, ofRoots: true },
  stopAfterFailureRatio: {
    ...limit(fraction),
    changeable: true,
    ofRoots: true,
  },
  onStop: {
    default: 'finish',
    check: (field, value) => oneOf(field, value, ['finish', 'cancel']),
    encode: (value) => (value === 'finish' ? '' : value),
    decode: (text) => text as 'cancel',
    changeable: true,
    ofRoots: true,
  },
  timeoutMs: { ...limit(), changeable: true, ofRoots: true },
  maxItems: { ...limit(), changeable: true, ofRoots: false },
  closeAfterIdleMs: { ...limit(), changeable: true, ofRoots: false },
  rateLimit: {
    default: null,
    check: checkRateLimit,
    encode: (value) => (value ? `${value.limit} ${value.perMs} ${value.burst}` : ''),
    decode: (text) => {
      const [limit = 0, perMs = 0, burst = 0] = text.split(' ').map(Number);
      return { limit, perMs, burst };
    },
    changeable: true,
    ofRoots: true,
  },
  keepResults: {
    default: true,
    check: trueOrFalse,
    encode: (value) => (value ? '1' : '0'),
    decode: (text) => text === '1',
    changeable: false,
    ofRoots: true,
  },
};

const rateLimitFields = new Set(['limit', 'perMs', 'burst']);
const mostTokens = 1_000_000;
/** Tokens are counted in parts of `perMs`, and a full bucket must be a whole number that is exact. */
const longestPerMs = 31 * 24 * 60 * 60 * 1000;

const fields = Object.keys(rows) as ConfigField[];
const known = new Set<string>(fields);

/** The names of all fields. Their names in Redis are in src/store/schema.json. */
export const configFields: readonly ConfigField[] = fields;

/** The names of the fields that `update` may change. */
export const changeableFields: readonly ConfigField[] = fields.filter((field) => rows[field].changeable);

/** Checks a configuration. @throws ConfigurationError naming the field, the expected value and the given one */
export function resolveConfig(config: SwarmConfig | null | undefined): ResolvedConfig {
  const given = config ?? {};
  refuseUnknown(given, known, 'field of a swarm config');
  return Object.fromEntries(fields.map((field) => [field, resolved(field, given[field])])) as unknown as ResolvedConfig;
}

/**
 * Checks a change of a configuration. Undefined fields stay unchanged, null means the default. @throws ConfigurationError
 */
export function resolveChange(config: SwarmConfig): ConfigChange {
  refuseUnknown(config, known, 'field of a swarm config');
  const changed = fields.filter((field) => config[field] !== undefined);
  const settled = changed.find((field) => !rows[field].changeable);
  if (settled) throw new ConfigurationError(`${settled}: can't be changed after the swarm was created. Leave it out.`);
  return Object.fromEntries(changed.map((field) => [field, resolved(field, config[field])])) as ConfigChange;
}

/** Separates the configuration of a root's internal swarm from the options of its declaration. @throws ConfigurationError */
export function takeRootConfig<T extends object>(options: T): { config: ResolvedConfig; rest: Omit<T, ConfigField> } {
  const given = Object.entries(options);
  const config = Object.fromEntries(given.filter(([name]) => known.has(name)));
  return {
    config: resolveRootConfig(config),
    rest: Object.fromEntries(given.filter(([name]) => !known.has(name))) as Omit<T, ConfigField>,
  };
}

/** Checks the configuration of a root's internal swarm. @throws ConfigurationError */
export function resolveRootConfig(config: SwarmConfig): ResolvedConfig {
  const resolvedConfig = resolveConfig(config);
  const refused = fields.find((field) => !rows[field].ofRoots && (config[field] ?? null) !== null);
  if (refused)
    throw new ConfigurationError(
      `${refused}: can't be set for a root task, because its body adds the items. Leave it out.`,
    );
  return resolvedConfig;
}

/** Returns the text of a field for Redis; '' for a field that is not stored. */
export function fieldToText<F extends ConfigField>(field: F, value: ResolvedConfig[F]): string {
  return rows[field].encode(value);
}

/** The opposite of {@link fieldToText}. A missing text means the default. */
export function fieldFromText<F extends ConfigField>(field: F, text: string | null | undefined): ResolvedConfig[F] {
  return text ? rows[field].decode(text) : rows[field].default;
}

/** Returns the fields that a template stores: the concurrency, and every field that differs from its default. */
export function withoutDefaults(config: ResolvedConfig): ConfigChange & Pick<ResolvedConfig, 'maxConcurrency'> {
  const differing = fields.filter((field) => config[field] !== rows[field].default);
  return {
    maxConcurrency: config.maxConcurrency,
    ...(Object.fromEntries(differing.map((field) => [field, config[field]])) as ConfigChange),
  };
}

function resolved(field: ConfigField, value: unknown): unknown {
  return value === undefined || value === null ? rows[field].default : rows[field].check(field, value);
}

/** A row for a number, by default a whole one of at least 1, or null for no limit. */
function limit(check = atLeastOne) {
  return {
    default: null,
    check,
    encode: (value: number | null) => (value === null ? '' : String(value)),
    decode: Number,
  };
}

function atLeastOne(field: string, value: unknown): number {
  return wholeNumber(field, value, 1);
}

function checkRateLimit(field: string, value: unknown): ResolvedRateLimit {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ConfigurationError(`${field}: expected { limit, perMs, burst? }, got ${describe(value)}.`);
  refuseUnknown(value, rateLimitFields, `field of ${field}`);
  const given = value as Partial<RateLimit>;
  for (const name of ['limit', 'perMs'] as const)
    if (given[name] === undefined || given[name] === null)
      throw new ConfigurationError(`${field}.${name}: expected a whole number, got nothing.`);
  const limit = wholeNumber(`${field}.limit`, given.limit, 1, { max: mostTokens });
  return {
    limit,
    perMs: wholeNumber(`${field}.perMs`, given.perMs, 1, { max: longestPerMs }),
    burst: wholeNumber(`${field}.burst`, given.burst, limit, { max: mostTokens }),
  };
}

function fraction(field: string, value: unknown): number {
  if (typeof value === 'number' && value >= 0 && value <= 1) return value;
  throw new ConfigurationError(`${field}: expected a number from 0 to 1, got ${describe(value)}.`);
}
