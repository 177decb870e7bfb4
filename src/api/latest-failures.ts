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
  const { keys, redis } = store;
  const ends = await redis.use('lrange', (client) => client.lrange(keys.ends(id), -lastEnds, -1));
  const indexes = ends.map(Number).reverse();
  const states = await redis.use('getrange', (client) =>
    Promise.all(indexes.map((index) => client.getrange(keys.bytes(id), index, index))),
  );
  const failed = indexes.filter((_, i) => states[i] === 'f').slice(0, limit);
  const found: EndedItem[] = [];
  for await (const page of reader.endedPages(id, failed)) found.push(...page);
  // A retry may have begun meanwhile.
  return found.filter(({ status }) => status === 'failed');
}
