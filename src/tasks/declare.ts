import {
  TaskWorkflowDeclaration,
  type WorkflowDeclaration,
  type BaseWorkflowDeclaration,
  durationToMs,
  type Duration,
} from '@hatchet-dev/typescript-sdk';
import { ConfigurationError, describe } from '../errors';
import { processState } from '../process-state';
import { wrapBody, type Body, type WrappedTask } from './body';
import type { InputSchema } from './parsing';
import type { Runtime } from './runtime';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the SDK's type parameters are invariant
type Declaration = BaseWorkflowDeclaration<any, any>;

/** A task as a declaration holds it. */
interface TaskDefinition {
  name?: string;
  fn?: Body;
  retries?: number;
  executionTimeout?: Duration;
  timeout?: Duration;
  batch?: unknown;
}

interface Wrapping {
  /** The instances that wrap it. */
  instances: Set<unknown>;
}

/**
 * Wraps every body of a declaration in place, those added later too. Twice by one instance is once.
 * @throws ConfigurationError for anything else than a declaration, and for batch tasks
 */
export function wrapDeclaration<D extends Declaration>(runtime: Runtime, declaration: D, schema?: InputSchema): D {
  const definition = (declaration as Partial<Declaration> | null | undefined)?.definition;
  if (!definition || !Array.isArray(definition._tasks) || !Array.isArray(definition._durableTasks)) {
    throw new ConfigurationError(
      `wrap: expected a task or workflow declared with the Hatchet SDK, got ${describe(declaration)}.`,
    );
  }
  const known = processState().declarations as WeakMap<object, Wrapping>;
  const wrapping = known.get(declaration) ?? { instances: new Set() };
  if (wrapping.instances.has(runtime.instance)) return declaration;
  const single = declaration instanceof TaskWorkflowDeclaration || '_standalone_task_name' in declaration;
  const tasks = [...definition._tasks, ...definition._durableTasks] as TaskDefinition[];
  for (const task of tasks) refuseBatch(task);
  wrapping.instances.add(runtime.instance);
  known.set(declaration, wrapping);
  const defaults = definition.taskDefaults;
  const wrapTask = (task: TaskDefinition, parsed = schema) => {
    if (!task.fn) return;
    const about: WrappedTask = {
      name: task.name ?? definition.name,
      // As the SDK reads them: no retries, like no timeout, means the default.
      retries: task.retries || defaults?.retries || 0,
      timeoutMs: durationToMs(task.executionTimeout || task.timeout || defaults?.executionTimeout || '60s'),
      schema: parsed,
      reports: single,
    };
    task.fn = wrapBody(runtime, about, task.fn);
  };
  for (const task of tasks) wrapTask(task);
  if (!single) wrapLaterTasks(declaration as unknown as WorkflowDeclaration, wrapTask);
  runtime.served.declare(definition.name, single ? 'task' : 'workflow');
  return declaration;
}

function wrapLaterTasks(
  declaration: WorkflowDeclaration,
  wrapTask: (task: TaskDefinition, schema?: InputSchema) => void,
): void {
  for (const method of ['task', 'durableTask', 'batchTask'] as const) {
    // eslint-disable-next-line @typescript-eslint/no-unsafe-function-type -- one shape for all three
    const original = declaration[method] as Function;
    const wrapped = (options: TaskDefinition): unknown => {
      // What is handed in may be used elsewhere too, unwrapped: the workflow gets a copy.
      const own = { ...(options instanceof TaskWorkflowDeclaration ? (options.taskDef as TaskDefinition) : options) };
      if (method === 'batchTask') refuseBatch({ ...own, batch: own.batch ?? true });
      refuseBatch(own);
      wrapTask(own);
      return original.call(declaration, own) as unknown;
    };
    Object.defineProperty(declaration, method, { value: wrapped, configurable: true, writable: true });
  }
}

function refuseBatch(task: TaskDefinition): void {
  if (task.batch) {
    throw new ConfigurationError(
      `${task.name}: batch tasks can't be wrapped, as one execution of theirs is many runs. Declare it without "batch", or use it unwrapped.`,
    );
  }
}
