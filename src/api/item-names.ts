import type { GroupReader } from '../store/group-reader';
import { displayName } from '../store/spec';

/** How many items one search looks at. */
export const lookedAtMost = 10_000;

const itemsPerRead = 256;

/** The items that a search has found, in order, and how many it has looked at. */
export interface NamesFound {
  indexes: number[];
  looked: number;
}

/**
 * Finds the items whose name contains a text, whatever the case, up to `limit` of them.
 * @param indexes - the items to look at, in the order to do so
 */
export async function findByName(
  reader: GroupReader,
  groupId: string,
  indexes: readonly number[],
  { name, limit }: { name: string; limit: number },
): Promise<NamesFound> {
  const wanted = name.toLowerCase();
  const found: number[] = [];
  for (let from = 0; from < indexes.length; from += itemsPerRead) {
    const some = indexes.slice(from, from + itemsPerRead);
    const specs = await reader.heads(groupId, some);
    for (const [i, index] of some.entries()) {
      const spec = specs[i];
      if (!spec || !displayName(spec).toLowerCase().includes(wanted)) continue;
      found.push(index);
      if (found.length === limit) return { indexes: found, looked: from + i + 1 };
    }
  }
  return { indexes: found, looked: indexes.length };
}
