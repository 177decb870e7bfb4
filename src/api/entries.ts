import { ConfigurationError, describeTask } from '../config/errors';
import { withTimeout } from '../utils/timeout';
import { packSpec, type Spec } from '../store/spec';
import { bind, callbacks, copyList, isSignature, type BoundSpec } from './binding';
import type { Scope } from './scope';
import {
  reserve,
  type AnySignature,
  type Member,
  type Owner,
  type SignOptions,
  type TaskEntry,
  type TaskLike,
} from './types';

/** What one script adds at most. */
export const entriesPerScript = 1_000;
export const bytesPerScript = 4 * 1024 * 1024;

/** An entry of a group, checked and packed, before it is written. */
export interface PreparedEntry {
  spec: Spec;
  packed: string;
  key: string;
  member: Member | undefined;
}

/**
 * Checks one entry for a group and packs it: at once, unless it is a signature or has callbacks. A signature is reserved for the
 * group from here on.
 * @throws ConfigurationError, InvalidMessageError
 */
export function prepare(
  scope: Scope,
  entry: TaskEntry,
  owner: Owner,
  what: string,
): PreparedEntry | Promise<PreparedEntry> {
  const [task, data, options] = Array.isArray(entry)
    ? (entry as [TaskLike, object?, SignOptions?])
    : [entry as TaskLike];
  if (!isSignature(task)) {
    if (typeof task !== 'string' && typeof (task as object | undefined) !== 'object') {
      throw new ConfigurationError(
        `${what}: expected a task, a task's name or a signature, got ${describeTask(task)}.`,
      );
    }
    const bound = bind(scope, task, data, options, what);
    return bound instanceof Promise ? bound.then(preparedTask) : preparedTask(bound);
  }
  if (data !== undefined || options !== undefined) {
    throw new ConfigurationError(
      `${what}: data and options are bound when a task is signed, got a signature with more of them. Hand in the task itself, or sign it with them.`,
    );
  }
  return reserved(scope, task, owner, what);
}

async function reserved(scope: Scope, task: AnySignature, owner: Owner, what: string): Promise<PreparedEntry> {
  const member = await task[reserve](owner, what, scope.store.identity);
  const began = performance.now();
  try {
    await refuseCircle(scope, member, owner, what);
  } catch (error) {
    await undo(scope, began, member.rollback(false));
    throw error;
  }
  return prepared(member.spec, member.key, member);
}

/** A group in itself would wait for itself. @throws ConfigurationError */
async function refuseCircle(scope: Scope, { spec }: Member, owner: Owner, what: string): Promise<void> {
  if (!spec.below) return;
  for (let above: string | undefined = owner.groupId; above;) {
    if (spec.below.includes(above))
      throw new ConfigurationError(
        `${what}: "${spec.name ?? spec.task}" can't be added to "${owner.name}", which is, or belongs to, a part of it.`,
      );
    above = (await scope.reader.record(above))?.parent?.groupId;
  }
}

function preparedTask({ key = '', ...spec }: BoundSpec): PreparedEntry {
  return prepared(spec, key, undefined);
}

function prepared(spec: Spec, key: string, member: Member | undefined): PreparedEntry {
  return { spec, packed: packSpec(spec), key, member };
}

/**
 * Tells signatures that were handed in where they are, and makes them and their callbacks findable by their ids.
 * @param firstNew - the index of the first one that was not there before
 */
export async function placeAll(
  scope: Scope,
  groupId: string,
  entries: readonly PreparedEntry[],
  indexes: readonly number[],
  firstNew: number,
): Promise<void> {
  // Most are plain tasks, which are found by their places.
  if (
    !entries.some(({ member, spec }) => member ?? spec.id ?? spec.successCallbacks ?? spec.errorCallbacks ?? spec.group)
  )
    return;
  const items = entries.map(({ spec }, i) => ({ spec, index: indexes[i] ?? 0 }));
  const members = entries.flatMap(({ member }, i) => {
    const index = indexes[i] ?? 0;
    return member ? [member.commit(index, index >= firstNew)] : [];
  });
  await Promise.all([...members, scope.locations.recordItems(groupId, items)]);
}

/**
 * Gives signatures back that were not taken.
 * @param gone - whether the group that they were handed in to is not there
 */
export async function releaseAll(
  entries: readonly PreparedEntry[],
  gone: boolean | Promise<boolean> = false,
): Promise<void> {
  await Promise.all(entries.flatMap(({ member }) => (member ? [member.rollback(gone)] : [])));
}

/**
 * Waits for what undoes a call that has failed, no longer than a call may take in all. Redis may be away: the rest goes on by
 * itself, and what can't be undone expires, as nobody has started it.
 * @param began - when the call began, by `performance.now`
 */
export async function undo({ store }: Scope, began: number, effects: Promise<unknown>): Promise<void> {
  const left = store.settings.commandTimeoutMs - (performance.now() - began);
  await withTimeout('Redis', Math.max(0, left), effects).catch(() => undefined);
}

/** An entry of a list that was handed in, as it was then. */
type TakenEntry = () => PreparedEntry | Promise<PreparedEntry>;

/**
 * Takes the entries of a list before anything is awaited, as its owner may change it or what is in it afterwards. Signatures, which
 * don't change, are reserved later.
 * @throws ConfigurationError, InvalidMessageError
 */
function takeAll(scope: Scope, tasks: readonly TaskEntry[], owner: Owner, what = 'tasks'): TakenEntry[] {
  // A hole in a list is a task that is missing, too.
  return Array.from(tasks, (entry, i) => {
    const given = (Array.isArray(entry) ? [...(entry as readonly unknown[])] : entry) as TaskEntry;
    const take = () => prepare(scope, given, owner, `${what}[${i}]`);
    if (isSignature(Array.isArray(given) ? given[0] : given)) return take;
    const taken = take();
    // Awaited with the others, or not at all when one of them is refused before.
    if (taken instanceof Promise) taken.catch(() => undefined);
    return () => taken;
  });
}

/**
 * Checks and packs what a group is made of: all of it, or nothing. Lists are taken before anything is awaited.
 * @param given - what its success callbacks are given
 * @throws ConfigurationError, InvalidMessageError
 */
export async function prepareGroup(
  scope: Scope,
  parts: {
    tasks: readonly TaskEntry[];
    options: Pick<SignOptions, 'successCallbacks' | 'errorCallbacks'>;
    owner: Owner;
  },
  given?: 'list' | 'output',
) {
  const { tasks, options, owner } = parts;
  const onSuccess = copyList(options.successCallbacks);
  const onError = copyList(options.errorCallbacks);
  const taken = takeAll(scope, tasks, owner);
  const successCallbacks = await callbacks(scope, onSuccess, 'successCallbacks', given);
  const errorCallbacks = await callbacks(scope, onError, 'errorCallbacks');
  return { successCallbacks, errorCallbacks, entries: await prepareAll(scope, taken) };
}

/** Prepares all entries of a list, or none of them. */
async function prepareAll(scope: Scope, taken: readonly TakenEntry[]): Promise<PreparedEntry[]> {
  const began = performance.now();
  const entries: PreparedEntry[] = [];
  try {
    for (const take of taken) {
      const entry = take();
      entries.push(entry instanceof Promise ? await entry : entry);
    }
    return entries;
  } catch (error) {
    await undo(scope, began, releaseAll(entries));
    throw error;
  }
}
