import type { AnyDeclaration } from '../api/types';
import type { RootDefaults } from '../api/scope';
import {
  declared,
  isSingleTask,
  partsOf,
  replaceRunMethods,
  type DeclaredTask,
  type RunMethods,
} from '../hatchet/internals';
import type { Opening } from '../opening';
import { currentExecution } from '../worker/context';
import { wrapDeclaration } from '../worker/declare';
import { innermost } from '../worker/layers';
import { rememberCallbacks, rememberSchema, wrappingOf } from '../worker/wrappings';
import type { InProcessHatchet } from './engine/client';

/** Where declarations are made. */
export interface DeclareHost {
  readonly hatchet: InProcessHatchet;
  readonly opening: Opening;
}

/**
 * Declares a task or workflow of another client anew, with its body, schema, root configuration and callbacks: in the wrapper
 * of another instance, its runs would look for a Redis that is not there.
 */
export function declareAnew({ hatchet, opening }: DeclareHost, original: AnyDeclaration): AnyDeclaration {
  const { name, durable } = declared(original) ?? { name: '', durable: false };
  const { tasks, durableTasks, options } = partsOf(original);
  const { input, root, callbacks, schema } = wrappingOf(original) ?? {};
  const single = () => {
    const all = { ...options, ...untouched(tasks[0] ?? durableTasks[0] ?? {}) };
    return durable ? hatchet.durableTask(all) : hatchet.task(all);
  };
  const workflow = () => {
    const made = hatchet.workflow(options) as AnyDeclaration;
    const into = partsOf(made);
    into.tasks.push(...tasks.map(untouched));
    into.durableTasks.push(...durableTasks.map(untouched));
    return made;
  };
  const copy = (isSingleTask(original) ? single() : workflow()) as AnyDeclaration;
  wrapDeclaration(opening, copy, input, root);
  if (callbacks) rememberCallbacks(copy, callbacks);
  const lower = name.toLowerCase();
  opening.onOpen(({ roots, schemas }) => {
    if (root) roots.set(lower, (callbacks ?? {}) as RootDefaults);
    const known = schema ?? input;
    if (!known) return;
    schemas.set(lower, known);
    rememberSchema(copy, known);
  });
  return copy;
}

/** Returns a copy of a task with the body that its user wrote. */
function untouched(task: DeclaredTask): DeclaredTask {
  return task.fn ? { ...task, fn: innermost(task.fn) } : { ...task };
}

/** A kit's copy of a declaration. */
export interface Copy {
  readonly declaration: AnyDeclaration;
  /** The instance of the kit. */
  readonly instance: object;
}

/** The copies of declarations, the newest last. */
const copies = new WeakMap<object, Copy[]>();

/**
 * Lets the run methods of a declaration start runs of a kit: of the kit whose body or `kit.run` calls them, or else of the
 * newest one.
 * @returns a function that ends that
 */
export function redirectRuns(original: AnyDeclaration, copy: Copy): () => void {
  const known = copies.get(original);
  const list = known ?? [];
  list.push(copy);
  copies.set(original, list);
  const target = () => {
    const { instance } = currentExecution() ?? {};
    const { declaration } = list.find((one) => one.instance === instance) ?? list.at(-1) ?? {};
    return declaration as unknown as RunMethods<unknown> | undefined;
  };
  if (!known)
    replaceRunMethods<unknown>(original, (plain) => ({
      runNoWait: (...args) => (target() ?? plain).runNoWait(...args),
      runManyNoWait: (...args) => (target() ?? plain).runManyNoWait(...args),
    }));
  return () => void list.splice(list.indexOf(copy), 1);
}
