import { randomUUID } from 'node:crypto';
import type { Clock } from '../../utils/clock';
import { grpcError } from './errors';
import type { BodyControl, Host } from './host';
import { hasEnded, statusOf, type Run, type RunRequest, type TaskRun } from './run';
import type { ServedTask, ServedWorkflow, Server } from './served-task';
import { mostBytes, TaskQueue, type QueueHost } from './task-queue';
import { Waits } from './waits';

const trigger = '/v1.AdminService/TriggerWorkflowRun';
/** What the engine itself sets in the metadata of a child, which its own children do not inherit. */
const ofParent = { task: 'hatchet__parent_step_run_id', run: 'hatchet__parent_workflow_run_id' };

/**
 * A Hatchet engine inside this process, for tests: it queues, runs, retries, times out and cancels tasks and workflows of
 * several tasks as the real one does. It starts them by itself, or one at a time when it is asked to.
 */
export class InProcessEngine implements BodyControl, QueueHost {
  /** All runs in the order of their publication. */
  readonly runs = new Map<string, Run>();
  /** The names that any worker has ever registered. */
  readonly names = new Set<string>();
  readonly waits: Waits;
  readonly control = this;
  /** Called when a task of a run has begun. */
  onStart: ((run: Run) => void) | undefined;
  private readonly queue: TaskQueue;
  private readonly tasks = new Map<string, TaskRun>();
  /** The tasks that were queued, or cancelled before. */
  private readonly queued = new WeakSet<TaskRun>();
  /** Ends the waits of tasks that are not queued yet. */
  private readonly waiting = new Map<TaskRun, () => void>();
  /** The runs of children, by their parents and their keys or indexes. */
  private readonly children = new Map<string, string>();
  private events = 0;

  /** @param startsByItself - false: tasks begin only by `startNext` */
  constructor(
    readonly host: Host,
    readonly clock: Clock,
    readonly startsByItself = true,
  ) {
    this.waits = new Waits(clock);
    this.queue = new TaskQueue(this);
  }

  get workers(): Set<Server> {
    return this.queue.workers;
  }

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
      if (options?.parentTaskRunExternalId && !this.tasks.has(options.parentTaskRunExternalId))
        throw grpcError(trigger, 'NOT_FOUND', 'the parent was not found');
    return requests.map((request, i) => this.take(request, ...(texts[i] ?? ['{}', '{}'])));
  }

  /** Cancels runs: those that wait end at once, the bodies of others are aborted. */
  cancel(ids: readonly string[]): void {
    for (const run of ids.flatMap((id) => this.runs.get(id) ?? []))
      for (const task of run.tasks) if (!hasEnded(task)) this.cancelTask(task);
  }

  /** Runs ended runs once more, with the same ids and all their attempts. */
  replay(ids: readonly string[]): void {
    for (const run of ids.flatMap((id) => this.runs.get(id) ?? [])) {
      if (!hasEnded(run)) continue;
      // It is added again when the run fails again.
      const last = run.tasks.at(-1);
      if (last && run.onFailure && last.task.name === run.onFailure.name) this.tasks.delete(run.tasks.pop()?.id ?? '');
      for (const task of run.tasks) {
        this.queued.delete(task);
        Object.assign(task, { status: 'QUEUED', output: undefined, error: '', failures: 0, log: undefined });
        task.retryCount += 1;
        this.note(task, 'RETRIED_BY_USER');
      }
      run.status = 'QUEUED';
      this.progress(run);
    }
  }

  /** Delivers a run to its worker a second time, as an engine may. Resolves when its body has returned. */
  async redeliver(id: string): Promise<void> {
    for (const task of this.runs.get(id)?.tasks ?? []) await this.queue.deliverAgain(task);
  }

  /** Gives what the present process has begun to the next one. */
  reassign(): void {
    this.queue.reassign();
  }

  refreshTimeout(id: string, by: string): void {
    this.queue.refreshTimeout(this.tasks.get(id), by);
  }

  releaseSlot(id: string): void {
    this.queue.releaseSlot(this.tasks.get(id));
  }

  /** Returns the events of a task; undefined if there is no such task. */
  eventsOf(id: string): TaskRun['events'] | undefined {
    return this.tasks.get(id)?.events;
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
    return this.queue.serverOf(name) !== undefined;
  }

  /** How many runs have not ended. */
  get open(): number {
    return this.queue.open + this.waiting.size;
  }

  /** Starts the next task, of runs of a name if one is given. @returns the task; undefined if none can begin */
  startNext(name?: string): TaskRun | undefined {
    return this.queue.startNext(({ run }) => name === undefined || run.name === name);
  }

  plan(): void {
    this.queue.plan();
  }

  restore(task: TaskRun): void {
    this.queue.restore(task);
  }

  note(task: TaskRun, eventType: string, more: { errorMessage?: string; workerId?: string } = {}): void {
    this.events += 1;
    const timestamp = new Date(this.clock.now()).toISOString();
    const workerId = more.workerId ?? task.attempt?.workerId;
    const { errorMessage } = more;
    task.events.push({
      id: this.events,
      eventType,
      timestamp,
      retryCount: task.retryCount,
      ...(workerId ? { workerId } : {}),
      ...(errorMessage === undefined ? {} : { errorMessage }),
    });
  }

  changed({ run, status }: TaskRun): void {
    run.status = statusOf(run.tasks);
    if (status === 'RUNNING') this.onStart?.(run);
  }

  ended({ run }: TaskRun): void {
    this.progress(run);
  }

  private take({ workflowName, options = {} }: RunRequest, input: string, given: string): string {
    const name = this.host.fullName(workflowName);
    const { parentId, parentTaskRunExternalId: parent, childIndex, childKey, priority = 1 } = options;
    const place = parent && `${parent} ${childKey === undefined ? `#${childIndex ?? 0}` : childKey}`;
    const known = place ? this.children.get(place) : undefined;
    if (known) return known;
    const id = randomUUID();
    // A name that no worker has registered gets an id, and no run.
    const workflow = this.workflowOf(name);
    if (!workflow) return id;
    const inherited = parent ? { ...this.tasks.get(parent)?.run.metadata } : {};
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
      tasks: [],
      onFailure: workflow.onFailure,
      whenEnded: [],
    };
    this.runs.set(id, run);
    // The only task of a run has the id of the run.
    const isAlone = workflow.tasks.length === 1 && !workflow.onFailure;
    for (const task of workflow.tasks) this.addTask(run, task, isAlone ? id : randomUUID());
    this.progress(run);
    return id;
  }

  private addTask(run: Run, task: ServedTask, id: string): TaskRun {
    const made: TaskRun = {
      id,
      run,
      task,
      status: 'QUEUED',
      output: undefined,
      error: '',
      retryCount: 0,
      failures: 0,
      attempt: undefined,
      events: [],
      invocation: 0,
      isEvicted: false,
      log: undefined,
    };
    run.tasks.push(made);
    this.tasks.set(id, made);
    return made;
  }

  /** Begins the tasks of a run that can begin, ends those that never will, and the run when all have ended. */
  private progress(run: Run): void {
    if (hasEnded(run)) return;
    const { tasks, onFailure } = run;
    const named = new Map(tasks.map((task) => [task.task.name, task]));
    const before = ({ task }: TaskRun) => task.parents.flatMap((name) => named.get(name) ?? []);
    const isNew = (task: TaskRun) => task.status === 'QUEUED' && !this.queued.has(task) && !this.waiting.has(task);
    for (const task of tasks.filter(isNew)) {
      if (!isNew(task)) continue;
      const parents = before(task);
      if (parents.some(({ status }) => status === 'FAILED' || status === 'CANCELLED')) this.cancelTask(task);
      else if (parents.every(({ status }) => status === 'COMPLETED')) this.begin(task);
    }
    if (hasEnded(run)) return;
    run.status = tasks.every(hasEnded) ? 'RUNNING' : statusOf(tasks);
    if (!tasks.every(hasEnded)) return;
    const isHandled = !onFailure || tasks.some(({ task }) => task.name === onFailure.name);
    if (!isHandled) return this.afterAll(run, onFailure);
    run.status = statusOf(tasks);
    for (const ended of run.whenEnded.splice(0)) ended();
  }

  /** Runs the task for failures, or notes that there was none. */
  private afterAll(run: Run, onFailure: ServedTask): void {
    const status = statusOf(run.tasks);
    const task = this.addTask(run, onFailure, randomUUID());
    if (status === 'FAILED') return this.progress(run);
    this.queued.add(task);
    task.status = status === 'COMPLETED' ? 'COMPLETED' : 'CANCELLED';
    if (status === 'COMPLETED') task.output = JSON.stringify({ skipped: true });
    this.progress(run);
  }

  private begin(task: TaskRun): void {
    const { waitsFor } = task.task;
    const enqueue = () => {
      this.waiting.delete(task);
      this.queued.add(task);
      this.queue.enqueue(task);
    };
    if (!waitsFor) return enqueue();
    this.note(task, 'QUEUED');
    this.waiting.set(task, () => undefined);
    const end = this.waits.begin(waitsFor, enqueue);
    if (this.waiting.has(task)) this.waiting.set(task, end);
  }

  private cancelTask(task: TaskRun): void {
    this.note(task, 'CANCELLED');
    const endWait = this.waiting.get(task);
    endWait?.();
    this.waiting.delete(task);
    this.queued.add(task);
    this.queue.cancel(task);
  }

  private workflowOf(name: string): ServedWorkflow | undefined {
    const serving = this.queue.serverOf(name)?.workflows.get(name)?.();
    if (serving || !this.names.has(name)) return serving;
    // Its worker is gone: the run waits until its schedule timeout.
    return { name, isSingle: true, tasks: [unserved(name)], onFailure: undefined };
  }
}

function unserved(name: string): ServedTask {
  return {
    workflow: name,
    name,
    parents: [],
    waitsFor: undefined,
    isDurable: false,
    evictAfterMs: undefined,
    retries: 0,
    executionMs: 60_000,
    scheduleMs: 300_000,
    backoffMs: () => 0,
    body: () => {
      throw new Error('No worker serves this task.');
    },
  };
}
