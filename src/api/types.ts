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
import type { Arrived } from './json-types';

declare const types: unique symbol;
declare const notGiven: unique symbol;

/** By which a signature of any copy of the package is known, and how it hands itself over as a callback. */
export const toStored = Symbol.for('mageflow/template');

/** How a signature of any copy of the package becomes an item of a group. */
export const reserve = Symbol.for('mageflow/join');

/** A signature that was handed in to a group, which may fail to take it. */
export interface Member {
  spec: Spec;
  key: string;
  /** It is the item of this index. @param isNew - whether it was added now, or its key was there already */
  commit(index: number, isNew: boolean): Promise<void>;
  /**
   * It was not taken, and is what it was.
   * @param gone - whether the group that it was handed in to is not there: then it has no place in it either
   * @returns when that group has let go of it, as far as that can be done now
   */
  rollback(gone: boolean | Promise<boolean>): Promise<void>;
}

export type SignatureStatus = 'pending' | 'queued' | 'running' | 'suspended' | 'succeeded' | 'failed' | 'cancelled';

/** What `runNoWait` gives. Nothing waits, polls or can reject before a getter is read. */
export interface Handle<O> {
  /** The signature's id. */
  readonly id: string;
  /** Resolves with the output. Rejects with `TaskFailedError` or `CancelledError`. */
  readonly output: Promise<O>;
  /** Resolves with the engine's run id. Rejects with `ConfigurationError` for a group, which has no run. */
  readonly runId: Promise<string>;
}

/** A task (or a group of them) together with what is bound to it, to be run once. */
export interface Signature<I, O> {
  readonly id: string;
  readonly kind: 'task' | 'root' | 'chain' | 'swarm';
  /** The name it was given, or its task's. */
  readonly name: string;
  /**
   * With a `key`: whether this object was the first of it, or found what was there; undefined before it is made or run
   * (a swarm is made at once, a task or chain by its run) and for one that was loaded and not run.
   */
  readonly created: boolean | undefined;
  /**
   * Runs it and waits for its output. With a `key` that was run already it attaches to that run: the message is ignored, and
   * what it waits for is the first one's result. After the retention the key is new.
   * @throws TaskFailedError, CancelledError, InvalidMessageError, StoreError, AlreadyStartedError when it has no key and was run already
   * @throws WaitTimeoutError after `timeoutMs`, the reason of a `signal` that is aborted, ClosedError when the instance is closed meanwhile
   */
  run(...args: RunArguments<I, RunOptions & WaitOptions>): Promise<O>;
  /** Does not compile: the message is required. */
  run(this: NeedsMessage<RequiredFields<I>>): Promise<O>;
  /**
   * Runs it; resolves once the work is durably queued or published. With a `key` that was run already the handle is the first one's.
   * @throws InvalidMessageError, StoreError, AlreadyStartedError when it has no key and was run already
   */
  runNoWait(...args: RunArguments<I, RunOptions>): Promise<Handle<O>>;
  /** Does not compile: the message is required. */
  runNoWait(this: NeedsMessage<RequiredFields<I>>): Promise<Handle<O>>;
  status(): Promise<SignatureStatus>;
  /**
   * Waits for its end, whoever runs it, in whichever process, and gives its output: of a swarm its list. What was not
   * started yet is waited for; a callback is waited for until it has run, the latest time it was fired.
   * @param options - `timeoutMs`: how long to wait, in milliseconds (default: as long as it takes); `signal`: stops the waiting
   * @throws TaskFailedError, CancelledError, as `run` does; NotFoundError when its retention is over; StoreError
   * @throws WaitTimeoutError after `timeoutMs`, the reason of a `signal` that is aborted, ClosedError when the instance is closed meanwhile
   * @example
   * const etl = await mage.load(request.params.id); // in another process than the one that ran it
   * const output = await etl.wait({ timeoutMs: 30_000 });
   */
  wait(options?: WaitOptions): Promise<O>;
  /**
   * Cancels it: what waits never starts, what runs is cancelled in the engine (its body's `ctx.abortController` aborts),
   * and its error callbacks run once, when all of it is quiet. Cancelling it twice, or after its end, changes nothing.
   * @throws NotFoundError when it was never run, or its retention is over; StoreError
   */
  cancel(): Promise<void>;
  /**
   * Suspends it, and all that is below it: nothing new starts, what runs goes on to its end, callbacks wait. One that was not
   * run yet waits for `resume()` when it is run. A task whose body waits for another attempt goes on with it after `resume()`.
   * Of several calls of `suspend` and `resume` the last counts, here and for everything below; after the end they change nothing.
   * @throws NotFoundError when its retention is over; StoreError
   * @example
   * await batch.suspend(); // in one process
   * await (await mage.load(batch.id)).resume(); // in another one
   */
  suspend(): Promise<void>;
  /** Lets it go on, and all that is below it, in the order in which it would have been. @throws as `suspend` */
  resume(): Promise<void>;
  /**
   * Forgets it with all that only it refers to: results, items, groups below it. Only what was never run or has ended, its
   * callbacks too; what is unknown already is fine.
   * @throws AlreadyStartedError while it is under way
   * @throws ConfigurationError when it is an item of a group: that one is removed as a whole
   */
  remove(): Promise<void>;
  /**
   * Runs those of its callbacks again that failed, each as a run of its own; of a swarm or chain also its items' callbacks.
   * Its own status stays as it is. Its results are kept until the callbacks have ended.
   * @returns how many callbacks run again
   * @throws NotFoundError when it was never run, or its retention is over; StoreError
   * @example
   * const { callbacks } = await batch.progress();
   * if (callbacks.failed > 0) await batch.retryCallbacks();
   */
  retryCallbacks(): Promise<number>;
  /** What it is, the same in each attempt of a root's body that makes it. @internal */
  readonly identity: string;
  /** How a parent stores it, by value. @internal */
  [toStored](what: string, store: string): Promise<Spec>;
  /**
   * Hands itself over to a group.
   * @throws ConfigurationError when it is, or has been, part of something else
   * @internal
   */
  [reserve](owner: Owner, what: string, store: string): Promise<Member>;
}

/** A root task with what is bound to it. */
export interface RootSignature<I, O> extends Signature<I, O> {
  readonly kind: 'root';
  /** The internal swarm of its children: their progress and results. Of a callback: that of its latest firing. */
  children(): Promise<Swarm<unknown>>;
}

/** Tasks that run one after another, each with the output of the one before. */
export interface Chain<I, O> extends Signature<I, O> {
  readonly kind: 'chain';
  /** As a swarm's: goes on at the step that failed or was cancelled. */
  retryFailed(): Promise<number>;
}

/** The group that something becomes an item of. @internal */
export interface Owner {
  groupId: string;
  name: string;
  kind: 'chain' | 'swarm' | 'root';
  /** Says how a chain is that was made here: it is written only when it starts, and until then its steps are as it is. */
  status?: () => Promise<SignatureStatus>;
  /** It has a key, or is made in a root's body: what is handed in may be in it already. */
  mayAttach?: boolean;
  /** The root in whose body it was made. */
  madeIn?: RootCapture | undefined;
}

/** Counts of a swarm's items by where they are. */
export interface Progress {
  /** All items added so far. */
  total: number;
  /** Added, and not made ready by a run of the swarm or of their own. */
  waiting: number;
  /** Ready, without a slot. */
  queued: number;
  /** Holding a slot: at most `maxConcurrency`. */
  running: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  closed: boolean;
  status: SignatureStatus;
  /** Counts of its own callbacks and its items' that were fired. One that was repeated counts by its latest firing. */
  callbacks: { pending: number; succeeded: number; failed: number };
}

/** What is known of an item of a swarm, however it ended. */
export interface EndedItem {
  /** Its place in the order of adding. */
  index: number;
  id: string;
  name: string;
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

/** How one item of a swarm ended. */
export type ItemResult<O> = SucceededItem<O> | FailedItem | CancelledItem;

/** A message whose fields other parts of a swarm may bring. */
export type PartialMessage<I> = { [K in keyof I]?: I[K] };

/** What adding a task to a swarm gives: the signature that was handed in, or a new one whose message is partial. */
export type ItemOf<T> = T extends AnySignature ? T : SignatureOf<T, PartialMessage<InputOf<T>>>;

/** A group of tasks with a concurrency limit of its own. */
export interface Swarm<O> extends Signature<Record<string, unknown> | undefined, O[]> {
  readonly kind: 'swarm';
  /**
   * Adds one task. It becomes ready by its own `run*`, or with the swarm's. Calls of one process that are not awaited keep their order.
   * @throws SwarmClosedError, SwarmFinishedError, NotFoundError, ConfigurationError, InvalidMessageError, StoreError
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
   * Adds many tasks, 1,000 at a time, each thousand as a whole; takes iterables and async iterables, and holds none of them.
   * @param options - `run: true` makes them ready at once
   * @returns how many were added
   * @throws as `addTask`; `added` of the error tells how many entries of the call are in, and stay
   */
  addTasks<const T extends Iterable<TaskEntry> | AsyncIterable<TaskEntry>>(
    entries: T & FittingEntries<T>,
    options?: { run?: boolean | undefined },
  ): Promise<number>;
  /** Lets nothing more be added, and makes the rest of a started swarm ready. A second call changes nothing. */
  closeSwarm(): Promise<void>;
  /** @throws NotFoundError */
  progress(): Promise<Progress>;
  /**
   * Changes how it runs its items, at once: what is undefined stays, null is the default. A higher `maxConcurrency` is filled at once,
   * a lower one lets nothing start until fewer run; a limit of failures that has been reached already stops it; `timeoutMs` counts from its start.
   * @throws SwarmFinishedError when it has ended or is stopping; ConfigurationError, also for `keepResults`; NotFoundError, StoreError
   * @example
   * await batch.update({ maxConcurrency: 5 });
   */
  update(config: SwarmConfig): Promise<void>;
  /**
   * Runs what failed, was cancelled or never started again, in the same swarm, which then is unfinished again. The results of the others
   * stay; its callbacks, and those of what runs again, run for the new outcome. A chain in it goes on at its failed step.
   * @returns how many items run again
   * @throws ConfigurationError while it has not ended, and for one that belongs to another group; NotFoundError, StoreError
   */
  retryFailed(): Promise<number>;
  /**
   * Its progress, each time that it changed, until it has ended; also what other processes do. `break` and `return()` end a
   * loop at once, also while nothing happens.
   * @param options - `intervalMs`: how often it is read at most, in milliseconds (default 1,000); `signal`: ends the loops with its reason
   * @throws ConfigurationError when it is called; in a loop NotFoundError, StoreError, the reason of a `signal` that is aborted,
   *   ClosedError when the instance is closed meanwhile
   * @example
   * for await (const { succeeded, total } of batch.watch({ signal })) console.log(`${succeeded} of ${total}`);
   */
  watch(options?: WatchOptions): AsyncIterable<Progress>;
  /**
   * All items as they end: each loop over it begins with the first one. Ends with the swarm, and doesn't throw for failures of
   * items. `break` and `return()` end a loop at once, also while nothing happens.
   * @param options - `signal`: ends the loops with its reason
   * @throws as `watch`
   * @example
   * for await (const { name, status, error } of batch.results({ signal })) console.log(name, status, error);
   */
  results(options?: ResultsOptions): AsyncIterable<ItemResult<O>>;
  /** Runs it, or attaches to the first run of its key, and gives one entry an item, in the order of adding; doesn't throw for failures. */
  runSettled(message?: Record<string, unknown>, options?: RunOptions & WaitOptions): Promise<ItemResult<O>[]>;
}

/** Carries a task's message, its output as it arrives, and what its body gives: they may say more than the SDK's type parameters can. */
export interface TaskTypes<I, O, G = O> {
  readonly [types]?: { input: I; output: O; given: G };
}

declare const root: unique symbol;

/** A task made by `mage.rootTask`, or wrapped as a root. */
export interface RootTask {
  readonly [root]?: true;
}

/** The signature of a declaration: of a root it knows its children. */
export type SignatureOf<T, I> = typeof root extends keyof T ? RootSignature<I, OutputOf<T>> : Signature<I, OutputOf<T>>;

/** A declaration of the SDK, made or wrapped by mageflow or not. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the SDK's type parameters are invariant
export type AnyDeclaration = BaseWorkflowDeclaration<any, any>;
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- any signature, whatever it takes and gives
export type AnySignature = Signature<any, any>;

/** What can be put wherever a task is taken: a declaration, a task's name, or a signature. */
export type TaskLike = AnyDeclaration | AnySignature | string;

/** A task to add to a swarm, with what is bound to it. */
export type TaskEntry = TaskLike | readonly [task: TaskLike, data?: object, options?: SignOptions];

/** Options of the engine's run. */
export interface RunOptions {
  /** Put on the run beside mageflow's own. Keys that start with `mageflow.` are refused. */
  additionalMetadata?: Record<string, string> | undefined;
  priority?: RunOpts['priority'] | undefined;
  sticky?: boolean | undefined;
  desiredWorkerLabels?: NonNullable<RunOpts['desiredWorkerLabels']> | undefined;
}

/** Options of waiting in `run` and `wait`: of the waiting, not of the work. */
export interface WaitOptions {
  /** How long to wait, in milliseconds. Default: as long as it takes. */
  timeoutMs?: number | undefined;
  /** Stops the waiting when it is aborted. */
  signal?: AbortSignal | undefined;
}

/** Options of `results`. */
export interface ResultsOptions {
  /** Ends the loops over the results with its reason when it is aborted. */
  signal?: AbortSignal | undefined;
}

/** Options of `watch`. */
export interface WatchOptions {
  /** How often the progress is read at most, in milliseconds, at least 1. Default 1,000. */
  intervalMs?: number | undefined;
  /** Ends the loops over the progress with its reason when it is aborted. */
  signal?: AbortSignal | undefined;
}

/** Options of `sign` and of adding a task to a swarm. */
export interface SignOptions<S extends readonly TaskLike[] = readonly TaskLike[]> extends RunOptions {
  /** Run when it has succeeded; each firing is a run of its own. */
  successCallbacks?: S | undefined;
  /** Run once when it has finally failed. */
  errorCallbacks?: readonly TaskLike[] | undefined;
  /** For people: shown in tools and in the run's metadata. */
  name?: string | undefined;
  /** An identity: the same key in the same group, or outside groups in the store, is the same thing, which runs once: a later `run` attaches to it. */
  key?: string | undefined;
}

/** A value as the SDK's types want it: interfaces and dates don't fit their index signatures. */
export type AsInput<I> = I extends InputType ? I : I & InputType;
export type AsOutput<O> = O extends OutputType ? O : O extends null ? void : O & AnyFields;

/** What any object of JSON fits. */
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

/** The message that a task takes; anything when nothing is declared. */
export type InputOf<T> = typeof types extends keyof T
  ? Declared<NonNullable<T[typeof types]> extends { input: infer I } ? I : never>
  : // eslint-disable-next-line @typescript-eslint/no-explicit-any -- only the first parameter matters
    T extends BaseWorkflowDeclaration<infer I, any>
    ? Declared<I>
    : Record<string, unknown>;

/** What a body gives, before it travels; never where nothing tells. */
export type GivenOf<T> = typeof types extends keyof T
  ? NonNullable<T[typeof types]> extends { given: infer G }
    ? G
    : never
  : never;

/** What a task gives, as it arrives. */
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

/** Some of a message's fields, at any depth. */
export type Bound<I> = I extends string | number | boolean | Date | ((...args: never[]) => unknown)
  ? I
  : I extends readonly (infer E)[]
    ? I | readonly Readable<E>[]
    : I extends object
      ? { [K in keyof I]?: Bound<I[K]> | undefined }
      : I;

/** The same value with lists that nobody may change, as `as const` makes them. */
type Readable<T> = T extends string | number | boolean | Date | ((...args: never[]) => unknown)
  ? T
  : T extends readonly (infer E)[]
    ? T | readonly Readable<E>[]
    : T extends object
      ? { [K in keyof T]: Readable<T[K]> }
      : T;

/** Stands for data that are not given. */
export interface NotGiven {
  readonly [notGiven]: never;
}

/** Data that can be bound to what takes this message. */
export type Binding<D, I> = (Bound<I> & object & Fitting<D, I>) | NotGiven;

/** In the place of a field that the message doesn't have. */
export interface NoSuchField<Field, Known> {
  'the message has no field': Field;
  'but only': Known;
}

/** In the place of a field of a wrong type. */
export interface WrongType<Expected> {
  'expected here': Expected;
}

type KeyOf<I> = I extends unknown ? keyof I : never;
type ValueOf<I, K> = I extends unknown ? (K extends keyof I ? I[K] : never) : never;
type Leaf = string | number | boolean | null | readonly unknown[] | Date | ((...args: never[]) => unknown);

/** What bound data have to be besides themselves: each field is one that the message has, with a value that it takes. */
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
  : // A text where one of several is expected: in lists that are made by a function, the compiler forgets which it is.
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

/** An entry of a swarm as it has to be: its data fit the task, and its callbacks what it gives. */
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

/** What the entries of a swarm have to be besides themselves, one by one where they are known one by one. */
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

/** The fields that are bound: one that may be undefined may be missing. */
type BoundFields<D> = { [K in keyof D]-?: undefined extends D[K] ? never : K }[keyof D];

/** What is left to send when some fields are bound: those become optional. */
export type Rest<I, D> = string extends keyof I
  ? I
  : [BoundFields<D>] extends [never]
    ? I
    : // Written out, as people read it.
      Omit<I, BoundFields<D>> & Partial<Pick<I, BoundFields<D> & keyof I>> extends infer R
      ? { [K in keyof R]: R[K] }
      : never;

/** What is signed: a declaration, or by its name one of this type. */
export type Signed<A, T> = A extends AnyDeclaration ? A : T;

/** What can be bound besides to a task that only its name tells of. */
export type BoundByName<A, T> = [A] extends [string] ? Bound<InputOf<T>> : never;

/** The message of what is signed: of a name it is partial, as nobody knows what is bound elsewhere. */
export type Message<A, T, D> = [A] extends [AnyDeclaration] ? Rest<InputOf<A>, D> : PartialMessage<InputOf<T>>;

/** The fields that a message must have. */
export type RequiredFields<I> = string extends keyof I
  ? never
  : { [K in keyof I]-?: Record<never, never> extends Pick<I, K> ? never : K }[keyof I];

/** What `run` is called on when its message can be left out; otherwise the compiler names the fields here. */
export interface NeedsMessage<Fields> {
  'run needs a message with': Fields;
}

/** `run`'s parameters: the message can be left out when nothing in it is required. */
export type RunArguments<I, W> =
  Record<never, never> extends I ? [message?: I, options?: W] : [message: I, options?: W];

/** The message of what a task or signature is given. */
export type MessageOf<T> =
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- only the message matters
  T extends Signature<infer I, any> ? I : T extends AnyDeclaration ? InputOf<T> : Record<string, unknown>;

/** The type of the field in which a task takes what the step before it gave; unknown where nothing says so. */
export type ResultField<I> = [MarkedFields<I>] extends [never]
  ? 'returnValue' extends keyof I
    ? I['returnValue']
    : unknown
  : I[MarkedFields<I>];

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** A value as it arrives at the next step. What can be any JSON fits everything, and so does what nothing is said of. */
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

/** An object that can have any fields; `void` or `{}`, where the SDK doesn't know what a task gives. */
type IsOpen<T> = [keyof T] extends [never]
  ? true
  : string extends keyof T
    ? [Record<string, Json>] extends [T]
      ? true
      : false
    : false;

/** The fields that arrive in any case: what is undefined doesn't. */
type Kept<T> = { [K in keyof T]-?: [Json] extends [T[K]] ? K : undefined extends T[K] ? never : K }[keyof T];

/** Whether a field takes something, as it is or as it arrives: where the field may be undefined, null arrives as nothing. */
export type Takes<Field, Given> = [Given] extends [Field]
  ? true
  : [AsJson<Given>] extends [OrNull<Field>]
    ? true
    : false;

/** What a field takes, with null in each place that takes nothing. */
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

/** The fields that a callback needs, but for those in which results arrive: nobody sends them when they are not bound. */
type Unbound<M> = Exclude<
  { [K in RequiredFields<M>]: unknown extends M[K] ? never : K }[RequiredFields<M>],
  | ([MarkedFields<M>] extends [never] ? 'returnValue' : MarkedFields<M>)
  | ([MarkedFields<M, ChildrenMark>] extends [never] ? 'childResults' : MarkedFields<M, ChildrenMark>)
>;

/** A success callback that takes what it will be given, or a type that says why it can't. */
type Callback<Given, Else, T, M = MessageOf<T>> = string extends keyof M
  ? T
  : TakesEither<ResultField<M>, Given, Else> extends false
    ? { 'the callback is given': Given; 'but its result field takes': Unmarked<ResultField<M>> }
    : [Unbound<M>] extends [never]
      ? T
      : { 'nobody binds these fields of the callback': Unbound<M> };

type TakesEither<Field, Given, Else> =
  Takes<Field, Given> extends true ? true : [Else] extends [never] ? false : Takes<Field, Else>;

/** What the success callbacks of something that gives this have to be besides themselves. */
export type Callbacks<S extends readonly unknown[], Given, Else = never> =
  S extends CallbackList<S, Given, Else> ? unknown : CallbackList<S, Given, Else>;

type CallbackList<S extends readonly unknown[], Given, Else> = { [K in keyof S]: Callback<Given, Else, S[K]> };

type TaskOf<E> = E extends readonly [infer T, ...unknown[]] ? T : E;

type IsUnion<T, Each = T> = T extends unknown ? ([Each] extends [T] ? false : true) : never;

/** What the callbacks of a swarm are given that keeps no results. */
type Counts = Pick<Progress, 'total' | 'succeeded' | 'failed' | 'cancelled'>;

/** As {@link Callbacks}; of several tasks the list is of anything, as those that fail are left out of it. */
export type SwarmCallbacks<T extends readonly unknown[], S extends readonly unknown[]> =
  true extends IsUnion<TaskOf<T[number]>>
    ? // eslint-disable-next-line @typescript-eslint/no-explicit-any -- whatever they give
      Callbacks<S, any[], Counts>
    : Callbacks<S, OutputOf<T[number]>[], Counts>;
