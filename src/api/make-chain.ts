import { ConfigurationError, describe } from '../config/errors';
import { refuseUnknown } from '../config/options';
import { text } from '../config/text';
import { keyedId, newId } from '../store/ids';
import { packTemplate, type GroupTemplate } from '../store/spec';
import { checkRunOptions, runFields, type BoundSpec } from './binding';
import { checkLabels, labelFields, type LabelOptions } from './labels';
import { placeAll, prepareGroup, releaseAll, undo } from './entries';
import { identityOfTasks } from './identity';
import { currentRoot, type Scope } from './scope';
import { TaskSignature } from './task-signature';
import type { Owner, RunOptions, TaskLike } from './types';

/** Options of `mage.chain`. */
export interface ChainOptions<S extends readonly TaskLike[] = readonly TaskLike[]> extends RunOptions, LabelOptions {
  /** Run after every step has succeeded, with the last output. */
  successCallbacks?: S | undefined;
  /** Run once, after a step has finally failed (with that step's input) or the chain was cancelled. */
  errorCallbacks?: readonly TaskLike[] | undefined;
  /** A name for people: in `list`, `describe` and the metadata of its runs. Default `'chain'`. */
  name?: string | undefined;
  /** Idempotency key. Two chains with one key are the same work. It runs once; a later `run` attaches to it. */
  key?: string | undefined;
}

const fields = new Set<string>(['successCallbacks', 'errorCallbacks', 'name', 'key', ...labelFields, ...runFields]);

/** Checks everything and makes the chain. Nothing is written until it is run or becomes part of a group. */
export async function makeChain(
  scope: Scope,
  tasks: readonly TaskLike[],
  options: ChainOptions,
): Promise<TaskSignature<unknown, unknown>> {
  refuseUnknown(options, fields, 'option of chain');
  if (!Array.isArray(tasks) || tasks.length === 0) {
    throw new ConfigurationError(
      `tasks of a chain: expected a list of at least one task, got ${Array.isArray(tasks) ? 'an empty list' : describe(tasks)}.`,
    );
  }
  const given = text(options.name, 'name');
  const name = given ?? 'chain';
  const key = text(options.key, 'key');
  const run = checkRunOptions(options, `the chain "${name}"`);
  const labelled = checkLabels(options, `the chain "${name}"`);
  const root = currentRoot(scope);
  const identity = root && (key ?? root.identify('chain', name, identityOfTasks(tasks as TaskLike[])));
  const id = root ? keyedId('chain', `${root.groupId} ${identity}`) : key ? keyedId('chain', key) : newId();
  const owner: Owner = {
    groupId: id,
    name,
    kind: 'chain',
    status: () => chain.status(),
    mayAttach: (identity ?? key) !== undefined,
  };
  const parts = { tasks: tasks as TaskLike[], options, owner };
  const { successCallbacks, errorCallbacks, entries: steps } = await prepareGroup(scope, parts);
  const group: GroupTemplate = {
    items: steps.map(({ packed }) => packed),
    successCallbacks,
    errorCallbacks,
    maxConcurrency: 1,
    stopAfterNFailures: 1,
    ...(run ? { options: run } : {}),
  };
  const below = steps.flatMap((step) => step.spec.below ?? []);
  const spec: BoundSpec = { task: name, group: 'chain', data: packTemplate(group), ...labelled };
  if (given !== undefined) spec.name = given;
  if (below.length > 0) spec.below = below;
  // In a root's body the id identifies the chain already.
  if (key !== undefined && !root) spec.key = key;
  const chain = new TaskSignature<unknown, unknown>(scope, spec, id, root, key !== undefined);
  const began = scope.store.clock.elapsed();
  try {
    await placeAll(scope, id, steps, { indexes: steps.map((_, i) => i), firstNew: 0 });
  } catch (error) {
    // An earlier call may have made the chain of this identity, with these steps in it.
    await undo(scope, began, releaseAll(steps, owner.mayAttach !== true));
    throw error;
  }
  return chain;
}
