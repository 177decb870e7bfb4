import type {
  BaseWorkflowDeclaration,
  InputType,
  JsonObject,
  OutputType,
  RunOpts,
  TaskWorkflowDeclaration,
} from '@hatchet-dev/typescript-sdk';
import type { Spec } from '../store/spec';
import type { ChildrenMark, MarkedFields, ResultMark } from '../messages/marks';
import type { RootCapture } from '../worker/roots/root-capture';
import type { SwarmConfig } from '../config/swarm-config';
import type { LabelOptions } from './labels';
import type { Arrived } from './json-types';

declare const types: unique symbol;
declare const notGiven: unique symbol;

/** The method by which any copy of the package recognizes a signature and stores it as a callback. */
export const toStored = Symbol.for('mageflow/template');

/** The method by which a signature of any copy of the package becomes an item of a group. */
export const reserve = Symbol.for('mageflow/join');

/** A signature that was passed to a group, before the group has stored it. */
export interface Member {
  spec: Spec;
  key: string;
  /** Called when the group has stored it as an item. @param isNew - false when its key was in the group already */
  commit(index: number, isNew: boolean): Promise<void>;
  /**
   * Called when the group did not store it. The signature is usable as before.
   * @param gone - whether the group that it was passed to does not exist, so that it has no place there either
   * @returns when the group has released it, as far as that is possible now
   */
  rollback(gone: boolean | Promise<boolean>): Promise<void>;
}

export type SignatureStatus = 'pending' | 'queued' | 'running' | 'suspended' | 'succeeded' | 'failed' | 'cancelled';

/** The result of `runNoWait`. Nothing waits, polls or can reject before you read a getter. */
export interface Handle<O> {
  /** The id of the signature. */
  readonly id: string;
  /** Resolves with the output. Rejects with `TaskFailedError` or `CancelledError`. */
  readonly output: Promise<O>;
  /** Resolves with the engine's run id. Rejects with `ConfigurationError` for a group, which has no run. */
  readonly runId: Promise<string>;
}

/** A task, chain or swarm with bound data, callbacks and options. It runs once. */
export interface Signature<I, O> {
  readonly id: string;
  readonly kind: 'task' | 'root' | 'chain' | 'swarm';
  /** The name from its options. Default: the name of its task. */
  readonly name: string;
  /**
   * With a `key`: true when this object created the work, false when the key existed already. A swarm sets it when it is
   * made, a task or chain when it is run. Undefined before that, and for a loaded signature that was not run.
   */
  readonly created: boolean | undefined;
  /**
   * Runs it and waits for its output. When its `key` was run already, the call attaches to that run: it ignores the message
   * and returns the result of the first run. The key can be used again after the retention.
   * @param message - the message; fields that are bound are optional
   * @param options - run options, and wait options: `timeoutMs` in milliseconds (default: no limit) and `signal`
   * @throws TaskFailedError, CancelledError, InvalidMessageError, StoreError
   * @throws AlreadyStartedError when it has no key and was run already
   * @throws WaitTimeoutError after `timeoutMs`, the reason of an aborted `signal`, ClosedError when the instance is closed
   *   meanwhile
   */
  run(...args: RunArguments<I, RunOptions & WaitOptions>): Promise<O>;
  /** Does not compile: the message is required. */
  run(this: NeedsMessage<RequiredFields<I>>): Promise<O>;
  /**
   * Runs it. Resolves when the work is durably queued or published. When its `key` was run already, the returned handle is
   * that of the first run.
   * @throws InvalidMessageError, StoreError, AlreadyStartedError when it has no key and was run already
   */
  runNoWait(...args: RunArguments<I, RunOptions>): Promise<Handle<O>>;
  /** Does not compile: the message is required. */
  runNoWait(this: NeedsMessage<RequiredFields<I>>): Promise<Handle<O>>;
  status(): Promise<SignatureStatus>;
  /**
   * Waits for its end, in any process, and returns its output; for a swarm the list of its outputs. Also waits for work that
   * has not started yet. For a callback it waits for the latest invocation.
   * @param options - `timeoutMs`: how long to wait, in milliseconds (default: no limit); `signal`: ends the waiting
   * @throws TaskFailedError, CancelledError, as `run` does; NotFoundError when its retention has passed; StoreError
   * @throws WaitTimeoutError after `timeoutMs`, the reason of an aborted `signal`, ClosedError when the instance is closed
   *   meanwhile
   * @example
   * const etl = await mage.load(request.params.id); // in another process than the one that ran it
   * const output = await etl.wait({ timeoutMs: 30_000 });
   */
  wait(options?: WaitOptions): Promise<O>;
  /**
   * Cancels it. Waiting items never start. Running items are cancelled in the engine, which aborts their body's
   * `ctx.abortController`. The error callbacks run once, after everything has ended. A second call, or a call after its
   * end, has no effect.
   * @throws NotFoundError when it was never run, or its retention has passed; StoreError
   */
  cancel(): Promise<void>;
  /**
   * Suspends it and everything nested in it. Nothing new starts, running items finish, and callbacks wait. Work that has not
   * been run yet waits for `resume()` once it is run. A task that waits for its next attempt makes it after `resume()`.
   *
   * The most recent `suspend` or `resume` wins, here and for everything nested. After its end both have no effect.
   * @throws NotFoundError when its retention has passed; StoreError
   * @example
   * await batch.suspend(); // in one process
   * await (await mage.load(batch.id)).resume(); // in another one
   */
  suspend(): Promise<void>;
  /** Resumes it and everything nested in it, in the original order. @throws as `suspend` */
  resume(): Promise<void>;
  /**
   * Removes it from Redis, with everything that only it refers to: results, items and nested groups. It must never have been
   * run, or have ended together with its callbacks. An unknown id is no error.
   * @throws AlreadyStartedError while it is running
   * @throws ConfigurationError when it is an item of a group; remove the whole group instead
   */
  remove(): Promise<void>;
  /**
   * Runs its failed callbacks again, each as a run of its own. For a swarm or chain these include the callbacks of its
   * items. Its own status does not change. Its results are kept until the callbacks have ended.
   * @returns how many callbacks run again
   * @throws NotFoundError when it was never run, or its retention has passed; StoreError
   * @example
   * const { callbacks } = await batch.progress();
   * if (callbacks.failed > 0) await batch.retryCallbacks();
   */
  retryCallbacks(): Promise<number>;
  /** Its identity, which is the same in each attempt of a root's body that makes it. @internal */
  readonly identity: string;
  /** Returns the form in which a parent stores it, by value. @internal */
  [toStored](what: string, store: string): Promise<Spec>;
  /**
   * Prepares it to become an item of a group.
   * @throws ConfigurationError when it is, or was, part of another group
   * @internal
   */
  [reserve](owner: Owner, what: string, store: string): Promise<Member>;
}

/** A signature of a root task. */
export interface RootSignature<I, O> extends Signature<I, O> {
  readonly kind: 'root';
  /**
   * Returns the internal swarm, with the progress and results of its children. For a callback, that of its latest
   * invocation.
   */
  children(): Promise<Swarm<unknown>>;
}

/** A group whose steps run in sequence. Each step receives the output of the previous one. */
export interface Chain<I, O> extends Signature<I, O> {
  readonly kind: 'chain';
  /** As `retryFailed` of a swarm, without options. Continues at the step that failed or was cancelled. */
  retryFailed(): Promise<number>;
}

/** The group that a signature becomes an item of. @internal */
export interface Owner {
  groupId: string;
  name: string;
  kind: 'chain' | 'swarm' | 'root';
  /**
   * Returns the status of a chain that this process made. A chain is written only when it starts; until then its steps
   * have its status.
   */
  status?: () => Promise<SignatureStatus>;
  /** It has a key, or was made in a root's body, so its items may exist already. */
  mayAttach?: boolean;
  /** The root whose body made it. */
  madeIn?: RootCapture | undefined;
}

/** Counts of a swarm's items by state. */
export interface Progress {
  /** All items added so far. */
  total: number;
  /** Added, but not ready: neither the item nor the swarm was run. */
  waiting: number;
  /** Ready, but without a slot. */
  queued: number;
  /** Items that hold a slot: at most `maxConcurrency`. */
  running: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  closed: boolean;
  status: SignatureStatus;
  /**
   * Counts of the invoked callbacks of the swarm and of its items. A repeated callback counts once, by its latest
   * invocation.
   */
  callbacks: { pending: number; succeeded: number; failed: number };
  /** When it was created, by the clock of Redis. Undefined for a swarm that another group has yet to create. */
  createdAt: Date | undefined;
  /** When it was started, or last retried. Undefined before. */
  startedAt: Date | undefined;
  /** When it ended. Undefined before. */
  endedAt: Date | undefined;
  /** True while items wait for the rate limit of the swarm. */
  rateLimited: boolean;
  /**
   * When the next item can start, while items wait for the rate limit or for the end of a pause. Undefined when none waits, or when that
   * depends on the begin of another item.
   */
  nextStartAt: Date | undefined;
  /**
   * How many items ended per second, over the last 60 to 70 s (of a swarm that has ended: the last 60 s before its end), or
   * since `startedAt`, if that is shorter. 0 for a swarm that nobody has started.
   */
  perSecond: number;
  /**
   * In how many milliseconds the remaining items will have ended at that rate. Undefined unless the swarm is closed and
   * running, and while nothing ends.
   */
  etaMs: number | undefined;
}

/** The part of an item's result that does not depend on its outcome. */
export interface EndedItem {
  /** Its index in the order of adding. */
  index: number;
  id: string;
  name: string;
  /**
   * When its body first began, in the latest round of a retried swarm, by the clock of Redis. Undefined when it never did,
   * and when no worker with mageflow reports it: tasks of plain workers, and workflows with several tasks.
   */
  startedAt: Date | undefined;
  /** When it ended. Undefined for an item that a stopped swarm cancelled before it had a slot. */
  endedAt: Date | undefined;
  /** How often its body began, in the latest round. Retries count, and runs that the engine started again. */
  attempts: number;
}

export interface SucceededItem<O> extends EndedItem {
  status: 'succeeded';
  /** Undefined when the swarm keeps no results. */
  output: O;
  error?: undefined;
}

export interface FailedItem extends EndedItem {
  status: 'failed';
  error: string;
  output?: undefined;
}

export interface CancelledItem extends EndedItem {
  status: 'cancelled';
  error?: string | undefined;
  output?: undefined;
}

/** The result of one item of a swarm. */
export type ItemResult<O> = SucceededItem<O> | FailedItem | CancelledItem;

/** A message with optional fields, because the swarm's message and the bound data may supply them. */
export type PartialMessage<I> = { [K in keyof I]?: I[K] };

/** The result of adding a task to a swarm: the given signature, or a new one with a partial message. */
export type ItemOf<T> = T extends AnySignature ? T : SignatureOf<T, PartialMessage<InputOf<T>>>;

/** A group whose items run in parallel under a limit of its own. */
export interface Swarm<O> extends Signature<Record<string, unknown> | undefined, O[]> {
  readonly kind: 'swarm';
  /**
   * Adds one item. It becomes ready when you run the item or the swarm. Calls of one process that are not awaited keep their
   * order.
   * @param task - a declaration, a task's name or a signature
   * @param data - the bound data of the item
   * @param options - callbacks, `name`, `key`, and run options
   * @throws SwarmClosedError when the swarm is closed, SwarmFinishedError when it has ended or is stopping
   * @throws NotFoundError, ConfigurationError, InvalidMessageError, StoreError
   */
  addTask<
    T extends TaskLike,
    const D extends Binding<D, InputOf<T>> = NotGiven,
    const S extends readonly TaskLike[] = readonly TaskLike[],
  >(
    task: T,
    data?: D,
    options?: SignOptions<S & Callbacks<S, OutputOf<T>>>,
  ): Promise<ItemOf<T>>;
  /**
   * Adds many items, in batches of at most 1,000. Each batch is stored completely or not at all, except the one that reaches
   * `maxItems`. Takes iterables and async iterables, and does not keep their entries in memory.
   * @param options - `run: true` makes the items ready at once
   * @returns how many items were added
   * @throws as `addTask`; `added` of the error is how many entries of the call were stored, and they stay
   */
  addTasks<const T extends Iterable<TaskEntry> | AsyncIterable<TaskEntry>>(
    entries: T & FittingEntries<T>,
    options?: { run?: boolean | undefined },
  ): Promise<number>;
  /**
   * Closes the swarm to further items, and makes the remaining items of a started swarm ready. A second call has no effect.
   */
  closeSwarm(): Promise<void>;
  /** @throws NotFoundError */
  progress(): Promise<Progress>;
  /**
   * Changes the configuration at once. Undefined fields stay unchanged, null means the default. A higher `maxConcurrency`
   * starts more items; under a lower one nothing starts until fewer items run. A failure limit that has been reached
   * already stops the swarm. `timeoutMs` counts from the swarm's start.
   * @throws SwarmFinishedError when it has ended or is stopping; ConfigurationError, also for `keepResults`; NotFoundError,
   *   StoreError
   * @example
   * await batch.update({ maxConcurrency: 5 });
   */
  update(config: SwarmConfig): Promise<void>;
  /**
   * Runs the items again that failed, were cancelled or never started. The swarm stays the same and becomes unfinished
   * again. The results of the other items stay. The callbacks of the swarm and of the repeated items run for the new
   * outcome. A nested chain continues at its failed step.
   *
   * With options, only the items that match all of them run again, and the others stay as they ended. Their failures still
   * count for the failure limits. When nothing matches, nothing changes.
   * @param options - `indexes`, `name` and `error` choose items; `message` is merged over the messages of the chosen ones
   * @returns how many items run again
   * @throws ConfigurationError when it has not ended, when it belongs to another group, and for invalid options
   * @throws InvalidMessageError for a `message` that is no plain object, or with which the message of an item does not fit
   *   the schema of its task, if this instance declares that task; nothing is retried then
   * @throws NotFoundError, StoreError
   * @example
   * await batch.retryFailed({ error: /timed out|ECONNRESET/ });
   * await batch.retryFailed({ indexes: [3, 7], message: { dryRun: true } });
   */
  retryFailed(options?: RetryFailedOptions): Promise<number>;
  /**
   * Yields the progress each time it changes, until the swarm has ended. Includes changes by other processes. `break` and
   * `return()` end a loop at once, also while nothing changes.
   * @param options - `intervalMs`: the shortest time between two reads, in milliseconds (default 1,000); `signal`: ends the
   *   loops by throwing its reason
   * @throws ConfigurationError from the call itself; in a loop NotFoundError, StoreError, the reason of an aborted `signal`,
   *   ClosedError when the instance is closed meanwhile
   * @example
   * for await (const { succeeded, total } of batch.watch({ signal })) console.log(`${succeeded} of ${total}`);
   */
  watch(options?: WatchOptions): AsyncIterable<Progress>;
  /**
   * Yields all items in the order in which they end. Each loop begins with the first one and ends with the swarm. Failed
   * items do not make it throw. `break` and `return()` end a loop at once, also while nothing happens.
   * @param options - `signal`: ends the loops by throwing its reason
   * @throws as `watch`
   * @example
   * for await (const { name, status, error } of batch.results({ signal })) console.log(name, status, error);
   */
  results(options?: ResultsOptions): AsyncIterable<ItemResult<O>>;
  /**
   * Runs it, or attaches to the first run of its key. Resolves with one result for each item, in the order of adding. Failed
   * items do not make it reject.
   */
  runSettled(message?: Record<string, unknown>, options?: RunOptions & WaitOptions): Promise<ItemResult<O>[]>;
}

/**
 * The types of a task: its message, its output as it arrives, and the value that its body returns. They can be more exact
 * than the SDK's type parameters.
 */
export interface TaskTypes<I, O, G = O> {
  readonly [types]?: { input: I; output: O; given: G };
}

declare const root: unique symbol;

/** A task made by `mage.rootTask`, or wrapped as a root. */
export interface RootTask {
  readonly [root]?: true;
}

/** The signature type of a declaration. A root's has `children`. */
export type SignatureOf<T, I> = typeof root extends keyof T ? RootSignature<I, OutputOf<T>> : Signature<I, OutputOf<T>>;

/** A declaration of the SDK, whether or not mageflow made or wrapped it. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the SDK's type parameters are invariant
export type AnyDeclaration = BaseWorkflowDeclaration<any, any>;
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- any signature, whatever it takes and gives
export type AnySignature = Signature<any, any>;

/** Everything that is accepted as a task: a declaration, a task's name, or a signature. */
export type TaskLike = AnyDeclaration | AnySignature | string;

/** A task to add to a swarm, optionally with bound data and options. */
export type TaskEntry = TaskLike | readonly [task: TaskLike, data?: object, options?: SignOptions];

/** Options of the engine's run. */
export interface RunOptions {
  /** Metadata of the run, in addition to mageflow's own. Keys that start with `mageflow.` are refused. */
  additionalMetadata?: Record<string, string> | undefined;
  priority?: RunOpts['priority'] | undefined;
  sticky?: boolean | undefined;
  desiredWorkerLabels?: NonNullable<RunOpts['desiredWorkerLabels']> | undefined;
}

/** Options of `run`, `runSettled` and `wait`. They concern the waiting only: the work continues. */
export interface WaitOptions {
  /** How long to wait before `WaitTimeoutError` is thrown, in milliseconds. Default: no limit. */
  timeoutMs?: number | undefined;
  /** Ends the waiting when it aborts: the call rejects with its reason. */
  signal?: AbortSignal | undefined;
}

/** Options of `results`. */
export interface ResultsOptions {
  /** Ends the loops over the results when it aborts: they throw its reason. */
  signal?: AbortSignal | undefined;
}

/** Options of `watch`. */
export interface WatchOptions {
  /** The shortest time between two reads of the progress, in milliseconds, at least 1. Default 1,000. */
  intervalMs?: number | undefined;
  /** Ends the loops over the progress when it aborts: they throw its reason. */
  signal?: AbortSignal | undefined;
}

/** Options of `retryFailed` of a swarm. Only items that match all given ones run again. */
export interface RetryFailedOptions {
  /** Items with these indexes. Default: all. */
  indexes?: readonly number[] | undefined;
  /** Items with this name, as `results()` shows it. Default: all. */
  name?: string | undefined;
  /** Items whose error, as `results()` shows it, contains this text or matches this expression. Default: all. */
  error?: string | RegExp | undefined;
  /**
   * Merged deeply over the message of each item that runs again. It wins over the item's bound data. A chain or swarm
   * receives it as its own message, over which the bound data of its items win. Default: the messages stay.
   */
  message?: object | undefined;
}

/** Options of `sign` and of adding a task to a swarm. */
export interface SignOptions<S extends readonly TaskLike[] = readonly TaskLike[]> extends RunOptions, LabelOptions {
  /** Run after it has succeeded. Each invocation is a run of its own. */
  successCallbacks?: S | undefined;
  /** Run once, after it has finally failed or was cancelled. */
  errorCallbacks?: readonly TaskLike[] | undefined;
  /** A name for people: in `list`, `describe` and the metadata of the run. Default: the task's name. */
  name?: string | undefined;
  /**
   * Idempotency key. In one group, or outside groups in the store, the same key is the same work. It runs once; a later
   * `run` attaches to it.
   */
  key?: string | undefined;
}

/** A value that fits the SDK's types. Interfaces and dates do not fit their index signatures. */
export type AsInput<I> = I extends InputType ? I : I & InputType;
export type AsOutput<O> = O extends OutputType ? O : O extends null ? void : O & AnyFields;

/** Any JSON object. */
export interface AnyFields {
  [field: string]: JsonObject[string];
}

/** A task made by `mage.task`: the SDK's own declaration, with the types of its schema. */
export type MageTask<
  I,
  O,
  GI extends object,
  GO extends object,
  MB extends object,
  MA extends object,
> = TaskWorkflowDeclaration<AsInput<I>, AsOutput<Arrived<O>>, GI, GO, MB, MA> &
  TaskTypes<[keyof GI] extends [never] ? I : I & GI, Arrived<O>, O>;

/** The message that a task takes. Any object when none is declared. */
export type InputOf<T> = typeof types extends keyof T
  ? Declared<NonNullable<T[typeof types]> extends { input: infer I } ? I : never>
  : // eslint-disable-next-line @typescript-eslint/no-explicit-any -- only the first parameter matters
    T extends BaseWorkflowDeclaration<infer I, any>
    ? Declared<I>
    : Record<string, unknown>;

/** The type that a body returns, before it is serialized. `never` when it is not declared. */
export type GivenOf<T> = typeof types extends keyof T
  ? NonNullable<T[typeof types]> extends { given: infer G }
    ? G
    : never
  : never;

/** The output of a task, as it arrives at a receiver. */
export type OutputOf<T> =
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- only the output matters
  T extends Signature<any, infer O>
    ? O
    : typeof types extends keyof T
      ? NonNullable<T[typeof types]> extends { output: infer O }
        ? O
        : never
      : // eslint-disable-next-line @typescript-eslint/no-explicit-any -- only the second parameter matters
        T extends BaseWorkflowDeclaration<any, infer O>
        ? O
        : T extends readonly [infer First, ...unknown[]]
          ? OutputOf<First>
          : // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a name says nothing of what it gives
            any;

type Declared<I> = [keyof I] extends [never] ? Record<string, unknown> : I;

/** A part of a message: its fields are optional at any depth. */
export type Bound<I> = I extends string | number | boolean | Date | ((...args: never[]) => unknown)
  ? I
  : I extends readonly (infer E)[]
    ? I | readonly Readable<E>[]
    : I extends object
      ? { [K in keyof I]?: Bound<I[K]> | undefined }
      : I;

/** The same type with read-only lists, as `as const` makes them. */
type Readable<T> = T extends string | number | boolean | Date | ((...args: never[]) => unknown)
  ? T
  : T extends readonly (infer E)[]
    ? T | readonly Readable<E>[]
    : T extends object
      ? { [K in keyof T]: Readable<T[K]> }
      : T;

/** The type argument when no data are bound. */
export interface NotGiven {
  readonly [notGiven]: never;
}

/** Data that can be bound to a task with this message. */
export type Binding<D, I> = (Bound<I> & object & Fitting<D, I>) | NotGiven;

/** The type error for a field that the message does not have. */
export interface NoSuchField<Field, Known> {
  'the message has no field': Field;
  'but only': Known;
}

/** The type error for a field of a wrong type. */
export interface WrongType<Expected> {
  'expected here': Expected;
}

type KeyOf<I> = I extends unknown ? keyof I : never;
type ValueOf<I, K> = I extends unknown ? (K extends keyof I ? I[K] : never) : never;
type Leaf = string | number | boolean | null | readonly unknown[] | Date | ((...args: never[]) => unknown);

/** The constraint on bound data: each field is one of the message, with a value of its type. */
export type Fitting<D, I> =
  string extends KeyOf<I>
    ? unknown
    : [KeyOf<I>] extends [never]
      ? unknown
      : {
          [K in keyof D]: K extends typeof notGiven
            ? unknown
            : K extends KeyOf<I>
              ? FittingValue<D[K], ValueOf<I, K>>
              : NoSuchField<K, KeyOf<I>>;
        };

type FittingValue<D, V> = D extends Bound<V> | undefined
  ? D extends Leaf | undefined
    ? unknown
    : Fitting<D, Exclude<V, Leaf | undefined>>
  : // Allows any text where a union of texts is expected: the compiler widens it in lists that a function makes.
    D extends Widened<Bound<V>> | undefined
    ? true extends IsWide<D>
      ? unknown
      : WrongType<V>
    : WrongType<V>;

type Widened<T> = T extends string
  ? string
  : T extends number
    ? number
    : T extends boolean
      ? boolean
      : T extends readonly (infer E)[]
        ? readonly Widened<E>[]
        : T extends object
          ? { [K in keyof T]: Widened<T[K]> }
          : T;

type IsWide<D> = D extends string
  ? string extends D
    ? true
    : false
  : D extends number
    ? number extends D
      ? true
      : false
    : D extends readonly (infer E)[]
      ? IsWide<E>
      : D extends object
        ? { [K in keyof D]-?: IsWide<D[K]> }[keyof D]
        : false;

/** The constraint on one entry of a swarm: its data fit the task, and its callbacks accept the task's output. */
type FittingEntry<E> = E extends readonly [infer T, infer D, ...infer Options]
  ? [T] extends [AnyDeclaration]
    ? readonly [T, D & Fitting<D, InputOf<T>>, ...FittingOptions<Options, OutputOf<T>>]
    : E
  : E;

type FittingOptions<Options, Given> = Options extends readonly [
  infer O extends { successCallbacks: readonly TaskLike[] },
]
  ? readonly [O & { successCallbacks: CallbackList<O['successCallbacks'], Given, never> }]
  : Options;

/** The constraint on the entries of a swarm. Checks each entry by itself when the list is a tuple. */
export type FittingEntries<T> = T extends readonly unknown[]
  ? T extends EntryList<T>
    ? unknown
    : EntryList<T>
  : T extends Iterable<infer E>
    ? [E] extends [FittingEntry<E>]
      ? unknown
      : Iterable<FittingEntry<E>>
    : T extends AsyncIterable<infer E>
      ? [E] extends [FittingEntry<E>]
        ? unknown
        : AsyncIterable<FittingEntry<E>>
      : unknown;

type EntryList<T> = { [K in keyof T]: FittingEntry<T[K]> };

/** The bound fields. A field that may be undefined does not count, because it may be missing. */
type BoundFields<D> = { [K in keyof D]-?: undefined extends D[K] ? never : K }[keyof D];

/** The message that remains to be sent: the bound fields become optional. */
export type Rest<I, D> = string extends keyof I
  ? I
  : [BoundFields<D>] extends [never]
    ? I
    : // Expands the type, so that editors show its fields.
      Omit<I, BoundFields<D>> & Partial<Pick<I, BoundFields<D> & keyof I>> extends infer R
      ? { [K in keyof R]: R[K] }
      : never;

/** The declaration type of a signed task. For a name it is the explicit type argument. */
export type Signed<A, T> = A extends AnyDeclaration ? A : T;

/** The data that can be bound to a task that is signed by its name. */
export type BoundByName<A, T> = [A] extends [string] ? Bound<InputOf<T>> : never;

/** The message of a signature. For a name it is partial, because the bound data are not part of the type. */
export type Message<A, T, D> = [A] extends [AnyDeclaration] ? Rest<InputOf<A>, D> : PartialMessage<InputOf<T>>;

/** The required fields of a message. */
export type RequiredFields<I> = string extends keyof I
  ? never
  : { [K in keyof I]-?: Record<never, never> extends Pick<I, K> ? never : K }[keyof I];

/** The `this` type of a `run` without a message. The compiler shows the missing fields in it. */
export interface NeedsMessage<Fields> {
  'run needs a message with': Fields;
}

/** The parameters of `run`. The message is optional when it has no required field. */
export type RunArguments<I, W> =
  Record<never, never> extends I ? [message?: I, options?: W] : [message: I, options?: W];

/** The message of a task or a signature. */
export type MessageOf<T> =
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- only the message matters
  T extends Signature<infer I, any> ? I : T extends AnyDeclaration ? InputOf<T> : Record<string, unknown>;

/** The type of the result field, in which a task receives the previous output. Unknown when it is not declared. */
export type ResultField<I> = [MarkedFields<I>] extends [never]
  ? 'returnValue' extends keyof I
    ? I['returnValue']
    : unknown
  : I[MarkedFields<I>];

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** A value as it arrives at the next step. `any` for types that may be any JSON, and for undeclared ones. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- as the line above says
type AsJson<T> = [Json] extends [T] ? any : AsJsonEach<T>;
type AsJsonEach<T> = T extends string | number | boolean | null
  ? T
  : T extends { toJSON(): infer J }
    ? J
    : T extends undefined | ((...args: never[]) => unknown)
      ? null
      : T extends readonly unknown[]
        ? { -readonly [K in keyof T]: AsJson<T[K]> }
        : IsOpen<T> extends true
          ? // eslint-disable-next-line @typescript-eslint/no-explicit-any -- an object of anything fits every object
            any
          : { -readonly [K in Kept<T>]: AsJson<T[K]> } & {
              -readonly [K in Exclude<keyof T, Kept<T>>]?: AsJson<Exclude<T[K], undefined>>;
            };

/** True if an object can have any fields. Includes `void` and `{}`, which the SDK uses for undeclared outputs. */
type IsOpen<T> = [keyof T] extends [never]
  ? true
  : string extends keyof T
    ? [Record<string, Json>] extends [T]
      ? true
      : false
    : false;

/** The fields that always arrive. Undefined fields do not. */
type Kept<T> = { [K in keyof T]-?: [Json] extends [T[K]] ? K : undefined extends T[K] ? never : K }[keyof T];

/** True if a field accepts a value, as it is or as it arrives. Null is accepted where the field may be undefined. */
export type Takes<Field, Given> = [Given] extends [Field]
  ? true
  : [AsJson<Given>] extends [OrNull<Field>]
    ? true
    : false;

/** The type of a field, with null wherever undefined is allowed. */
type OrNull<F> = unknown extends F
  ? F
  : [Json] extends [F]
    ? // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as in AsJson
      any
    : OrNullEach<F> | (undefined extends F ? null : never);
type OrNullEach<F> = F extends
  string | number | boolean | bigint | null | undefined | Date | ((...args: never[]) => unknown)
  ? F
  : F extends readonly (infer E)[]
    ? number extends F['length']
      ? readonly OrNull<E>[]
      : F
    : F extends object
      ? { [K in keyof F]: OrNull<F[K]> }
      : F;

export type Unmarked<Field> = Field extends infer Inner & ResultMark ? Inner : Field;

/** The required fields of a callback, except its result fields. Somebody must bind them, because no message is sent. */
type Unbound<M> = Exclude<
  { [K in RequiredFields<M>]: unknown extends M[K] ? never : K }[RequiredFields<M>],
  | ([MarkedFields<M>] extends [never] ? 'returnValue' : MarkedFields<M>)
  | ([MarkedFields<M, ChildrenMark>] extends [never] ? 'childResults' : MarkedFields<M, ChildrenMark>)
>;

/** A success callback that accepts its result, or a type that shows why it does not. */
type Callback<Given, Else, T, M = MessageOf<T>> = string extends keyof M
  ? T
  : TakesEither<ResultField<M>, Given, Else> extends false
    ? { 'the callback is given': Given; 'but its result field takes': Unmarked<ResultField<M>> }
    : [Unbound<M>] extends [never]
      ? T
      : { 'nobody binds these fields of the callback': Unbound<M> };

type TakesEither<Field, Given, Else> =
  Takes<Field, Given> extends true ? true : [Else] extends [never] ? false : Takes<Field, Else>;

/** The constraint on the success callbacks of a task or group with this output. */
export type Callbacks<S extends readonly unknown[], Given, Else = never> =
  S extends CallbackList<S, Given, Else> ? unknown : CallbackList<S, Given, Else>;

type CallbackList<S extends readonly unknown[], Given, Else> = { [K in keyof S]: Callback<Given, Else, S[K]> };

type TaskOf<E> = E extends readonly [infer T, ...unknown[]] ? T : E;

type IsUnion<T, Each = T> = T extends unknown ? ([Each] extends [T] ? false : true) : never;

/** The result that callbacks receive from a swarm with `keepResults: false`. */
type Counts = Pick<Progress, 'total' | 'succeeded' | 'failed' | 'cancelled'>;

/** As {@link Callbacks}. For items of several tasks the list is `any[]`, because failed items are left out of it. */
export type SwarmCallbacks<T extends readonly unknown[], S extends readonly unknown[]> =
  true extends IsUnion<TaskOf<T[number]>>
    ? // eslint-disable-next-line @typescript-eslint/no-explicit-any -- whatever they give
      Callbacks<S, any[], Counts>
    : Callbacks<S, OutputOf<T[number]>[], Counts>;
