import { durationToMs, type BaseWorkflowDeclaration } from '@hatchet-dev/typescript-sdk';
import { declaredScheduleTimeout } from '../hatchet/declared-timeout';
import {
  declared,
  isSingleTask,
  onTaskAdded,
  replaceRunMethods,
  standaloneName,
  type Declared,
  type DeclaredTask,
} from '../hatchet/internals';
import { ConfigurationError, describeTask } from '../config/errors';
import { processState } from '../utils/process-state';
import type { ResolvedConfig } from '../config/swarm-config';
import { currentExecution } from './context';
import { wrapBody, type Body, type WrappedTask } from './body';
import { resolveEviction } from './eviction';
import { asLayer, withoutClosed } from './layers';
import type { InputSchema } from './parsing';
import type { RunOptionsLike, Runtime, RuntimeSource } from './runtime';
import { setWrapping, wrappingOf } from './wrappings';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the SDK's type parameters are invariant
type Declaration = BaseWorkflowDeclaration<any, any>;

/**
 * Wraps every body of a declaration in place, including tasks that are added later. A second call by one instance has no
 * effect.
 * @throws ConfigurationError for any other value, for batch tasks, and for a root that can't be one or has a bad eviction policy
 */
export function wrapDeclaration<D extends Declaration>(
  source: RuntimeSource,
  declaration: D,
  schema?: InputSchema,
  root?: ResolvedConfig,
): D {
  const definition = declared(declaration);
  if (!definition) {
    throw new ConfigurationError(
      `wrap: expected a task or workflow declared with the Hatchet SDK, got ${describeTask(declaration)}.`,
    );
  }
  const wrapping = wrappingOf(declaration) ?? { instances: new WeakMap(), stores: new Set() };
  const { instance } = source;
  if (wrapping.instances.has(instance)) {
    if (root && !wrapping.instances.get(instance)) {
      throw new ConfigurationError(
        `${definition.name} was wrapped before without { root }. Wrap it once, with { root }.`,
      );
    }
    return declaration;
  }
  const { tasks, defaults } = definition;
  const single = isSingleTask(declaration);
  for (const task of tasks) refuseBatch(task);
  if (single) refuseLoneWait(declaration);
  if (root && !single) {
    throw new ConfigurationError(
      `${definition.name}: only a single task can be a root task. Declare it with mage.rootTask or mage.durableRootTask, or wrap a single task.`,
    );
  }
  if (root && definition.durable) evictInTime(definition);
  wrapping.instances.set(instance, root !== undefined);
  if (schema) wrapping.input = schema;
  if (root) wrapping.root = root;
  setWrapping(declaration, wrapping);
  // The reference is weak, because a declaration may live as long as its process and would keep every instance that has
  // wrapped it. Open instances are kept elsewhere.
  const weakSource = new WeakRef(source);
  const wrapTask = (task: DeclaredTask) => {
    if (!task.fn) return;
    const about: WrappedTask = {
      name: task.name ?? definition.name,
      // Follows the SDK: 0 retries and an empty timeout mean the default.
      retries: task.retries || defaults?.retries || 0,
      timeoutMs: timeoutOf(task, defaults),
      schema,
      reports: single,
      root,
    };
    task.fn = wrapWeakly(weakSource, about, task.fn);
  };
  for (const task of tasks) wrapTask(task);
  // A task is wrapped after the earlier instances have wrapped it, so that the order is the same as for the first tasks.
  if (!single) onTaskAdded(declaration, refuseBatch, wrapTask);
  captureRuns(weakSource, declaration);
  // Read lazily, because tasks are added to a workflow later.
  const scheduleTimeout = () => declaredScheduleTimeout(declaration);
  source.onOpen(({ runtime }) => {
    wrapping.stores.add(runtime.store.identity);
    runtime.registry.declare(definition.name, single ? 'task' : 'workflow', scheduleTimeout);
  });
  return declaration;
}

/** Returns the time limit of one attempt, in ms. Follows the SDK: an empty one means the default. */
function timeoutOf({ executionTimeout, timeout }: DeclaredTask, defaults: Declared['defaults']): number {
  return durationToMs(executionTimeout || timeout || defaults?.executionTimeout || '60s');
}

/** Completes the eviction policy of a durable root. @throws ConfigurationError when it evicts too late or is invalid */
function evictInTime({ name, tasks: [task], defaults }: Declared): void {
  if (task) task.evictionPolicy = resolveEviction(name, task.evictionPolicy, timeoutOf(task, defaults));
}

/** Wraps a body for an instance. After the instance is closed and collected, the wrapper calls the body itself. */
function wrapWeakly(weakSource: WeakRef<RuntimeSource>, about: WrappedTask, wrappedBody: Body): Body {
  // Removes the wrappers of closed instances, which would slow each run and keep those instances in memory.
  const { body, schema } = withoutClosed(wrappedBody);
  const task = { ...about, schema: about.schema ?? schema };
  const wrapped = new WeakMap<Runtime, Body>();
  const wrapper: Body = (input, ctx) => {
    const source = weakSource.deref();
    if (!source) return body(input, ctx);
    const { runtime } = source;
    const own = wrapped.get(runtime) ?? wrapBody(runtime, task, body);
    wrapped.set(runtime, own);
    return own(input, ctx);
  };
  const isClosed = () => {
    const source = weakSource.deref();
    return !source || !processState().instances.includes(source.instance);
  };
  return asLayer(wrapper, { body, schema: task.schema, isClosed });
}

interface SdkRunOptions extends RunOptionsLike {
  childKey?: string;
}

/** In a root's body, runs of this declaration become children of that root. */
function captureRuns(weakSource: WeakRef<RuntimeSource>, declaration: Declaration): void {
  const task = declaration.definition.name;
  const standalone = standaloneName(declaration);
  const current = () => {
    const root = currentExecution()?.root;
    const source = root && weakSource.deref();
    if (!source || !root.captures()) return undefined;
    const { runtime } = source;
    return root.store === runtime.store.identity ? { runtime, root } : undefined;
  };
  const request = (input: unknown, options?: SdkRunOptions) => ({
    task,
    input,
    key: options?.childKey,
    options,
    standaloneName: standalone,
  });
  replaceRunMethods<SdkRunOptions>(declaration, (plain) => ({
    runNoWait: async (input, options, name) => {
      const by = current();
      if (!by) return plain.runNoWait(input, options, name);
      const inputs = Array.isArray(input) ? (input as unknown[]) : [input];
      const refs = await by.runtime.capture(
        by.root,
        inputs.map((each) => request(each, options)),
      );
      return Array.isArray(input) ? refs : refs[0];
    },
    runManyNoWait: async (runs, name) => {
      const by = current();
      if (!by) return plain.runManyNoWait(runs, name);
      return by.runtime.capture(
        by.root,
        runs.map(({ input, opts }) => request(input, opts)),
      );
    },
  }));
}

/**
 * Refuses a workflow whose only task waits for a condition: the engine accepts its runs and never starts them.
 * @throws ConfigurationError
 */
export function refuseLoneWait(declaration: Declaration): void {
  const { tasks, name } = declared(declaration)!;
  const { waitFor } = tasks[0] ?? {};
  if (tasks.length !== 1 || !waitFor || (Array.isArray(waitFor) && waitFor.length === 0)) return;
  throw new ConfigurationError(
    `${name}: expected no "waitFor" on the only task of a workflow, which the engine would never run. Add a task without "waitFor" before it, or wait in the body of a durable task.`,
  );
}

function refuseBatch(task: DeclaredTask): void {
  if (task.batch) {
    throw new ConfigurationError(
      `${task.name}: batch tasks can't be wrapped, because one execution handles many runs. Declare it without "batch", or use it unwrapped.`,
    );
  }
}
