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
import { EngineClient } from './hatchet/client';
import { reportFailedCallbacks } from './orchestrator/failed-callbacks';
import { RunInputs } from './orchestrator/run-inputs';
import { Publisher, type Published } from './orchestrator/publisher';
import { Remover } from './orchestrator/remover';
import { TaskRegistry } from './orchestrator/task-registry';
import { RunReconciler } from './orchestrator/run-reconciler';
import { Reconciler } from './orchestrator/reconciler';
import { UntakenRuns } from './orchestrator/untaken-runs';
import { RunWatcher } from './orchestrator/run-watcher';
import { ConfigurationError, describe } from './config/errors';
import { Events, type MageflowEvents } from './config/events';
import { refuseUnknown, resolveOptions, type MageflowLogger, type MageflowOptions } from './config/options';
import { processState } from './utils/process-state';
import { bind, checkCallbacks, copyList, isSignature } from './api/binding';
import { makeCapture } from './api/capture';
import type { ChainInput, ChainOutput, Steps } from './api/chain-types';
import { resolveRootConfig, takeRootConfig, type ResolvedConfig, type RootConfig } from './config/swarm-config';
import { describe as describeSignature, type DescribeOptions } from './api/describe';
import type { Description } from './api/described';
import { list as listSignatures, type Listing, type ListOptions } from './api/list';
import { load as loadSignature, type Loaded, type LoadOptions } from './api/load';
import { makeChain, type ChainOptions } from './api/make-chain';
import { makeSwarm, type SwarmOptions } from './api/make-swarm';
import { RunIds } from './api/run-ids';
import { rootOfBody, type RootDefaults, type Scope } from './api/scope';
import { placeholderSnapshot } from './api/stored-group';
import { TaskSignature } from './api/task-signature';
import { TaskSwarm } from './api/task-swarm';
import { Turns } from './utils/turns';
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
import { Waiter } from './api/waiter';
import { untilIdle } from './utils/until-idle';
import { RecentMap } from './utils/recent-map';
import { GroupReader } from './store/group-reader';
import { GroupStore } from './store/group-store';
import { SignatureIndex } from './store/signature-index';
import { RedisConnection } from './store/connection';
import { neverFits } from './messages/fit';
import { checkDeclared } from './worker/checks';
import { currentExecution } from './worker/context';
import { rememberSchema, wrapDeclaration } from './worker/declare';
import type {
  PlainDurableTask,
  PlainTask,
  RootOptions,
  SchemaDurableTask,
  SchemaTask,
  WorkflowOptions,
} from './worker/options';
import { readSchema, validatorFor, type InputSchema } from './worker/parsing';
import type { Runtime } from './worker/runtime';
import { UnknownClaims } from './worker/unknown-claims';
import { makeWorker } from './worker/worker';

const rememberedMessageBytes = 4 * 1024 * 1024;

type Obj = Record<string, unknown>;
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- what the SDK's client has when nothing is given
type None = {};
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the SDK's own constraint on its client's type parameters
type Fields = Record<string, any>;

/**
 * Wraps a Hatchet client: declares tasks whose runs report to their groups, and makes signatures and swarms of them.
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
  private readonly runtime: Runtime;
  private readonly scope: Scope;
  private readonly reconciler: Reconciler;
  private readonly watcher: RunWatcher;
  private readonly roots = new Map<string, RootDefaults>();
  private readonly schemas = new Map<string, InputSchema>();
  private closing: Promise<void> | undefined;

  /**
   * @param hatchet - your client, with its middleware, namespace and logger; never changed
   * @param redis - an ioredis `Redis` or `Cluster`, or a URL; mageflow works on connections of its own
   * @param options - see `MageflowOptions`
   * @throws ConfigurationError naming the option, what was expected and what came
   */
  constructor(
    /** The client that was handed in, for everything that is not here (`runs`, `crons`, `events`, ...). */
    readonly hatchet: HatchetClient<GI, GO, MB, MA>,
    redis: Redis | Cluster | string,
    options: MageflowOptions = {},
  ) {
    if (typeof (hatchet as { admin?: unknown } | null | undefined)?.admin !== 'object') {
      throw new ConfigurationError(
        `hatchet: expected a client of the Hatchet SDK, got ${describe(hatchet)}. Hand in HatchetClient.init().`,
      );
    }
    const settings = resolveOptions(
      options,
      hatchet.config.logger('mageflow', hatchet.config.log_level) as MageflowLogger,
    );
    const { logger } = settings;
    const connection = new RedisConnection(redis, settings.commandTimeoutMs, logger);
    const store = new GroupStore(connection, settings, hatchet.tenantId, hatchet.config.namespace ?? '');
    const reader = new GroupReader(store);
    const engine = new EngineClient(hatchet);
    const inputs = new RunInputs(reader, settings);
    const served = new TaskRegistry(store);
    const runIds = new RunIds();
    const events = new Events(logger);
    const published = (run: Published) => {
      runIds.set(run.groupId, run.entry, run.runId);
      this.scope.waiter.entries.published(run.groupId, run.entry);
      this.watcher.published(run);
    };
    const publisher = new Publisher(engine, store, reader, inputs, logger, published, served, events);
    const untaken = new UntakenRuns(engine, store, reader, served, events);
    const settler = new RunReconciler(engine, served, untaken, publisher.completion, (groupId, effects) =>
      publisher.publish(groupId, effects),
    );
    const remover = new Remover(store, reader);
    const locations = new SignatureIndex(store);
    this.watcher = new RunWatcher(engine, served, settler, logger);
    this.reconciler = new Reconciler(store, reader, publisher, settler, served, remover, locations, events, logger);
    const scope: Scope = {
      store,
      engine,
      reader,
      publisher,
      remover,
      waiter: new Waiter(store),
      locations,
      runIds,
      turns: new Turns(),
      roots: this.roots,
      schemas: this.schemas,
      openSwarm: (id, name, before) =>
        new TaskSwarm(scope, id, name, { before: () => placeholderSnapshot(name, before) }),
    };
    const capture = makeCapture(scope, served);
    this.scope = scope;
    this.runtime = {
      instance: this,
      store,
      reader,
      engine,
      inputs,
      publisher,
      settler,
      served,
      logger,
      unknownClaims: new UnknownClaims(store),
      events,
      messages: new RecentMap(rememberedMessageBytes, ({ text }) => 2 * text.length + 200),
      stopping: { workers: 0 },
      locations,
      declaredRoot: async (name) => bind(scope, name, undefined, undefined),
      capture,
    };
    store.onStatusChange = (event) => events.emit('group', event);
    store.onFailedCallback = reportFailedCallbacks(reader, events, logger);
    processState().instances.push(this);
  }

  /**
   * Declares a task: takes what `hatchet.task` takes, and a schema; returns the SDK's own declaration.
   * @throws ConfigurationError for a schema with more than one `returnValue` mark, for batch tasks, and for a `waitFor`
   * @example
   * const resize = mage.task({ name: 'resize', input: z.object({ path: z.string() }), retries: 2, fn: async ({ path }) => ({ path }) });
   */
  task<S extends z.ZodType, O>(options: SchemaTask<S, O, GI, MB>): MageTask<z.input<S>, O, GI, GO, MB, MA>;
  task<I = UnknownInputType, O = unknown>(options: PlainTask<I, O, GI, MB>): MageTask<I, O, GI, GO, MB, MA>;
  task(options: object): unknown {
    checkDeclared('task', options, true);
    return this.declare(options as DeclareOptions, (opts) => this.hatchet.task(opts as never));
  }

  /**
   * Declares a root task: whatever its body publishes becomes a child of its run, in an internal swarm of its own, and the
   * callbacks run after all children. Takes every option of `task`, every field of a swarm's config, and `successCallbacks` and
   * `errorCallbacks` for every run of it: signed, plain, by a cron or an event; those of a signature come in their place.
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
    checkDeclared('rootTask', options, true);
    const { successCallbacks, errorCallbacks, ...rest } = options as DeclareOptions & RootOptions;
    checkCallbacks(successCallbacks, 'successCallbacks');
    checkCallbacks(errorCallbacks, 'errorCallbacks');
    const { config, rest: task } = takeRootConfig(rest);
    const declaration = this.declare(task, (opts) => this.hatchet.task(opts as never), config);
    const lists = { successCallbacks: copyList(successCallbacks), errorCallbacks: copyList(errorCallbacks) };
    this.roots.set(task.name.toLowerCase(), lists);
    return declaration;
  }

  /** Declares a durable task: takes what `hatchet.durableTask` takes, and a schema. @throws as `task` */
  durableTask<S extends z.ZodType, O>(
    options: SchemaDurableTask<S, O, GI, MB>,
  ): MageTask<z.input<S>, O, GI, GO, MB, MA>;
  durableTask<I = UnknownInputType, O = unknown>(
    options: PlainDurableTask<I, O, GI, MB>,
  ): MageTask<I, O, GI, GO, MB, MA>;
  durableTask(options: object): unknown {
    checkDeclared('durableTask', options, true);
    return this.declare(options as DeclareOptions, (opts) => this.hatchet.durableTask(opts as never));
  }

  /**
   * Declares a workflow of several tasks; those added later are wrapped too. As an item it counts by its end as a whole,
   * and its output is `{ taskName: output }`.
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
    return this.declare(options as DeclareOptions, (opts) => this.hatchet.workflow(opts as never));
  }

  /**
   * Wraps a task or workflow that was declared with the plain client, in place. Twice is once.
   * @param options - `root`: the task becomes a root task, whose children run as this says
   * @throws ConfigurationError for anything else, for batch tasks, for a single task with a `waitFor`, and for a root that is a workflow or durable
   */
  wrap<D extends AnyDeclaration>(declaration: D, options: { root: RootConfig }): D & RootTask;
  wrap<D extends AnyDeclaration>(declaration: D, options?: { root?: RootConfig | undefined }): D;
  wrap<D extends AnyDeclaration>(declaration: D, options: { root?: RootConfig | undefined } = {}): D {
    refuseUnknown(options, new Set(['root']), 'option of wrap');
    const { root } = options;
    const isRoot = root !== undefined && root !== null;
    const wrapped = wrapDeclaration(this.runtime, declaration, undefined, isRoot ? resolveRootConfig(root) : undefined);
    if (isRoot) this.roots.set(declaration.definition.name.toLowerCase(), {});
    return wrapped;
  }

  /**
   * The SDK's worker, with mageflow's reconciler running from its `start()` to its `stop()`.
   * @throws ConfigurationError when two different declarations share one name, which the engine lower-cases, and for a
   *   workflow whose only task has a `waitFor`, which the engine never runs
   */
  worker(name: string, options: CreateWorkerOpts = {}): Promise<Worker> {
    return makeWorker(this.runtime, this.reconciler, name, options);
  }

  /**
   * Starts the reconciler in this process, for one without a `mage.worker`: where a plain `hatchet.worker` runs wrapped
   * tasks, or nothing does. It completes what dead processes have left undone. Each start needs a `stopReconciler`.
   * @example
   * mage.startReconciler();
   * await worker.start();
   * await mage.stopReconciler();
   */
  startReconciler(): void {
    this.reconciler.start();
  }

  /** Stops what `startReconciler` started. Resolves after the pass that is under way. */
  stopReconciler(): Promise<void> {
    return this.reconciler.stop();
  }

  /**
   * Binds data and callbacks to a task, by its declaration or by its name (never checked here: another worker may serve
   * it). Writes nothing.
   * @throws ConfigurationError, InvalidMessageError
   * @example
   * const row = await mage.sign(processItem, { data: 'x' }, { successCallbacks: [notify], name: 'row 7' });
   * await row.runNoWait({ more: 1 });
   */
  async sign<
    // Of what is signed by its name: sign<typeof task>('name').
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
    const bound = await bind(this.scope, task, data as object | undefined, options);
    return new TaskSignature(this.scope, bound, undefined, root) as never;
  }

  /**
   * Makes a chain: each task gets the output of the one before in its result field, the first failure ends it. Writes
   * nothing until it is run or becomes part of something.
   * @param tasks - at least one; signatures, chains and swarms too: the next step gets a chain's last output, a swarm's list
   * @throws ConfigurationError, InvalidMessageError
   * @example
   * const etl = await mage.chain([extract, transform, load], { name: 'etl', errorCallbacks: [alertOps] });
   * const loaded = await etl.run({ url });
   */
  chain<const T extends readonly TaskLike[], const S extends readonly TaskLike[] = readonly TaskLike[]>(
    tasks: T & Steps<T>,
    options: ChainOptions<S & Callbacks<S, ChainOutput<T>>> = {},
  ): Promise<Chain<ChainInput<T>, ChainOutput<T>>> {
    return makeChain(this.scope, tasks, options) as Promise<unknown> as Promise<Chain<ChainInput<T>, ChainOutput<T>>>;
  }

  /**
   * Makes a swarm: a group of tasks with its own concurrency limit. Written at once, run by `run*`.
   * @throws ConfigurationError, InvalidMessageError, StoreError; nothing is left behind then
   * @example
   * const batch = await mage.swarm({ tasks: [a, b], successCallbacks: [report], config: { maxConcurrency: 5 }, isSwarmClosed: true });
   */
  swarm<
    const T extends readonly TaskEntry[] = readonly TaskEntry[],
    const S extends readonly TaskLike[] = readonly TaskLike[],
  >(options: SwarmOptions<T & FittingEntries<T>, S & SwarmCallbacks<T, S>> = {}): Promise<Swarm<OutputOf<T[number]>>> {
    return makeSwarm(this.scope, options);
  }

  /**
   * The signature, chain or swarm of an id, from any process.
   * @param options - `kind`: what it has to be, `'task'`, `'root'`, `'chain'` or `'swarm'`; the result is typed by it
   * @throws NotFoundError when it is unknown, was never run, or has expired; ConfigurationError when it is of another kind
   *   than asked for, which it names; StoreError
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
  load(id: string, options?: LoadOptions): Promise<unknown> {
    return loadSignature(this.scope, id, options);
  }

  /**
   * Lists what is in the store and belongs to nothing else, newest first: tasks, root tasks and chains that were run by
   * themselves, and swarms. What sits in a swarm, a chain or a root is found by describing that.
   * @param options - `kind`, `status`, and `name` (the whole of it) leave out the others; `limit` (1 to 1,000, default 50) is the
   *   size of the page, `cursor` (from the page before) goes on. Filters look at 10,000 at most: a page can be short, or empty, and have a cursor.
   * @throws ConfigurationError naming the field, what was expected and what came; StoreError
   * @example
   * let cursor: string | undefined;
   * do {
   *   const page = await mage.list({ kind: 'swarm', status: 'failed', cursor });
   *   for (const { id, name, createdAt } of page.items) console.log(id, name, createdAt);
   *   cursor = page.cursor;
   * } while (cursor);
   */
  list(options?: ListOptions): Promise<Listing> {
    return listSignatures(this.scope, options);
  }

  /**
   * Describes what an id names, as `load` takes them, with its children: the items of a swarm or chain, what a root's body published.
   * @param options - `depth`: how many levels of children (0 to 20, default 1); `limit`: how many of each (1 to 1,000, default 100);
   *   `cursor`: where a page of children left off; `output: true` adds its output when it has succeeded. Whatever has more children than are shown, also where the depth ends or 10,000 have been
   *   described, has a `cursor`: `describe(thatId, { cursor })` goes on.
   * @throws NotFoundError for an unknown id, ConfigurationError naming the field, StoreError
   * @example
   * const { status, progress, children } = await mage.describe(batch.id, { depth: 2 });
   * for (const { name, status, error, runId } of children) console.log(name, status, error ?? '', runId ?? '');
   */
  describe(id: string, options?: DescribeOptions): Promise<Description> {
    return describeSignature(this.scope, id, options);
  }

  /**
   * Tells of what this process does, for logs and metrics: 'item' when a body begins and ends, 'group' when a chain or swarm becomes
   * something else, 'repair' when the reconciler completes what was left undone, 'error' for what no call of yours throws, as a failed callback.
   * A listener that throws is logged and disturbs nothing.
   * @returns a function that stops it
   * @throws ConfigurationError for another name, or for a listener that is no function
   * @example
   * const stop = mage.on('item', ({ task, status }) => counters.add(1, { task, status }));
   */
  on<N extends keyof MageflowEvents>(name: N, listener: (event: MageflowEvents[N]) => unknown): () => void {
    if (!Events.isName(name))
      throw new ConfigurationError(`on: expected 'item', 'group', 'repair' or 'error', got ${describe(name)}.`);
    if (typeof listener !== 'function')
      throw new ConfigurationError(`on: expected a function to tell of '${name}', got ${describe(listener)}.`);
    return this.runtime.events.on(name, listener);
  }

  /**
   * Ends iterators and waits with `ClosedError`, has calls that are under way carried out, what was granted published and confirmed (for
   * as long as `commandTimeoutMs`), stops the reconciler and closes mageflow's own connections. Nothing of it keeps the process alive then.
   */
  close(): Promise<void> {
    return (this.closing ??= this.closeOnce());
  }

  private async closeOnce(): Promise<void> {
    const { instances } = processState();
    const at = instances.indexOf(this);
    if (at >= 0) instances.splice(at, 1);
    const { publisher, store, engine } = this.runtime;
    this.watcher.close();
    this.scope.waiter.close();
    const stopped = this.reconciler.close();
    await untilIdle(() => publisher.isBusy || store.redis.isBusy, stopped, store.settings.commandTimeoutMs);
    await publisher.close();
    store.redis.close();
    engine.close();
  }

  private declare(
    options: DeclareOptions,
    make: (options: object) => AnyDeclaration,
    root?: ResolvedConfig,
  ): AnyDeclaration {
    const { input, ...rest } = options;
    if (rest.batch)
      throw new ConfigurationError(
        `${rest.name}: batch tasks can't be wrapped, as one execution of theirs is many runs. Use hatchet.batchTask.`,
      );
    const schema = input && readSchema(rest.name, input);
    const { middleware } = this.hatchet.config as { middleware?: { before?: unknown } };
    // Before-middleware makes the message another one than was sent.
    const isSent = !middleware?.before;
    const never = input && isSent ? neverFits(input) : undefined;
    if (never !== undefined) {
      throw new ConfigurationError(
        `input of ${rest.name}: expected what JSON can hold, but ${never}, which no message can bring. Parse it from a text: z.coerce.date(), z.coerce.bigint() or a transform.`,
      );
    }
    const validator = input && validatorFor(input);
    // What is undefined is the default: the SDK takes some of it for a value.
    const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
    const declaration = make({ ...given, ...(validator ? { inputValidator: validator } : {}) });
    wrapDeclaration(this.runtime, declaration, schema, root);
    if (schema && isSent) {
      this.schemas.set(rest.name.toLowerCase(), schema);
      rememberSchema(declaration, schema);
    }
    return declaration;
  }
}

interface DeclareOptions {
  name: string;
  input?: z.ZodType;
  batch?: unknown;
}

/** The instance that runs the current body, else the last one made that is still open. @throws ConfigurationError */
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
 * `mage.sign` of the default instance: the last one made that is still open, in a task's body the one that runs it.
 * @throws ConfigurationError when none is open
 */
export const sign = (async (...args: Parameters<Mageflow['sign']>) => instance().sign(...args)) as Mageflow['sign'];

/** `mage.chain` of the default instance, as {@link sign}. @throws ConfigurationError when none is open */
export const chain = (async (...args: Parameters<Mageflow['chain']>) => instance().chain(...args)) as Mageflow['chain'];

/** `mage.swarm` of the default instance, as {@link sign}. @throws ConfigurationError when none is open */
export const swarm = (async (...args: Parameters<Mageflow['swarm']>) => instance().swarm(...args)) as Mageflow['swarm'];

/** `mage.load` of the default instance, as {@link sign}. @throws ConfigurationError when none is open */
export const load = (async (...args: Parameters<Mageflow['load']>) => instance().load(...args)) as Mageflow['load'];
