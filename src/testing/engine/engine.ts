import { durationToMs, type Duration } from '@hatchet-dev/typescript-sdk';
import { randomUUID } from 'node:crypto';
import type { Clock, Timer } from '../../utils/clock';
import { Attempt, type AttemptEnd } from './attempt';
import { grpcError } from './errors';
import type { BodyControl, Host } from './host';
import { hasEnded, type Run, type RunRequest } from './run';
import type { ServedTask, Server } from './served-task';

const trigger = '/v1.AdminService/TriggerWorkflowRun';
/** The largest call, in bytes. */
const mostBytes = 4 * 1024 * 1024;
/** What the engine itself sets in the metadata of a child, which its own children do not inherit. */
const ofParent = { task: 'hatchet__parent_step_run_id', run: 'hatchet__parent_workflow_run_id' };

/** What is known of a run besides itself while it goes on. */
interface UnderWay {
  task: ServedTask;
  worker?: Server;
  /** Ends the wait for a worker, or the attempt. */
  limit?: Timer | undefined;
  /** When the attempt ends at the latest, by the clock's `elapsed`. */
  until: number;
  /** True while the run waits for its next attempt. */
  isPaused: boolean;
  /** True if its body has given its slot back. */
  hasNoSlot: boolean;
}

/**
 * A Hatchet engine inside this process, for tests: it queues, runs, retries, times out and cancels runs of single tasks as
 * the real one does. It starts them by itself, or one at a time when it is asked to.
 */
export class InProcessEngine implements BodyControl {
  /** All runs in the order of their publication. */
  readonly runs = new Map<string, Run>();
  readonly workers = new Set<Server>();
  /** The names that any worker has ever registered. */
  readonly names = new Set<string>();
  private readonly underWay = new Map<string, UnderWay>();
  /** The runs of children, by their parents and their keys or indexes. */
  private readonly children = new Map<string, string>();
  private events = 0;
  private isPlanned = false;

  /** @param startsByItself - false: runs begin only by `startNext` */
  constructor(
    private readonly host: Host,
    readonly clock: Clock,
    readonly startsByItself = true,
  ) {}

  /** Makes the runs of a batch, all or none. @returns their ids @throws as the engine refuses a call */
  publish(requests: readonly RunRequest[]): string[] {
    const texts = requests.map(({ input, options }) => [
      JSON.stringify(input ?? {}),
      JSON.stringify(options?.additionalMetadata ?? {}),
    ]) as [string, string][];
    const bytes = texts.flat().reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    if (bytes > mostBytes)
      throw grpcError(trigger, 'RESOURCE_EXHAUSTED', `Received message larger than max (${bytes} vs ${mostBytes})`);
    if (texts.flat().some((text) => text.includes('\\u0000')))
      throw grpcError(trigger, 'INVALID_ARGUMENT', 'a text contains the character NUL');
    for (const { options } of requests)
      if (options?.parentTaskRunExternalId && !this.runs.has(options.parentTaskRunExternalId))
        throw grpcError(trigger, 'NOT_FOUND', 'the parent was not found');
    return requests.map((request, i) => this.take(request, ...(texts[i] ?? ['{}', '{}'])));
  }

  /** Cancels runs: those that wait end at once, the bodies of others are aborted. */
  cancel(ids: readonly string[]): void {
    for (const id of ids) {
      const run = this.runs.get(id);
      if (!run || hasEnded(run)) continue;
      this.note(run, 'CANCELLED');
      this.finish(run, 'CANCELLED');
    }
  }

  /** Lets the attempt of a run go on for longer. */
  refreshTimeout(id: string, by: string): void {
    const state = this.underWay.get(id);
    const run = this.runs.get(id);
    if (!state || !run?.attempt)
      throw grpcError('/Dispatcher/RefreshTimeout', 'NOT_FOUND', 'the task run was not found');
    state.until += durationToMs(by as Duration);
    this.limitAttempt(run, state);
  }

  /** Frees the slot of a run whose body goes on. */
  releaseSlot(id: string): void {
    const state = this.underWay.get(id);
    if (!state?.worker || state.hasNoSlot) return;
    state.hasNoSlot = true;
    state.worker.running -= 1;
    this.plan();
  }

  /** Resolves when a run has ended. One that does not exist never ends. */
  async whenEnded(id: string): Promise<Run> {
    const run = this.runs.get(id);
    if (!run) return new Promise<Run>(() => undefined);
    if (!hasEnded(run)) await new Promise<void>((resolve) => void run.whenEnded.push(resolve));
    return run;
  }

  /** Returns whether a worker serves a task. */
  serves(name: string): boolean {
    return this.workerFor(name) !== undefined;
  }

  /** The runs that could begin now, in the order in which they would. */
  get startable(): Run[] {
    const waiting = [...this.underWay.keys()].flatMap((id) => this.runs.get(id) ?? []);
    const startable = waiting.filter((run) => run.status === 'QUEUED' && !this.underWay.get(run.id)?.isPaused);
    return startable.filter(({ name }) => this.workerFor(name, true)).sort((a, b) => b.priority - a.priority);
  }

  /** How many runs have not ended. */
  get open(): number {
    return this.underWay.size;
  }

  /** Starts the next run, of a task if one is named. @returns the run; undefined if none can begin */
  startNext(name?: string): Run | undefined {
    const run = this.startable.find((one) => name === undefined || one.name === name);
    const worker = run && this.workerFor(run.name, true);
    if (!run || !worker) return undefined;
    this.begin(run, worker);
    return run;
  }

  /** Called when a worker has come, or a slot has become free. */
  plan(): void {
    if (!this.startsByItself || this.isPlanned) return;
    this.isPlanned = true;
    this.clock.immediate(() => {
      this.isPlanned = false;
      while (this.startNext());
    });
  }

  private take({ workflowName, options = {} }: RunRequest, input: string, given: string): string {
    const name = this.host.fullName(workflowName);
    const { parentId, parentTaskRunExternalId: parent, childIndex, childKey, priority = 1 } = options;
    const place = parent && `${parent} ${childKey === undefined ? `#${childIndex ?? 0}` : childKey}`;
    const known = place ? this.children.get(place) : undefined;
    if (known) return known;
    const id = randomUUID();
    // A name that no worker has registered gets an id, and no run.
    const task = this.taskOf(name);
    if (!task) return id;
    const inherited = parent ? { ...this.runs.get(parent)?.metadata } : {};
    for (const field of Object.values(ofParent)) delete inherited[field];
    const metadata = { ...inherited, ...(JSON.parse(given) as Record<string, string>) };
    if (parent) Object.assign(metadata, { [ofParent.task]: parent, [ofParent.run]: parentId ?? parent });
    if (place) this.children.set(place, id);
    const run: Run = {
      id,
      name,
      input,
      metadata,
      childIndex,
      parentId,
      priority,
      createdAt: this.clock.now(),
      status: 'QUEUED',
      output: undefined,
      error: '',
      retryCount: 0,
      failures: 0,
      outputName: task.outputName,
      attempt: undefined,
      events: [],
      whenEnded: [],
    };
    this.runs.set(id, run);
    this.enqueue(run, task);
    return id;
  }

  private enqueue(run: Run, task: ServedTask): void {
    const state: UnderWay = { task, until: 0, isPaused: false, hasNoSlot: false };
    this.underWay.set(run.id, state);
    this.note(run, 'QUEUED');
    this.limitWait(run, state);
    this.plan();
  }

  /** Ends a run as cancelled that no worker takes in time. */
  private limitWait(run: Run, state: UnderWay): void {
    state.limit?.cancel();
    state.limit = this.clock.timeout(() => {
      this.note(run, 'SCHEDULING_TIMED_OUT');
      this.finish(run, 'CANCELLED');
    }, state.task.scheduleMs);
    state.limit.unref();
  }

  private limitAttempt(run: Run, state: UnderWay): void {
    state.limit?.cancel();
    state.limit = this.clock.timeout(
      () => {
        this.note(run, 'TIMED_OUT', 'Execution timed out');
        run.attempt?.abort();
        this.failed(run, state, 'Execution timed out', false);
      },
      Math.max(0, state.until - this.clock.elapsed()),
    );
    state.limit.unref();
  }

  private begin(run: Run, worker: Server): void {
    const state = this.underWay.get(run.id);
    const task = worker.tasks.get(run.name);
    if (!state || !task) return;
    Object.assign(state, { task, worker, hasNoSlot: false, until: this.clock.elapsed() + task.executionMs });
    worker.running += 1;
    run.status = 'RUNNING';
    run.outputName = task.outputName;
    for (const event of ['ASSIGNED', 'SENT_TO_WORKER', 'STARTED']) this.note(run, event);
    this.limitAttempt(run, state);
    const attempt = new Attempt(this.host, this, run, task, worker.id);
    run.attempt = attempt;
    void attempt.end().then((end) => {
      // A later attempt has begun, or the run has ended: a late return changes nothing.
      if (run.attempt === attempt) this.attemptEnded(run, state, end);
    });
  }

  private attemptEnded(run: Run, state: UnderWay, end: AttemptEnd): void {
    if (end.code === 'dropped') return;
    if (end.code === 'failed') {
      this.note(run, 'FAILED', end.error);
      return this.failed(run, state, end.error, end.isFinal);
    }
    if (Buffer.byteLength(end.output) > mostBytes) {
      this.note(run, 'FAILED', 'the output is too large');
      return this.failed(run, state, 'the output is too large', true);
    }
    run.output = end.output;
    this.note(run, 'FINISHED');
    this.finish(run, 'COMPLETED');
  }

  private failed(run: Run, state: UnderWay, error: string, isFinal: boolean): void {
    run.failures += 1;
    if (!isFinal && run.failures <= state.task.retries)
      return this.again(run, state, state.task.backoffMs(run.failures));
    run.error = error;
    this.finish(run, 'FAILED');
  }

  /** Puts a run back into the queue for its next attempt. @param waitMs - the wait before it */
  private again(run: Run, state: UnderWay, waitMs: number): void {
    this.free(state);
    run.attempt = undefined;
    run.status = 'QUEUED';
    run.retryCount += 1;
    this.note(run, 'QUEUED');
    if (waitMs === 0) {
      this.limitWait(run, state);
      return this.plan();
    }
    state.isPaused = true;
    state.limit?.cancel();
    state.limit = this.clock.timeout(() => {
      state.isPaused = false;
      this.limitWait(run, state);
      this.plan();
    }, waitMs);
    state.limit.unref();
  }

  private finish(run: Run, status: 'COMPLETED' | 'FAILED' | 'CANCELLED'): void {
    const state = this.underWay.get(run.id);
    const { attempt } = run;
    run.status = status;
    run.attempt = undefined;
    this.underWay.delete(run.id);
    if (state) {
      state.limit?.cancel();
      this.free(state);
    }
    if (status === 'CANCELLED') attempt?.abort();
    for (const ended of run.whenEnded.splice(0)) ended();
    this.plan();
  }

  private free(state: UnderWay): void {
    if (state.worker && !state.hasNoSlot) state.worker.running -= 1;
    delete state.worker;
  }

  private note(run: Run, eventType: string, errorMessage?: string): void {
    this.events += 1;
    const worker = this.underWay.get(run.id)?.worker;
    run.events.push({
      id: this.events,
      eventType,
      timestamp: new Date(this.clock.now()).toISOString(),
      retryCount: run.retryCount,
      ...(worker ? { workerId: worker.id } : {}),
      ...(errorMessage === undefined ? {} : { errorMessage }),
    });
  }

  private workerFor(name: string, isFree = false): Server | undefined {
    return [...this.workers].find(({ tasks, running, slots }) => tasks.has(name) && (!isFree || running < slots));
  }

  private taskOf(name: string): ServedTask | undefined {
    const serving = this.workerFor(name)?.tasks.get(name);
    if (serving || !this.names.has(name)) return serving;
    // Its worker is gone: the run waits until its schedule timeout.
    return {
      name,
      outputName: name,
      retries: 0,
      executionMs: 60_000,
      scheduleMs: 300_000,
      backoffMs: () => 0,
      body: gone,
    };
  }
}

function gone(): never {
  throw new Error('No worker serves this task.');
}
