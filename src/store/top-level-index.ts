import type { Keys } from './keys';
import type { RedisConnection } from './connection';
import { Batcher } from './batcher';

const looksAt = 100;
/** A look is left out this often after one that found nothing. */
const leftOut = 9;

const enteredAtOnce = 200;

interface Entry {
  id: string;
  anew: boolean;
}

/** A group that stands in the catalog, since when in microseconds. */
export interface IndexMember {
  id: string;
  score: number;
}

/**
 * The groups that were made by themselves, in the order in which they were made. Each is entered before it is written and
 * taken out when it is forgotten; what Redis let expire is found by looking, so the catalog doesn't grow for ever.
 */
export class TopLevelIndex {
  private readonly entries = new Batcher((all: readonly Entry[]) => this.sendEntries(all), enteredAtOnce, false);
  private cursor = '0';
  private toLeaveOut = 0;

  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: Keys,
    /** How long a member may wait for its group to be written, in milliseconds. */
    private readonly graceMs: number,
  ) {}

  /** @param anew - a group of this id was there before and has been made again */
  async add(id: string, anew = false): Promise<void> {
    return this.entries.add('', { id, anew });
  }

  private async sendEntries(all: readonly Entry[]): Promise<void[]> {
    await this.redis.call(
      'indexGroup',
      [this.keys.catalog()],
      all.flatMap(({ id, anew }) => [id, anew ? 1 : 0]),
    );
    return all.map(() => undefined);
  }

  /** Members from the newest on, or from one on (which is left out), and whether there are more. */
  async page(after: IndexMember | undefined, limit: number): Promise<{ members: IndexMember[]; more: boolean }> {
    const key = this.keys.catalog();
    const [equal, older] = await this.redis.use('zrevrangebyscore', (client) =>
      Promise.all([
        after ? client.zrevrangebyscore(key, after.score, after.score) : [],
        client.zrevrangebyscore(key, after ? `(${after.score}` : '+inf', '-inf', 'WITHSCORES', 'LIMIT', 0, limit + 1),
      ]),
    );
    const members = [
      ...equal.flatMap((id) => (after && id < after.id ? [{ id, score: after.score }] : [])),
      ...pairs(older),
    ];
    return { members: members.slice(0, limit), more: members.length > limit };
  }

  /** Takes out members whose groups were seen to be gone, unless they are so new that the group may be on its way. */
  async dropGone(members: readonly IndexMember[]): Promise<void> {
    if (members.length === 0) return;
    const [seconds] = await this.redis.use('time', (client) => client.time());
    const before = (Number(seconds) * 1_000 - this.graceMs) * 1_000;
    const old = members.filter(({ score }) => score < before);
    if (old.length > 0) await this.drop(old);
  }

  /** The entry of a group, if there is one. */
  async find(id: string): Promise<IndexMember | undefined> {
    const score = await this.redis.use('zscore', (client) => client.zscore(this.keys.catalog(), id));
    return score === null ? undefined : { id, score: Number(score) };
  }

  /** Takes out members, unless they were entered anew since they were found. */
  async drop(members: readonly IndexMember[]): Promise<void> {
    await this.redis.call(
      'unindexGroups',
      [this.keys.catalog()],
      members.flatMap(({ id, score }) => [id, score]),
    );
  }

  /** Looks at some members, other ones each time, and takes out those whose groups are gone. Most calls leave that to a later one. */
  async sweep(): Promise<void> {
    if (this.toLeaveOut-- > 0) return;
    const key = this.keys.catalog();
    const [next, found] = await this.redis.use('zscan', (client) => client.zscan(key, this.cursor, 'COUNT', looksAt));
    this.cursor = next;
    const members = pairs(found);
    const there = await this.redis.use('exists', (client) =>
      Promise.all(members.map(({ id }) => client.exists(this.keys.state(id)))),
    );
    const gone = members.filter((_, i) => there[i] === 0);
    this.toLeaveOut = gone.length === 0 ? leftOut : 0;
    await this.dropGone(gone);
  }

  /** Whether a group sits in another one now, and whether it is the run of a root. */
  async placeOf(id: string): Promise<{ nested: boolean; root: boolean }> {
    const [parent, item] = await this.redis.use('hmget', (client) => client.hmget(this.keys.state(id), 'pg', 'ik'));
    return { nested: Boolean(parent), root: item === 'root' };
  }
}

function pairs(flat: readonly string[]): IndexMember[] {
  return flat.flatMap((id, i) => (i % 2 === 0 ? [{ id, score: Number(flat[i + 1]) }] : []));
}
