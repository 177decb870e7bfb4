const brand = Symbol.for('mageflow/error');

/** One failed item in the `failures` of an error, of an error callback's input and of `mageContext()`. */
export interface Failure {
  /** The signature's id. */
  id: string;
  /** The signature's name, or its task's. */
  name: string;
  /** The item's place in its swarm. */
  index?: number;
  /** Why it failed. */
  message: string;
}

/**
 * The base of every error that mageflow throws on purpose.
 *
 * `instanceof` also holds between two copies of the package in one process (ESM beside CommonJS).
 */
export class MageflowError extends Error {
  /** What kind of error it is, stable across versions, for programs to compare with. */
  readonly code: string = 'MAGEFLOW';
  /** Of an error of `addTasks`: how many entries of the call had been added before. They stay. */
  declare readonly added?: number;

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
    Object.defineProperty(this, brand, { value: kindsOf(new.target) });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    // A class that a user derives has no kind of its own, and only one copy.
    if (!Object.hasOwn(this, 'kind')) return Function.prototype[Symbol.hasInstance].call(this, value);
    const kinds = typeof value === 'object' && value !== null ? (value as Record<symbol, unknown>)[brand] : undefined;
    return Array.isArray(kinds) && kinds.includes(this.kind);
  }

  /** The name under which other copies of the package know this class. */
  static readonly kind: string = 'MageflowError';
}

function kindsOf(type: typeof MageflowError): string[] {
  const kinds: string[] = [];
  for (let current = type; typeof current.kind === 'string'; current = Object.getPrototypeOf(current) as typeof type) {
    kinds.push(current.kind);
  }
  return kinds;
}

/** Thrown when an option, a configuration or the way something is put together can't work. */
export class ConfigurationError extends MageflowError {
  override readonly code = 'CONFIGURATION';
  static override readonly kind = 'ConfigurationError';
}

/** Thrown when a message or bound data isn't plain JSON, is too large, or doesn't fit the task's schema, and for ill-formed text in names, keys and options. */
export class InvalidMessageError extends MageflowError {
  override readonly code = 'INVALID_MESSAGE';
  static override readonly kind = 'InvalidMessageError';
}

/** Thrown when an id is unknown: never run, expired, or of another store. */
export class NotFoundError extends MageflowError {
  override readonly code = 'NOT_FOUND';
  static override readonly kind = 'NotFoundError';
}

/** Thrown when a signature that has been run is run again. */
export class AlreadyStartedError extends MageflowError {
  override readonly code = 'ALREADY_STARTED';
  static override readonly kind = 'AlreadyStartedError';
}

/** Thrown when something is added to a swarm that was closed. `added` items of the call are in and stay. */
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

/** Thrown when something is added to a swarm that has finished, was stopped or cancelled. `added` as in {@link SwarmClosedError}. */
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

/** Thrown by `run` and `output` when what they wait for was cancelled. */
export class CancelledError extends MageflowError {
  override readonly code = 'CANCELLED';
  static override readonly kind = 'CancelledError';
}

/** Thrown by `run` and `output` when the task failed, or the swarm did; `failures` tells what failed (the first 100). */
export class TaskFailedError extends MageflowError {
  override readonly code = 'TASK_FAILED';
  static override readonly kind = 'TaskFailedError';
  readonly failures: Failure[];

  constructor(message: string, failures: Failure[]) {
    super(message);
    this.failures = failures;
  }
}

/** Thrown when Redis is unreachable, too slow (`commandTimeoutMs`) or refuses a command; `cause` is its own error. */
export class StoreError extends MageflowError {
  override readonly code = 'STORE';
  static override readonly kind = 'StoreError';
}

/** Thrown by `run` and its kin when `timeoutMs` ran out before the end. The work goes on. */
export class WaitTimeoutError extends MageflowError {
  override readonly code = 'TIMEOUT';
  static override readonly kind = 'WaitTimeoutError';
}

/** Thrown when an instance is used that was closed, or is closed while something waits on it. */
export class ClosedError extends MageflowError {
  override readonly code = 'CLOSED';
  static override readonly kind = 'ClosedError';
}

/** Notes in an error of `addTasks` how many entries of the call are in. Errors that are not mageflow's stay as they are. */
export function withAdded(error: unknown, added: number): unknown {
  if (!(error instanceof MageflowError) || error.added !== undefined) return error;
  if (added > 0) error.message += ` ${added} entries of the call had been added before; they stay.`;
  return Object.assign(error, { added });
}

const ofPrograms = new Set(['TypeError', 'RangeError', 'SyntaxError', 'ReferenceError']);

/** Whether an error comes again however often the same is tried: a mistake in what was given or in the program, as opposed to a store or an engine that is away. */
export function isLasting(error: unknown): boolean {
  if (error instanceof MageflowError) return !(error instanceof StoreError || error instanceof ClosedError);
  // By its name: errors of another realm are no instances of this one's classes.
  return ofPrograms.has(String((Object(error) as { name?: unknown }).name));
}

/** What came, for the end of an error message: short, and never the whole value. */
export function describe(value: unknown): string {
  if (typeof value === 'string')
    return value.length > 60 ? `a text of ${value.length} characters` : JSON.stringify(value);
  if (value === null || value === undefined || typeof value !== 'object') {
    return typeof value === 'function' ? `a function` : typeof value === 'bigint' ? `${value}n` : String(value);
  }
  if (Array.isArray(value)) return `an array of ${value.length}`;
  const name = (Object.getPrototypeOf(value) as { constructor?: { name?: string } } | null)?.constructor?.name;
  return name && name !== 'Object' ? `an instance of ${name}` : 'an object';
}

/** Ends an error about a task that is not one: what is undefined was mostly imported too early. */
export function describeTask(value: unknown): string {
  return value === undefined
    ? 'undefined. Look for modules that import each other: the one that is loaded first sees nothing of the other yet. Put what both need into a third'
    : describe(value);
}
