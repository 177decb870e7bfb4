import { NotFoundError, describe } from '../config/errors';
import type { Snapshot } from '../store/group-reader';
import { parseInvocationId, parseItemId } from '../store/ids';
import { callbacksOf, unpackSpec, type Spec } from '../store/spec';
import type { Reading } from './reading';

/** The group, item, callback or invocation that an id stands for in the store. */
export type Resolved =
  | { is: 'group'; id: string; snapshot: Snapshot }
  /** An item of a group. `id` is set for a single task, which is the only item of a group with its own id. */
  | { is: 'item'; groupId: string; index: number; id?: string }
  /** The latest invocation of a callback. */
  | { is: 'invocation'; groupId: string; entry: string; spec: Spec }
  /** A callback that was not invoked yet. */
  | { is: 'callback'; groupId: string; spec: Spec };

/**
 * Finds what an id stands for: the id of a group, of an item, of an invocation of a callback, or of a signature that is one
 * of these. Every call that takes an id uses it.
 * @returns undefined when nothing is stored for the id
 */
export async function resolve(reading: Reading, id: unknown): Promise<Resolved | undefined> {
  if (typeof id !== 'string' || id === '') return undefined;
  const item = parseItemId(id);
  if (item) return { is: 'item', ...item };
  const invocation = parseInvocationId(id);
  const invoked = invocation && (await invocationAt(reading, invocation.groupId, invocation.entry));
  if (invoked) return invoked;
  // A loaded invocation that was run by itself is a group with the invocation's id.
  const snapshot = await reading.reader.snapshot(id);
  if (!snapshot) return resolveSignature(reading, id);
  return snapshot.kind === 'task' ? { is: 'item', groupId: id, index: 0, id } : { is: 'group', id, snapshot };
}

/** Finds the latest invocation of a callback. Undefined when the id is no callback's, and when it was not invoked. */
export async function latestInvocation(
  reading: Reading,
  id: string,
): Promise<Extract<Resolved, { is: 'invocation' }> | undefined> {
  const location = await reading.signatureIndex.find(id);
  if (!location || location.index !== undefined) return undefined;
  return latestIn(reading, location.groupId, id);
}

export function unknownId(id: unknown): NotFoundError {
  return new NotFoundError(
    `No signature with the id ${describe(id)} is stored. A signature is stored once it is run, attached as a callback or put into a group, and until its retention has passed.`,
  );
}

async function latestIn(reading: Reading, groupId: string, id: string) {
  const entry = await reading.reader.latestInvocation(groupId, id);
  return entry === undefined ? undefined : invocationAt(reading, groupId, entry);
}

async function invocationAt({ reader }: Reading, groupId: string, entry: string) {
  const invoked = await reader.callback(groupId, entry);
  return invoked && { is: 'invocation' as const, groupId, entry, spec: invoked.spec };
}

/** Finds a signature that is an item or a callback of a group, by the signature index. */
async function resolveSignature(reading: Reading, id: string): Promise<Resolved | undefined> {
  const location = await reading.signatureIndex.find(id);
  if (!location) return undefined;
  const { groupId, index, callbackOf } = location;
  if (index !== undefined) return { is: 'item', groupId, index };
  const invocation = await latestIn(reading, groupId, id);
  if (invocation) return invocation;
  const spec = findCallback(await callbacksAt(reading, groupId, callbackOf), id);
  return spec && { is: 'callback', groupId, spec };
}

/** Reads the callbacks of an item, or of the group itself. */
async function callbacksAt({ reader }: Reading, groupId: string, item: number | undefined): Promise<readonly string[]> {
  if (item === undefined) return reader.callbackLists(groupId);
  const found = await reader.item(groupId, String(item));
  return found ? callbacksOf(found.spec) : [];
}

/** Finds a callback in a list, or nested in another callback of that list. */
function findCallback(packed: readonly string[], id: string): Spec | undefined {
  for (const text of packed) {
    const spec = unpackSpec(text);
    const found = spec.id === id ? spec : findCallback(callbacksOf(spec), id);
    if (found) return found;
  }
  return undefined;
}
