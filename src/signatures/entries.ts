import { ConfigurationError, describe } from '../errors';
import { packSpec } from '../store/spec';
import { bind, isSignature } from './binding';
import type { Scope } from './scope';
import { callbackIds, TaskSignature } from './task-signature';
import type { SignOptions, TaskEntry, TaskLike } from './types';

/** What one script adds at most. */
export const entriesPerScript = 1_000;
export const bytesPerScript = 4 * 1024 * 1024;

/** An entry of a swarm, checked and packed, before it is written. */
export interface PreparedEntry {
  packed: string;
  key: string;
  /** The id of its own, when it has one. */
  id: string | undefined;
  callbackIds: string[];
  /** Set when a signature was handed in: it becomes an item of the swarm. */
  signature: TaskSignature<unknown, unknown> | undefined;
}

/**
 * Checks one entry for a swarm and packs it. A signature is reserved for the swarm from here on.
 * @throws ConfigurationError, InvalidMessageError
 */
export function prepare(
  entry: TaskEntry,
  groupId: string,
  groupName: string,
  what: string,
  store: string,
): PreparedEntry {
  const [task, data, options] = Array.isArray(entry)
    ? (entry as [TaskLike, object?, SignOptions?])
    : [entry as TaskLike];
  if (!isSignature(task)) {
    if (typeof task !== 'string' && typeof (task as object | undefined) !== 'object') {
      throw new ConfigurationError(`${what}: expected a task, a task's name or a signature, got ${describe(task)}.`);
    }
    const { key = '', ...spec } = bind(task, data, options, store, what);
    return { packed: packSpec(spec), key, id: undefined, callbackIds: callbackIds(spec), signature: undefined };
  }
  if (!(task instanceof TaskSignature)) {
    throw new ConfigurationError(
      `${what}: expected a task or a signature of a task; the ${task.kind} "${task.name}" can't be an item of a swarm yet.`,
    );
  }
  if (data !== undefined || options !== undefined) {
    throw new ConfigurationError(
      `${what}: data and options are bound when a task is signed, got a signature with more of them. Hand in the task itself, or sign it with them.`,
    );
  }
  const signature = task as TaskSignature<unknown, unknown>;
  const { spec, key } = signature.reserve(groupId, groupName, what, store);
  return { packed: packSpec(spec), key, id: spec.id, callbackIds: callbackIds(spec), signature };
}

/** Makes the signatures of entries, and those of their callbacks, findable by their ids. */
export async function placeLocations(
  scope: Scope,
  groupId: string,
  entries: readonly PreparedEntry[],
  indexes: readonly number[],
): Promise<void> {
  const items = entries.flatMap(({ id }, i) => (id === undefined ? [] : [{ id, index: indexes[i] }]));
  const fired = entries.flatMap((entry, i) => entry.callbackIds.map((id) => ({ id, callbackOf: indexes[i] })));
  await scope.locations.record(groupId, [...items, ...fired]);
}
