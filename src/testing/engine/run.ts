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
  /** Aborts the body, as for a timeout or a cancellation. What it gives from now on does not count. */
  abort(): void;
}

/** One run of a task, with all that the engine stores of it. */
export interface Run {
  /** The id of the run, and of its only task. */
  readonly id: string;
  /** The name of its task, as the engine has it. */
  readonly name: string;
  /** As JSON text. */
  readonly input: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly childIndex: number | undefined;
  readonly parentId: string | undefined;
  readonly priority: number;
  readonly createdAt: number;
  status: RunStatus;
  /** As JSON text. */
  output: string | undefined;
  /** JSON text of an error that a body threw, or the engine's own words. */
  error: string;
  /** How many attempts were begun before the present one, and how many of them have failed. */
  retryCount: number;
  failures: number;
  /** The name of its output. */
  outputName: string;
  /** The attempt that goes on. */
  attempt: RunningAttempt | undefined;
  readonly events: RunEvent[];
  /** Called when it has ended. */
  readonly whenEnded: (() => void)[];
}

export function hasEnded({ status }: Run): boolean {
  return status === 'COMPLETED' || status === 'FAILED' || status === 'CANCELLED';
}
