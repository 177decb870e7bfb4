import { durationToMs, type Duration } from '@hatchet-dev/typescript-sdk';
import type { Clock, Timer } from '../../utils/clock';
import { Attempt, type AttemptEnd } from './attempt';
import { DurableLog, type LogHost } from './durable-log';
import { grpcError } from './errors';
import type { BodyControl, Host } from './host';
import type { TaskRun } from './run';
import type { ServedTask, Server } from './served-task';

/** The largest call, in bytes. */
export const mostBytes = 4 * 1024 * 1024;

/** What is known of a task besides itself while it goes on. */
interface UnderWay {
  worker?: Server;
  /** Ends the wait for a worker, or the attempt. */
  limit?: Timer | undefined;
  /** When the attempt ends at the latest, by the clock's `elapsed`. */
  until: number;
  /** True while the task waits for its next attempt. */
  isPaused: boolean;
  /** True if its body has given its slot back. */
  hasNoSlot: boolean;
  /** How many waits of its durable body go on, and what evicts it for them. */
  waits: number;
  eviction?: Timer | undefined;
}

/** What a queue needs of the engine around it. */
export interface QueueHost extends LogHost {
  readonly host: Host;
  readonly control: BodyControl;
  readonly clock: Clock;
  /** False: tasks begin only by `startNext`. */
  readonly startsByItself: boolean;
  note(
    task: TaskRun,
    eventType: string,
    more?: { errorMessage?: string | undefined; workerId?: string | undefined },
  ): void;
  /** Called when a task waits or runs again, and when it has ended. */
  changed(task: TaskRun): void;
  ended(task: TaskRun): void;
}

/** The tasks that wait for a worker or run, and the workers. */
export class TaskQueue {
  readonly workers = new Set<Server>();
  private readonly underWay = new Map<TaskRun, UnderWay>();
  private isPlanned = false;

  constructor(private readonly engine: QueueHost) {}

  /** How many tasks have not ended. */
  get open(): number {
    return this.underWay.size;
  }

  /** The tasks that could begin now, in the order in which they would. */
  get startable(): TaskRun[] {
    const waiting = [...this.underWay].filter(([task, { isPaused }]) => task.status === 'QUEUED' && !isPaused);
    const restored = [...this.underWay].filter(([{ isEvicted }, { isPaused }]) => isEvicted && !isPaused);
    const startable = [...waiting, ...restored].map(([task]) => task).filter((task) => this.serverFor(task));
    return startable.sort((a, b) => b.run.priority - a.run.priority);
  }

  enqueue(task: TaskRun): void {
    const state: UnderWay = { until: 0, isPaused: false, hasNoSlot: false, waits: 0 };
    this.underWay.set(task, state);
    task.status = 'QUEUED';
    this.engine.note(task, 'QUEUED');
    this.limitWait(task, state);
    this.plan();
  }

  /** Ends a task, if it is under way. */
  cancel(task: TaskRun): void {
    const { attempt } = task;
    this.finish(task, 'CANCELLED');
    attempt?.abort('cancelled');
  }

  /** Lets the attempt of a task go on for longer. */
  refreshTimeout(task: TaskRun | undefined, by: string): void {
    const state = task && this.underWay.get(task);
    if (!state || !task.attempt)
      throw grpcError('/Dispatcher/RefreshTimeout', 'NOT_FOUND', 'the task run was not found');
    state.until += durationToMs(by as Duration);
    this.limitAttempt(task, state);
  }

  /** Frees the slot of a task whose body goes on. */
  releaseSlot(task: TaskRun | undefined): void {
    const state = task && this.underWay.get(task);
    if (!task || !state?.worker || state.hasNoSlot) return;
    this.freeSlot(task, state);
    state.hasNoSlot = true;
    this.plan();
  }

  /** Starts the next task that fits. @returns it; undefined if none can begin */
  startNext(fits: (task: TaskRun) => boolean = () => true): TaskRun | undefined {
    const task = this.startable.find(fits);
    const worker = task && this.serverFor(task);
    if (!task || !worker) return undefined;
    this.begin(task, worker);
    return task;
  }

  /** Called when a worker has come, or a slot has become free. */
  plan(): void {
    if (!this.engine.startsByItself || this.isPlanned) return;
    this.isPlanned = true;
    this.engine.clock.immediate(() => {
      this.isPlanned = false;
      while (this.startNext());
    });
  }

  /** Lets a task that has been evicted go on. */
  restore(task: TaskRun): void {
    const state = this.underWay.get(task);
    if (!state?.isPaused || !task.isEvicted) return;
    state.isPaused = false;
    this.engine.note(task, 'DURABLE_RESTORING');
    this.plan();
  }

  /** Takes the tasks from workers that are gone: other workers begin them anew, which counts as no failure. */
  reassign(): void {
    for (const [task, state] of this.underWay) {
      const { attempt } = task;
      if (!attempt) continue;
      this.engine.note(task, 'REASSIGNED');
      this.again(task, state, 0);
      attempt.abort('cancelled');
    }
  }

  /** Begins an attempt of a task a second time. Nobody waits for what it gives. */
  async deliverAgain(task: TaskRun): Promise<void> {
    const { host, control } = this.engine;
    const worker = this.serverOf(task.run.name);
    const nothing = () => undefined;
    if (!worker) return;
    await new Attempt(host, control, task, worker.id, { markWaiting: nothing, markActive: nothing }).end();
  }

  /** A worker that serves a task. */
  serverOf(workflow: string): Server | undefined {
    return [...this.workers].find(({ workflows }) => workflows.has(workflow));
  }

  private serverFor({ run, task }: TaskRun): Server | undefined {
    return [...this.workers].find((worker) => {
      const isFree = task.isDurable ? worker.runningDurable < worker.durableSlots : worker.running < worker.slots;
      return worker.workflows.has(run.name) && isFree;
    });
  }

  /** Ends a task as cancelled that no worker takes in time. */
  private limitWait(task: TaskRun, state: UnderWay): void {
    state.limit?.cancel();
    state.limit = this.engine.clock.timeout(() => {
      this.engine.note(task, 'SCHEDULING_TIMED_OUT');
      this.finish(task, 'CANCELLED');
    }, task.task.scheduleMs);
    state.limit.unref();
  }

  private limitAttempt(task: TaskRun, state: UnderWay): void {
    const { clock } = this.engine;
    state.limit?.cancel();
    state.limit = clock.timeout(
      () => {
        this.engine.note(task, 'TIMED_OUT', { errorMessage: 'Execution timed out' });
        const { attempt } = task;
        this.failed(task, state, 'Execution timed out', false);
        attempt?.abort('cancelled');
      },
      Math.max(0, state.until - clock.elapsed()),
    );
    state.limit.unref();
  }

  private begin(task: TaskRun, worker: Server): void {
    const state = this.underWay.get(task);
    if (!state) return;
    const { engine } = this;
    task.task = servedBy(worker, task) ?? task.task;
    const { isDurable, executionMs } = task.task;
    Object.assign(state, { worker, hasNoSlot: false, waits: 0, until: engine.clock.elapsed() + executionMs });
    if (isDurable) worker.runningDurable += 1;
    else worker.running += 1;
    task.status = 'RUNNING';
    task.isEvicted = false;
    task.invocation += 1;
    for (const event of ['ASSIGNED', 'SENT_TO_WORKER', 'STARTED']) engine.note(task, event, { workerId: worker.id });
    engine.changed(task);
    this.limitAttempt(task, state);
    if (isDurable) task.log ??= new DurableLog(engine, task);
    const evictions = {
      markWaiting: () => this.beginWait(task, state),
      markActive: () => this.endWait(state),
    };
    const attempt = new Attempt(engine.host, engine.control, task, worker.id, evictions);
    task.attempt = attempt;
    void attempt.end().then((end) => {
      // A later attempt has begun, or the task has ended: a late return changes nothing.
      if (task.attempt === attempt) this.attemptEnded(task, state, end);
    });
  }

  private attemptEnded(task: TaskRun, state: UnderWay, end: AttemptEnd): void {
    if (end.code === 'dropped') return;
    if (end.code === 'failed') {
      this.engine.note(task, 'FAILED', { errorMessage: end.error });
      return this.failed(task, state, end.error, end.isFinal);
    }
    if (Buffer.byteLength(end.output) > mostBytes) {
      const errorMessage = 'the output is too large';
      this.engine.note(task, 'FAILED', { errorMessage });
      return this.failed(task, state, errorMessage, true);
    }
    task.output = end.output;
    this.engine.note(task, 'FINISHED');
    this.finish(task, 'COMPLETED');
  }

  private failed(task: TaskRun, state: UnderWay, error: string, isFinal: boolean): void {
    task.failures += 1;
    if (!isFinal && task.failures <= task.task.retries)
      return this.again(task, state, task.task.backoffMs(task.failures));
    task.error = error;
    this.finish(task, 'FAILED');
  }

  /** Puts a task back into the queue for its next attempt. @param waitMs - the wait before it */
  private again(task: TaskRun, state: UnderWay, waitMs: number): void {
    this.free(task, state);
    task.attempt = undefined;
    task.status = 'QUEUED';
    task.retryCount += 1;
    this.engine.note(task, 'QUEUED');
    this.engine.changed(task);
    if (waitMs === 0) {
      this.limitWait(task, state);
      return this.plan();
    }
    state.isPaused = true;
    state.limit?.cancel();
    state.limit = this.engine.clock.timeout(() => {
      state.isPaused = false;
      this.limitWait(task, state);
      this.plan();
    }, waitMs);
    state.limit.unref();
  }

  private beginWait(task: TaskRun, state: UnderWay): void {
    const { evictAfterMs } = task.task;
    state.waits += 1;
    if (state.waits > 1 || evictAfterMs === undefined) return;
    state.eviction = this.engine.clock.timeout(() => this.evict(task, state), evictAfterMs);
    state.eviction.unref();
  }

  private endWait(state: UnderWay): void {
    state.waits = Math.max(0, state.waits - 1);
    if (state.waits === 0) state.eviction?.cancel();
  }

  /** Takes a durable task that waits out of its worker. */
  private evict(task: TaskRun, state: UnderWay): void {
    const { attempt } = task;
    if (!attempt) return;
    this.engine.note(task, 'DURABLE_EVICTED');
    this.free(task, state);
    task.attempt = undefined;
    task.isEvicted = true;
    state.isPaused = true;
    attempt.abort('evicted');
  }

  private finish(task: TaskRun, status: 'COMPLETED' | 'FAILED' | 'CANCELLED'): void {
    const state = this.underWay.get(task);
    task.status = status;
    task.attempt = undefined;
    task.isEvicted = false;
    task.log?.close();
    this.underWay.delete(task);
    if (state) this.free(task, state);
    this.engine.ended(task);
    this.plan();
  }

  /** Gives the slot of a task back, and ends the timers that limit it. */
  private free(task: TaskRun, state: UnderWay): void {
    state.limit?.cancel();
    state.eviction?.cancel();
    state.waits = 0;
    this.freeSlot(task, state);
  }

  private freeSlot({ task }: TaskRun, state: UnderWay): void {
    const { worker } = state;
    if (!worker) return;
    if (task.isDurable) worker.runningDurable -= 1;
    else worker.running -= 1;
    delete state.worker;
  }
}

/** Returns a task as a worker serves it now: it may have been replaced since the run was published. */
function servedBy(worker: Server, { run, task }: TaskRun): ServedTask | undefined {
  const workflow = worker.workflows.get(run.name)?.();
  const found = workflow?.tasks.find(({ name }) => name === task.name);
  if (found || !workflow) return found;
  return workflow.onFailure?.name === task.name ? workflow.onFailure : undefined;
}
