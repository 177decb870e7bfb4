import type { Clock } from '../utils/clock';
import { dateOf } from '../utils/date';
import { withoutDefaults } from '../config/swarm-config';
import { callbackEntry, isCallback } from './entry';
import { decodeConfig, storedFields } from './stored-config';
import type { Failure } from '../config/errors';
import { bucketSize } from './keys';
import {
  GroupRecordReader,
  type Counts,
  type GroupRecord,
  type RecentEnds,
  type Snapshot,
} from './group-record-reader';
import { claimToken } from './executions';
import type { GroupStore } from './group-store';
import type { GroupStatus, Outcome } from './replies';
import { itemId } from './ids';
import { unpackActive } from './active-record';
import { activeState, isEnded, isUnstarted, itemStateOf, marks, type ItemState } from './item-state';
import { inParts } from '../utils/in-parts';
import { Suspensions } from './suspensions';
import { lastKnownOutcomes, inlined } from './item-ends';
import { timesOf, type ItemTimes } from './item-times';
import type { GroupRetention } from './labels';
import {
  displayName,
  parseOptions,
  unpackCallback,
  unpackHead,
  unpackSpec,
  type GroupTemplate,
  type InvokedCallback,
  type Spec,
} from './spec';
import { callbackField, field, specField } from './scripts.generated';

export type { Counts, EndReason, GroupRecord, RecentEnds, Snapshot } from './group-record-reader';
export { isEnded };
export type { ItemState };

/** An active entry: its `run`, or 'g:' and the id of the group that it is; and as `child` the group of a root's children. */
export interface ActiveEntry {
  entry: string;
  state: ItemState;
  run: string;
  /** The process that its lease names. */
  process: string;
  child: string;
  /** When its first attempt began, in ms; undefined before. */
  startedAt: number | undefined;
  /** The number of attempts that have begun. */
  attempts: number;
}

/** An item that has ended. */
export interface EndedItem {
  index: number;
  id: string;
  name: string;
  status: Outcome;
  output?: unknown;
  error?: string;
  startedAt: Date | undefined;
  endedAt: Date | undefined;
  attempts: number;
}

/** An item as it is stored: its packed spec, and its own message ('' for none). */
export interface StoredItem {
  index: number;
  spec: string;
  message: string;
}

/** The maximum size of one read of items. A page holds at least one item, even if this item is larger. */
const page = { items: 256, bytes: 4 * 1024 * 1024 };
const statesPerRead = 64 * 1024;

/** Reads groups. No method changes anything. */
export class GroupReader {
  readonly suspensions: Suspensions;
  private readonly groups: GroupRecordReader;

  /** The time and timers of the instance. */
  get clock(): Clock {
    return this.store.clock;
  }

  constructor(private readonly store: GroupStore) {
    this.suspensions = new Suspensions(store);
    this.groups = new GroupRecordReader(store);
  }

  /** Returns the properties of a group that publishers and waiting processes need; undefined when it is unknown. */
  record(id: string): Promise<GroupRecord | undefined> {
    return this.groups.record(id);
  }

  /** Returns for how long a group is kept; undefined when it is unknown. */
  retentionOf(id: string): Promise<Required<GroupRetention> | undefined> {
    return this.groups.retentionOf(id);
  }

  /** Returns the parent of a group, and whether the group has a rate limit. */
  pacing(id: string): ReturnType<GroupRecordReader['pacing']> {
    return this.groups.pacing(id);
  }

  /** Returns the status and the numbers of a group; undefined when it is unknown. */
  snapshot(id: string): Promise<Snapshot | undefined> {
    return this.groups.snapshot(id);
  }

  /** Returns how many items of a group have ended lately; none when it is unknown. */
  recentEnds(id: string): Promise<RecentEnds> {
    return this.groups.recentEnds(id);
  }

  /** Returns the times of entries that have ended, in the same order; undefined when they are not stored. */
  times(id: string, entries: readonly string[]): Promise<(ItemTimes | undefined)[]> {
    return timesOf(this.store, id, entries);
  }

  /** Returns the counts that replace the list of outputs for a group that keeps no results. */
  counts(id: string): Promise<Counts> {
    return this.groups.counts(id);
  }

  /** Returns the secret of a group, from which its tokens are made; undefined when it is unknown. */
  secretOf(id: string): Promise<string | undefined> {
    return this.groups.secretOf(id);
  }

  /** Returns the token for a claim to an entry; undefined when the group is unknown. */
  tokenOf(id: string, entry: string): Promise<string | undefined> {
    return this.groups.tokenOf(id, entry);
  }

  /**
   * Calls `action` for each group that this group has stored as a child, with the entry that it is or belongs to: groups
   * that it created, groups that were put into it or into a chain in it, and groups of the children of its roots.
   */
  async eachBelow(id: string, action: (child: string, entry: string) => Promise<void>): Promise<void> {
    const key = this.store.keys.callbacks(id);
    let cursor = '0';
    do {
      const from = cursor;
      const [next, fields] = await this.store.redis.use('hscan', (client) =>
        client.hscan(key, from, 'MATCH', `${callbackField.childGroup}*`, 'COUNT', 100),
      );
      cursor = next;
      await Promise.all(
        fields.flatMap((field, i) =>
          i % 2 === 0 ? [action(fields[i + 1] ?? '', field.slice(2).split('.')[0] ?? '')] : [],
        ),
      );
    } while (cursor !== '0');
  }

  /** Returns the number of items of a partly removed group; undefined when nothing is left of it, or it exists. */
  async leftOf(id: string): Promise<number | undefined> {
    const { keys, redis } = this.store;
    const [there, total] = await redis.use('hget', (client) =>
      Promise.all([client.exists(keys.state(id)), client.hget(keys.callbacks(id), callbackField.total)]),
    );
    return there === 0 && total !== null ? Number(total) : undefined;
  }

  /** Returns the group that an entry is, or the group of its children if it is a root. */
  async groupAt(id: string, entry: string): Promise<string | undefined> {
    const key = this.store.keys.callbacks(id);
    return (
      (await this.store.redis.use('hget', (client) => client.hget(key, `${callbackField.childGroup}${entry}`))) ??
      undefined
    );
  }

  /** Returns how the body of a root ended, as a mark and JSON text; undefined before it has returned. */
  async bodyEnd(id: string, entry: string): Promise<string | undefined> {
    const key = this.store.keys.callbacks(id);
    return (
      (await this.store.redis.use('hget', (client) => client.hget(key, `${callbackField.bodyResult}${entry}`))) ??
      undefined
    );
  }

  /** Yields the entries that hold a slot, and the callbacks that have not ended. */
  async *active(id: string): AsyncGenerator<ActiveEntry> {
    const key = this.store.keys.active(id);
    let cursor = '0';
    do {
      const from = cursor;
      const [next, fields] = await this.store.redis.use('hscan', (client) => client.hscan(key, from, 'COUNT', 500));
      cursor = next;
      for (let i = 0; i + 1 < fields.length; i += 2) yield toActive(fields[i] ?? '', fields[i + 1] ?? '');
    } while (cursor !== '0');
  }

  /** Returns one entry as `active` does; undefined when it is not active. */
  async activeEntry(id: string, entry: string): Promise<ActiveEntry | undefined> {
    const packed = await this.store.redis.use('hget', (client) => client.hget(this.store.keys.active(id), entry));
    return packed === null ? undefined : toActive(entry, packed);
  }

  /** Returns entries as `active` does, omitting entries that are not active. */
  async activeEntries(id: string, entries: readonly string[]): Promise<ActiveEntry[]> {
    if (entries.length === 0) return [];
    const packed = await this.store.redis.use('hmget', (client) =>
      client.hmget(this.store.keys.active(id), ...entries),
    );
    return entries.flatMap((entry, i) => (packed[i] ? [toActive(entry, packed[i])] : []));
  }

  /** Returns the message that a group was started with, as JSON text; undefined when it has none. */
  async message(id: string): Promise<string | undefined> {
    const key = this.store.keys.state(id);
    return (await this.store.redis.use('hget', (client) => client.hget(key, field.message))) ?? undefined;
  }

  /** Checks the claim of a run that is only a part of an entry, by the same rules that `start.lua` has for a whole entry. */
  async checkClaim(id: string, entry: string, token: string): Promise<'valid' | 'cancelled' | 'unknown'> {
    const { keys, redis } = this.store;
    const [[secret, status], active] = await redis.use('hmget', (client) =>
      Promise.all([client.hmget(keys.state(id), field.secret, field.status), client.hget(keys.active(id), entry)]),
    );
    if (!secret || claimToken(secret, entry) !== token) return 'unknown';
    const whole = status === 'cancelling' && !isCallback(entry);
    return whole || (active && unpackActive(active).isCancelled) ? 'cancelled' : 'valid';
  }

  /** Returns the state of an item; undefined when the group or the item is unknown. */
  async itemState(id: string, index: number): Promise<ItemState | undefined> {
    const { keys, redis } = this.store;
    // The order matters because other commands may run in between: an item that ends after the first read shows its end in
    // its byte.
    const [active, byte, group] = await redis.use('getrange', (client) =>
      Promise.all([
        client.hget(keys.active(id), String(index)),
        client.getrange(keys.bytes(id), index, index),
        client.hmget(keys.state(id), field.status, field.total, field.sweptTo, field.flags, field.kind),
      ]),
    );
    const status = group[0] as GroupStatus | null;
    if (!status || index >= Number(group[1])) return undefined;
    const [, , swept, flags, kind] = group;
    const alone = (flags?.includes('E') ?? false) && (await this.suspensions.isSuspendedItself(id, String(index)));
    const of = { status, flags: flags ?? '', kind: kind ?? '', swept: Number(swept) };
    return itemStateOf({ active, byte, index, alone, group: of });
  }

  /** Returns the state of a fired callback; undefined when it is unknown. */
  async callbackState(id: string, entry: string): Promise<ItemState | undefined> {
    const { keys, redis } = this.store;
    const [active, result] = await redis.use('hget', (client) =>
      Promise.all([
        client.hget(keys.active(id), entry),
        client.hget(keys.callbacks(id), `${callbackField.callbackResult}${entry}`),
      ]),
    );
    if (active) return activeState(active);
    return result ? marks[result[0] ?? ''] : undefined;
  }

  /** Returns the latest invocation of the callback with the signature id `signatureId`; undefined before the first one. */
  async latestInvocation(id: string, signatureId: string): Promise<string | undefined> {
    const { keys, redis } = this.store;
    const fired = Number((await redis.use('hget', (client) => client.hget(keys.state(id), field.callbackSeq))) ?? 0);
    for (let to = fired; to > 0; to -= 100) {
      const entries = range(Math.max(0, to - 100), to).map((n) => callbackEntry(n));
      const packed = await redis.use('hmget', (client) => client.hmget(keys.callbacks(id), ...entries));
      const found = packed.findLastIndex((text) => text !== null && unpackCallback(text).spec.id === signatureId);
      if (found >= 0) return entries[found];
    }
    return undefined;
  }

  /**
   * Returns the entries of the callbacks that an entry (or 'g': the group itself) fired last. A callback that was fired
   * again is represented by its latest invocation.
   *
   * @param limit - the maximum number of entries
   */
  async invokedFor(id: string, source: string, limit: number): Promise<string[]> {
    const { keys, redis } = this.store;
    const key = keys.callbacks(id);
    const place = await redis.use('hget', (client) => client.hget(key, `${callbackField.firings}${source}`));
    if (!place) return [];
    const [first = 0, count = 0] = place.split(' ').map(Number);
    let entries = range(first, first + Math.min(count, limit)).map((n) => callbackEntry(n));
    for (;;) {
      const newer = await redis.use('hmget', (client) =>
        client.hmget(key, ...entries.map((entry) => `${callbackField.newerFiring}${entry}`)),
      );
      if (newer.every((entry) => !entry)) return entries;
      entries = entries.map((entry, i) => newer[i] ?? entry);
    }
  }

  /** Returns the spec of an item and its own message ('' for none); undefined when the item is unknown. */
  async item(id: string, entry: string): Promise<{ spec: Spec; message: string } | undefined> {
    const [spec, message] = await this.store.redis.use('hmget', (client) =>
      client.hmget(this.store.keys.specs(id), entry, `${specField.ownMessage}${entry}`),
    );
    return spec ? { spec: unpackSpec(spec), message: message ?? '' } : undefined;
  }

  /** Returns the packed specs of some items, in the same order. */
  async specsAt(id: string, entries: readonly string[]): Promise<(string | null)[]> {
    return this.store.redis.use('hmget', (client) => client.hmget(this.store.keys.specs(id), ...entries));
  }

  /** Returns the packed specs of a range of items. */
  async specs(id: string, from: number, to: number): Promise<string[]> {
    const packed = await this.specsAt(id, range(from, to).map(String));
    return packed.filter((spec) => spec !== null);
  }

  /** Returns the configuration of a group as its template holds it; undefined when the group is unknown. */
  async configuration(id: string): Promise<Omit<GroupTemplate, 'items'> | undefined> {
    const key = this.store.keys.state(id);
    const [kind, success, error, options, ...config] = await this.store.redis.use('hmget', (client) =>
      client.hmget(key, field.kind, field.successCallbacks, field.errorCallbacks, field.options, ...storedFields),
    );
    if (!kind) return undefined;
    const list = (json: string | null | undefined) => (json ? (JSON.parse(json) as string[]) : []);
    const runOptions = parseOptions(options);
    return {
      ...withoutDefaults(decodeConfig(config)),
      successCallbacks: list(success),
      errorCallbacks: list(error),
      ...(runOptions ? { options: runOptions } : {}),
    };
  }

  /** Returns an invoked callback; undefined when it is unknown. */
  async callback(id: string, entry: string): Promise<InvokedCallback | undefined> {
    const packed = await this.packedCallback(id, entry);
    return packed === undefined ? undefined : unpackCallback(packed);
  }

  /** Returns an invoked callback as it is stored; undefined when it is unknown. */
  async packedCallback(id: string, entry: string): Promise<string | undefined> {
    return (
      (await this.store.redis.use('hget', (client) => client.hget(this.store.keys.callbacks(id), entry))) ?? undefined
    );
  }

  /** Returns the callbacks of the group itself, packed. */
  async callbackLists(id: string): Promise<string[]> {
    const lists = await this.store.redis.use('hmget', (client) =>
      client.hmget(this.store.keys.state(id), field.successCallbacks, field.errorCallbacks),
    );
    return lists.flatMap((list) => (list ? (JSON.parse(list) as string[]) : []));
  }

  /** Returns the run that was published for an entry or owns it; for a nested group 'g:' and its id. */
  async runOf(id: string, entry: string): Promise<string | undefined> {
    return (await this.activeEntry(id, entry))?.run || undefined;
  }

  /** Resolves a stored output to JSON text. If the output is the list of a group, only the id of this group is stored. */
  async output(payload: string): Promise<string> {
    const json = inlined(payload);
    if (json !== undefined) return json;
    if ((await this.record(payload.slice(1)))?.keepResults === false)
      return JSON.stringify(await this.counts(payload.slice(1)));
    return this.list(payload.slice(1));
  }

  /**
   * Returns the outputs of the succeeded items of a group as JSON text.
   *
   * @param total - the number of its items, if the caller knows it
   */
  async list(id: string, total?: number): Promise<string> {
    const list: string[] = [];
    for await (const payloads of this.payloads(id, total))
      for (const payload of payloads) list.push(inlined(payload) ?? (await this.output(payload)));
    return `[${list.join(',')}]`;
  }

  /** Returns the result of an ended entry: a mark and JSON text. */
  async result(id: string, entry: string): Promise<string | undefined> {
    const { keys, redis } = this.store;
    const [key, name] = isCallback(entry)
      ? [keys.callbacks(id), `${callbackField.callbackResult}${entry}`]
      : [keys.bucketOf(id, entry), entry];
    return (await redis.use('hget', (client) => client.hget(key, name))) ?? undefined;
  }

  /** Returns the raw results of some items, in the order of `indexes`. */
  async results(id: string, indexes: readonly number[]): Promise<(string | undefined)[]> {
    const all: (string | undefined)[] = [];
    for await (const some of this.resultPages(id, indexes)) for (const result of some) all.push(result);
    return all;
  }

  /**
   * Yields raw results a page at a time, so that no more than a page of bytes is read ahead of the consumer.
   *
   * @param small - whether all results of the group fit into one page, if the caller knows it
   */
  private async *resultPages(
    id: string,
    indexes: readonly number[],
    small?: boolean,
  ): AsyncGenerator<(string | undefined)[]> {
    const all = small ?? (await this.isSmall(id));
    for (let from = 0; from < indexes.length;) {
      const results = await this.firstResults(id, indexes.slice(from, from + page.items), all);
      yield results;
      from += results.length;
    }
  }

  /** Returns whether all results of a group fit into one page. Checked once, because the size of each result costs a command. */
  private async isSmall(id: string): Promise<boolean> {
    const key = this.store.keys.state(id);
    return Number(await this.store.redis.use('hget', (client) => client.hget(key, field.resultBytes))) <= page.bytes;
  }

  /** Returns the raw results of the first items, as many as fit into one page. */
  private async firstResults(id: string, indexes: readonly number[], small: boolean): Promise<(string | undefined)[]> {
    const { keys, redis } = this.store;
    const found = small ? indexes.map((): string | number | null => 0) : await this.sizedResults(id, indexes);
    const [fitting = []] = inParts(found, page, (size) => (typeof size === 'number' ? size : 0));
    const end = fitting.length;
    const read = async ([bucket, places]: [number, number[]]) => {
      const unread = places.filter((at) => typeof found[at] === 'number');
      if (unread.length === 0) return;
      const fields = unread.map((at) => String(indexes[at]));
      const values = await redis.use('hmget', (client) => client.hmget(keys.results(id, bucket), ...fields));
      unread.forEach((at, i) => (found[at] = values[i] ?? null));
    };
    await Promise.all([...placesByBucket(indexes, end)].map(read));
    return found.slice(0, end).map((result) => (typeof result === 'string' ? result : undefined));
  }

  /** Returns the raw results of some items; for a bucket in which they are large, only their sizes. */
  private async sizedResults(id: string, indexes: readonly number[]): Promise<(string | number | null)[]> {
    const { keys, redis } = this.store;
    const buckets = placesByBucket(indexes, indexes.length);
    const share = Math.floor(page.bytes / buckets.size);
    const found = new Array<string | number | null>(indexes.length);
    const look = async ([bucket, places]: [number, number[]]) => {
      const fields = places.map((at) => indexes[at] ?? 0);
      const values = await redis.call('someResults', [keys.results(id, bucket)], [share, ...fields]);
      places.forEach((at, i) => (found[at] = (values as (string | number | null)[])[i] ?? null));
    };
    await Promise.all([...buckets].map(look));
    return found;
  }

  /** Yields the outputs of the succeeded items as JSON texts, in the order in which the items were added. */
  async *outputs(id: string): AsyncGenerator<string> {
    for await (const payloads of this.payloads(id)) for (const payload of payloads) yield this.output(payload);
  }

  /** Yields the stored outputs of the succeeded items, a page at a time. */
  private async *payloads(id: string, known?: number): AsyncGenerator<string[]> {
    const total = known ?? (await this.snapshot(id))?.total ?? 0;
    const small = await this.isSmall(id);
    for (let from = 0; from < total; from += page.items) {
      const indexes = range(from, Math.min(total, from + page.items));
      for await (const results of this.resultPages(id, indexes, small))
        yield results.flatMap((result) => (result?.startsWith('s') ? [result.slice(1)] : []));
    }
  }

  /** Returns ended items with their outputs or errors, in the order of `indexes`. */
  async ended(id: string, indexes: readonly number[]): Promise<EndedItem[]> {
    const all: EndedItem[] = [];
    for await (const items of this.endedPages(id, indexes)) all.push(...items);
    return all;
  }

  /** Does the same a page at a time, so that large outputs are not in memory all at once. */
  async *endedPages(id: string, indexes: readonly number[]): AsyncGenerator<EndedItem[]> {
    let from = 0;
    for await (const kept of this.resultPages(id, indexes)) {
      const some = indexes.slice(from, (from += kept.length));
      const [heads, results, times] = await Promise.all([
        this.heads(id, some),
        lastKnownOutcomes(this.store, id, some, kept),
        this.times(id, some.map(String)),
      ]);
      const items = some.map(async (index, i) => {
        const spec = heads[i] ?? { task: '?' };
        const result = results[i] ?? 'x';
        const status = marks[result[0] ?? 'x'] ?? 'cancelled';
        // What is stored of an item that has not started in the latest round is of an earlier one.
        const { startedAt, endedAt, attempts = 0 } = (results[i] === undefined ? undefined : times[i]) ?? {};
        const item: EndedItem = {
          index,
          id: spec.id ?? itemId(id, index),
          name: displayName(spec),
          status,
          startedAt: dateOf(startedAt),
          endedAt: dateOf(endedAt),
          attempts,
        };
        if (status === 'succeeded' && result.length > 1)
          item.output = JSON.parse(await this.output(result.slice(1))) as unknown;
        if (status === 'failed') item.error = readError(result.slice(1));
        if (status === 'cancelled') item.error = results[i] === undefined ? 'cancelled before it started' : 'cancelled';
        return item;
      });
      yield await Promise.all(items);
    }
  }

  /**
   * Returns the spec of an item or of an invoked callback; undefined when it is unknown. That of an item is without its
   * callbacks and bound data.
   */
  async head(id: string, entry: string): Promise<Spec | undefined> {
    return isCallback(entry) ? (await this.callback(id, entry))?.spec : (await this.heads(id, [entry]))[0];
  }

  /** Returns the specs of some items without their callbacks and bound data, in the same order; undefined for unknown items. */
  async heads(id: string, entries: readonly (string | number)[]): Promise<(Spec | undefined)[]> {
    if (entries.length === 0) return [];
    const key = this.store.keys.specs(id);
    const heads: (string | null)[] = [];
    while (heads.length < entries.length) {
      const args = [page.bytes, ...entries.slice(heads.length, heads.length + page.items)];
      heads.push(...((await this.store.redis.call('specHeads', [key], args)) as (string | null)[]));
    }
    return heads.map((head) => (head ? unpackHead(head) : undefined));
  }

  /** Yields the indexes of the failed items of a group, those of some thousand items at a time. */
  async *failedIndexes(id: string): AsyncGenerator<number[]> {
    const key = this.store.keys.bytes(id);
    for (let from = 0; ; from += statesPerRead) {
      const start = from;
      const states = await this.store.redis.use('getrange', (client) =>
        client.getrange(key, start, start + statesPerRead - 1),
      );
      yield range(from, from + states.length).filter((index) => states[index - start] === 'f');
      if (states.length < statesPerRead) return;
    }
  }

  /** Returns the items from `from` to before `to` of an ended group that did not succeed. */
  async notSucceeded(id: string, from: number, to: number): Promise<number[]> {
    const bytes = await this.store.redis.use('getrange', (client) =>
      client.getrange(this.store.keys.bytes(id), from, to - 1),
    );
    return range(from, to).filter((index) => bytes[index - from] !== 's');
  }

  /** Yields the packed specs and own messages of some items, a page at a time, so that large ones are not read all at once. */
  async *itemPages(id: string, indexes: readonly number[]): AsyncGenerator<StoredItem[]> {
    for (let from = 0; from < indexes.length;) {
      const some = await this.firstItems(id, indexes.slice(from, from + page.items));
      yield some;
      from += some.length;
    }
  }

  /** Returns the first items, as many as fit into one page. */
  private async firstItems(id: string, indexes: readonly number[]): Promise<StoredItem[]> {
    const { keys, redis } = this.store;
    const key = keys.specs(id);
    const fields = indexes.flatMap((index) => [String(index), `${specField.ownMessage}${index}`]);
    const found = (await redis.call('someResults', [key], [page.bytes, ...fields])) as (string | number | null)[];
    let values = found as (string | null)[];
    if (typeof found[0] === 'number') {
      const sizes = indexes.map((_, i) => Number(found[2 * i]) + Number(found[2 * i + 1]));
      const [fitting = []] = inParts(sizes, page, (size) => size);
      values = await redis.use('hmget', (client) => client.hmget(key, ...fields.slice(0, 2 * fitting.length)));
    }
    return indexes
      .slice(0, values.length / 2)
      .map((index, i) => ({ index, spec: values[2 * i] ?? '', message: values[2 * i + 1] ?? '' }));
  }

  /** Returns the items from `from` to before `to` of a stopped group that never started. */
  async neverStarted(id: string, from: number, to: number): Promise<number[]> {
    const bytes = await this.store.redis.use('getrange', (client) =>
      client.getrange(this.store.keys.bytes(id), from, to - 1),
    );
    return range(from, to).filter((index) => isUnstarted(bytes[index - from] ?? ''));
  }

  /** Returns the first 100 failures of a group, and the number of all. */
  async failures(id: string): Promise<{ count: number; failures: Failure[] }> {
    const { keys, redis } = this.store;
    const count = Number((await redis.use('hget', (client) => client.hget(keys.state(id), field.failed))) ?? 0);
    if (count === 0) return { count: 0, failures: [] };
    const fields = range(1, Math.min(count, 100) + 1).map((n) => `${callbackField.failure}${n}`);
    const indexes = await redis.use('hmget', (client) => client.hmget(keys.callbacks(id), ...fields));
    const items = await this.ended(id, indexes.filter((index) => index !== null).map(Number));
    const failures = items.map(({ index, id: failed, name, error }) => ({
      id: failed,
      name,
      index,
      message: error ?? '',
    }));
    return { count, failures };
  }
}

function toActive(entry: string, packed: string): ActiveEntry {
  const { state, run, process, child, startedAt, attempts } = unpackActive(packed);
  return { entry, state: state as ItemState, run, process, child, startedAt, attempts };
}

/** Returns the message of a stored failure. */
export function readError(json: string): string {
  return json ? ((JSON.parse(json) as { message?: string }).message ?? '') : '';
}

/** Returns the snapshot of a group that does not exist yet. */
export function emptySnapshot(
  what: Pick<Snapshot, 'kind' | 'name' | 'status' | 'closed' | 'total' | 'cancelled'>,
): Snapshot {
  const counts = { ready: 0, slots: 0, succeeded: 0, failed: 0, swept: 0 };
  const callbacks = { pending: 0, succeeded: 0, failed: 0 };
  const times = {
    createdAt: undefined,
    startedAt: undefined,
    endedAt: undefined,
    nextStartAt: undefined,
    pausedUntil: undefined,
  };
  return { ...what, ...counts, ...times, labels: {}, callbacks, suspended: false, reason: undefined };
}

/** Groups the positions in `indexes` before `end` by the bucket that holds their results. */
function placesByBucket(indexes: readonly number[], end: number): Map<number, number[]> {
  const buckets = new Map<number, number[]>();
  for (let at = 0; at < end; at++) {
    const bucket = Math.floor((indexes[at] ?? 0) / bucketSize);
    const places = buckets.get(bucket);
    if (places) places.push(at);
    else buckets.set(bucket, [at]);
  }
  return buckets;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}
