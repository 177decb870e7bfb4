import { kinds } from './kinds';
import type { Message } from '../messages/json';
import { mergeMessages } from '../messages/merge';
import { roundOf } from '../store/end-log';
import { isEnded, type EndedItem, type GroupReader, type GroupRecord, type StoredItem } from '../store/group-reader';
import type { ChosenPart, GroupStore } from '../store/group-store';
import { newId } from '../store/ids';
import {
  isGroup,
  packReplacement,
  packSpec,
  parseMessage,
  startWithoutMessage,
  unpackMessage,
  unpackSpec,
  type Spec,
} from '../store/spec';
import { IndexSet } from '../utils/index-set';
import type { Commands } from './commands';
import type { GroupLeases } from './group-leases';
import type { RunInputs } from './run-inputs';

type Step = Awaited<ReturnType<GroupStore['retry']>>;

/** Chooses the items of a retry, of those that did not succeed, and their new message. */
export interface RetryFilter {
  /** Only these items. */
  indexes?: readonly number[] | undefined;
  /** Only the items that it accepts. Their outcomes are read for it. */
  accepts?: ((item: EndedItem) => boolean) | undefined;
  /** Merged over the message of each retried item. */
  message?: Message | undefined;
  /** Called with the whole message of each item that is retried with another one, before anything is written. */
  check?: ((item: { index: number; spec: Spec }, message: Message) => void) | undefined;
}

/** The result of a retry: its code, and how many items run again. */
export type Retried = Pick<Step, 'code' | 'items'>;

/** Called when a retry has begun, before its items become ready. */
export type WhenBegun = (reply: Pick<Step, 'code' | 'round'>) => Promise<void>;

/** The number of items that one step inspects, and about the number that one script call decides. */
const inspectedAtOnce = 64 * 1024;
const decidedAtOnce = 5_000;
/** About how many bytes of changed items one script call writes. */
const bytesAtOnce = 1024 * 1024;

interface Choice {
  chosen: IndexSet;
  count: number;
  /** The index after the last chosen item. */
  end: number;
}

/**
 * Retries the items of an ended group that a filter chooses. First it chooses them, without writing anything, with one bit
 * for each item. Then it makes them ready under a lease, a part at a time. The group can't end meanwhile. When the lease runs
 * out because this process has died, the reconciler completes the retry with the items that were ready by then.
 */
export class ChosenRetry {
  constructor(
    private readonly store: GroupStore,
    private readonly reader: GroupReader,
    private readonly commands: Commands,
    private readonly leases: GroupLeases,
    private readonly inputs: RunInputs,
  ) {}

  /** @param whenBegun - is called when the retry has begun, before its items become ready */
  async retry(groupId: string, filter: RetryFilter, whenBegun: WhenBegun): Promise<Retried> {
    for (;;) {
      const round = await roundOf(this.store, groupId);
      const [record, snapshot] = await Promise.all([this.reader.record(groupId), this.reader.snapshot(groupId)]);
      if (!record || !snapshot) return { code: 'missing', items: 0 };
      if (record.parent && !kinds[record.kind].isOfRoot) return { code: 'nested', items: 0 };
      if (!isEnded(snapshot.status)) return { code: 'unfinished', items: 0 };
      const choice = await this.choose(groupId, record, snapshot.total, filter);
      if (choice.count === 0) return { code: 'none', items: 0 };
      const retried = await this.begin(groupId, { filter, choice, round }, whenBegun);
      // Another retry was faster. What it has left is chosen again.
      if (retried.code !== 'changed') return retried;
    }
  }

  private async choose(groupId: string, record: GroupRecord, total: number, filter: RetryFilter): Promise<Choice> {
    const choice: Choice = { chosen: new IndexSet(), count: 0, end: 0 };
    const wanted = filter.indexes && new IndexSet();
    for (const index of filter.indexes ?? []) if (index < total) wanted?.add(index);
    for (let from = 0; from < total; from += inspectedAtOnce) {
      const left = await this.reader.notSucceeded(groupId, from, Math.min(total, from + inspectedAtOnce));
      const some = wanted ? left.filter((index) => wanted.has(index)) : left;
      for await (const indexes of this.accepted(groupId, some, filter)) {
        if (filter.check) await this.check(groupId, record, indexes, filter);
        for (const index of indexes) choice.chosen.add(index);
        choice.count += indexes.length;
        choice.end = (indexes.at(-1) ?? choice.end - 1) + 1;
      }
    }
    return choice;
  }

  /** Yields those of some items that the filter accepts, a page at a time. */
  private async *accepted(
    groupId: string,
    indexes: readonly number[],
    { accepts }: RetryFilter,
  ): AsyncGenerator<readonly number[]> {
    if (accepts) {
      for await (const items of this.reader.endedPages(groupId, indexes))
        yield items.filter((item) => accepts(item)).map(({ index }) => index);
    } else yield indexes;
  }

  private async check(groupId: string, record: GroupRecord, indexes: readonly number[], filter: RetryFilter) {
    for await (const items of this.reader.itemPages(groupId, indexes))
      for (const { index, spec: packed, message } of items) {
        const spec = unpackSpec(packed);
        if (isGroup(spec)) continue;
        const whole = mergeMessages(this.inputs.ofItem(record, spec, message), filter.message);
        filter.check?.({ index, spec }, whole);
      }
  }

  private async begin(
    groupId: string,
    { filter, choice, round }: { filter: RetryFilter; choice: Choice; round: number },
    whenBegun: WhenBegun,
  ): Promise<Retried> {
    const lease = newId();
    let stopExtending: (() => void) | undefined;
    try {
      const { code } = await this.commands.retry(
        groupId,
        undefined,
        async (reply) => {
          if (reply.code !== 'continue') return;
          stopExtending = this.leases.keep(groupId, lease);
          await whenBegun(reply);
        },
        { lease, round },
      );
      if (code !== 'continue') return { code, items: 0 };
      const items = await this.makeReady(groupId, lease, { filter, choice });
      return { code: await this.complete(groupId, lease), items };
    } finally {
      stopExtending?.();
    }
  }

  /** Makes the chosen items ready. @returns how many; fewer than were chosen when the lease was lost */
  private async makeReady(
    groupId: string,
    lease: string,
    { filter: { message }, choice }: { filter: RetryFilter; choice: Choice },
  ): Promise<number> {
    let ready = 0;
    for (let from = 0; from < choice.end;) {
      const part = message
        ? await this.partWith(message, groupId, from, choice)
        : partOf(choice, from, Math.min(choice.end, from + decidedAtOnce));
      const reply = await this.commands.retrySome(groupId, lease, part);
      if (reply.code !== 'continue') return ready;
      ready = reply.items;
      from = reply.from;
    }
    return ready;
  }

  /** Returns the next part, whose chosen items get another message. */
  private async partWith(message: Message, groupId: string, from: number, choice: Choice): Promise<ChosenPart> {
    const to = Math.min(choice.end, from + decidedAtOnce);
    const { row } = partOf(choice, from, to);
    const indexes = Array.from({ length: to - from }, (_, i) => from + i).filter((index) => choice.chosen.has(index));
    const changes: ChosenPart['changes'][number][] = [];
    let bytes = 0;
    for await (const items of this.reader.itemPages(groupId, indexes))
      for (const item of items) {
        if (bytes > bytesAtOnce) return { ...partOf(choice, from, item.index), changes };
        const change = withMessage(item, message);
        changes.push(change);
        bytes += Buffer.byteLength(change.spec ?? '') + Buffer.byteLength(change.message ?? '');
      }
    return { from, row, changes };
  }

  private async complete(groupId: string, lease: string): Promise<Step['code']> {
    for (;;) {
      const { code } = await this.commands.retry(groupId, 'more', undefined, { lease });
      if (code !== 'continue') return code;
    }
  }
}

function partOf({ chosen }: Choice, from: number, to: number): ChosenPart {
  const row = Array.from({ length: to - from }, (_, i) => (chosen.has(from + i) ? 'q' : '-')).join('');
  return { from, row, changes: [] };
}

/**
 * Merges a message over that of an item. The bound data of a task win over all its other messages, so they receive it. A
 * chain or swarm has no bound data, so it is merged into the message that the group gets.
 */
function withMessage({ index, spec: packed, message: own }: StoredItem, message: Message) {
  const entry = String(index);
  const spec = unpackSpec(packed);
  if (!isGroup(spec))
    return {
      entry,
      spec: packSpec({ ...spec, data: JSON.stringify(mergeMessages(parseMessage(spec.data), message)) }),
    };
  const { message: before, options } = unpackMessage(own);
  const merged = mergeMessages(parseMessage(before === startWithoutMessage ? '' : before), message);
  return { entry, message: packReplacement(JSON.stringify(merged), options) };
}
