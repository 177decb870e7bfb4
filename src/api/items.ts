import { ConfigurationError } from '../config/errors';
import { oneOf, refuseUnknown, wholeNumber } from '../config/options';
import type { GroupStore } from '../store/group-store';
import { countedStates, StateCounts, type CountedState, type GroupCounts } from '../store/state-counts';
import { describeItemsAt, type Description } from './described';
import { followedBy } from './progress';
import type { Reading } from './reading';
import { unknownId } from './resolve';

/** Options of `mage.items`; all optional. */
export interface ItemsOptions {
  /** Only items in this state. Default: all. */
  state?: CountedState | null | undefined;
  /** Begins behind the item with this index. Default: with the first one. */
  after?: number | null | undefined;
  /** Begins with the item at this position among those of the state, from 0; not together with `after`. */
  at?: number | null | undefined;
  /** At most how many items, from 1 to 200. Default 50. */
  limit?: number | null | undefined;
}

/** A window of the items of a group, in the order in which they were added. */
export interface ItemsWindow {
  /** Each with its index, as `describe` shows a child. */
  items: (Description & { index: number })[];
  /** The position of the first of them among those of the state. */
  position: number;
  /** How many items of the state there are; at most 2 s old. */
  count: number;
}

const fields = new Set(['state', 'after', 'at', 'limit']);
const counters = new WeakMap<GroupStore, StateCounts>();
const indexesAtMost = 2 ** 31;

/** Reads a window of a group's items. @throws ConfigurationError, NotFoundError */
export async function items(reading: Reading, id: string, options: ItemsOptions = {}): Promise<ItemsWindow> {
  refuseUnknown(options, fields, 'option of items');
  const state = options.state ?? undefined;
  if (state !== undefined) oneOf('state', state, countedStates);
  const limit = wholeNumber('limit', options.limit, 50, { max: 200 });
  const after = wholeNumber('after', options.after, -1, { min: -1, max: indexesAtMost });
  const at = wholeNumber('at', options.at, 0, { min: 0, max: indexesAtMost });
  const isBehind = (options.after ?? undefined) !== undefined;
  if (isBehind && (options.at ?? undefined) !== undefined)
    throw new ConfigurationError('items: expected `after` or `at`, got both. Leave one out.');
  const { id: groupId } = await followedBy(reading, id);
  const known = counters.get(reading.store) ?? new StateCounts(reading.store);
  counters.set(reading.store, known);
  const start = isBehind ? { after } : { at };
  const counts = await known.of(groupId);
  if (!counts) throw unknownId(id);
  const { indexes, position } =
    state === undefined
      ? range(counts, isBehind ? after + 1 : at, limit)
      : await known.window(groupId, counts, state, { start, limit });
  const nodes = await describeItemsAt(reading, groupId, indexes);
  if (!nodes) throw unknownId(id);
  return {
    items: nodes.map(({ shown }, i) => ({ ...shown, index: indexes[i] ?? 0 })),
    position,
    count: state === undefined ? counts.total : counts.all[state],
  };
}

function range({ total }: GroupCounts, from: number, limit: number) {
  const length = Math.max(0, Math.min(limit, total - from));
  return { indexes: Array.from({ length }, (_, i) => from + i), position: Math.min(from, total) };
}
