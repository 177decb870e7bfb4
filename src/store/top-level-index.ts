import type { Keys } from './keys';
import type { RedisConnection } from './connection';
import { Batcher } from './batcher';
import { pairsIn } from './redis-replies';
import { field } from './scripts.generated';

const looksAt = 100;
/** How many sweeps are skipped after one that found nothing. */
const leftOut = 9;

const enteredAtOnce = 200;

interface Entry {
  id: string;
  isNew: boolean;
}

/** A member of the index; its score is the time of its entry in microseconds. */
export interface IndexMember {
  id: string;
  score: number;
}

/**
 * The index of groups that are in no other group, in the order of their creation. A group is added before it is written and
 * removed when it is deleted. Sweeps remove the groups that Redis let expire, so that the index does not grow without limit.
 */
export class TopLevelIndex {
  private readonly entries: Batcher<Entry, void>;
  private cursor = '0';
  private toLeaveOut = 0;

  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: Keys,
    /** How long a member may precede the creation of its group, in milliseconds. */
    private readonly graceMs: number,
  ) {
    const send = (all: readonly Entry[]) => this.sendEntries(all);
    this.entries = new Batcher(redis.clock, send, enteredAtOnce, false);
  }

  /** Adds a group. @param isNew - renew its entry, because an earlier group of this id existed and a new one was created */
  async add(id: string, isNew = false): Promise<void> {
    return this.entries.add('', { id, isNew });
  }

  private async sendEntries(all: readonly Entry[]): Promise<void[]> {
    await this.redis.call(
      'indexGroup',
      [this.keys.topLevelIndex()],
      all.flatMap(({ id, isNew }) => [id, isNew ? 1 : 0]),
    );
    return all.map(() => undefined);
  }

  /** Returns members from the newest on, or older members than `after`, and whether there are more. */
  async page(after: IndexMember | undefined, limit: number): Promise<{ members: IndexMember[]; more: boolean }> {
    const key = this.keys.topLevelIndex();
    const [equal, older] = await this.redis.use('zrevrangebyscore', (client) =>
      Promise.all([
        after ? client.zrevrangebyscore(key, after.score, after.score) : [],
        client.zrevrangebyscore(key, after ? `(${after.score}` : '+inf', '-inf', 'WITHSCORES', 'LIMIT', 0, limit + 1),
      ]),
    );
    const members = [
      ...equal.flatMap((id) => (after && id < after.id ? [{ id, score: after.score }] : [])),
      ...membersIn(older),
    ];
    return { members: members.slice(0, limit), more: members.length > limit };
  }

  /** Returns how many groups it holds; some of them may have expired. */
  size(): Promise<number> {
    return this.redis.use('zcard', (client) => client.zcard(this.keys.topLevelIndex()));
  }

  /** Removes members whose groups are gone, except new members, whose groups may not have been written yet. */
  async dropGone(members: readonly IndexMember[]): Promise<void> {
    if (members.length === 0) return;
    const [seconds] = await this.redis.use('time', (client) => client.time());
    const before = (Number(seconds) * 1_000 - this.graceMs) * 1_000;
    const old = members.filter(({ score }) => score < before);
    if (old.length > 0) await this.drop(old);
  }

  /** Returns the member for a group; undefined if there is none. */
  async find(id: string): Promise<IndexMember | undefined> {
    const score = await this.redis.use('zscore', (client) => client.zscore(this.keys.topLevelIndex(), id));
    return score === null ? undefined : { id, score: Number(score) };
  }

  /** Removes members, unless they were added again since they were read. */
  async drop(members: readonly IndexMember[]): Promise<void> {
    await this.redis.call(
      'unindexGroups',
      [this.keys.topLevelIndex()],
      members.flatMap(({ id, score }) => [id, score]),
    );
  }

  /** Checks some members, others with each call, and removes members whose groups are gone. Most calls skip the check. */
  async sweep(): Promise<void> {
    if (this.toLeaveOut-- > 0) return;
    const key = this.keys.topLevelIndex();
    const [next, found] = await this.redis.use('zscan', (client) => client.zscan(key, this.cursor, 'COUNT', looksAt));
    this.cursor = next;
    const members = membersIn(found);
    const there = await this.redis.use('exists', (client) =>
      Promise.all(members.map(({ id }) => client.exists(this.keys.state(id)))),
    );
    const gone = members.filter((_, i) => there[i] === 0);
    this.toLeaveOut = gone.length === 0 ? leftOut : 0;
    await this.dropGone(gone);
  }

  /** Returns whether a group is in another one now, and whether its item is a root. */
  async placeOf(id: string): Promise<{ nested: boolean; root: boolean }> {
    const [parent, item] = await this.redis.use('hmget', (client) =>
      client.hmget(this.keys.state(id), field.parentId, field.itemKind),
    );
    return { nested: Boolean(parent), root: item === 'root' };
  }
}

function membersIn(flat: readonly string[]): IndexMember[] {
  return pairsIn(flat).map(([id, score]) => ({ id, score: Number(score) }));
}
