import type { GroupReader, RecentEnds, Snapshot } from '../store/group-reader';
import { RecentMap } from '../utils/recent-map';

/** How long what was read is used. */
const freshMs = 10_000;
const groupsKept = 200;

/** What was read, at which time, and how many items had ended by then. */
interface Read {
  at: number;
  ended: number;
  recent: Promise<RecentEnds>;
}

const reads = new WeakMap<GroupReader, RecentMap<Read>>();

/**
 * Returns how many items of a group have ended lately; undefined for none. The log of ends is searched only every 10 s, because
 * that takes up to 50 commands: meanwhile the counts of the snapshot say how many more have ended, over so much longer a time.
 */
export async function recentEndsOf(
  reader: GroupReader,
  id: string,
  { status, startedAt, endedAt, succeeded, failed, cancelled }: Snapshot,
): Promise<RecentEnds | undefined> {
  const ended = succeeded + failed + cancelled;
  if (startedAt === undefined || ended === 0) return undefined;
  const now = reader.clock.elapsed();
  const known = reads.get(reader) ?? new RecentMap<Read>(groupsKept);
  reads.set(reader, known);
  // A retry starts the log anew, and a stop counts items as cancelled that never started.
  const key = `${id} ${status} ${startedAt} ${endedAt ?? ''}`;
  let read = known.get(key);
  if (!read || now - read.at >= freshMs || ended < read.ended) {
    read = { at: now, ended, recent: reader.recentEnds(id) };
    const added = read;
    known.set(key, added);
    added.recent.catch(() => {
      if (known.get(key) === added) known.delete(key);
    });
  }
  const { items, ms } = await read.recent;
  // Nothing comes to the rate of a group that has ended.
  if (endedAt !== undefined) return { items, ms };
  return { items: items + ended - read.ended, ms: ms + now - read.at };
}
