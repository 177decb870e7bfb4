import type {
  CreateWorkerOpts,
  HatchetClient,
  StrictWorkflowOutputType,
  UnknownInputType,
  Worker,
  WorkflowDeclaration,
} from '@hatchet-dev/typescript-sdk';
import type { Cluster, Redis } from 'ioredis';
import type { z } from 'zod';
import { hasBeforeMiddleware } from './hatchet/internals';
import { checked, LateConnection, type Connection } from './connecting';
import { openKernel, type Kernel } from './kernel';
import { Opening } from './opening';
import { ConfigurationError, describe } from './config/errors';
import { Events, type MageflowEvents } from './config/events';
import { refuseUnknown, type MageflowOptions } from './config/options';
import { Closing } from './utils/closing';
import { messageOf } from './utils/error-message';
import { processState } from './utils/process-state';
import { bind, checkCallbacks, copyList, isSignature } from './api/binding';
import type { ChainInput, ChainOutput, Steps } from './api/chain-types';
import { resolveRootConfig, takeRootConfig, type ResolvedConfig, type RootConfig } from './config/swarm-config';
import { describe as describeSignature, type DescribeOptions } from './api/describe';
import type { Description } from './api/described';
import { doctor as findFaults, type DoctorOptions } from './api/doctor';
import type { DoctorFinding } from './api/doctor/finding';
import { explain as explainSignature } from './api/explain';
import type { Explanation } from './api/explain/reason';
import { fillSwarm, type FillOptions } from './api/fill-swarm';
import { failures as groupFailures, type FailureGroup, type FailuresOptions } from './api/failures';
import { items as readItems, type ItemsOptions, type ItemsWindow } from './api/items';
import { list as listSignatures, type Listing, type ListOptions } from './api/list';
import { load as loadSignature, type Loaded, type LoadOptions } from './api/load';
import { makeChain, type ChainOptions } from './api/make-chain';
import { makeSwarm, type SwarmOptions } from './api/make-swarm';
import { progress as readProgress } from './api/progress';
import {
  progressToken as makeProgressToken,
  verifyProgressToken as verifyToken,
  type ProgressTokenOptions,
  type VerifiedProgressToken,
} from './api/progress-token';
import { rootOfBody, type Scope } from './api/scope';
import { stats as countAll, type Stats, type StatsOptions } from './api/stats';
import { TaskSignature } from './api/task-signature';
import { timeline as readTimeline, type TimelineOptions, type TimelinePoint } from './api/timeline';
import type {
  AnyDeclaration,
  AnySignature,
  AsInput,
  Binding,
  BoundByName,
  Callbacks,
  Chain,
  FittingEntries,
  InputOf,
  MageTask,
  Message,
  NotGiven,
  OutputOf,
  Progress,
  RootTask,
  Signature,
  SignatureOf,
  Signed,
  SignOptions,
  Swarm,
  SwarmCallbacks,
  TaskEntry,
  TaskLike,
} from './api/types';
import { neverFits } from './messages/fit';
import { checkDeclared, refuseUnknownOfRoot } from './worker/checks';
import { currentExecution } from './worker/context';
import { wrapDeclaration } from './worker/declare';
import type {
  PlainDurableTask,
  PlainTask,
  RootOptions,
  SchemaDurableTask,
  SchemaTask,
  WorkflowOptions,
} from './worker/options';
import { readSchema, validatorFor } from './worker/parsing';
import { makeWorker } from './worker/worker';
import { rememberCallbacks, rememberSchema } from './worker/wrappings';

type Obj = Record<string, unknown>;
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- what the SDK's client has when nothing is given
type None = {};
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the SDK's own constraint on its client's type parameters
type Fields = Record<string, any>;

/**
 * The entry point of the library. Wraps a Hatchet client, declares tasks, and makes signatures, chains and swarms of them.
 *
 * @example
 * const mage = new Mageflow(HatchetClient.init(), process.env.REDIS_URL!);
 * const batch = await mage.swarm({ tasks: [first, second], isSwarmClosed: true });
 * const outputs = await batch.run({ date: '2026-11-22' });
 */
export class Mageflow<
  GI extends Fields = None,
  GO extends Fields = None,
  MB extends Fields = None,
  MA extends Fields = None,
> {
  private readonly opening: Opening;
  private readonly connection: () => Connection;
  /** Of a lazy instance. */
  private readonly late: LateConnection | undefined;
  private readonly ending = new Closing();
  private closing: Promise<void> | undefined;

  /**
   * @param hatchet - your Hatchet client, with its middleware, namespace and logger; it is never changed
   * @param redis - a URL, or an ioredis `Redis` or `Cluster`; mageflow works on connections of its own
   * @param options - see `MageflowOptions`
   * @throws ConfigurationError when an option is invalid; it names the option, the expected value and the given one
   */
  constructor(hatchet: HatchetClient<GI, GO, MB, MA>, redis: Redis | Cluster | string, options: MageflowOptions = {}) {
    const standIn = processState().standIn?.() as Connection | undefined;
    const late = !standIn && (hatchet as unknown) instanceof LateConnection ? (hatchet as unknown) : undefined;
    this.late = late as LateConnection | undefined;
    const now: Connection = standIn ?? { hatchet, redis, options };
    this.connection = () => this.late?.made ?? now;
    this.opening = new Opening(this, () => openKernel({ instance: this, ...checked(this.connection()) }));
    if (!late) void this.opening.parts;
    processState().instances.push(this);
  }

  /**
   * Makes an instance that connects when it is first used: for modules that declare their tasks when they are imported, also
   * by a test or a script without a token. Declarations and `on` do not use it.
   * @param connect - returns your Hatchet client and a Redis, as for the constructor. It is called once, or never: with
   *   `mageflow/testing/setup` a testing kit takes its place
   * @param options - see `MageflowOptions`
   * @throws ConfigurationError when an option is invalid. What `connect` throws is thrown by the call that uses it first
   * @example
   * export const mage = Mageflow.lazy(() => [HatchetClient.init(), process.env.REDIS_URL!]);
   * export const hello = mage.task({ name: 'hello', fn: ({ name }: { name: string }) => ({ text: `Hello ${name}` }) });
   */
  static lazy<GI extends Fields = None, GO extends Fields = None, MB extends Fields = None, MA extends Fields = None>(
    connect: () => readonly [hatchet: HatchetClient<GI, GO, MB, MA>, redis: Redis | Cluster | string],
    options: MageflowOptions = {},
  ): Mageflow<GI, GO, MB, MA> {
    const late: unknown = new LateConnection(connect, options);
    return new Mageflow(late as HatchetClient<GI, GO, MB, MA>, '', options);
  }

  /** The client that was passed in, for features that mageflow does not wrap (`runs`, `crons`, `events`, ...). */
  get hatchet(): HatchetClient<GI, GO, MB, MA> {
    return this.connection().hatchet as HatchetClient<GI, GO, MB, MA>;
  }

  /**
   * Declares a task. Takes every option of `hatchet.task` and an optional zod schema `input`.
   * @returns the SDK's own declaration
   * @throws ConfigurationError for a schema with more than one `returnValue` mark, for batch tasks, and for a `waitFor`
   * @example
   * const resize = mage.task({ name: 'resize', input: z.object({ path: z.string() }), retries: 2, fn: async ({ path }) => ({ path }) });
   */
  task<S extends z.ZodType, O>(options: SchemaTask<S, O, GI, MB>): MageTask<z.input<S>, O, GI, GO, MB, MA>;
  task<I = UnknownInputType, O = unknown>(options: PlainTask<I, O, GI, MB>): MageTask<I, O, GI, GO, MB, MA>;
  task(options: object): unknown {
    checkDeclared('task', options, true);
    return this.declare(options as DeclareOptions, (opts) => this.declaring.task(opts as never));
  }

  /**
   * Declares a root task. The signatures that its body runs become its children. Each run holds them in an internal swarm of
   * its own, and the callbacks run after all children have ended.
   *
   * Takes every option of `task`, every field of the swarm configuration except `maxItems` and `closeAfterIdleMs`, and
   * `successCallbacks` and `errorCallbacks`. The callbacks apply to every run, whether it was signed, plain, or started by a cron or an event.
   * Callbacks of a signature replace them.
   * @throws as `task`
   * @example
   * const batch = mage.rootTask({
   *   name: 'batch', maxConcurrency: 4,
   *   fn: async (message: { rows: string[] }) => {
   *     for (const data of message.rows) await (await mage.sign(processRow)).runNoWait({ data });
   *   },
   * });
   */
  rootTask<S extends z.ZodType, O>(
    options: SchemaTask<S, O, GI, MB> & RootOptions,
  ): MageTask<z.input<S>, O, GI, GO, MB, MA> & RootTask;
  rootTask<I = UnknownInputType, O = unknown>(
    options: PlainTask<I, O, GI, MB> & RootOptions,
  ): MageTask<I, O, GI, GO, MB, MA> & RootTask;
  rootTask(options: object): unknown {
    return this.declareRoot('rootTask', options, (opts) => this.declaring.task(opts as never));
  }

  /**
   * Declares a durable root task: a root task whose body may also use the waits of a durable task (`ctx.sleepFor`,
   * `ctx.waitFor`, `ctx.waitForEvent`), for hours or days. While it waits, the engine takes it out of its worker (it is
   * evicted), and later runs the body again from the top. The body finds its children, and goes on after the waits that are over.
   *
   * Takes every option of `durableTask`, and those that `rootTask` adds. `evictionPolicy.ttl` is how long the body waits in its
   * worker before it is evicted, 30 s by default. It must be below `executionTimeout` (60 s by default), which counts while the
   * body waits in its worker, from the beginning of each invocation. Waiting for a child (`await child.run()`) is no wait of
   * that kind: the body keeps its worker's slot, and is not evicted for it.
   * @throws as `task`, and for an `evictionPolicy` that is invalid or evicts no sooner than the `executionTimeout`
   * @example
   * const refund = mage.durableRootTask({
   *   name: 'refund', maxConcurrency: 4,
   *   fn: async ({ id }: { id: string }, ctx) => {
   *     await (await mage.sign(askManager, { id })).run();
   *     const { approved } = await ctx.waitForEvent('refund:decided', `input.id == '${id}'`);
   *     if (approved) await (await mage.sign(payBack, { id })).runNoWait();
   *     return { approved };
   *   },
   * });
   */
  durableRootTask<S extends z.ZodType, O>(
    options: SchemaDurableTask<S, O, GI, MB> & RootOptions,
  ): MageTask<z.input<S>, O, GI, GO, MB, MA> & RootTask;
  durableRootTask<I = UnknownInputType, O = unknown>(
    options: PlainDurableTask<I, O, GI, MB> & RootOptions,
  ): MageTask<I, O, GI, GO, MB, MA> & RootTask;
  durableRootTask(options: object): unknown {
    return this.declareRoot('durableRootTask', options, (opts) => this.declaring.durableTask(opts as never));
  }

  /**
   * Declares a durable task. Takes every option of `hatchet.durableTask` and an optional zod schema `input`.
   * @throws as `task`
   */
  durableTask<S extends z.ZodType, O>(
    options: SchemaDurableTask<S, O, GI, MB>,
  ): MageTask<z.input<S>, O, GI, GO, MB, MA>;
  durableTask<I = UnknownInputType, O = unknown>(
    options: PlainDurableTask<I, O, GI, MB>,
  ): MageTask<I, O, GI, GO, MB, MA>;
  durableTask(options: object): unknown {
    checkDeclared('durableTask', options, true);
    return this.declare(options as DeclareOptions, (opts) => this.declaring.durableTask(opts as never));
  }

  /**
   * Declares a workflow of several tasks. Tasks that you add to it later are wrapped too. A workflow is one item: it ends as
   * a whole, and its output is `{ taskName: output }`.
   * @throws as `task`
   */
  workflow<S extends z.ZodType, O extends StrictWorkflowOutputType = None>(
    options: WorkflowOptions<S> & { input: S },
  ): WorkflowDeclaration<AsInput<z.input<S>>, O, MB>;
  workflow<I extends Fields = UnknownInputType, O extends StrictWorkflowOutputType = None>(
    options: WorkflowOptions<z.ZodType> & { input?: undefined },
  ): WorkflowDeclaration<AsInput<I>, O, MB>;
  workflow(options: object): unknown {
    checkDeclared('workflow', options, false);
    return this.declare(options as DeclareOptions, (opts) => this.declaring.workflow(opts as never));
  }

  /**
   * Wraps a task or workflow that was declared with the plain client. Changes the declaration in place. A second call has no
   * further effect.
   * @param options - `root`: the configuration of the internal swarm; the task becomes a root task. Of a durable task: a
   *   durable root task, whose `evictionPolicy` gets the defaults of `durableRootTask`
   * @throws ConfigurationError for any other value, for batch tasks, for a single task with a `waitFor`, for a root that is a
   *   workflow, and for a durable root whose `evictionPolicy` is invalid or evicts no sooner than the `executionTimeout`
   */
  wrap<D extends AnyDeclaration>(declaration: D, options: { root: RootConfig }): D & RootTask;
  wrap<D extends AnyDeclaration>(declaration: D, options?: { root?: RootConfig | undefined }): D;
  wrap<D extends AnyDeclaration>(declaration: D, options: { root?: RootConfig | undefined } = {}): D {
    refuseUnknown(options, new Set(['root']), 'option of wrap');
    const { root } = options;
    const isRoot = root !== undefined && root !== null;
    const wrapped = wrapDeclaration(this.opening, declaration, undefined, isRoot ? resolveRootConfig(root) : undefined);
    if (isRoot) this.opening.onOpen(({ roots }) => roots.set(declaration.definition.name.toLowerCase(), {}));
    return wrapped;
  }

  /**
   * Makes the SDK's worker. It also runs mageflow's reconciler, from its `start()` to its `stop()`.
   * @param name - the name of the worker
   * @param options - the options of `hatchet.worker`
   * @throws ConfigurationError when two different declarations share one name (the engine lower-cases names), and for a
   *   workflow whose only task has a `waitFor` (the engine never runs it)
   */
  async worker(name: string, options: CreateWorkerOpts = {}): Promise<Worker> {
    return makeWorker(this.kernel.runtime, this.kernel.reconciler, name, options);
  }

  /**
   * Starts the reconciler in a process without a `mage.worker`: one whose plain `hatchet.worker` runs wrapped tasks, or one
   * that runs no tasks. The reconciler completes work that dead processes have left unfinished. Each call needs one call of
   * `stopReconciler`.
   * @example
   * mage.startReconciler();
   * await worker.start();
   * await mage.stopReconciler();
   */
  startReconciler(): void {
    this.kernel.reconciler.start();
  }

  /** Stops the reconciler that `startReconciler` started. Resolves after the current pass. */
  stopReconciler(): Promise<void> {
    return this.kernel.reconciler.stop();
  }

  /**
   * Binds data, callbacks and options to a task, and returns a signature. Writes nothing to Redis. A task may be given by
   * its name. The name is not checked, because another worker may serve the task.
   * @param task - a declaration, or the name of a task
   * @param data - the bound data, merged into the message of the run
   * @param options - callbacks, `name`, `key`, and the default run options
   * @throws ConfigurationError when an option is invalid, InvalidMessageError when the bound data are
   * @example
   * const row = await mage.sign(processItem, { data: 'x' }, { successCallbacks: [notify], name: 'row 7' });
   * await row.runNoWait({ more: 1 });
   */
  async sign<
    // The type of a task that is signed by its name: sign<typeof task>('name').
    T extends AnyDeclaration = AnyDeclaration,
    A extends AnyDeclaration | string = string,
    const D extends Binding<D, InputOf<Signed<A, T>>> = NotGiven,
    const S extends readonly TaskLike[] = readonly TaskLike[],
  >(
    task: A,
    data?: D | BoundByName<A, T>,
    options?: SignOptions<S & Callbacks<S, OutputOf<Signed<A, T>>>>,
  ): Promise<SignatureOf<Signed<A, T>, Message<A, T, D>>> {
    if (isSignature(task))
      throw new ConfigurationError(
        `sign: expected a task or a task's name, got a signature of ${(task as AnySignature).name}.`,
      );
    const root = rootOfBody(this.scope);
    const bound = await bind(this.scope, task, { data: data as object | undefined, options });
    return new TaskSignature(this.scope, bound, undefined, root) as never;
  }

  /**
   * Makes a chain. Its steps run in sequence. Each step receives the output of the previous one in its result field, and the
   * first failure ends the chain. Writes nothing to Redis until you run it or add it to a group.
   * @param tasks - at least one step; signatures, chains and swarms are steps too: a chain passes on its last output, a
   *   swarm the list of its outputs
   * @throws ConfigurationError, InvalidMessageError
   * @example
   * const etl = await mage.chain([extract, transform, load], { name: 'etl', errorCallbacks: [alertOps] });
   * const loaded = await etl.run({ url });
   */
  async chain<const T extends readonly TaskLike[], const S extends readonly TaskLike[] = readonly TaskLike[]>(
    tasks: T & Steps<T>,
    options: ChainOptions<S & Callbacks<S, ChainOutput<T>>> = {},
  ): Promise<Chain<ChainInput<T>, ChainOutput<T>>> {
    return makeChain(this.scope, tasks, options) as Promise<unknown> as Promise<Chain<ChainInput<T>, ChainOutput<T>>>;
  }

  /**
   * Makes a swarm: a group whose items run in parallel under a limit of its own. Writes the swarm to Redis at once. `run` or
   * `runNoWait` starts it.
   * @throws ConfigurationError, InvalidMessageError, StoreError; the store is unchanged then
   * @example
   * const batch = await mage.swarm({ tasks: [a, b], successCallbacks: [report], config: { maxConcurrency: 5 }, isSwarmClosed: true });
   */
  swarm<
    const T extends readonly TaskEntry[] = readonly TaskEntry[],
    const S extends readonly TaskLike[] = readonly TaskLike[],
  >(options?: SwarmOptions<T & FittingEntries<T>, S & SwarmCallbacks<T, S>>): Promise<Swarm<OutputOf<T[number]>>>;
  /**
   * Makes a swarm, starts it with `options.message`, calls `fill`, and closes it when `fill` returns. When `fill` throws, the
   * swarm is cancelled, and the error goes on. So the swarm can't be left open by mistake.
   *
   * This process has a lease on the swarm while `fill` runs: when the process dies, the reconciler of another one cancels the
   * swarm after `leaseMs`. With a `key`, a call in time goes on instead: it calls `fill` again, and adds only items without a
   * known `key` of their own. While another process fills the swarm of this key, the call waits for it. `fill` is not called
   * when the swarm of the key is closed already.
   *
   * In the body of a root task no attempt cancels it: the next attempt goes on filling, and finds what is there. When the
   * last one has failed, the end of the root cancels it.
   * @param fill - receives the running swarm
   * @returns the swarm, filled and closed
   * @throws what `fill` throws; as the form without `fill`; CancelledError when the lease was over because this process was
   *   blocked, so that the swarm was cancelled
   * @example
   * const batch = await mage.swarm({ name: 'import', message: { day } }, async (swarm) => {
   *   for await (const path of files()) await swarm.addTasks([[importFile, { path }]], { run: true });
   * });
   * console.log(await batch.wait());
   */
  swarm<
    const T extends readonly TaskEntry[] = readonly TaskEntry[],
    const S extends readonly TaskLike[] = readonly TaskLike[],
  >(
    options: FillOptions<T & FittingEntries<T>, S & SwarmCallbacks<T, S>>,
    fill: (swarm: Swarm<OutputOf<T[number]>>) => unknown,
  ): Promise<Swarm<OutputOf<T[number]>>>;
  async swarm(
    options: SwarmOptions | FillOptions = {},
    fill?: (swarm: Swarm<unknown>) => unknown,
  ): Promise<Swarm<unknown>> {
    return fill === undefined ? makeSwarm(this.scope, options) : fillSwarm(this.scope, options as FillOptions, fill);
  }

  /**
   * Loads a signature, chain or swarm by its id, in any process.
   * @param options - `kind`: the expected kind, `'task'`, `'root'`, `'chain'` or `'swarm'`; it also types the result
   * @throws NotFoundError when the id is unknown, was never run, or has expired; ConfigurationError when it is of another
   *   kind, which the message names; StoreError
   * @example
   * const batch = await mage.load(id, { kind: 'swarm' });
   * console.log(await batch.progress());
   * const etl = await mage.load<{ rows: number }>(id, { kind: 'chain' });
   * console.log((await etl.wait()).rows);
   */
  load<K extends AnySignature = Signature<Obj, unknown>>(id: string, options?: { kind?: undefined }): Promise<K>;
  load<O = unknown>(id: string, options: { kind: 'task' }): Promise<Loaded<'task', O>>;
  load<O = unknown>(id: string, options: { kind: 'root' }): Promise<Loaded<'root', O>>;
  load<O = unknown>(id: string, options: { kind: 'chain' }): Promise<Loaded<'chain', O>>;
  load<O = unknown>(id: string, options: { kind: 'swarm' }): Promise<Loaded<'swarm', O>>;
  load<K extends AnySignature['kind']>(id: string, options: { kind: K }): Promise<Loaded<K, unknown>>;
  load<K extends AnySignature = Signature<Obj, unknown>>(id: string, options?: LoadOptions): Promise<K>;
  async load(id: string, options?: LoadOptions): Promise<unknown> {
    return loadSignature(this.scope, id, options);
  }

  /**
   * Lists the outermost groups in the store, newest first: swarms, and tasks, root tasks and chains that were run by
   * themselves. Use `describe` for the items of a group.
   * @param options - `kind`, `status` and `name` (the whole name) filter the list; `limit` is the size of a page (1 to
   *   1,000, default 50); `cursor`, from the previous page, continues the list. One call filters at most 10,000 entries,
   *   so a page may be short or empty and still have a cursor.
   * @throws ConfigurationError naming the field, the expected value and the given one; StoreError
   * @example
   * let cursor: string | undefined;
   * do {
   *   const page = await mage.list({ kind: 'swarm', status: 'failed', cursor });
   *   for (const { id, name, createdAt } of page.items) console.log(id, name, createdAt);
   *   cursor = page.cursor;
   * } while (cursor);
   */
  async list(options?: ListOptions): Promise<Listing> {
    return listSignatures(this.scope, options);
  }

  /**
   * Describes a signature, chain or swarm with its children: the items of a group, or the children of a root task. Takes the
   * ids that `load` takes.
   * @param options - `depth`: levels of children (0 to 20, default 1); `limit`: children of each (1 to 1,000, default 100);
   *   `cursor`: where the previous page of children ended; `output: true` adds the output when it has succeeded, `message: true`
   *   the message of a task. A
   *   description has a `cursor` when more children exist than are shown, also at the last level and after 10,000
   *   descriptions in all. `describe(thatId, { cursor })` continues there.
   * @throws NotFoundError for an unknown id, ConfigurationError naming the field, StoreError
   * @example
   * const { status, progress, children } = await mage.describe(batch.id, { depth: 2 });
   * for (const { name, status, error, runId } of children) console.log(name, status, error ?? '', runId ?? '');
   */
  async describe(id: string, options?: DescribeOptions): Promise<Description> {
    return describeSignature(this.scope, id, options);
  }

  /**
   * Returns the counts of a swarm or chain, of the children of a root, or of a task that was run by itself. Takes the ids that
   * `load` takes, and costs three commands.
   * @throws NotFoundError for an unknown id, ConfigurationError for a plain item of a group, StoreError
   * @example
   * const { succeeded, total, perSecond } = await mage.progress(batch.id);
   */
  async progress(id: string): Promise<Progress> {
    return readProgress(this.scope, id);
  }

  /**
   * Makes a token for people who may see how far one group is, and nothing else: a viewer streams the counts and the status to
   * whoever has it, at `{basePath}/progress/{token}`. It is signed with a secret of the group, and ends with the group. Takes the
   * ids that `load` takes; costs one read or two.
   * @param options - `ttlMs`: for how long it can be used, from 1 ms to 366 days, default a day; `withName: true` also shows the
   *   name, default false
   * @throws NotFoundError for an unknown id, ConfigurationError naming the field, StoreError
   * @example
   * const batch = await mage.swarm({ tasks, isSwarmClosed: true });
   * const token = await mage.progressToken(batch.id, { ttlMs: 3_600_000 });
   * response.json({ progress: `https://ops.example.com/mageflow/progress/${token}` });
   */
  async progressToken(id: string, options?: ProgressTokenOptions): Promise<string> {
    return makeProgressToken(this.scope, id, options);
  }

  /**
   * Tells what a progress token stands for, for a server that shows progress by itself. A viewer calls it.
   * @param token - any text
   * @returns `state: 'valid'` with the id; or `'invalid'`, `'expired'`, or `'gone'` when its group is not stored any more
   * @throws StoreError
   * @example
   * const verified = await mage.verifyProgressToken(token);
   * if (verified.state === 'valid') console.log(await mage.progress(verified.id));
   */
  async verifyProgressToken(token: string): Promise<VerifiedProgressToken> {
    return verifyToken(this.scope, token);
  }

  /**
   * Reads a window of the items of a swarm or chain, or of the children of a root, in the order in which they were added. The
   * work is the same for any size of the group, apart from the counts: these read one byte an item, and are kept for 2 s.
   * @param options - `state`: only items in this state, of those that `progress` counts; `name`: only items whose name
   *   contains this text, whatever the case, of 10,000 at most; `after`: begins behind this index; `at`: begins at this position
   *   among the items of the state; `limit`: 1 to 200, default 50
   * @returns the items, the position of the first one, and how many items of the state there are; with `name` also how many were
   *   `looked` at, and the `next` index to pass as `after` if there are more
   * @throws NotFoundError for an unknown id, ConfigurationError for a wrong option and for a plain item of a group, StoreError
   * @example
   * const { items, count } = await mage.items(batch.id, { state: 'failed', limit: 20 });
   * for (const { index, name, error } of items) console.log(index, name, error);
   * const next = await mage.items(batch.id, { state: 'failed', after: items.at(-1)?.index });
   */
  async items(id: string, options?: ItemsOptions): Promise<ItemsWindow> {
    return readItems(this.scope, id, options);
  }

  /**
   * Samples when the items of a group ended, for a chart of its pace: points at equal distances in the order of ends, with the
   * first and the last. Costs three commands for any size of the group.
   * @param options - `points`: at most how many, from 2 to 500, default 200
   * @returns for each point a time, and how many items had ended by then; none before the first end
   * @throws as `items`
   * @example
   * for (const { at, ended } of await mage.timeline(batch.id, { points: 50 })) console.log(at.toISOString(), ended);
   */
  async timeline(id: string, options?: TimelineOptions): Promise<TimelinePoint[]> {
    return readTimeline(this.scope, id, options);
  }

  /**
   * Groups all failures of a swarm, of a chain, or of the children of a root, the most frequent first. Numbers and ids in
   * messages are taken for equal. Reads all failures, a page at a time.
   * @param options - `by: 'name'` groups by the names of items instead (default `'message'`); `atMost`: looks only at so many
   *   failures
   * @returns for each group its text, how many failures it has, and three examples
   * @throws NotFoundError for an unknown id, ConfigurationError naming the field, StoreError
   * @example
   * for (const { text, count } of await mage.failures(batch.id)) console.log(count, text);
   */
  async failures(id: string, options?: FailuresOptions): Promise<FailureGroup[]> {
    return groupFailures(this.scope, id, options);
  }

  /**
   * Explains in plain words what a group, an item or a callback waits for, and what to do about it. Takes the ids that
   * `load` takes. It reads the store and asks the engine: for all workers and queues (two calls, used for 5 s), and for
   * the events of at most 5 runs. The cost does not depend on the size of a group.
   * @returns `summary`, one sentence; and `reasons`, the most urgent first, each with a `code` for programs, a `text`, and a
   *   `hint` that says what to do. When the engine gives no answer, the hints say what was not checked.
   * @throws NotFoundError for an unknown id, StoreError
   * @example
   * const { summary, reasons } = await mage.explain(batch.id);
   * console.log(summary); // The swarm "import" goes on: 3 items ("resize") have waited 4 min for a worker, and no active worker serves the task "resize".
   * for (const { code, text, hint } of reasons) console.log(code, text, hint);
   */
  async explain(id: string): Promise<Explanation> {
    return explainSignature(this.scope, id);
  }

  /**
   * Looks for whatever keeps work from going on: in Redis, in Hatchet, in the groups and in the keys. Changes nothing. At most
   * 1,000 groups are looked at (those that are due first, and the newest), and 10,000 keys of each Redis server; the texts
   * say so.
   * @param options - `full: true` looks at all groups and keys; `stillAfterMs`: after how many ms without any begin or end a
   *   group in progress is reported, default 3,600,000 (an hour)
   * @returns at least one finding of each check, each with a `level` (`'ok'`, `'warning'`, `'error'`, or `'unchecked'` for what
   *   could not be looked at), a `text`, a `todo` that says what to do, and the `ids` of what it is about. An unreachable
   *   Redis or Hatchet is a finding too.
   * @throws ConfigurationError for a wrong option
   * @example
   * const findings = await mage.doctor();
   * for (const { check, level, text, todo = '' } of findings) console.log(level, check, text, todo);
   * const isHealthy = findings.every(({ level }) => level !== 'error');
   */
  async doctor(options?: DoctorOptions): Promise<DoctorFinding[]> {
    return findFaults(this.scope, options);
  }

  /**
   * Counts what the store holds and does: groups by status, items a second, the oldest group with waiting items, and the memory
   * of Redis by part. Looks at the 1,000 newest groups, at 1,000 in progress, and at 1,000 keys, from which it estimates the
   * rest.
   * @param options - `full: true` reads all groups and keys
   * @throws ConfigurationError for a wrong option, StoreError
   * @example
   * const { groups, perSecond, memory } = await mage.stats();
   * console.log(groups.byStatus.running, perSecond, memory?.bytes);
   */
  async stats(options?: StatsOptions): Promise<Stats> {
    return countAll(this.scope, options);
  }

  /**
   * Calls a listener for events of this process, for logs and metrics:
   * - 'item': an item, a callback or a single task has begun, or has ended, also without having run.
   * - 'group': a chain or swarm has changed its status.
   * - 'repair': the reconciler has completed unfinished work.
   * - 'error': an error that no call of yours throws, such as a failed callback.
   *
   * An error that a listener throws is logged and has no other effect.
   * @returns a function that removes the listener
   * @throws ConfigurationError for an unknown name, or when the listener is not a function
   * @example
   * const stop = mage.on('item', ({ task, status }) => counters.add(1, { task, status }));
   */
  on<N extends keyof MageflowEvents>(name: N, listener: (event: MageflowEvents[N]) => unknown): () => void {
    if (!Events.isName(name))
      throw new ConfigurationError(`on: expected 'item', 'group', 'repair' or 'error', got ${describe(name)}.`);
    if (typeof listener !== 'function')
      throw new ConfigurationError(`on: expected a listener function for '${name}', got ${describe(listener)}.`);
    let off: (() => void) | undefined;
    const end = this.opening.onOpen(({ events }) => void (off = events.on(name, listener)));
    return () => {
      end();
      off?.();
    };
  }

  /**
   * Calls a listener once when this instance begins to close, or at once when it has: for what stands on it, as a viewer does.
   * An error that it throws is logged and has no other effect.
   * @returns a function that removes the listener
   * @throws ConfigurationError when the listener is not a function
   * @example
   * mage.onClose(() => dashboard.close());
   */
  onClose(listener: () => void): () => void {
    return this.ending.on(listener);
  }

  /**
   * Closes this instance. Iterators and waits end with `ClosedError`. Calls in progress are completed, and granted items are
   * published and confirmed, for at most `commandTimeoutMs`. Then the reconciler stops and mageflow's own connections close,
   * so that they no longer keep the process alive.
   */
  close(): Promise<void> {
    return (this.closing ??= this.closeOnce());
  }

  private async closeOnce(): Promise<void> {
    const { instances } = processState();
    const at = instances.indexOf(this);
    if (at >= 0) instances.splice(at, 1);
    this.ending.tell((error) => {
      const { logger } = this.opening.isOpen ? this.opening.runtime : { logger: console };
      logger.error(`a listener of onClose threw: ${messageOf(error)}`);
    });
    await this.opening.close();
  }

  private declareRoot(
    what: 'rootTask' | 'durableRootTask',
    options: object,
    make: (options: object) => AnyDeclaration,
  ): AnyDeclaration {
    checkDeclared(what, options, true);
    refuseUnknownOfRoot(what, options);
    const { successCallbacks, errorCallbacks, ...rest } = options as DeclareOptions & RootOptions;
    checkCallbacks(successCallbacks, 'successCallbacks');
    checkCallbacks(errorCallbacks, 'errorCallbacks');
    const { config, rest: task } = takeRootConfig(rest);
    const declaration = this.declare(task, make, config);
    const lists = { successCallbacks: copyList(successCallbacks), errorCallbacks: copyList(errorCallbacks) };
    rememberCallbacks(declaration, lists);
    this.opening.onOpen(({ roots }) => roots.set(task.name.toLowerCase(), lists));
    return declaration;
  }

  private declare(
    options: DeclareOptions,
    make: (options: object) => AnyDeclaration,
    root?: ResolvedConfig,
  ): AnyDeclaration {
    const { input, ...rest } = options;
    if (rest.batch)
      throw new ConfigurationError(
        `${rest.name}: batch tasks can't be wrapped, because one execution handles many runs. Use hatchet.batchTask.`,
      );
    const schema = input && readSchema(rest.name, input);
    // A lazy instance has no client yet, so it looks when it is opened.
    const isOpen = this.opening.isOpen;
    if (isOpen) this.checkSent(rest.name, input);
    const validator = input && validatorFor(input);
    // Removes undefined options, which mean the default: the SDK takes some of them for values.
    const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
    const declaration = make({ ...given, ...(validator ? { inputValidator: validator } : {}) });
    wrapDeclaration(this.opening, declaration, schema, root);
    if (!schema) return declaration;
    this.opening.onOpen(({ schemas }) => {
      if (!isOpen) this.checkSent(rest.name, input);
      if (!this.isSent) return;
      schemas.set(rest.name.toLowerCase(), schema);
      rememberSchema(declaration, schema);
    });
    return declaration;
  }

  private get scope(): Scope {
    return this.kernel.scope;
  }

  private get kernel(): Kernel {
    return this.opening.parts;
  }

  /** The client that declarations are made with. */
  private get declaring(): HatchetClient<GI, GO, MB, MA> {
    return this.late?.isMade === false ? (this.late.client as HatchetClient<GI, GO, MB, MA>) : this.hatchet;
  }

  /** True if messages arrive as they are sent. Before-middleware may change them, so that no schema can check them here. */
  private get isSent(): boolean {
    return !hasBeforeMiddleware(this.hatchet);
  }

  /** Refuses a schema that no message fits. @throws ConfigurationError */
  private checkSent(task: string, input: z.ZodType | undefined): void {
    const never = input && this.isSent ? neverFits(input) : undefined;
    if (never === undefined) return;
    throw new ConfigurationError(
      `input of ${task}: expected a schema of JSON values, but ${never}, which JSON can't represent. Parse it from a string: z.coerce.date(), z.coerce.bigint() or a transform.`,
    );
  }
}

interface DeclareOptions {
  name: string;
  input?: z.ZodType;
  batch?: unknown;
}

/** Returns the instance that runs the current body, or else the newest open one. @throws ConfigurationError */
function instance(): Mageflow {
  const current = (currentExecution()?.instance ?? processState().instances.at(-1)) as Mageflow | undefined;
  if (!current) {
    throw new ConfigurationError(
      'No Mageflow is open in this process. Make one first: new Mageflow(HatchetClient.init(), redis).',
    );
  }
  return current;
}

/**
 * `mage.sign` of the default instance. In a task's body this is the instance that runs the body, elsewhere the newest open
 * one.
 * @throws ConfigurationError when no instance is open
 */
export const sign = (async (...args: Parameters<Mageflow['sign']>) => instance().sign(...args)) as Mageflow['sign'];

/** `mage.chain` of the default instance, as {@link sign}. @throws ConfigurationError when none is open */
export const chain = (async (...args: Parameters<Mageflow['chain']>) => instance().chain(...args)) as Mageflow['chain'];

/** `mage.swarm` of the default instance, as {@link sign}. @throws ConfigurationError when none is open */
export const swarm = (async (...args: Parameters<Mageflow['swarm']>) => instance().swarm(...args)) as Mageflow['swarm'];

/** `mage.load` of the default instance, as {@link sign}. @throws ConfigurationError when none is open */
export const load = (async (...args: Parameters<Mageflow['load']>) => instance().load(...args)) as Mageflow['load'];
