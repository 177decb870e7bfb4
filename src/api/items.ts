import { ConfigurationError } from '../config/errors';
import { oneOf, refuseUnknown, wholeNumber } from '../config/options';
import { text } from '../config/text';
import type { GroupStore } from '../store/group-store';
import {
  countedStates,
  StateCounts,
  type CountedState,
  type StateWindow,
  type WindowStart,
} from '../store/state-counts';
import { describeItemsAt, type Description } from './described';
import { findByName, lookedAtMost } from './item-names';
import { followedBy } from './progress';
import type { Reading } from './reading';
import { unknownId } from './resolve';

/** Options of `mage.items`; all optional. */
export interface ItemsOptions {
  /** Only items in this state. Default: all. */
  state?: CountedState | null | undefined;
  /**
   * Only items whose name contains this text, whatever the case; not together with `at`. It looks at 10,000 items at most: see
   * `looked` and `next` of the window. Default: all.
   */
  name?: string | null | undefined;
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
  /** The position among those of the state of the first of them; with `name`, of the first that was looked at. */
  position: number;
  /** How many items of the state there are, whatever their name; at most 2 s old. */
  count: number;
  /** With `name`: how many items were looked at. */
  looked?: number;
  /** With `name`, when not all items behind `after` were looked at: `after` of the next search. */
  next?: number;
}

const fields = new Set(['state', 'name', 'after', 'at', 'limit']);
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
  const isAt = (options.at ?? undefined) !== undefined;
  if (isBehind && isAt) throw new ConfigurationError('items: expected `after` or `at`, got both. Leave one out.');
  const name = text(options.name, 'name');
  if (name !== undefined && isAt)
    throw new ConfigurationError('items: expected `after` with `name`, got `at`. Leave one out.');
  const { id: groupId, first, snapshot } = await followedBy(reading, id);
  const length = name === undefined ? limit : lookedAtMost;
  const { indexes, position, count } =
    state === undefined
      ? range((first ?? (await snapshot())).total, isBehind ? after + 1 : at, length)
      : await windowOf(reading.store, groupId, state, { start: isBehind ? { after } : { at }, limit: length });
  const found = name === undefined ? undefined : await findByName(reading.reader, groupId, indexes, { name, limit });
  const shown = found ? found.indexes : indexes;
  const nodes = await describeItemsAt(reading, groupId, shown);
  if (!nodes) throw unknownId(id);
  return {
    items: nodes.map(({ shown: item }, i) => ({ ...item, index: shown[i] ?? 0 })),
    position,
    count,
    ...(found ? searchOf(found.looked, { indexes, position, count }) : {}),
  };
}

type Window = StateWindow & { count: number };

function range(total: number, from: number, limit: number): Window {
  const length = Math.max(0, Math.min(limit, total - from));
  return { indexes: Array.from({ length }, (_, i) => from + i), position: Math.min(from, total), count: total };
}

function searchOf(looked: number, { indexes, position, count }: Window): Pick<ItemsWindow, 'looked' | 'next'> {
  const last = indexes[looked - 1];
  return last !== undefined && position + looked < count ? { looked, next: last } : { looked };
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
