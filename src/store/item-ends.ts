import type { GroupStore } from './group-store';
import { isStopped, marks } from './item-state';
import type { GroupStatus } from './replies';
import { field } from './scripts.generated';

/**
 * Returns the results of items, completed from their state bytes where no result is stored. An item that failed or was
 * cancelled and never started in its retry has no result: undefined is returned for it. While an item is retried, its last
 * result is returned.
 */
export async function lastKnownOutcomes(
  { keys, redis }: GroupStore,
  id: string,
  indexes: readonly number[],
  results: readonly (string | undefined)[],
): Promise<(string | undefined)[]> {
  const open = results.map((result) => !result?.startsWith('s'));
  if (!open.includes(true)) return [...results];
  const key = keys.bytes(id);
  const [status, ...bytes] = await redis.use('getrange', (client) =>
    Promise.all([
      client.hget(keys.state(id), field.status),
      ...indexes.map(async (index, i) => (open[i] ? client.getrange(key, index, index) : '')),
    ]),
  );
  return results.map((result, i) => {
    const byte = bytes[i] ?? '';
    if (!open[i]) return result;
    if (marks[byte]) return result?.startsWith(byte) ? result : byte;
    return isStopped(status as GroupStatus) ? undefined : result;
  });
}

/** Returns a stored output as JSON text; undefined if it only refers to the list of a group. */
export function inlined(payload: string): string | undefined {
  return payload.startsWith('@') ? undefined : payload || 'null';
}
