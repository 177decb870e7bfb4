import { randomBytes } from 'node:crypto';
import { durationToMs, type Duration } from '@hatchet-dev/typescript-sdk';
import { Redis } from 'ioredis';
import { Mageflow } from '../mageflow';
import type { AnyDeclaration } from '../api/types';
import { ConfigurationError, describe, describeTask } from '../config/errors';
import { oneOf, refuseUnknown, wholeNumber, type MageflowLogger, type MageflowOptions } from '../config/options';
import { pause, setClockOf, systemClock } from '../utils/clock';
import { InProcessHatchet } from './engine/client';
import type { ClientLogger } from './engine/host';
import type { EngineWorker } from './engine/worker';
import { openingOf } from '../opening';
import { processState } from '../utils/process-state';
import { inExecution } from '../worker/context';
import { declareAnew, redirectRuns } from './declare-anew';
import { KitClock } from './kit-clock';
import { ConcurrencySeen, isCallbackOf, toKitRun, type KitRun } from './kit-runs';
import { Life } from './life';
import { LeftToDo } from './drain';
import { declareMock, type Mock } from './mocks';
import { connectTo } from './redis/connection';
import { InProcessRedis } from './redis/in-process-redis';

/** Options of `createTestKit`; all optional. */
export interface TestKitOptions {
  /**
   * `inline`: runs begin by themselves. `manual`: each begins by `step()` or `drain()`. `redis`: as `inline`, on the Redis of
   * the environment variable `REDIS_URL`, whose time can't be moved. Default `inline`.
   */
  mode?: TestKitMode | undefined;
  /** Options of the kit's `Mageflow`. Its logger drops everything by default. */
  options?: Omit<MageflowOptions, 'keyPrefix'> | undefined;
}

export type TestKitMode = 'inline' | 'manual' | 'redis';

/** Options of `kit.drain`; all optional. */
export interface DrainOptions {
  /** For how long to wait, in ms of real time, from 1 on. Default 4,000: runners stop a test after 5 s. */
  withinMs?: number | undefined;
}

const none = () => undefined;
const betweenLooksMs = 5;

/**
 * A Mageflow with an engine, a Redis and a clock inside this process, for unit tests.
 *
 * @example
 * const kit = await createTestKit();
 * const hello = kit.mage.task({ name: 'hello', fn: ({ name }: { name: string }) => ({ text: `Hello ${name}` }) });
 * await (await kit.mage.sign(hello)).runNoWait({ name: 'Ada' });
 * await kit.drain();
 * expect(kit.runsOf(hello)).toMatchObject([{ status: 'completed', output: { text: 'Hello Ada' } }]);
 * await kit.close();
 */
export class TestKit {
  /** The instance under test. Declare tasks on it, or hand declarations to `register`. */
  readonly mage: Mageflow;
  private readonly clock: KitClock;
  private readonly front: InProcessHatchet;
  private readonly redis: Redis | string;
  private readonly options: MageflowOptions;
  private readonly worker: EngineWorker;
  private readonly left: LeftToDo;
  private readonly seen = new ConcurrencySeen();
  private life: Life;
  /** The declarations of the tasks, by the names that the engine has for them. */
  private readonly declarations = new Map<string, AnyDeclaration>();
  private readonly originals = new Map<AnyDeclaration, () => void>();
  private declaresMock = false;
  /** How many of the runs are not shown any more. */
  private hidden = 0;

  constructor(
    private readonly mode: TestKitMode,
    { logger, ...options }: MageflowOptions,
    keepsAlive = true,
  ) {
    this.clock = new KitClock(keepsAlive);
    const quiet: MageflowLogger = logger ?? { info: none, warn: none, error: none };
    this.front = new InProcessHatchet({
      clock: this.clock,
      logger: clientLogger(quiet),
      startsByItself: mode !== 'manual',
    });
    this.front.onDeclare = (declaration) => this.serve(declaration as AnyDeclaration);
    this.front.engine.onStart = (run) => this.seen.note(run);
    this.worker = this.front.worker('kit');
    this.redis = mode === 'redis' ? redisUrl() : connectTo(new InProcessRedis(this.clock), { lazyConnect: true });
    // Each look of the reconciler is one more stop of `advance`.
    this.options = {
      reconcileIntervalMs: 30_000,
      ...options,
      logger: quiet,
      keyPrefix: `kit-${randomBytes(6).toString('hex')}`,
    };
    this.life = this.newLife();
    this.mage = this.instead(() => new Mageflow(this.life.hatchet.asClient(), ''));
    this.left = new LeftToDo(this.mage);
    void this.worker.start();
    this.mage.startReconciler();
  }

  /**
   * Makes every `new Mageflow` an instance of this kit while a function runs, whatever it is given; `forever` for the rest of
   * the process.
   */
  private instead<T>(make: () => T, forever = false): T {
    const state = processState();
    const before = state.standIn;
    const kit = this as unknown as { life: Life; redis: Redis | string; options: MageflowOptions };
    state.standIn = () => ({
      get hatchet() {
        return kit.life.hatchet;
      },
      redis: kit.redis,
      options: kit.options,
    });
    try {
      return make();
    } finally {
      if (!forever) state.standIn = before;
    }
  }

  /** Makes every later `new Mageflow` of this process, and of its test file, one of this kit. */
  install(): void {
    this.instead(none, true);
  }

  /**
   * Adds tasks and workflows that were declared elsewhere, on another instance or on a client of the SDK. The kit declares
   * them anew, with their bodies, schemas and callbacks. Their run methods (`task.run()`) start runs of the kit until it is
   * closed.
   * @throws Error for what the in-process engine does not have, as crons and concurrency of the engine
   */
  register(declarations: readonly AnyDeclaration[]): void {
    if (!Array.isArray(declarations))
      throw new ConfigurationError(`register: expected a list of tasks, got ${describe(declarations)}.`);
    const own = new Set(this.declarations.values());
    for (const original of declarations as AnyDeclaration[]) {
      if (own.has(original) || this.originals.has(original)) continue;
      taskNameOf(original);
      const opening = openingOf(this.mage);
      const declaration = declareAnew({ hatchet: this.front, opening }, original);
      this.originals.set(original, redirectRuns(original, { declaration, instance: this.mage }));
    }
  }

  /**
   * Runs a function with this kit as the default: the module-level `sign`, `chain`, `swarm` and `load` use it, and so do the
   * run methods of registered tasks. Without it they use the newest kit.
   * @example
   * await kit.run(() => startNightlyImport());
   */
  run<T>(fn: () => T): T {
    if (typeof fn !== 'function') throw new ConfigurationError(`run: expected a function, got ${describe(fn)}.`);
    const { store } = openingOf(this.mage).runtime;
    const run = { ctx: undefined, claim: undefined };
    return inExecution({ instance: this.mage, store: store.identity, context: undefined, run }, fn);
  }

  /**
   * Replaces the body of a task. A function gets the input that the body would get. `{ fail, times }` makes the first
   * `times` attempts fail, all of them by default, and runs the body afterwards. A root task runs as a plain task then, a
   * workflow as a single task.
   * @param task - a declaration, or a name: it need not be declared
   */
  mock(task: AnyDeclaration | string, mock: Mock): void {
    const name = taskNameOf(task);
    const full = this.front.fullName(name);
    this.declaresMock = true;
    try {
      declareMock(this.mage, name, this.declarations.get(full), mock);
    } finally {
      this.declaresMock = false;
    }
  }

  /**
   * Begins one run and waits until its attempt has ended.
   * @param task - the task whose next run it is; by default that of any task
   * @returns the run; undefined if none can begin
   */
  async step(task?: AnyDeclaration | string): Promise<KitRun | undefined> {
    const name = task === undefined ? undefined : this.front.fullName(taskNameOf(task));
    const { engine } = this.front;
    // What was published just now arrives in a later turn.
    for (let look = 0; look < 20; look++) {
      const begun = engine.startNext(name);
      if (begun) {
        const { attempt } = begun;
        while (begun.attempt === attempt) await pause(systemClock, 1);
        return toKitRun(begun.run);
      }
      await pause(systemClock, 1);
    }
    return undefined;
  }

  /**
   * Waits until all groups, tasks and callbacks that were started have ended. In `manual` mode it begins their runs. It does
   * not move the clock: `advance` does.
   * @throws Error that says what still waits, and why
   */
  async drain(options: DrainOptions = {}): Promise<void> {
    refuseUnknown(options, new Set(['withinMs']), 'option of drain');
    const withinMs = wholeNumber('withinMs', options.withinMs, 4_000);
    const until = systemClock.elapsed() + withinMs;
    for (;;) {
      if (this.mode === 'manual') while (this.front.engine.startNext());
      if (this.front.engine.open === 0) {
        const left = await this.left.sentences();
        if (left.length === 0 && this.front.engine.open === 0) return;
      }
      if (systemClock.elapsed() >= until) break;
      await pause(systemClock, betweenLooksMs);
    }
    const left = await this.left.sentences();
    const next = this.clock.untilNextMs;
    const timer =
      next === undefined ? '' : ` The next timer is due in ${Math.ceil(next)} ms: advance() moves the clock.`;
    throw new Error(
      `drain: not everything has ended within ${withinMs} ms. ${left.join(' ') || this.openRuns()}${timer}`,
    );
  }

  /**
   * Moves the clock forward: timeouts, rate limits, retention, leases and waits that are due by then happen, each at its time.
   * A body that sleeps on a timer of its own is not woken: let it use `kit.sleep`.
   * @param duration - as `'10m'`, or in ms
   * @throws ConfigurationError in the mode `redis`
   */
  async advance(duration: Duration): Promise<void> {
    if (this.mode === 'redis')
      throw new ConfigurationError("advance: the time of a real Redis can't be moved. Use the mode inline or manual.");
    await this.clock.advance(durationToMs(duration));
  }

  /** Resolves when the clock of the kit has gone on by a time. @param duration - as `'10m'`, or in ms */
  sleep(duration: Duration): Promise<void> {
    return pause(this.clock, durationToMs(duration));
  }

  /**
   * Returns the runs of a task, of all tasks by default, in the order in which they were published.
   * @param task - a declaration, or a name
   */
  runsOf(task?: AnyDeclaration | string): KitRun[] {
    const name = task === undefined ? undefined : this.front.fullName(taskNameOf(task));
    const runs = [...this.front.engine.runs.values()].slice(this.hidden);
    return runs.filter((run) => name === undefined || run.name === name).map(toKitRun);
  }

  /** Returns the runs of the callbacks of a signature, chain or swarm. @param of - it, or its id */
  callbacksOf(of: { readonly id: string } | string): KitRun[] {
    const id = idOf('callbacksOf', of);
    const runs = [...this.front.engine.runs.values()].slice(this.hidden);
    return runs.filter((run) => isCallbackOf(run, id)).map(toKitRun);
  }

  /** Returns how many items of a swarm were seen running at once. @param swarm - it, or its id */
  maxConcurrencySeen(swarm: { readonly id: string } | string): number {
    return this.seen.most(idOf('maxConcurrencySeen', swarm));
  }

  /** Returns whether no run waits or goes on in the engine. */
  isIdle(): boolean {
    return this.front.engine.open === 0;
  }

  /**
   * Forgets the mocks, and the runs so far: `runsOf` begins anew. For a kit that several tests share.
   * @throws Error when runs go on: drain first
   */
  reset(): void {
    const { engine } = this.front;
    if (engine.open > 0) throw new Error(`reset: not everything has ended. ${this.openRuns()} Call drain() first.`);
    this.hidden = engine.runs.size;
    for (const declaration of this.declarations.values()) this.serve(declaration);
  }

  /**
   * Ends the process under test as a kill does, and begins the next one. Bodies that run are aborted, and nothing that they do
   * afterwards counts; the engine begins their runs anew, which counts as no failure. What was under way is completed when
   * its leases are over: `advance`. Signatures and swarms from before throw ClosedError: load them again by their ids.
   * @example
   * await kit.crash();
   * await kit.advance('1m');
   * await kit.drain();
   */
  async crash(): Promise<void> {
    const own = this.instances();
    for (const instance of own) {
      const { scope, runtime } = openingOf(instance).parts;
      scope.waiter.close();
      runtime.store.redis.close();
    }
    this.life.end();
    this.life = this.newLife();
    this.front.engine.reassign();
    for (const instance of own) openingOf(instance).restart();
    this.mage.startReconciler();
    await this.clock.settle();
  }

  /**
   * Delivers a run a second time, as the engine may: its body must not run again for mageflow's groups. Resolves when the second
   * delivery is over.
   * @param run - of `runsOf` or `step`
   */
  async redeliver(run: Pick<KitRun, 'id'>): Promise<void> {
    if (!this.front.engine.runs.has(run.id)) throw new ConfigurationError(`redeliver: there is no run ${run.id}.`);
    await this.front.engine.redeliver(run.id);
  }

  /** Ends everything of the kit. Runs that go on are cancelled. */
  async close(): Promise<void> {
    const { engine } = this.front;
    engine.cancel([...engine.runs.keys()]);
    for (const end of this.originals.values()) end();
    this.originals.clear();
    await this.mage.stopReconciler();
    for (const instance of this.instances()) await instance.close();
    await this.worker.stop();
    if (typeof this.redis === 'string') await removeKeys(this.redis, this.options.keyPrefix ?? '');
  }

  /** The open instances of this kit. */
  private instances(): Mageflow[] {
    const all = processState().instances as Mageflow[];
    return all.filter((one) => {
      const opening = openingOf(one);
      // A lazy instance of the user must not connect for it.
      return opening.isOpen && (opening.runtime.engine.hatchet as unknown) === this.life.hatchet;
    });
  }

  private newLife(): Life {
    const life = new Life(this.clock, this.front);
    setClockOf(life.hatchet, life);
    return life;
  }

  private serve(declaration: AnyDeclaration): void {
    this.worker.serve([declaration], (task) => this.front.fullName(task));
    const name = this.front.fullName(declaration.definition.name);
    if (!this.declaresMock) this.declarations.set(name, declaration);
  }

  private openRuns(): string {
    const open = this.runsOf().filter(({ status }) => status === 'queued' || status === 'running');
    return open.map(({ task, status }) => `A run of ${task} is ${status}.`).join(' ');
  }
}

/**
 * Makes a kit for a test. Kits side by side have nothing in common.
 * @throws ConfigurationError for unknown options, and in the mode `redis` without `REDIS_URL`
 * @example
 * const kit = await createTestKit({ mode: 'manual' });
 */
export function createTestKit(options: TestKitOptions = {}): Promise<TestKit> {
  return Promise.resolve().then(() => makeTestKit(options));
}

/** As `createTestKit`, at once. @param keepsAlive - false: its timers do not keep the process alive */
export function makeTestKit(options: TestKitOptions = {}, keepsAlive = true): TestKit {
  refuseUnknown(options, new Set(['mode', 'options']), 'option of createTestKit');
  const mode = oneOf('mode', options.mode ?? 'inline', ['inline', 'manual', 'redis'] as const);
  return new TestKit(mode, options.options ?? {}, keepsAlive);
}

/** Returns the name of a task. @throws ConfigurationError */
export function taskNameOf(task: AnyDeclaration | string): string {
  const name = typeof task === 'string' ? task : (task as Partial<AnyDeclaration> | null)?.definition?.name;
  if (typeof name !== 'string' || name === '')
    throw new ConfigurationError(`task: expected a declaration or a name, got ${describeTask(task)}.`);
  return name;
}

function idOf(what: string, of: { readonly id: string } | string): string {
  const id = typeof of === 'string' ? of : (Object(of) as { id?: unknown }).id;
  if (typeof id !== 'string')
    throw new ConfigurationError(`${what}: expected a signature or its id, got ${describe(of)}.`);
  return id;
}

function redisUrl(): string {
  const url = process.env['REDIS_URL'];
  if (!url) throw new ConfigurationError('createTestKit: the mode redis needs the environment variable REDIS_URL.');
  return url;
}

/** Removes what a kit has stored in a real Redis. */
async function removeKeys(url: string, keyPrefix: string): Promise<void> {
  const redis = new Redis(url);
  try {
    for await (const names of redis.scanStream({ match: `${keyPrefix}:*`, count: 1_000 }) as AsyncIterable<string[]>)
      if (names.length > 0) await redis.unlink(names);
  } finally {
    redis.disconnect();
  }
}

function clientLogger(logger: MageflowLogger): ClientLogger {
  return {
    info: none,
    debug: none,
    warn: (message) => logger.warn(message),
    error: (message, error) => logger.error(message, error),
  };
}
