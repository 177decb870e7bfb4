const brand = Symbol.for('mageflow/error');

/** A failed item, in the `failures` of an error, of an error callback's input and of `mageContext()`. */
export interface Failure {
  /** The signature's id. */
  id: string;
  /** The signature's name. Default: the name of its task. */
  name: string;
  /** The item's place in its swarm. */
  index?: number;
  /** The error message. */
  message: string;
}

/**
 * The base class of every error that mageflow throws on purpose.
 *
 * `instanceof` also works between two copies of the package in one process (ES module and CommonJS).
 */
export class MageflowError extends Error {
  /** The kind of the error, for programs to compare. Stable across versions. */
  readonly code: string = 'MAGEFLOW';
  /** In an error of `addTasks`: how many entries of the call were stored. They stay in the swarm. */
  declare readonly added?: number;

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
    Object.defineProperty(this, brand, { value: kindsOf(new.target) });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    // A class that a user derives has no `kind`, and exists only once in the process.
    if (!Object.hasOwn(this, 'kind')) return Function.prototype[Symbol.hasInstance].call(this, value);
    const kinds = typeof value === 'object' && value !== null ? (value as Record<symbol, unknown>)[brand] : undefined;
    return Array.isArray(kinds) && kinds.includes(this.kind);
  }

  /** The name by which other copies of the package recognize this class. */
  static readonly kind: string = 'MageflowError';
}

function kindsOf(type: typeof MageflowError): string[] {
  const kinds: string[] = [];
  for (let current = type; typeof current.kind === 'string'; current = Object.getPrototypeOf(current) as typeof type) {
    kinds.push(current.kind);
  }
  return kinds;
}

/** Thrown when an option is invalid, or when options or tasks are combined in a way that cannot work. */
export class ConfigurationError extends MageflowError {
  override readonly code = 'CONFIGURATION';
  static override readonly kind = 'ConfigurationError';
}

/**
 * Thrown when a message or bound data is not plain JSON, is too large, or does not fit the task's schema, and for
 * ill-formed text in names, keys and options.
 */
export class InvalidMessageError extends MageflowError {
  override readonly code = 'INVALID_MESSAGE';
  static override readonly kind = 'InvalidMessageError';
}

/** Thrown when an id is unknown: never run, expired, or of another store. */
export class NotFoundError extends MageflowError {
  override readonly code = 'NOT_FOUND';
  static override readonly kind = 'NotFoundError';
}

/** Thrown when a signature without a key is run twice, or when running work is removed. */
export class AlreadyStartedError extends MageflowError {
  override readonly code = 'ALREADY_STARTED';
  static override readonly kind = 'AlreadyStartedError';
}

/** Thrown when you add to a closed swarm. The first `added` entries of the call were stored and stay. */
export class SwarmClosedError extends MageflowError {
  override readonly code = 'SWARM_CLOSED';
  static override readonly kind = 'SwarmClosedError';
  /** How many entries of the refused call had been added before. */
  override readonly added: number;

  constructor(message: string, added = 0) {
    super(message);
    this.added = added;
  }
}

/** Thrown when you add to a swarm that has ended or is stopping. `added` as in {@link SwarmClosedError}. */
export class SwarmFinishedError extends MageflowError {
  override readonly code = 'SWARM_FINISHED';
  static override readonly kind = 'SwarmFinishedError';
  /** How many entries of the refused call had been added before. */
  override readonly added: number;

  constructor(message: string, added = 0) {
    super(message);
    this.added = added;
  }
}

/** Thrown by `run`, `wait` and `output` when the awaited work was cancelled. */
export class CancelledError extends MageflowError {
  override readonly code = 'CANCELLED';
  static override readonly kind = 'CancelledError';
}

/** Thrown by `run`, `wait` and `output` when the awaited work failed. `failures` lists the failed items (the first 100). */
export class TaskFailedError extends MageflowError {
  override readonly code = 'TASK_FAILED';
  static override readonly kind = 'TaskFailedError';
  readonly failures: Failure[];

  constructor(message: string, failures: Failure[]) {
    super(message);
    this.failures = failures;
  }
}

/** Thrown when Redis is unreachable, too slow (`commandTimeoutMs`) or refuses a command. `cause` is the original error. */
export class StoreError extends MageflowError {
  override readonly code: string = 'STORE';
  static override readonly kind: string = 'StoreError';
}

/**
 * Thrown by every call when Redis holds data of a newer version of mageflow, which this one could misread. Update mageflow
 * in this process, or use another `keyPrefix`.
 */
export class StoreFormatError extends StoreError {
  override readonly code = 'STORE_FORMAT';
  static override readonly kind: string = 'StoreFormatError';
}

/** The options of a {@link BackOffError}. */
export interface BackOffOptions {
  /** After which time the body may run again, in milliseconds, from 0 to 31 days. */
  ms: number;
  /** Shown in the output of the engine's run. */
  reason?: string | undefined;
}

const longestBackOffMs = 31 * 24 * 60 * 60 * 1000;

/**
 * A body throws it to run again later, for example when an API answers 429. The item goes back to the front of its group, the attempt does
 * not count, and its group starts nothing for `ms`; neither does the nearest group above that has a `rateLimit`. An item may do so 1,000
 * times, then it fails. A callback delays only itself. In runs that mageflow did not publish, and in workflows with several tasks, it is an
 * error like any other.
 * @throws ConfigurationError when `ms` is no number from 0 to 31 days
 * @example
 * if (response.status === 429) throw new BackOffError({ ms: 1000 * Number(response.headers.get('retry-after') ?? 1) });
 */
export class BackOffError extends MageflowError {
  override readonly code = 'BACK_OFF';
  static override readonly kind = 'BackOffError';
  readonly ms: number;
  readonly reason: string | undefined;

  constructor({ ms, reason }: BackOffOptions) {
    if (typeof ms !== 'number' || !(ms >= 0 && ms <= longestBackOffMs))
      throw new ConfigurationError(
        `ms: expected a number from 0 to ${longestBackOffMs} (31 days), got ${describe(ms)}.`,
      );
    super(`The body backs off for ${Math.ceil(ms)} ms${reason === undefined ? '' : `: ${reason}`}.`);
    this.ms = Math.ceil(ms);
    this.reason = reason;
  }
}

/** Thrown by `run`, `runSettled` and `wait` when `timeoutMs` has passed. The work continues. */
export class WaitTimeoutError extends MageflowError {
  override readonly code = 'TIMEOUT';
  static override readonly kind = 'WaitTimeoutError';
}

/** Thrown when an instance is used after `close()`, or is closed while a call waits on it. */
export class ClosedError extends MageflowError {
  override readonly code = 'CLOSED';
  static override readonly kind = 'ClosedError';
}

/** Adds to an error of `addTasks` how many entries of the call were stored. Other libraries' errors stay unchanged. */
export function withAdded(error: unknown, added: number): unknown {
  if (!(error instanceof MageflowError) || error.added !== undefined) return error;
  if (added > 0) error.message += ` The first ${added} entries of the call were added and stay in the swarm.`;
  return Object.assign(error, { added });
}

const ofPrograms = new Set(['TypeError', 'RangeError', 'SyntaxError', 'ReferenceError']);

/**
 * Returns whether a retry would fail in the same way: an error of the given values or of the program. Failures of the store or of
 * the engine are temporary.
 */
export function isLasting(error: unknown): boolean {
  if (error instanceof MageflowError) return !(error instanceof StoreError || error instanceof ClosedError);
  // Compares the name, because errors of another realm are not instances of this realm's classes.
  return ofPrograms.has(String((Object(error) as { name?: unknown }).name));
}

/** Describes a given value for the end of an error message: short, and never the whole value. */
export function describe(value: unknown): string {
  if (typeof value === 'string')
    return value.length > 60 ? `a string of ${value.length} characters` : JSON.stringify(value);
  if (value === null || value === undefined || typeof value !== 'object') {
    return typeof value === 'function' ? `a function` : typeof value === 'bigint' ? `${value}n` : String(value);
  }
  if (Array.isArray(value)) return `an array of ${value.length}`;
  const name = (Object.getPrototypeOf(value) as { constructor?: { name?: string } } | null)?.constructor?.name;
  return name && name !== 'Object' ? `an instance of ${name}` : 'an object';
}

/** Describes a value that is not a task, for the end of an error message. `undefined` mostly comes from circular imports. */
export function describeTask(value: unknown): string {
  return value === undefined
    ? 'undefined. Look for modules that import each other, because one of them is not loaded yet. Move what both need into a third module'
    : describe(value);
}
