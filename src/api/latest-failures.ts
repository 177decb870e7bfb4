import { latestEnds } from '../store/end-log';
import { entryEnds } from '../store/entry-ends';
import type { EndedItem } from '../store/group-reader';
import type { Feed } from './group-feed';

/** The number of the last ends that are looked at. */
const lastEnds = 500;

/** Returns the failed items among the last ends of a group, the latest first. The cost does not depend on its size. */
export async function latestFailures(
  { store, reader }: Pick<Feed, 'store' | 'reader'>,
  id: string,
  limit: number,
): Promise<EndedItem[]> {
  const entries = await latestEnds(store, id, lastEnds);
  const ends = await entryEnds(store, id, entries, []);
  const failed = entries.filter((entry) => ends.get(entry)?.end === 'failed');
  const latest = failed.reverse().slice(0, limit).map(Number);
  const found: EndedItem[] = [];
  for await (const page of reader.endedPages(id, latest)) found.push(...page);
  // A retry may have begun meanwhile.
  return found.filter(({ status }) => status === 'failed');
}
