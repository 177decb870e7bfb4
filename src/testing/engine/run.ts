import type { ServedTask } from './served-task';

export type RunStatus = 'QUEUED' | 'RUNNING' | 'COMPLETED' | 'FAILED' | 'CANCELLED';

/** What is asked of the engine: one run. */
export interface RunRequest {
  workflowName: string;
  input: unknown;
  options?: RunOptions | undefined;
}

export interface RunOptions {
  additionalMetadata?: Record<string, string> | undefined;
  parentId?: string | undefined;
  parentTaskRunExternalId?: string | undefined;
  childIndex?: number | undefined;
  childKey?: string | undefined;
  key?: string | undefined;
  priority?: number | undefined;
  _standaloneTaskName?: string | undefined;
}

/** An event of a run, as the engine's REST API lists it. */
export interface RunEvent {
  id: number;
  eventType: string;
  timestamp: string;
  retryCount: number;
  workerId?: string;
  errorMessage?: string;
}

/** An attempt of a run that goes on. */
export interface RunningAttempt {
  readonly workerId: string;
  /** Aborts the body, as for a timeout, a cancellation or an eviction. What it gives from now on does not count. */
  abort(reason: 'cancelled' | 'evicted'): void;
}

/** One run of a task or of a workflow of several tasks, with all that the engine stores of it. */
export interface Run {
  readonly id: string;
  /** The name of its task or workflow, as the engine has it. */
  readonly name: string;
  /** As JSON text. */
  readonly input: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly childIndex: number | undefined;
  readonly parentId: string | undefined;
  readonly priority: number;
  readonly createdAt: number;
  status: RunStatus;
  readonly tasks: TaskRun[];
  /** The task that runs when another one has failed. */
  readonly onFailure: ServedTask | undefined;
  /** Called when it has ended. */
  readonly whenEnded: (() => void)[];
}

/** The run of one task. */
export interface TaskRun {
  /** That of the run, if it is the only task. */
  readonly id: string;
  readonly run: Run;
  task: ServedTask;
  status: RunStatus;
  /** As JSON text. */
  output: string | undefined;
  /** JSON text of an error that a body threw, or the engine's own words. */
  error: string;
  /** How many attempts were begun before the present one, and how many of them have failed. */
  retryCount: number;
  failures: number;
  /** The attempt that goes on. */
  attempt: RunningAttempt | undefined;
  readonly events: RunEvent[];
  /** How often the present attempt was invoked: a durable task that was evicted is invoked again. */
  invocation: number;
  /** True while a durable task waits without a worker. */
  isEvicted: boolean;
  log: WaitLog | undefined;
}

/** What a durable task has waited for. */
export interface WaitLog {
  /** Begins an invocation, and returns what its context talks to. */
  transport(): unknown;
  /** Ends all waits. */
  close(): void;
}

export function hasEnded({ status }: { status: RunStatus }): boolean {
  return status === 'COMPLETED' || status === 'FAILED' || status === 'CANCELLED';
}

/** Returns the status of a run by those of its tasks. */
export function statusOf(tasks: readonly TaskRun[]): RunStatus {
  const any = (status: RunStatus) => tasks.some((task) => task.status === status);
  if (!tasks.every(hasEnded)) return tasks.every(({ status }) => status === 'QUEUED') ? 'QUEUED' : 'RUNNING';
  if (any('FAILED')) return 'FAILED';
  return any('CANCELLED') ? 'CANCELLED' : 'COMPLETED';
}

/** Returns the outputs of the tasks of a run, by their names: none of one that has not succeeded. */
export function outputsOf({ tasks }: Run): Record<string, unknown> {
  const done = tasks.filter(({ output }) => output !== undefined);
  return Object.fromEntries(done.map(({ task, output = 'null' }) => [task.name, JSON.parse(output) as unknown]));
}

/** Returns what a run gives to who waits for it: the output of its only task, or those of all by their names. */
export function outputOf(run: Run): unknown {
  const outputs = outputsOf(run);
  const [only, ...others] = run.tasks;
  return others.length > 0 || !only ? outputs : outputs[only.task.name];
}
