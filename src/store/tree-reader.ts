import { unpackActive } from './active-record';
import { readError, type GroupReader } from './group-reader';
import type { GroupStore } from './group-store';
import { itemStateOf, marks, type ItemState } from './item-state';
import type { ItemTimes } from './item-times';
import type { GroupStatus } from './replies';
import type { Reply } from './connection';
import { templateIn, unpackHead, unpackSpec, type GroupTemplate, type Spec } from './spec';

/** One item of a group, without its bound data. */
export interface TreeItem {
  index: number;
  spec: Spec;
  state: ItemState;
  /** The run that was published for it, or the group ('g:' and its id) that it is; '' for none. */
  run: string;
  /** The message of its error, if it failed. */
  error: string | undefined;
  /** Undefined for an item that is neither under way nor has ended. */
  times: ItemTimes | undefined;
}

/** The index of the first item, and the one after the last. */
type Range = [from: number, to: number];

/** Reads many items at once: a page takes a small constant number of commands. */
export class TreeReader {
  constructor(
    private readonly store: GroupStore,
    private readonly reader: GroupReader,
  ) {}

  /** Returns a page of a group's items in the order of adding, and their total number; undefined for an unknown group. */
  items(id: string, from: number, limit: number): Promise<{ total: number; items: TreeItem[] } | undefined> {
    return this.read(id, [[from, from + limit]]);
  }

  /** Returns the items with these indexes, which are in ascending order; undefined for an unknown group. */
  at(id: string, indexes: readonly number[]): Promise<{ total: number; items: TreeItem[] } | undefined> {
    return this.read(id, rangesIn(indexes));
  }

  private async read(id: string, ranges: readonly Range[]): Promise<{ total: number; items: TreeItem[] } | undefined> {
    const { keys, process, settings } = this.store;
    const args = [process, settings.leaseMs, ...ranges.flat()];
    const [code, status, flags, kind, total, swept, ...rows] = (await this.store.redis.call(
      'items',
      keys.group(id),
      args,
    )) as Reply[];
    if (code === 'missing') return undefined;
    const group = {
      status: status as GroupStatus,
      flags: String(flags),
      kind: String(kind),
      swept: Number(swept),
    };
    const ended: TreeItem[] = [];
    const indexes = ranges.flatMap(([from, to]) =>
      Array.from({ length: Math.max(0, Math.min(to, Number(total)) - from) }, (_, i) => from + i),
    );
    const items = (rows as [string, string | null, string, number][]).map(
      ([head, active, byte, alone], i): TreeItem => {
        const index = indexes[i] ?? 0;
        const record = active ? unpackActive(active) : undefined;
        const item: TreeItem = {
          index,
          spec: unpackHead(head),
          state: itemStateOf({ active, byte, index, alone: alone === 1, group }),
          run: record?.run ?? '',
          error: undefined,
          times: record && { startedAt: record.startedAt, endedAt: undefined, attempts: record.attempts },
        };
        if (!record && marks[byte]) ended.push(item);
        return item;
      },
    );
    const failed = ended.filter(({ state }) => state === 'failed');
    const indexesOf = (some: readonly TreeItem[]) => some.map(({ index }) => index);
    const [results, times] = await Promise.all([
      this.reader.results(id, indexesOf(failed)),
      this.reader.times(id, indexesOf(ended).map(String)),
    ]);
    failed.forEach((item, i) => (item.error = readError(results[i]?.slice(1) ?? '')));
    ended.forEach((item, i) => (item.times = times[i]));
    return { total: Number(total), items };
  }

  /** Returns the templates of items that are groups stored by value, in the same order. */
  async templates(id: string, entries: readonly string[]): Promise<(GroupTemplate | undefined)[]> {
    if (entries.length === 0) return [];
    const specs = await this.reader.specsAt(id, entries);
    return specs.map((packed) => (packed === null ? undefined : templateIn(unpackSpec(packed))));
  }
}

function rangesIn(indexes: readonly number[]): Range[] {
  const ranges: Range[] = [];
  for (const index of indexes) {
    const last = ranges.at(-1);
    if (last?.[1] === index) last[1] += 1;
    else ranges.push([index, index + 1]);
  }
  return ranges;
}
