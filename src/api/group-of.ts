import type { Snapshot } from '../store/group-reader';
import { childrenId } from '../store/ids';
import type { Reading } from './reading';
import { resolve, unknownId } from './resolve';

/**
 * Returns the group that an id stands for: a swarm or chain, the children of a root, or the group of one of a task that was
 * run by itself. For an item that is none of these, the group that it belongs to, with `isOwn: false`.
 * @returns with the snapshot of the group, if it was read on the way
 * @throws NotFoundError
 */
export async function groupFor(
  reading: Reading,
  id: string,
): Promise<{ groupId: string; isOwn: boolean; snapshot?: Snapshot }> {
  const found = await resolve(reading, id);
  if (found?.is === 'group') return { groupId: found.id, isOwn: true, snapshot: found.snapshot };
  if (found?.is !== 'item') throw unknownId(id);
  const children = childrenId(found.groupId, String(found.index));
  const snapshot = await reading.reader.snapshot(children);
  if (snapshot) return { groupId: children, isOwn: true, snapshot };
  if (found.id !== undefined) return { groupId: found.id, isOwn: true };
  // A nested chain or swarm has its own id, or one of its place.
  const nested = await reading.reader.groupAt(found.groupId, String(found.index));
  return { groupId: nested ?? found.groupId, isOwn: nested !== undefined };
}
