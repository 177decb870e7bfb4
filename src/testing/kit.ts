import { randomBytes } from 'node:crypto';
import { durationToMs, type Duration } from '@hatchet-dev/typescript-sdk';
import { Mageflow } from '../mageflow';
import type { AnyDeclaration } from '../api/types';
import { ConfigurationError, describe, describeTask } from '../config/errors';
import { oneOf, refuseUnknown, wholeNumber, type MageflowLogger, type MageflowOptions } from '../config/options';
import { pause, setClockOf, systemClock } from '../utils/clock';
import { InProcessHatchet } from './engine/client';
import type { ClientLogger } from './engine/host';
import type { EngineWorker } from './engine/worker';
import { KitClock } from './kit-clock';
import { toKitRun, type KitRun } from './kit-runs';
import { LeftToDo } from './drain';
import { declareMock, type Mock } from './mocks';
import { connectTo } from './redis/connection';
import { InProcessRedis } from './redis/in-process-redis';

/** Options of `createTestKit`; all optional. */
export interface TestKitOptions {
  /** `inline`: runs begin by themselves. `manual`: each begins by `step()` or `drain()`. Default `inline`. */
  mode?: 'inline' | 'manual' | undefined;
  /** Options of the kit's `Mageflow`. Its logger drops what is not an error by default. */
  options?: Omit<MageflowOptions, 'keyPrefix'> | undefined;
}

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
  private readonly clock = new KitClock();
  private readonly hatchet: InProcessHatchet;
  private readonly worker: EngineWorker;
  private readonly left: LeftToDo;
  /** The declarations of the tasks, by the names that the engine has for them. */
  private readonly declarations = new Map<string, AnyDeclaration>();
  private declaresMock = false;

  constructor(
    private readonly mode: 'inline' | 'manual',
    { logger, ...options }: MageflowOptions,
  ) {
    const quiet: MageflowLogger = logger ?? { info: none, warn: none, error: none };
    this.hatchet = new InProcessHatchet({
      clock: this.clock,
      logger: clientLogger(quiet),
      startsByItself: mode === 'inline',
    });
    this.hatchet.onDeclare = (declaration) => this.serve(declaration as AnyDeclaration);
    setClockOf(this.hatchet, this.clock);
    this.worker = this.hatchet.worker('kit');
    const redis = connectTo(new InProcessRedis(this.clock), { lazyConnect: true });
    this.mage = new Mageflow(this.hatchet.asClient(), redis, {
      ...options,
      logger: quiet,
      keyPrefix: `kit-${randomBytes(6).toString('hex')}`,
    });
    this.left = new LeftToDo(this.mage);
    void this.worker.start();
    this.mage.startReconciler();
  }

  /**
   * Adds tasks that were declared elsewhere, on another instance or on a client of the SDK. Root tasks are declared on
   * `kit.mage`, because their configuration belongs to the instance that declares them.
   * @throws Error for workflows of several tasks, durable tasks, and options that the in-process engine does not have
   */
  register(declarations: readonly AnyDeclaration[]): void {
    if (!Array.isArray(declarations))
      throw new ConfigurationError(`register: expected a list of tasks, got ${describe(declarations)}.`);
    for (const declaration of declarations as AnyDeclaration[]) this.serve(this.mage.wrap(declaration));
  }

  /**
   * Replaces the body of a task. A function gets the input that the body would get. `{ fail, times }` makes the first
   * `times` attempts fail, all of them by default, and runs the body afterwards. A root task runs as a plain task then.
   * @param task - a declaration, or a name: it need not be declared
   */
  mock(task: AnyDeclaration | string, mock: Mock): void {
    const name = nameOf(task);
    const full = this.hatchet.fullName(name);
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
    const name = task === undefined ? undefined : this.hatchet.fullName(nameOf(task));
    const { engine } = this.hatchet;
    // What was published just now arrives in a later turn.
    for (let look = 0; look < 20; look++) {
      const run = engine.startNext(name);
      if (run) {
        const { attempt } = run;
        while (run.attempt === attempt) await pause(systemClock, 1);
        return toKitRun(run);
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
      if (this.mode === 'manual') while (this.hatchet.engine.startNext());
      if (this.hatchet.engine.open === 0) {
        const left = await this.left.sentences();
        if (left.length === 0 && this.hatchet.engine.open === 0) return;
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

  /** Moves the clock forward: what is due by then happens. @param duration - as `'10m'`, or in ms */
  async advance(duration: Duration): Promise<void> {
    await this.clock.advance(durationToMs(duration));
  }

  /** Returns the runs of a task, of all tasks by default, in the order in which they were published. */
  runsOf(task?: AnyDeclaration | string): KitRun[] {
    const name = task === undefined ? undefined : this.hatchet.fullName(nameOf(task));
    const runs = [...this.hatchet.engine.runs.values()];
    return runs.filter((run) => name === undefined || run.name === name).map(toKitRun);
  }

  /** Returns whether no run waits or goes on in the engine. */
  isIdle(): boolean {
    return this.hatchet.engine.open === 0;
  }

  /** Ends everything of the kit. Runs that go on are cancelled. */
  async close(): Promise<void> {
    const { engine } = this.hatchet;
    engine.cancel([...engine.runs.keys()]);
    await this.mage.stopReconciler();
    await this.mage.close();
    await this.worker.stop();
  }

  private serve(declaration: AnyDeclaration): void {
    this.worker.serve([declaration], (task) => this.hatchet.fullName(task));
    const name = this.hatchet.fullName(declaration.definition.name);
    if (!this.declaresMock) this.declarations.set(name, declaration);
  }

  private openRuns(): string {
    const open = this.runsOf().filter(({ status }) => status === 'queued' || status === 'running');
    return open.map(({ task, status }) => `A run of ${task} is ${status}.`).join(' ');
  }
}

/**
 * Makes a kit for a test. Kits side by side have nothing in common.
 * @param options - see {@link TestKitOptions}
 * @throws ConfigurationError for an unknown option
 */
export async function createTestKit(options: TestKitOptions = {}): Promise<TestKit> {
  refuseUnknown(options, new Set(['mode', 'options']), 'option of createTestKit');
  const mode = oneOf('mode', options.mode ?? 'inline', ['inline', 'manual'] as const);
  return Promise.resolve(new TestKit(mode, options.options ?? {}));
}

function nameOf(task: AnyDeclaration | string): string {
  const name = typeof task === 'string' ? task : (task as Partial<AnyDeclaration> | null)?.definition?.name;
  if (typeof name !== 'string' || name === '')
    throw new ConfigurationError(`task: expected a declaration or a name, got ${describeTask(task)}.`);
  return name;
}

function clientLogger(logger: MageflowLogger): ClientLogger {
  return {
    info: none,
    debug: none,
    warn: (message) => logger.warn(message),
    error: (message, error) => logger.error(message, error),
  };
}
