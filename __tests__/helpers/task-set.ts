import { NonRetryableError, type Context } from '@hatchet-dev/typescript-sdk';
import { mageContext, type MageContext, type MageflowOptions } from '../../src';
import { eventually, Fixture, gate, Gauge } from './fixture';

/** What a body does, by its message or bound data. The steps are done in the order of these fields. */
export interface WorkInput {
  /** Its executions are found by it. Does not have to be unique. */
  label?: string;
  /** Executions of `work` and `retriedWork` with the same gauge are counted together: how many run at once. */
  gauge?: string;
  /** Waits until the gate of this name is opened. */
  waitFor?: string;
  /** Waits until its run is cancelled. */
  untilCancelled?: boolean;
  /** Throws a NonRetryableError with this message. */
  nonRetryable?: string;
  /** Throws an error with this message. */
  fail?: string;
  /** With `fail`: succeeds from this attempt on, counted from 0 as `ctx.retryCount()` does. */
  failUntilAttempt?: number;
  /** Is returned. Without it, `work` and `retriedWork` return `{ label, received }`, and callbacks nothing. */
  value?: unknown;
  /** `work` and `retriedWork` return nothing. */
  returnsNothing?: boolean;
  /** The previous step's output. */
  returnValue?: unknown;
  [field: string]: unknown;
}

/** One execution of a body. */
export interface Execution {
  /** The task's name. Undefined for what a test has recorded itself. */
  task: string | undefined;
  /** Empty without one. */
  label: string;
  input: Record<string, unknown>;
  context: MageContext | undefined;
  runId: string;
  /** The attempt, counted from 0 as the engine does. */
  retryCount: number | undefined;
  /** Whether its run was cancelled while it waited for that (`untilCancelled`). */
  aborted: boolean;
}

type Group = { id: string };
type Attempt = Pick<Context<unknown>, 'workflowRunId' | 'retryCount'>;

/** A lease and an interval that make the reconciler repair within a second. */
export const shortLease = { leaseMs: 1_000, reconcileIntervalMs: 250 } satisfies MageflowOptions;

/** Tasks that do what their message says, and a record of all executions of their bodies. */
export class TaskSet {
  /** In the order in which they started. */
  readonly allExecutions: Execution[] = [];
  private readonly gates = new Map<string, ReturnType<typeof gate>>();
  private readonly gauges = new Map<string, Gauge>();
  /** One attempt. */
  readonly work;
  /** Three attempts. */
  readonly retriedWork;
  /** For callbacks. Does what its message says, too, unless it is called back with an error. */
  readonly callback;
  /** As `callback`, for tests that find executions by their swarm and need to distinguish the two lists. */
  readonly errorCallback;

  constructor(private readonly fixture: Fixture) {
    const { mage } = fixture;
    // A test that failed left its bodies waiting.
    fixture.onRelease(() => {
      for (const { open } of this.gates.values()) open();
    });
    const working = (task: string) => (input: WorkInput, ctx: Context<unknown>) => {
      const execution = this.record(input, ctx, task);
      return this.gauge(input.gauge).during(async (): Promise<unknown> => {
        await this.obey(input, ctx, execution);
        if (input.returnsNothing) return undefined;
        return 'value' in input ? input.value : { label: input.label, received: input.returnValue ?? null };
      });
    };
    const calledBack = (task: string) => async (input: WorkInput, ctx: Context<unknown>) => {
      const execution = this.record(input, ctx, task);
      // An error callback receives the failed message, which said what the failed body does.
      if (!('error' in input)) await this.obey(input, ctx, execution);
      return input.value;
    };
    this.work = mage.task({ name: 'work', fn: working('work') });
    this.retriedWork = mage.task({ name: 'retried-work', retries: 2, fn: working('retried-work') });
    this.callback = mage.task({ name: 'callback', fn: calledBack('callback') });
    this.errorCallback = mage.task({ name: 'error-callback', fn: calledBack('error-callback') });
  }

  /** What a worker has to serve. */
  get tasks() {
    return [this.work, this.retriedWork, this.callback, this.errorCallback];
  }

  /** Lets all executions go on that wait for this gate, now and later. */
  openGate(name: string): void {
    this.gateOf(name).open();
  }

  /** Waits for a gate in a test's own body. */
  gateOpened(name: string): Promise<void> {
    return this.gateOf(name).opened;
  }

  /** Executions without the field `gauge` count in the gauge without a name. */
  gauge(name = ''): Gauge {
    const known = this.gauges.get(name) ?? new Gauge();
    this.gauges.set(name, known);
    return known;
  }

  /** Records an execution of a test's own body. */
  record(input: Record<string, unknown>, ctx?: Attempt, task?: string): Execution {
    const execution = {
      task,
      label: String(input['label'] ?? ''),
      input,
      context: mageContext(),
      runId: ctx?.workflowRunId() ?? '',
      retryCount: ctx?.retryCount(),
      aborted: false,
    };
    this.allExecutions.push(execution);
    return execution;
  }

  /** The executions of a label by all tasks, or those of a swarm by `work` and `retriedWork`, in the order of their starts. */
  executions(of: string | Group): Execution[] {
    if (typeof of !== 'string') return this.inSwarm(of, 'work', 'retried-work');
    return this.allExecutions.filter(({ label }) => label === of);
  }

  /** The labels of a swarm's executions, in the order of their starts. */
  labels(swarm: Group): unknown[] {
    return this.executions(swarm).map(({ input }) => input['label']);
  }

  /** The executions of a swarm by `callback`. */
  callbacks(swarm: Group): Execution[] {
    return this.inSwarm(swarm, 'callback');
  }

  /** The executions of a swarm by `errorCallback`. */
  errorCallbacks(swarm: Group): Execution[] {
    return this.inSwarm(swarm, 'error-callback');
  }

  /** The labels of all executions that have one of these labels, in the order of their starts. */
  order(...labels: string[]): string[] {
    return this.allExecutions.map(({ label }) => label).filter((label) => labels.includes(label));
  }

  /** Waits until so many executions of a label or of a swarm have started, and returns them. */
  async started(of: string | Group, count = 1): Promise<Execution[]> {
    const what = typeof of === 'string' ? of : of.id;
    await eventually(`${count} executions of ${what} have started`, () => this.executions(of).length >= count);
    return this.executions(of);
  }

  /** The one execution of a label, after the outermost group has ended with everything that belongs to it. */
  async onlyExecution(label: string, outermost: Group): Promise<Execution> {
    await this.settled(outermost);
    const [first, ...more] = this.executions(label);
    if (!first || more.length > 0)
      throw new Error(`${this.executions(label).length} executions of ${label} instead of one`);
    return first;
  }

  /** Waits until an outermost group has ended, and so have all callbacks and all groups below it: nothing happens to it any more. */
  async settled({ id }: Group): Promise<void> {
    const over = async () => {
      const state = (await this.fixture.keys()).find((name) => name.endsWith(`{${id}}:g`));
      if (state === undefined || !(await this.isQuiet(state.slice(0, -`{${id}}:g`.length), id))) return false;
      // A group gets its retention when, and only when, nothing of it is active any more. One with groups below it gets it from
      // the reconciler, which may have hours for that.
      return (await this.fixture.redis.pttl(state)) > 0 || Number(await this.fixture.redis.hget(state, 'nch')) > 0;
    };
    await eventually(`${id} and all that belongs to it have ended`, over, 240_000);
  }

  private async isQuiet(base: string, id: string): Promise<boolean> {
    const { redis } = this.fixture;
    const [state, end, active] = await Promise.all([
      redis.exists(`${base}{${id}}:g`),
      redis.hget(`${base}{${id}}:g`, 'en'),
      redis.exists(`${base}{${id}}:a`),
    ]);
    // Without a state, it was never started or has expired.
    if (state === 0) return true;
    if (end === null || active === 1) return false;
    const below = await redis.hgetall(`${base}{${id}}:c`);
    const children = Object.keys(below).flatMap((field) => (field.startsWith('g:') ? [below[field] ?? ''] : []));
    return (await Promise.all(children.map((child) => this.isQuiet(base, child)))).every(Boolean);
  }

  private inSwarm({ id }: Group, ...tasks: string[]): Execution[] {
    return this.allExecutions.filter(({ task = '', context }) => context?.swarmId === id && tasks.includes(task));
  }

  private async obey(input: WorkInput, ctx: Context<unknown>, execution: Execution): Promise<void> {
    if (input.waitFor) await this.gateOf(input.waitFor).opened;
    if (input.untilCancelled) await aborted(ctx, execution);
    if (input.nonRetryable) throw new NonRetryableError(input.nonRetryable);
    if (input.fail && ctx.retryCount() < (input.failUntilAttempt ?? Infinity)) throw new Error(input.fail);
  }

  private gateOf(name: string) {
    const known = this.gates.get(name) ?? gate();
    this.gates.set(name, known);
    return known;
  }
}

async function aborted({ abortController: { signal } }: Context<unknown>, execution: Execution): Promise<void> {
  if (!signal.aborted)
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  execution.aborted = true;
}

/** A task set that a worker serves as long as the suite lasts that calls this. */
export function openTasks(options: MageflowOptions = {}) {
  const fixture = new Fixture(options);
  const taskSet = new TaskSet(fixture);
  beforeAll(async () => {
    await fixture.worker(taskSet.tasks);
  });
  afterAll(() => fixture.close());
  const { work, retriedWork, callback, errorCallback } = taskSet;
  return { fixture, taskSet, mage: fixture.mage, work, retriedWork, callback, errorCallback };
}
