import type {
  BaseWorkflowDeclaration,
  CreateDurableTaskWorkflowOpts,
  CreateTaskWorkflowOpts,
  CreateWorkerOpts,
} from '@hatchet-dev/typescript-sdk';
import { ConfigurationError, describe, describeTask } from '../config/errors';
import { isPlainObject } from '../messages/json';
import { refuseUnknown, trueOrFalse, wholeNumber } from '../config/options';
import { configFields } from '../config/swarm-config';

// The type makes the compiler report fields that a later SDK version adds.
const workerFields: Record<keyof CreateWorkerOpts, true> = {
  workflows: true,
  slots: true,
  durableSlots: true,
  labels: true,
  handleKill: true,
  maxRuns: true,
};
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the SDK's own options, whatever their types
const taskFields: Record<keyof CreateTaskWorkflowOpts<any, any>, true> = {
  name: true,
  description: true,
  version: true,
  sticky: true,
  on: true,
  onCrons: true,
  onEvents: true,
  concurrency: true,
  defaultPriority: true,
  defaultFilters: true,
  inputValidator: true,
  idempotency: true,
  fn: true,
  timeout: true,
  executionTimeout: true,
  scheduleTimeout: true,
  retries: true,
  backoff: true,
  rateLimits: true,
  desiredWorkerLabels: true,
  slotCost: true,
  slotRequests: true,
  batch: true,
};
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the SDK's own options, whatever their types
const durableFields: Record<keyof CreateDurableTaskWorkflowOpts<any, any>, true> = {
  ...taskFields,
  evictionPolicy: true,
};
const mostSlots = 2 ** 31 - 1;

/** Checks the arguments of `worker` before the SDK's worker is made. @throws ConfigurationError */
export function checkWorker(name: unknown, options: CreateWorkerOpts): void {
  if (typeof name !== 'string' || name.trim() === '')
    throw new ConfigurationError(`name of a worker: expected a string that is not empty, got ${describe(name)}.`);
  refuseUnknown(options, new Set(Object.keys(workerFields)), 'option of worker');
  const { workflows = [], slots, durableSlots, maxRuns, labels, handleKill } = options;
  if (!Array.isArray(workflows))
    throw new ConfigurationError(`workflows: expected a list of tasks and workflows, got ${describe(workflows)}.`);
  for (const [i, declaration] of (workflows as (Partial<BaseWorkflowDeclaration> | null | undefined)[]).entries()) {
    if (typeof declaration?.definition?.name !== 'string')
      throw new ConfigurationError(`workflows[${i}]: expected a task or workflow, got ${describeTask(declaration)}.`);
  }
  for (const [field, count] of Object.entries({ slots, durableSlots, maxRuns }))
    wholeNumber(field, count, 1, { min: 0, max: mostSlots });
  if (labels !== undefined && !isPlainObject(labels))
    throw new ConfigurationError(`labels: expected an object of labels, got ${describe(labels)}.`);
  if (handleKill !== undefined) trueOrFalse('handleKill', handleKill);
}

/**
 * Refuses options of a root task that neither the SDK nor its internal swarm has: a misspelt limit would have no effect.
 * @param what - the method that declares it
 * @throws ConfigurationError
 */
export function refuseUnknownOfRoot(what: 'rootTask' | 'durableRootTask', options: object): void {
  const ofTask = Object.keys(what === 'rootTask' ? taskFields : durableFields);
  const ofRoot = [...configFields, 'successCallbacks', 'errorCallbacks', 'input'];
  refuseUnknown(options, new Set([...ofTask, ...ofRoot]), `option of ${what}`);
}

/**
 * Checks the options of a declaration, except those that the SDK checks.
 * @param hasBody - true for a task; a workflow gets its tasks later
 * @throws ConfigurationError
 */
export function checkDeclared(what: string, options: unknown, hasBody: boolean): void {
  if (typeof options !== 'object' || options === null)
    throw new ConfigurationError(`${what}: expected an object with options, got ${describe(options)}.`);
  const { name, fn } = options as { name?: unknown; fn?: unknown };
  if (typeof name !== 'string' || name.trim() === '')
    throw new ConfigurationError(`name of ${what}: expected a string that is not empty, got ${describe(name)}.`);
  if (hasBody && typeof fn !== 'function')
    throw new ConfigurationError(`fn of ${what} ${name}: expected a function, got ${describe(fn)}.`);
}
