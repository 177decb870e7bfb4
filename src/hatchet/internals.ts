// The members of the SDK that its documentation does not promise, and that mageflow needs. Each function says what the SDK
// offers publicly, why that is not enough, and which members it uses. All of them were seen in version 1.33.2 of
// @hatchet-dev/typescript-sdk. `__tests__/unit/sdk-internals.test.ts` has a test for each one, to be read when a new
// version of the SDK breaks it. `eslint.config.mjs` forbids these members in the rest of `src`.
import {
  TaskWorkflowDeclaration,
  type AdminClient,
  type Context,
  type Duration,
  type HatchetClient,
  type WorkflowDeclaration,
  type Worker,
} from '@hatchet-dev/typescript-sdk';

/** The user's client, whatever its type parameters. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the SDK's type parameters are invariant
export type AnyHatchet = HatchetClient<any, any, any, any>;

/** The SDK's reference to a run. The SDK does not export its class. */
export type RunRef = ReturnType<AnyHatchet['runs']['runRef']>;

// Clients

/**
 * Returns a client for publications that tries each call once and passes on the engine's error.
 *
 * Public: `hatchet.admin.runWorkflows` tries every error eight times, permanent ones too, and hides its code. No option of
 * the call changes that, and the client's own configuration belongs to the user.
 *
 * Uses: `admin.config.retrier.maxAttempts`, which `runWorkflows` reads from its `this` at each call. The returned object
 * inherits everything else from the user's client, which stays unchanged.
 */
export function adminWithoutRetries({ admin }: Pick<AnyHatchet, 'admin'>): Pick<AdminClient, 'runWorkflows'> {
  const config = { ...admin.config, retrier: { ...admin.config.retrier, maxAttempts: 1 } };
  return Object.create(admin, { config: { value: config } }) as AdminClient;
}

/** A stream that delivers the ends of runs. */
export interface RunEndStream {
  /** Settles when the run has ended in any way. The first call opens the stream. */
  of(runId: string): Promise<unknown>;
  /** Closes the stream for good. */
  close(): void;
}

interface PooledListener {
  client: unknown;
  init(): Promise<void>;
  signal: AbortController;
}

/**
 * Returns a stream of its own for the ends of runs, so that it can be closed.
 *
 * Public: `hatchet.runs.runRef(id).output` waits for the end of a run, on one stream for each client. The SDK has no method
 * that closes it, opens it again when it breaks, and keeps the process alive by it. That stream is the user's.
 *
 * Uses: `hatchet._listener` with its `pooledListener`, which is made when it is undefined; `hatchet.runs.listener`, which
 * `runRef` hands on; and of the pooled listener `init`, `signal` and `client`.
 */
export function runEndStream(hatchet: Pick<AnyHatchet, 'runs'>): RunEndStream {
  const { _listener: shared } = hatchet as unknown as { _listener: object };
  const listener = Object.create(shared, { pooledListener: { value: undefined, writable: true } }) as {
    pooledListener?: PooledListener | undefined;
  };
  return {
    of(runId) {
      const runs = Object.create(hatchet.runs, { listener: { value: listener } }) as AnyHatchet['runs'];
      return runs.runRef(runId).output;
    },
    close() {
      const stream = listener.pooledListener;
      if (!stream) return;
      // A closed stream opens itself again, unless subscribing throws an AbortError.
      const over = () => {
        throw new DOMException('The instance is closed.', 'AbortError');
      };
      stream.init = () => Promise.resolve();
      const { logger } = stream.client as { logger: unknown };
      stream.client = { logger, client: { subscribeToWorkflowRuns: over } };
      stream.signal.abort();
    },
  };
}

/**
 * Returns a reference to a run whose id is known later, and whose output is read elsewhere.
 *
 * Public: `hatchet.runs.runRef(id)` refers to a run with a known id, and reads its output from the engine.
 *
 * Uses: the members `workflowRunId` (a string or a promise of one), from which the reference reads its id for every call to
 * the engine; `result`, which the getter `output` calls; and `defaultSignal`, which the caller of `run` may have set.
 * @param runId - called when the id is needed
 * @param result - called when the output is needed
 */
export function lateRunRef(
  hatchet: Pick<AnyHatchet, 'runs'>,
  name: string,
  runId: () => Promise<string>,
  result: (signal: AbortSignal | undefined) => Promise<unknown>,
): RunRef {
  const ref = hatchet.runs.runRef(name);
  return Object.defineProperties(ref, {
    workflowRunId: { get: runId },
    result: { value: async () => result((ref as { defaultSignal?: AbortSignal }).defaultSignal) },
  }) as RunRef;
}

/**
 * Returns whether a client has before-middleware, which may change the input of each run.
 *
 * Public: `hatchet.withMiddleware` adds middleware, and nothing returns it.
 *
 * Uses: `hatchet.config.middleware.before`.
 */
export function hasBeforeMiddleware(hatchet: Pick<AnyHatchet, 'config'>): boolean {
  const { middleware } = hatchet.config as { middleware?: { before?: unknown } };
  return Boolean(middleware?.before);
}

// Declarations

/** A task in a declaration. */
export interface DeclaredTask {
  name?: string;
  fn?: (input: unknown, ctx: Context<unknown>) => unknown;
  retries?: number;
  executionTimeout?: Duration;
  timeout?: Duration;
  scheduleTimeout?: unknown;
  batch?: unknown;
  waitFor?: unknown;
  /** Of a durable task. */
  evictionPolicy?: unknown;
}

/** What a declaration declares. */
export interface Declared {
  name: string;
  /**
   * All tasks, in the SDK's own objects: a worker runs the `fn` and obeys the `evictionPolicy` that it finds there when it is
   * made.
   */
  tasks: DeclaredTask[];
  /** True if one of them is a durable task. */
  durable: boolean;
  defaults: { retries?: number; executionTimeout?: Duration; scheduleTimeout?: unknown } | undefined;
}

/**
 * Returns the tasks and defaults of a declaration as they are now. Undefined for any other value.
 *
 * Public: a declaration has its name, and methods to add tasks. No method returns or replaces the tasks.
 *
 * Uses: `definition._tasks`, `definition._durableTasks` and `definition.taskDefaults`. A worker reads the same objects when
 * it starts.
 */
export function declared(declaration: unknown): Declared | undefined {
  const { definition } = (declaration ?? {}) as {
    definition?: { name: string; _tasks: unknown; _durableTasks: unknown; taskDefaults?: Declared['defaults'] };
  };
  if (!definition || !Array.isArray(definition._tasks) || !Array.isArray(definition._durableTasks)) return undefined;
  return {
    name: definition.name,
    tasks: [...(definition._tasks as DeclaredTask[]), ...(definition._durableTasks as DeclaredTask[])],
    durable: definition._durableTasks.length > 0,
    defaults: definition.taskDefaults,
  };
}

/** What a declaration was made from. The lists are the SDK's own. */
export interface Parts {
  tasks: DeclaredTask[];
  durableTasks: DeclaredTask[];
  /** Everything else that was declared of a workflow. */
  options: Record<string, unknown>;
}

/**
 * Returns what a declaration was made from, to make another one of it.
 *
 * Public: as for {@link declared}.
 *
 * Uses: `definition._tasks` and `definition._durableTasks`, which a declaration reads when it is served.
 */
export function partsOf(declaration: { definition: object }): Parts {
  const { _tasks, _durableTasks, ...options } = declaration.definition as {
    _tasks: DeclaredTask[];
    _durableTasks: DeclaredTask[];
  };
  return { tasks: _tasks, durableTasks: _durableTasks, options };
}

/**
 * Returns the name by which the SDK takes the output of a single task out of the output of its run. Undefined for a
 * workflow.
 *
 * Public: the class `TaskWorkflowDeclaration`. `instanceof` fails for a declaration of another copy of the SDK.
 *
 * Uses: the member `_standalone_task_name`.
 */
export function standaloneName(declaration: object): string | undefined {
  return (declaration as { _standalone_task_name?: string })._standalone_task_name;
}

/** Returns whether a declaration is a single task, as opposed to a workflow. Uses what {@link standaloneName} uses. */
export function isSingleTask(declaration: object): boolean {
  return declaration instanceof TaskWorkflowDeclaration || '_standalone_task_name' in declaration;
}

/** The two methods by which every run method of a declaration publishes. */
export interface RunMethods<O> {
  runNoWait(input: unknown, options?: O, standaloneName?: string): Promise<unknown>;
  runManyNoWait(runs: readonly { input: unknown; opts?: O }[], standaloneName?: string): Promise<unknown>;
}

/**
 * Replaces the run methods of a declaration.
 *
 * Public: all run methods (`run`, `runAndWait`, `runMany`, ...), but no hook around them.
 *
 * Uses: every run method calls `this.runNoWait` or `this.runManyNoWait`, with `_standaloneTaskName` as the last parameter.
 * @param replace - receives the plain methods
 */
export function replaceRunMethods<O>(declaration: object, replace: (plain: RunMethods<O>) => RunMethods<O>): void {
  const target = declaration as RunMethods<O>;
  const own = replace({
    runNoWait: target.runNoWait.bind(declaration),
    runManyNoWait: target.runManyNoWait.bind(declaration),
  });
  for (const [method, value] of Object.entries(own))
    Object.defineProperty(declaration, method, { value: value as unknown, configurable: true, writable: true });
}

/**
 * Calls back for each task that is added to a workflow later.
 *
 * Public: `workflow.task`, `durableTask` and `batchTask` add a task, and no hook is called.
 *
 * Uses: these methods keep the object that they return among the workflow's tasks, so that its `fn` can be replaced. They
 * also take a single task, whose options are its `taskDef`.
 * @param check - receives a copy of the options before the task is added, and may throw
 * @param added - receives the task in the workflow
 */
export function onTaskAdded(
  workflow: object,
  check: (options: DeclaredTask) => void,
  added: (task: DeclaredTask) => void,
): void {
  for (const method of ['task', 'durableTask', 'batchTask'] as const) {
    // eslint-disable-next-line @typescript-eslint/no-unsafe-function-type, @typescript-eslint/unbound-method -- one shape for all three, called on the workflow
    const original = (workflow as WorkflowDeclaration)[method] as Function;
    const wrapped = (options: DeclaredTask): unknown => {
      // The workflow gets a copy, because the user's object may be used unwrapped elsewhere.
      const own = { ...(options instanceof TaskWorkflowDeclaration ? (options.taskDef as DeclaredTask) : options) };
      check(method === 'batchTask' ? { ...own, batch: own.batch ?? true } : own);
      const task = original.call(workflow, own) as DeclaredTask;
      added(task);
      return task;
    };
    Object.defineProperty(workflow, method, { value: wrapped, configurable: true, writable: true });
  }
}

// Running bodies

/**
 * Returns the client of the worker that runs a body.
 *
 * Public: none. `ctx` has no documented way to its client.
 *
 * Uses: `ctx.v1`.
 */
export function clientOf(ctx: Context<unknown>): Pick<AnyHatchet, 'config'> {
  return ctx.v1;
}

/**
 * Returns the payload of a run as the engine sent it: JSON text with the published input in the field `input`.
 *
 * Public: the first argument of the body and `ctx.input`, both as before-middleware has changed them.
 *
 * Uses: `ctx.action.actionPayload`.
 */
export function payloadOf(ctx: Context<unknown>): string {
  return ctx.action.actionPayload;
}

/**
 * Sets the input that after-middleware receives, and that the accessors of the context return.
 *
 * Public: before-middleware may add to the input. It runs for all tasks of a client, and can't know their schemas.
 *
 * Uses: `ctx.input`, which the worker reads again after the body has returned.
 */
export function setInput(ctx: Context<unknown>, input: unknown): void {
  ctx.input = input;
}

/**
 * Returns how often the engine has invoked this attempt, from 1. A durable task that was evicted is invoked again in the
 * same attempt.
 *
 * Public: `DurableContext.invocationCount`. A wrapper has a `Context`, of which it does not know the class.
 *
 * Uses: `ctx.invocationCount`, which is missing in the context of a plain task.
 */
export function invocationOf(ctx: Context<unknown>): number {
  return (ctx as { invocationCount?: number }).invocationCount ?? 1;
}

/**
 * Returns whether the engine has evicted this invocation of a durable task. The body runs again later in the same attempt.
 *
 * Public: `ctx.abortController.signal`, which is aborted for a timeout, a cancellation and an eviction alike.
 *
 * Uses: the signal's abort reason, see {@link isEviction}.
 */
export function isEvicted(ctx: Context<unknown>): boolean {
  return isEviction(ctx.abortController.signal.reason);
}

/**
 * Returns whether an error is the one with which the SDK ends an invocation of a durable task for an eviction. The waits of an
 * invocation reject with it, without an abort, when a later one has begun in the same worker before this one was aborted.
 *
 * Public: none. The class `TaskRunTerminatedError` is not exported.
 *
 * Uses: its `name`, and its field `reason`, which is 'evicted'. The SDK does not report such an error as a failure.
 */
export function isEviction(error: unknown): boolean {
  const { name, reason } = Object(error) as { name?: unknown; reason?: unknown };
  return name === 'TaskRunTerminatedError' && reason === 'evicted';
}

/** The SDK's options of a child run, as far as they are read here. */
export interface SpawnOptions {
  childKey?: string;
  key?: string;
  _standaloneTaskName?: string;
  [option: string]: unknown;
}

/** A child run that a method of a context starts, as the method passes it on. */
export interface Spawn {
  workflowName: string;
  input: unknown;
  options?: SpawnOptions | undefined;
}

/**
 * Separates the fields that the SDK adds to the options of a child run from the options that the caller gave.
 *
 * Public: the options of `ctx.runChild` and similar methods, with the caller's `key`.
 *
 * Uses: the options `childKey` (the key, in calls that bring no `key`) and `_standaloneTaskName`.
 */
export function spawnOptions({ options = {} }: Partial<Spawn>): {
  key: string | undefined;
  standaloneName: string | undefined;
  options: Record<string, unknown>;
} {
  const { childKey, key = childKey, _standaloneTaskName: name, ...rest } = options;
  return { key, standaloneName: name, options: rest };
}

/** The two methods by which every method of a context starts child runs. */
export interface Spawner {
  runWorkflow(workflowName: string, input: unknown, options?: SpawnOptions): Promise<RunRef>;
  runWorkflows(runs: readonly Spawn[]): Promise<RunRef[]>;
}

/**
 * Replaces the methods by which a context starts child runs.
 *
 * Public: `ctx.runChild`, `ctx.runNoWaitChild`, `ctx.bulkRunChildren` and more, but no hook around them.
 *
 * Uses: `ctx.runtime`, a writable member, with `runWorkflow` and `runWorkflows`, which all these methods call. A durable
 * context has another way besides, see {@link replaceDurableSpawner}.
 * @param replace - receives the plain methods
 */
export function replaceSpawner(ctx: Context<unknown>, replace: (plain: Spawner) => Spawner): void {
  const holder = ctx as unknown as { runtime: Spawner };
  const plain = holder.runtime;
  const replaced = replace(plain);
  holder.runtime = Object.create(plain, {
    runWorkflow: { value: replaced.runWorkflow.bind(replaced) },
    runWorkflows: { value: replaced.runWorkflows.bind(replaced) },
  }) as Spawner;
}

/** A child run that a durable body starts and waits for. */
export interface DurableSpawn {
  workflow: string | { readonly name: string };
  input?: unknown;
  options?: SpawnOptions | undefined;
}

/** Starts child runs of a durable body, and returns their outputs in order. */
export type DurableSpawner = (children: readonly DurableSpawn[]) => Promise<unknown[]>;

/**
 * Replaces the method by which a durable context starts child runs and waits for them in one. A plain context has no such
 * method and stays as it is.
 *
 * Public: `ctx.spawnChild` and `ctx.spawnChildren`, and in a durable body `run` and `runMany` of every declaration, but no hook
 * around them.
 *
 * Uses: all of these call `spawnChildren` of the context. (With an engine that cannot evict they call `ctx.runtime`, see
 * {@link replaceSpawner}.) The output of a single task is not under the task's name, even if only a name was given.
 * @param replace - receives the plain method
 */
export function replaceDurableSpawner(ctx: Context<unknown>, replace: (plain: DurableSpawner) => DurableSpawner): void {
  const target = ctx as { spawnChildren?: DurableSpawner };
  if (!target.spawnChildren) return;
  const value = replace(target.spawnChildren.bind(ctx));
  Object.defineProperty(ctx, 'spawnChildren', { value, configurable: true, writable: true });
}

// Workers

/**
 * Ends the heartbeat of a worker, which the SDK leaves running when it gives up after 200 s without an engine. Otherwise the
 * engine would assign runs to a worker that no longer receives them.
 *
 * Public: `worker.stop()`, which also unregisters the worker and ends its runs.
 *
 * Uses: `worker._internal.listener.heartbeat.stop`. Members of this path may be missing, before the worker has registered.
 */
export function stopHeartbeat(worker: Worker): void {
  const { _internal: internal } = worker as unknown as {
    _internal?: { listener?: { heartbeat?: { stop?(): unknown } } };
  };
  void internal?.listener?.heartbeat?.stop?.();
}
