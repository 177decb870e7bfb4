import { ConfigurationError } from '../config/errors';
import { oneOf, refuseUnknown, wholeNumber } from '../config/options';
import type { GroupStore } from '../store/group-store';
import {
  countedStates,
  StateCounts,
  type CountedState,
  type StateWindow,
  type WindowStart,
} from '../store/state-counts';
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
  const { id: groupId, first, snapshot } = await followedBy(reading, id);
  const { indexes, position, count } =
    state === undefined
      ? range((first ?? (await snapshot())).total, isBehind ? after + 1 : at, limit)
      : await windowOf(reading.store, groupId, state, { start: isBehind ? { after } : { at }, limit });
  const nodes = await describeItemsAt(reading, groupId, indexes);
  if (!nodes) throw unknownId(id);
  return {
    items: nodes.map(({ shown }, i) => ({ ...shown, index: indexes[i] ?? 0 })),
    position,
    count,
  };
}

type Window = StateWindow & { count: number };

function range(total: number, from: number, limit: number): Window {
  const length = Math.max(0, Math.min(limit, total - from));
  return { indexes: Array.from({ length }, (_, i) => from + i), position: Math.min(from, total), count: total };
}

/** Finds items of one state; none when the group is gone meanwhile. */
async function windowOf(
  store: GroupStore,
  groupId: string,
  state: CountedState,
  wanted: { start: WindowStart; limit: number },
): Promise<Window> {
  const known = counters.get(store) ?? new StateCounts(store);
  counters.set(store, known);
  const counts = await known.of(groupId);
  if (!counts) return { indexes: [], position: 0, count: 0 };
  return { ...(await known.window(groupId, counts, state, wanted)), count: counts.all[state] };
}
