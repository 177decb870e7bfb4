import { refuseUnknown, wholeNumber } from '../config/options';
import { sampleEnds } from '../store/end-log';
import { followedBy } from './progress';
import type { Reading } from './reading';

/** Options of `mage.timeline`; all optional. */
export interface TimelineOptions {
  /** At most how many points, from 2 to 500. Default 200. */
  points?: number | null | undefined;
}

/** A moment in the life of a group. */
export interface TimelinePoint {
  at: Date;
  /** How many items had ended by then. */
  ended: number;
}

const fields = new Set(['points']);

/** Samples when the items of a group ended, in the order of time. @throws ConfigurationError, NotFoundError */
export async function timeline(reading: Reading, id: string, options: TimelineOptions = {}): Promise<TimelinePoint[]> {
  refuseUnknown(options, fields, 'option of timeline');
  const points = wholeNumber('points', options.points, 200, { min: 2, max: 500 });
  const { id: groupId } = await followedBy(reading, id);
  const sampled = await sampleEnds(reading.store, groupId, points);
  const times = await reading.reader.times(
    groupId,
    sampled.map(({ index }) => String(index)),
  );
  return sampled
    .flatMap(({ ended }, i): TimelinePoint[] => {
      const endedAt = times[i]?.endedAt;
      return endedAt === undefined ? [] : [{ at: new Date(endedAt), ended }];
    })
    .sort((a, b) => a.at.getTime() - b.at.getTime() || a.ended - b.ended);
}
