import { SharedReads } from '../utils/shared-reads';
import type { GroupStore } from './group-store';
import { isStopped, marks } from './item-state';
import type { GroupStatus } from './replies';
import { field } from './scripts.generated';

/** The states of items that a group counts, as they stand in the order of a life. */
export const countedStates = ['waiting', 'queued', 'running', 'succeeded', 'failed', 'cancelled'] as const;

export type CountedState = (typeof countedStates)[number];

/** The number of items in a block. */
export const blockSize = 4_096;

const bytesPerRead = 64 * blockSize;
const bytesPerSearch = 16 * blockSize;
const freshMs = 2_000;
const groupsKept = 20;

/** What the state of an item depends on in addition to its own byte. */
interface Around {
  total: number;
  status: GroupStatus;
  swept: number;
}

/** How many items of a group are in each state, in all and by block. */
export interface GroupCounts extends Around {
  all: Record<CountedState, number>;
  /** For each block the number of each counted state. */
  blocks: Uint16Array;
}

/** Where a window of items of one state begins: at a position among them, or behind an index. */
export type WindowStart = { at: number } | { after: number };

/** Some items of one state. */
export interface StateWindow {
  indexes: number[];
  /** The position of the first of them among those of that state. */
  position: number;
}

/**
 * Finds items by their state without an index: the states of a group are one string with a byte for each item. The counts of
 * the groups that were asked for last are kept in the process, and read again after 2 s at the earliest.
 */
export class StateCounts {
  private readonly shared: SharedReads;

  constructor(private readonly store: GroupStore) {
    this.shared = new SharedReads(store.clock, groupsKept);
  }

  /** Returns the counts of a group, not older than 2 s; undefined when it is unknown. */
  of(id: string): Promise<GroupCounts | undefined> {
    return this.shared.get(id, freshMs, () => this.read(id));
  }

  private async read(id: string): Promise<GroupCounts | undefined> {
    const { keys, redis } = this.store;
    const [status, total, swept] = await redis.use('hmget', (client) =>
      client.hmget(keys.state(id), field.status, field.total, field.sweptTo),
    );
    if (!status) return undefined;
    const around: Around = { status: status as GroupStatus, total: Number(total), swept: Number(swept) };
    const blocks = new Uint16Array(Math.ceil(around.total / blockSize) * countedStates.length);
    for (let from = 0; from < around.total; from += bytesPerRead) {
      const to = Math.min(around.total, from + bytesPerRead);
      const bytes = await this.bytes(id, from, to);
      for (let index = from; index < to; index++) {
        const at = Math.floor(index / blockSize) * countedStates.length + stateAt(bytes[index - from], index, around);
        blocks[at] = (blocks[at] ?? 0) + 1;
      }
    }
    const sum = (state: number) => {
      let count = 0;
      for (let at = state; at < blocks.length; at += countedStates.length) count += blocks[at] ?? 0;
      return count;
    };
    const all = Object.fromEntries(countedStates.map((name, i) => [name, sum(i)])) as Record<CountedState, number>;
    return { ...around, all, blocks };
  }

  /** Finds up to `limit` items of a state. */
  async window(
    id: string,
    counts: GroupCounts,
    state: CountedState,
    { start, limit }: { start: WindowStart; limit: number },
  ): Promise<StateWindow> {
    const wanted = countedStates.indexOf(state);
    const width = countedStates.length;
    const lastBlock = Math.ceil(counts.total / blockSize);
    const inBlock = (block: number) => counts.blocks[block * width + wanted] ?? 0;
    let block = 0;
    let before = 0;
    const skip = 'at' in start ? start.at : 0;
    const isFirst =
      'after' in start ? () => (block + 1) * blockSize > start.after + 1 : () => before + inBlock(block) > skip;
    for (; block < lastBlock && !isFirst(); block++) before += inBlock(block);
    const indexes: number[] = [];
    let passed = before;
    let position: number | undefined;
    while (block < lastBlock && indexes.length < limit) {
      if (inBlock(block) === 0) {
        block += 1;
        continue;
      }
      const from = block * blockSize;
      const to = Math.min(counts.total, from + bytesPerSearch);
      const bytes = await this.bytes(id, from, to);
      for (let index = from; index < to && indexes.length < limit; index++) {
        if (stateAt(bytes[index - from], index, counts) !== wanted) continue;
        const isBefore = 'after' in start ? index <= start.after : passed < skip;
        if (!isBefore) {
          position ??= passed;
          indexes.push(index);
        }
        passed += 1;
      }
      block += bytesPerSearch / blockSize;
    }
    return { indexes, position: position ?? passed };
  }

  private bytes(id: string, from: number, to: number): Promise<Buffer> {
    return this.store.redis.use('getrange', (client) => client.getrangeBuffer(this.store.keys.bytes(id), from, to - 1));
  }
}

const [waiting, queued, running, cancelled] = [0, 1, 2, 5];
const codes = { a: 97, h: 104, q: 113 };
const ended = new Map(
  Object.entries(marks).map(([mark, outcome]) => [mark.charCodeAt(0), countedStates.indexOf(outcome)]),
);

/** Returns the number of the counted state of an item. @param byte - 0 or undefined for one that was never written */
function stateAt(byte: number | undefined, index: number, { status, swept }: Around): number {
  const outcome = byte === undefined ? undefined : ended.get(byte);
  if (outcome !== undefined) return outcome;
  if (byte === codes.a) return running;
  if (isStopped(status)) return cancelled;
  return byte === codes.q || byte === codes.h || index < swept ? queued : waiting;
}
