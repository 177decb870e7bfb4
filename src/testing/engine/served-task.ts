import { durationToMs, type Duration } from '@hatchet-dev/typescript-sdk';
import {
  DEFAULT_DURABLE_TASK_EVICTION_POLICY,
  normalizeWorkflowDefinition,
  ON_FAILURE_TASK_NAME,
  taskConditionsToPb,
  type EvictionPolicy,
} from '@hatchet-dev/typescript-sdk/edge/index.js';
import { declared, isSingleTask, type DeclaredTask } from '../../hatchet/internals';
import { notInKit } from './errors';
import type { Conditions } from './waits';

/** A task that a worker serves. */
export interface ServedTask {
  /** The name by which runs ask for its workflow, in lower case and with the namespace. */
  workflow: string;
  /** Its own name: that of its output in the outputs of a run. */
  name: string;
  /** The names of the tasks before it. */
  parents: readonly string[];
  /** What it waits for when those have succeeded. */
  waitsFor: Conditions | undefined;
  isDurable: boolean;
  /** How long a wait of a durable task may take, in ms, before it is evicted. */
  readonly evictAfterMs: number | undefined;
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

/** A task or a workflow of several tasks that a worker serves. */
export interface ServedWorkflow {
  /** The name by which runs ask for it, in lower case and with the namespace. */
  name: string;
  isSingle: boolean;
  tasks: readonly ServedTask[];
  onFailure: ServedTask | undefined;
}

/** A worker, as far as the engine assigns runs to it. */
export interface Server {
  readonly id: string;
  readonly name: string;
  /** What it serves, by the names that the engine has for it. */
  readonly workflows: ReadonlyMap<string, () => ServedWorkflow>;
  /** How many runs it takes at once, and how many of its slots are taken; and the same for durable tasks. */
  readonly slots: number;
  readonly durableSlots: number;
  running: number;
  runningDurable: number;
}

interface Backoff {
  factor?: number;
  maxSeconds?: number;
}

type Defaults = NonNullable<ReturnType<typeof declared>>['defaults'] & { backoff?: Backoff };
type Task = DeclaredTask & { backoff?: Backoff; parents?: readonly { name: string }[] } & Partial<
    Record<(typeof missing)[number], unknown>
  >;

/** What a declaration may have that no run in this process would follow. */
const missing = [
  'concurrency',
  'rateLimits',
  'idempotency',
  'batch',
  'desiredWorkerLabels',
  'skipIf',
  'cancelIf',
] as const;

/**
 * Reads a declaration.
 * @param fullName - gives a name its namespace
 * @throws Error for what the in-process engine does not have
 */
export function servedWorkflow(declaration: object, fullName: (name: string) => string): ServedWorkflow {
  const definition = declared(declaration);
  if (!definition) throw new Error('register: expected a task that was declared with mageflow or the Hatchet SDK.');
  const { name, defaults = {} } = definition;
  refuseMissing(name, (declaration as { definition: Task }).definition);
  // Adds the task of onSuccess behind all others.
  const normalized = normalizeWorkflowDefinition(declaration as never);
  const durable = new Set<unknown>(normalized._durableTasks);
  const all = [...normalized._tasks, ...normalized._durableTasks] as Task[];
  const around = { workflow: fullName(name), defaults: defaults as Defaults };
  const onFailure = normalized.onFailure as Task | NonNullable<Task['fn']> | undefined;
  const afterFailure = typeof onFailure === 'function' ? { fn: onFailure } : onFailure;
  return {
    name: around.workflow,
    isSingle: isSingleTask(declaration) && all.length === 1,
    tasks: all.map((task) => servedTask(task, around, durable.has(task))),
    onFailure: afterFailure && servedTask({ ...afterFailure, name: ON_FAILURE_TASK_NAME }, around, false),
  };
}

function servedTask(
  task: Task,
  { workflow, defaults }: { workflow: string; defaults: Defaults },
  isDurable: boolean,
): ServedTask {
  const name = task.name ?? workflow;
  refuseMissing(name, task);
  const conditions = taskConditionsToPb(task as never);
  if (conditions.parentOverrideConditions.length > 0) throw notInKit(`conditions about parents, which ${name} has`);
  const waits = conditions.sleepConditions.length + conditions.userEventConditions.length > 0;
  return {
    workflow,
    name,
    parents: (task.parents ?? []).map((parent) => parent.name),
    waitsFor: waits ? (conditions as Conditions) : undefined,
    isDurable,
    // As it is now: a durable root gets its policy after its declaration.
    get evictAfterMs() {
      const { ttl } = (task.evictionPolicy ?? DEFAULT_DURABLE_TASK_EVICTION_POLICY) as EvictionPolicy;
      return isDurable && ttl ? durationToMs(ttl) : undefined;
    },
    body: () => {
      if (!task.fn) throw new Error(`${name} has no body.`);
      return task.fn;
    },
    retries: task.retries || defaults.retries || 0,
    backoffMs: (failures) => backoffOf(task.backoff ?? defaults.backoff, failures),
    executionMs: msOf(task.executionTimeout || task.timeout || defaults.executionTimeout, '60s'),
    scheduleMs: msOf((task.scheduleTimeout || defaults.scheduleTimeout) as Duration | undefined, '5m'),
  };
}

function refuseMissing(name: string, options: Partial<Record<(typeof missing)[number], unknown>>): void {
  for (const option of missing) if (isSet(options[option])) throw notInKit(`option ${option}, which ${name} has`);
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
