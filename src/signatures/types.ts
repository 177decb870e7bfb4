import type {
  BaseWorkflowDeclaration,
  InputType,
  JsonObject,
  OutputType,
  RunOpts,
  TaskWorkflowDeclaration,
} from '@hatchet-dev/typescript-sdk';
import type { Spec } from '../store/spec';
import type { RootScope } from '../tasks/root-scope';
import type { SwarmConfig } from './config';

declare const types: unique symbol;

/** By which a signature of any copy of the package is known, and how it hands itself over as a callback. */
export const template = Symbol.for('mageflow/template');

/** How a signature of any copy of the package becomes an item of a group. */
export const join = Symbol.for('mageflow/join');

/** A signature that was handed in to a group, which may fail to take it. */
export interface Member {
  spec: Spec;
  key: string;
  /** It is the item of this index. */
  place(index: number): Promise<void>;
  /** It was not taken, and is what it was. */
  release(): Promise<void>;
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
   * Runs it and waits for its output.
   * @throws TaskFailedError, CancelledError, AlreadyStartedError, InvalidMessageError, StoreError
   */
  run(...args: RunArguments<I, RunOptions & WaitOptions>): Promise<O>;
  /**
   * Runs it; resolves once the work is durably queued or published.
   * @throws AlreadyStartedError, InvalidMessageError, StoreError
   */
  runNoWait(...args: RunArguments<I, RunOptions>): Promise<Handle<O>>;
  status(): Promise<SignatureStatus>;
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
  /** What it is, the same in each attempt of a root's body that makes it. @internal */
  readonly identity: string;
  /** How a parent stores it, by value. @internal */
  [template](what: string, store: string): Promise<Spec>;
  /**
   * Hands itself over to a group.
   * @throws ConfigurationError when it is, or has been, part of something else
   * @internal
   */
  [join](owner: Owner, what: string, store: string): Promise<Member>;
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
  again?: boolean;
  /** The root in whose body it was made. */
  madeIn?: RootScope | undefined;
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
}

/** How one item of a swarm ended. */
export interface ItemResult<O> {
  /** Its place in the order of adding. */
  index: number;
  id: string;
  name: string;
  status: 'succeeded' | 'failed' | 'cancelled';
  output?: O;
  error?: string;
}

/** A message whose fields other parts of a swarm may bring. */
export type PartialMessage<I> = { [K in keyof I]?: I[K] };

/** What adding a task to a swarm gives: the signature that was handed in, or a new one whose message is partial. */
export type ItemOf<T> = T extends AnySignature ? T : SignatureOf<T, PartialMessage<InputOf<T>>>;

/** A group of tasks with a concurrency limit of its own. */
export interface Swarm<O> extends Signature<Record<string, unknown> | undefined, O[]> {
  readonly kind: 'swarm';
  /**
   * Adds one task. It becomes ready by its own `run*`, or with the swarm's.
   * @throws SwarmClosedError, SwarmFinishedError, NotFoundError, ConfigurationError, InvalidMessageError, StoreError
   */
  addTask<T extends TaskLike, const D extends Bound<InputOf<T>>>(
    task: T,
    data?: D & object & NoOthers<D, InputOf<T>>,
    options?: SignOptions,
  ): Promise<ItemOf<T>>;
  /**
   * Adds many tasks, 1,000 at a time, each thousand as a whole; takes iterables and async iterables, and holds none of them.
   * @param options - `run: true` makes them ready at once
   * @returns how many were added
   * @throws as `addTask`; `added` of a SwarmClosedError or SwarmFinishedError tells how many are in
   */
  addTasks(entries: Iterable<TaskEntry> | AsyncIterable<TaskEntry>, options?: { run?: boolean }): Promise<number>;
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
   * Its progress, each time that it changed, until it has ended; also what other processes do. Reads at most once a second.
   * @example
   * for await (const { succeeded, total } of batch.watch()) console.log(`${succeeded} of ${total}`);
   */
  watch(): AsyncIterable<Progress>;
  /** All items as they end, from the first one on whenever it is read. Ends with the swarm, and doesn't throw for failures. */
  results(): AsyncIterable<ItemResult<O>>;
  /** Runs it and gives one entry an item, in the order of adding; doesn't throw for failures. */
  runSettled(message?: Record<string, unknown>, options?: RunOptions & WaitOptions): Promise<ItemResult<O>[]>;
}

/** Carries a task's message and output types, which may say more than the SDK's own type parameters can. */
export interface TaskTypes<I, O> {
  readonly [types]?: { input: I; output: O };
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
  additionalMetadata?: Record<string, string>;
  priority?: RunOpts['priority'];
  sticky?: boolean;
  desiredWorkerLabels?: NonNullable<RunOpts['desiredWorkerLabels']>;
}

/** Options of waiting in `run`: of the waiting, not of the work. */
export interface WaitOptions {
  /** How long to wait, in milliseconds. Default: as long as it takes. */
  timeoutMs?: number;
  /** Stops the waiting when it is aborted. */
  signal?: AbortSignal;
}

/** Options of `sign` and of adding a task to a swarm. */
export interface SignOptions extends RunOptions {
  /** Run when it has succeeded; each firing is a run of its own. */
  successCallbacks?: readonly TaskLike[];
  /** Run once when it has finally failed. */
  errorCallbacks?: readonly TaskLike[];
  /** For people: shown in tools and in the run's metadata. */
  name?: string;
  /** An identity: the same key in the same group, or outside groups in the store, is the same thing. */
  key?: string;
}

/** A value as the SDK's types want it: interfaces and dates don't fit their index signatures. */
export type AsInput<I> = I extends InputType ? I : I & InputType;
export type AsOutput<O> = O extends OutputType ? O : O & AnyFields;

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
> = TaskWorkflowDeclaration<AsInput<I>, AsOutput<O>, GI, GO, MB, MA> & TaskTypes<I & GI, O>;

/** The message that a task takes; anything when nothing is declared. */
export type InputOf<T> = typeof types extends keyof T
  ? Declared<NonNullable<T[typeof types]> extends { input: infer I } ? I : never>
  : // eslint-disable-next-line @typescript-eslint/no-explicit-any -- only the first parameter matters
    T extends BaseWorkflowDeclaration<infer I, any>
    ? Declared<I>
    : Record<string, unknown>;

/** What a task's body gives. */
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
export type Bound<I> = I extends string | number | boolean | readonly unknown[] | Date | ((...args: never[]) => unknown)
  ? I
  : I extends object
    ? { [K in keyof I]?: Bound<I[K]> }
    : I;

/** Refuses fields that the message doesn't have, which a generic parameter would otherwise let through. */
export type NoOthers<D, I> = string extends keyof I ? unknown : { [K in Exclude<keyof D, keyof I>]: never };

/** What is left to send when some fields are bound: those become optional. */
export type Rest<I, D> = string extends keyof I ? I : Omit<I, keyof D> & Partial<Pick<I, keyof D & keyof I>>;

/** `run`'s parameters: the message can be left out when nothing in it is required. */
export type RunArguments<I, W> =
  Record<never, never> extends I ? [message?: I, options?: W] : [message: I, options?: W];
