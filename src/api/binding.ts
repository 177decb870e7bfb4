import { declaredScheduleTimeout } from '../hatchet/declared-timeout';
import { AlreadyStartedError, ConfigurationError, describe, describeTask } from '../config/errors';
import { encodeMessage, isPlainObject } from '../messages/json';
import { refuseUnknown, trueOrFalse, wholeNumber } from '../config/options';
import { checkBytes, checkWellFormed, maxNameBytes, maxOptionsBytes, text } from '../config/text';
import { packSpec, type Spec, type StoredRunOptions } from '../store/spec';
import { checkLabels, labelFields } from './labels';
import { checkMetadata } from './metadata';
import { checkBound, checkCallback, schemaOf } from './schemas';
import type { Scope } from './scope';
import {
  toStored,
  type AnySignature,
  type RunOptions,
  type SignOptions,
  type TaskLike,
  type WaitOptions,
} from './types';

/** The run options, which every list of options includes. */
export const runFields = ['additionalMetadata', 'priority', 'sticky', 'desiredWorkerLabels'] as const;
const signFields = new Set<string>([...runFields, ...labelFields, 'successCallbacks', 'errorCallbacks', 'name', 'key']);
const waitFields = new Set<string>(['timeoutMs', 'signal']);
const callFields = new Set<string>([...runFields, ...waitFields]);
const idOfOurs = /^([A-Za-z0-9]{12}\.[0-9a-z]{1,11}|k\.[\w-]{24})(~\d+)?$/;

/**
 * Returns the name of the task that a declaration, name or signature runs. @throws ConfigurationError, InvalidMessageError
 */
export function taskName(task: unknown, what: string): string {
  const name =
    typeof task === 'string'
      ? task
      : (task as { definition?: { name?: unknown } } | null | undefined)?.definition?.name;
  if (typeof name !== 'string') {
    throw new ConfigurationError(`${what}: expected a task, a task's name or a signature, got ${describeTask(task)}.`);
  }
  if (name.trim() === '' || name.includes('\0'))
    throw new ConfigurationError(`${what}: expected a task's name, got ${describe(name)}.`);
  checkWellFormed(`the task's name of ${what}`, name);
  checkBytes(`the task's name of ${what}`, name, maxNameBytes);
  if (idOfOurs.test(name)) {
    throw new ConfigurationError(
      `${what}: ${describe(name)} is the id of a signature, not the name of a task. Pass the signature instead: await mage.load(id).`,
    );
  }
  return name;
}

/** A signed spec, with its key when it has one. */
export type BoundSpec = Spec & { key?: string };

type CallbackLists = Record<'successCallbacks' | 'errorCallbacks', readonly TaskLike[] | null | undefined>;

/**
 * Checks the arguments of `sign` and returns the spec to store. Synchronous unless there are callbacks: few tasks have any,
 * and a promise costs more than the rest of this function.
 * @throws ConfigurationError, InvalidMessageError
 */
export function bind(
  scope: Scope,
  task: TaskLike,
  given: { data?: object | undefined; options?: SignOptions | undefined } = {},
  what = 'task',
): BoundSpec | Promise<BoundSpec> {
  const { data } = given;
  const options = given.options ?? {};
  const name = taskName(task, what);
  refuseUnknown(options, signFields, 'option of sign');
  const bound: BoundSpec = { task: name };
  const scheduleTimeout = typeof task === 'string' ? undefined : declaredScheduleTimeout(task);
  if (scheduleTimeout !== undefined) bound.scheduleTimeout = scheduleTimeout;
  const root = scope.roots.get(name.toLowerCase());
  if (root) bound.group = 'root';
  if (data !== undefined && data !== null) {
    bound.data = encodeMessage(data, `the data bound to ${name}`);
    const schema = schemaOf(scope, task, name);
    if (schema) checkBound(schema, name, bound.data);
  }
  const run = checkRunOptions(options, `sign(${name})`);
  if (run) bound.options = run;
  Object.assign(bound, checkLabels(options, `sign(${name})`));
  const shown = text(options.name, 'name');
  if (shown !== undefined) bound.name = shown;
  const key = text(options.key, 'key');
  if (key !== undefined) bound.key = key;
  const successCallbacks = copyList(options.successCallbacks ?? root?.successCallbacks);
  const errorCallbacks = copyList(options.errorCallbacks ?? root?.errorCallbacks);
  return isNone(successCallbacks) && isNone(errorCallbacks)
    ? bound
    : withCallbacks(scope, bound, { successCallbacks, errorCallbacks });
}

async function withCallbacks(scope: Scope, bound: BoundSpec, lists: CallbackLists): Promise<BoundSpec> {
  for (const what of ['successCallbacks', 'errorCallbacks'] as const) {
    const packed = await callbacks(scope, lists[what], what);
    if (packed.length > 0) bound[what] = packed;
  }
  return bound;
}

/**
 * Returns a list of callbacks as a parent stores them, by value.
 * @param given - the result that success callbacks receive: a list of outputs, or the output of one task
 * @throws ConfigurationError
 */
export async function callbacks(
  scope: Scope,
  list: readonly TaskLike[] | null | undefined,
  what: 'successCallbacks' | 'errorCallbacks',
  given: 'list' | 'output' = 'output',
): Promise<string[]> {
  checkList(list, what);
  if (isNone(list)) return [];
  const packed: string[] = [];
  for (let i = 0; i < list.length; i++) {
    const callback = list[i] as TaskLike;
    const place = `${what}[${i}]`;
    const spec = isSignature(callback)
      ? await callback[toStored](place, scope.store.identity)
      : await bind(scope, callback, {}, place);
    if (what === 'successCallbacks' && (spec.group === undefined || spec.group === 'root')) {
      const schema = schemaOf(scope, callback, spec.task);
      if (schema) checkCallback(schema, spec, place, given === 'list');
    }
    packed.push(packSpec(spec));
  }
  return packed;
}

/** Checks a list of callbacks that is packed later. @throws ConfigurationError */
export function checkCallbacks(list: readonly TaskLike[] | null | undefined, what: string): void {
  checkList(list, what);
  for (const [i, callback] of (list ?? []).entries()) if (!isSignature(callback)) taskName(callback, `${what}[${i}]`);
}

function checkList(list: unknown, what: string): void {
  if (!isNone(list) && !Array.isArray(list))
    throw new ConfigurationError(`${what}: expected a list of tasks, got ${describe(list)}.`);
}

/**
 * Copies a list, because the caller may change it before it is read. Returns other values as they are, for the check to
 * refuse.
 */
export function copyList<T>(list: readonly T[] | null | undefined): readonly T[] | null | undefined {
  return Array.isArray(list) ? [...(list as readonly T[])] : list;
}

function isNone(list: unknown): list is null | undefined {
  return list === undefined || list === null;
}

/** Returns whether a value is a signature, of any copy of the package. */
export function isSignature(value: unknown): value is AnySignature {
  return typeof value === 'object' && value !== null && toStored in value;
}

/**
 * Returns copies of the run options, which the caller can't change any more. Undefined when none is given.
 * @throws ConfigurationError, InvalidMessageError
 */
export function checkRunOptions(options: RunOptions | undefined, what: string): StoredRunOptions | undefined {
  if (options === undefined || options === null) return undefined;
  const { additionalMetadata, priority, sticky, desiredWorkerLabels } = options;
  const run: StoredRunOptions = {};
  if (additionalMetadata !== undefined)
    run.additionalMetadata = checkMetadata('additionalMetadata', additionalMetadata, what);
  if (priority !== undefined) {
    if (![1, 2, 3].includes(priority))
      throw new ConfigurationError(`priority of ${what}: expected 1, 2 or 3, got ${describe(priority)}.`);
    run.priority = priority;
  }
  if (sticky !== undefined) run.sticky = trueOrFalse(`sticky of ${what}`, sticky);
  if (desiredWorkerLabels !== undefined) run.desiredWorkerLabels = checkWorkerLabels(desiredWorkerLabels, what);
  if (Object.keys(run).length === 0) return undefined;
  checkBytes(`the options of ${what}`, JSON.stringify(run), maxOptionsBytes);
  return run;
}

/**
 * Checks the options of `run`, `runNoWait` and `runSettled` before anything starts.
 * @throws ConfigurationError, and the reason of a signal that is aborted already
 */
export function checkCallOptions(options: (RunOptions & WaitOptions) | undefined): void {
  if (options === undefined) return;
  refuseUnknown(options, callFields, 'option of run');
  checkWaiting(options);
}

/** Checks the options of `wait`. @throws as {@link checkCallOptions} */
export function checkWaitOptions(options: WaitOptions | undefined): void {
  if (options === undefined) return;
  refuseUnknown(options, waitFields, 'option of wait');
  checkWaiting(options);
}

function checkWaiting({ timeoutMs, signal }: WaitOptions): void {
  if (timeoutMs === null)
    throw new ConfigurationError('timeoutMs: expected a whole number of at least 1, got null. Omit it for no limit.');
  wholeNumber('timeoutMs', timeoutMs, 1);
  checkSignal(signal);
  signal?.throwIfAborted();
}

/** @throws ConfigurationError */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal !== undefined && !isAbortSignal(signal))
    throw new ConfigurationError(`signal: expected an AbortSignal, got ${describe(signal)}.`);
}

/** Checks the shape, because a signal of another realm is no instance of this realm's class. */
function isAbortSignal(value: unknown): value is AbortSignal {
  const { aborted, addEventListener, throwIfAborted } = Object(value) as Partial<AbortSignal>;
  return typeof aborted === 'boolean' && [addEventListener, throwIfAborted].every((own) => typeof own === 'function');
}

export function alreadyStarted(what: string): AlreadyStartedError {
  return new AlreadyStartedError(
    `${what} has been run already; a signature runs once. Sign the task again for another run.`,
  );
}

/** Checks the labels, because the engine accepts labels that it can't store, and then loses every run of the call. */
function checkWorkerLabels(given: NonNullable<RunOptions['desiredWorkerLabels']>, what: string): typeof given {
  const refuse = (expected: string, came: unknown): never => {
    throw new ConfigurationError(`desiredWorkerLabels of ${what}: expected ${expected}, got ${describe(came)}.`);
  };
  if (!isPlainObject(given)) return refuse('an object of labels', given);
  const labels: typeof given = {};
  for (const [key, each] of Object.entries(given)) {
    if (key.includes('\0')) refuse('names without NUL', key);
    checkWellFormed(`desiredWorkerLabels of ${what}`, key);
    if (!isPlainObject(each)) refuse(`an object with a value at ${describe(key)}`, each);
    const label = { ...each };
    labels[key] = label;
    const { value, required, weight = 0, comparator = 0 } = label;
    if (typeof value === 'string' ? value.includes('\0') : !isInt32(value))
      refuse(`a string without NUL or a whole number of 32 bits as the value of ${describe(key)}`, value);
    if (typeof value === 'string') checkWellFormed(`desiredWorkerLabels of ${what}`, value);
    if (required !== undefined && typeof required !== 'boolean')
      refuse(`true or false as required of ${describe(key)}`, required);
    if (!isInt32(weight)) refuse(`a whole number of 32 bits as the weight of ${describe(key)}`, weight);
    if (!isInt32(comparator)) refuse(`a WorkerLabelComparator as the comparator of ${describe(key)}`, comparator);
  }
  return labels;
}

function isInt32(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) === ((value as number) | 0);
}
