import { durationToMs, type Duration } from '@hatchet-dev/typescript-sdk';
import { declared, isSingleTask, type DeclaredTask } from '../../hatchet/internals';
import { notInKit } from './errors';

/** A task that a worker serves. */
export interface ServedTask {
  /** The name by which runs ask for it, in lower case and with the namespace. */
  name: string;
  /** The name of its output in the output of a run. */
  outputName: string;
  /** The body as it is now: it may be wrapped after its declaration. */
  body(): NonNullable<DeclaredTask['fn']>;
  /** Attempts after the first one. */
  retries: number;
  /** The wait before an attempt, in ms. @param failures - how many attempts have failed before */
  backoffMs(failures: number): number;
  /** How long an attempt may take, and how long a run may wait for a worker, in ms. */
  executionMs: number;
  scheduleMs: number;
}

/** A worker, as far as the engine assigns runs to it. */
export interface Server {
  readonly id: string;
  readonly name: string;
  /** The tasks that it serves, by the names that the engine has for them. */
  readonly tasks: ReadonlyMap<string, ServedTask>;
  /** How many runs it takes at once, and how many of its slots are taken. */
  readonly slots: number;
  running: number;
}

interface Backoff {
  factor?: number;
  maxSeconds?: number;
}

/** What a declaration may have that no run in this process would follow. */
const missing = ['concurrency', 'rateLimits', 'idempotency', 'waitFor', 'batch', 'desiredWorkerLabels'] as const;

/**
 * Reads the task of a declaration.
 * @param fullName - gives a name its namespace
 * @throws Error for what the in-process engine does not have
 */
export function servedTask(declaration: object, fullName: (name: string) => string): ServedTask {
  const definition = declared(declaration);
  if (!definition) throw new Error('register: expected a task that was declared with mageflow or the Hatchet SDK.');
  const { name, tasks, durable, defaults } = definition;
  const [task] = tasks;
  if (!isSingleTask(declaration) || !task) throw notInKit(`workflows of several tasks, as ${name} is`);
  if (durable) throw notInKit(`durable tasks, as ${name} is`);
  const options = task as DeclaredTask & { backoff?: Backoff } & Partial<Record<(typeof missing)[number], unknown>>;
  for (const option of missing) if (isSet(options[option])) throw notInKit(`option ${option}, which ${name} has`);
  return {
    name: fullName(name),
    outputName: task.name ?? name,
    body: () => {
      if (!task.fn) throw new Error(`${name} has no body.`);
      return task.fn;
    },
    retries: task.retries || defaults?.retries || 0,
    backoffMs: (failures) => backoffOf(options.backoff, failures),
    executionMs: msOf(task.executionTimeout || task.timeout || defaults?.executionTimeout, '60s'),
    scheduleMs: msOf((task.scheduleTimeout || defaults?.scheduleTimeout) as Duration | undefined, '5m'),
  };
}

function isSet(option: unknown): boolean {
  return Array.isArray(option) ? option.length > 0 : Boolean(option);
}

function msOf(duration: Duration | undefined, fallback: Duration): number {
  return durationToMs(duration || fallback);
}

function backoffOf({ factor, maxSeconds = Infinity }: Backoff = {}, failures: number): number {
  return factor ? Math.min(factor ** failures, maxSeconds) * 1_000 : 0;
}
