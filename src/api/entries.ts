import { ConfigurationError, describeTask } from '../config/errors';
import { withTimeout } from '../utils/timeout';
import { displayName, packSpec, type Spec } from '../store/spec';
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

/** The most entries that one script adds. */
export const perScript = { items: 1_000, bytes: 4 * 1024 * 1024 };

/** An entry of a group, checked and packed, before it is written. */
export interface PreparedEntry {
  spec: Spec;
  packed: string;
  key: string;
  member: Member | undefined;
}

/**
 * Checks one entry for a group and packs it. Synchronous, unless the entry is a signature or has callbacks. From here on a
 * signature is reserved for the group.
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
    const bound = bind(scope, task, { data, options }, what);
    return bound instanceof Promise ? bound.then(preparedTask) : preparedTask(bound);
  }
  if (data !== undefined || options !== undefined) {
    throw new ConfigurationError(
      `${what}: a signature has its data and options already, got more of them. Pass the task instead of the signature, or pass them to sign().`,
    );
  }
  return reserved(scope, task, owner, what);
}

async function reserved(scope: Scope, task: AnySignature, owner: Owner, what: string): Promise<PreparedEntry> {
  const member = await task[reserve](owner, what, scope.store.identity);
  const began = scope.store.clock.elapsed();
  try {
    await refuseCircle(scope, member, owner, what);
  } catch (error) {
    await undo(scope, began, member.rollback(false));
    throw error;
  }
  return prepared(member.spec, member.key, member);
}

/** Refuses a group that would contain itself, because it would wait for itself. @throws ConfigurationError */
async function refuseCircle(scope: Scope, { spec }: Member, owner: Owner, what: string): Promise<void> {
  if (!spec.below) return;
  for (let above: string | undefined = owner.groupId; above;) {
    if (spec.below.includes(above))
      throw new ConfigurationError(
        `${what}: "${displayName(spec)}" can't be added to "${owner.name}", which is the same group or nested in it.`,
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
 * Tells each passed signature its index in the group, and adds their ids and those of their callbacks to the signature index.
 * @param at - the index of each entry, and that of the first one that this call added
 */
export async function placeAll(
  scope: Scope,
  groupId: string,
  entries: readonly PreparedEntry[],
  { indexes, firstNew }: { indexes: readonly number[]; firstNew: number },
): Promise<void> {
  // Most entries are plain tasks, which are found by their place in the group.
  if (
    !entries.some(({ member, spec }) => member ?? spec.id ?? spec.successCallbacks ?? spec.errorCallbacks ?? spec.group)
  )
    return;
  const items = entries.map(({ spec }, i) => ({ spec, index: indexes[i] ?? 0 }));
  const members = entries.flatMap(({ member }, i) => {
    const index = indexes[i] ?? 0;
    return member ? [member.commit(index, index >= firstNew)] : [];
  });
  await Promise.all([...members, scope.signatureIndex.recordItems(groupId, items)]);
}

/**
 * Releases signatures that the group did not store.
 * @param gone - whether the group does not exist
 */
export async function releaseAll(
  entries: readonly PreparedEntry[],
  gone: boolean | Promise<boolean> = false,
): Promise<void> {
  await Promise.all(entries.flatMap(({ member }) => (member ? [member.rollback(gone)] : [])));
}

/**
 * Waits until a failed call is undone, but no longer than one call may take in all. Redis may be unavailable: the undoing
 * continues in the background, and entries that can't be undone expire, because nobody has started them.
 * @param began - when the call began, by `clock.elapsed()`
 */
export async function undo({ store }: Scope, began: number, effects: Promise<unknown>): Promise<void> {
  const left = store.settings.commandTimeoutMs - (store.clock.elapsed() - began);
  await withTimeout(store.clock, { who: 'Redis', ms: Math.max(0, left) }, effects).catch(() => undefined);
}

/** An entry of a user's list, as it was at the time of the call. */
type TakenEntry = () => PreparedEntry | Promise<PreparedEntry>;

/**
 * Reads the entries of a list before the first await, because the caller may change the list or its entries afterwards.
 * Signatures can't change, so they are reserved later.
 * @throws ConfigurationError, InvalidMessageError
 */
function takeAll(scope: Scope, tasks: readonly TaskEntry[], owner: Owner, what = 'tasks'): TakenEntry[] {
  // Array.from includes holes in the list, so that they are refused like other missing tasks.
  return Array.from(tasks, (entry, i) => {
    const given = (Array.isArray(entry) ? [...(entry as readonly unknown[])] : entry) as TaskEntry;
    const take = () => prepare(scope, given, owner, `${what}[${i}]`);
    if (isSignature(Array.isArray(given) ? given[0] : given)) return take;
    const taken = take();
    // Prevents an unhandled rejection: the promise is not awaited when an earlier entry is refused.
    if (taken instanceof Promise) taken.catch(() => undefined);
    return () => taken;
  });
}

/**
 * Checks and packs the entries and callbacks of a group: all of them, or none. Reads the lists before the first await.
 * @param given - the kind of result that its success callbacks receive
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

/** Prepares all entries of a list, or none. */
async function prepareAll(scope: Scope, taken: readonly TakenEntry[]): Promise<PreparedEntry[]> {
  const began = scope.store.clock.elapsed();
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
