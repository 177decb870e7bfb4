import { ConfigurationError } from '../config/errors';
import type { Snapshot } from '../store/group-reader';
import type { Followed } from './group-feed';
import { groupFor } from './group-of';
import type { Reading } from './reading';
import { unknownId } from './resolve';
import { readProgress } from './stored-group';
import type { Progress } from './types';

/**
 * Returns the counts of a swarm or chain, of the children of a root, or of a task that was run by itself.
 * @throws NotFoundError, ConfigurationError for a plain item of a group
 */
export async function progress(reading: Reading, id: string): Promise<Progress> {
  const followed = await followedBy(reading, id);
  return readProgress(reading.reader, followed.id, followed.first ?? (await followed.snapshot()));
}

/**
 * Returns the group that an id stands for, and as `first` its snapshot, if finding it has read one.
 * @throws NotFoundError, ConfigurationError for a plain item of a group
 */
export async function followedBy(reading: Reading, id: string): Promise<Followed & { first: Snapshot | undefined }> {
  const { groupId, isOwn, snapshot: first } = await groupFor(reading, id);
  if (!isOwn)
    throw new ConfigurationError(
      `${id} is a single item, which has no items of its own. Use its group ${groupId}, or describe the item.`,
    );
  return {
    id: groupId,
    first,
    snapshot: async () => {
      const snapshot = await reading.reader.snapshot(groupId);
      if (!snapshot) throw unknownId(id);
      return snapshot;
    },
  };
}
