import { kinds } from './kinds';
import { isEnded, type GroupReader } from '../store/group-reader';
import type { GroupStore, RetriedBy } from '../store/group-store';
import { isChildrenId } from '../store/ids';
import type { ChosenRetry, Retried, RetryFilter, WhenBegun } from './chosen-retry';
import type { Commands } from './commands';

/**
 * Retries the entries of ended groups that did not succeed. The reconciler completes a retry that a dead process left
 * unfinished.
 */
export class Retrier {
  constructor(
    private readonly store: GroupStore,
    private readonly reader: GroupReader,
    private readonly commands: Commands,
    private readonly chosen: ChosenRetry,
  ) {}

  /** Retries an outermost group, for a user. @param filter - which of its items; undefined for all */
  async group(groupId: string, filter?: RetryFilter): Promise<Retried> {
    return this.begin(groupId, filter);
  }

  /**
   * Retries a nested group of a group that is being retried, when it gets its slot there.
   * @returns whether it runs again; false when it was retried in this round of its parent, or has nothing to retry
   */
  async child(groupId: string, by: RetriedBy): Promise<boolean> {
    const { code } = await this.retry(groupId, by);
    return code === 'retried';
  }

  /**
   * Retries the children of an outermost root, for a user. The root waits for them again.
   * @param filter - which children; undefined for all
   */
  async children(child: string, root: { groupId: string; entry: string }, filter?: RetryFilter): Promise<Retried> {
    const [above, own] = await Promise.all([this.reader.snapshot(root.groupId), this.reader.record(root.groupId)]);
    if (!above || !own || own.parent || !kinds[own.kind].isSingle) return { code: 'nested', items: 0 };
    if (!isEnded(above.status)) return { code: 'unfinished', items: 0 };
    return this.begin(child, filter, async ({ code, round }) => {
      // The retry begins before the root is reopened: the children then can't end before the root waits for them. Without a
      // retry, the root must stay closed, because their last end would be reported again.
      if (code === 'continue' || code === 'retried') await this.reopen(child, round, root);
    });
  }

  /** Completes a retry that a process has begun and may not have finished. Items that it has not chosen stay as they ended. */
  async complete(groupId: string): Promise<void> {
    const root = isChildrenId(groupId) ? (await this.reader.record(groupId))?.parent : undefined;
    if (root) await this.reopen(groupId, root.round, root);
    await this.retainTree(groupId);
    await this.retry(groupId, 'more');
  }

  /** Retains a group and the groups below it, after they were set to expire. */
  async retainTree(groupId: string): Promise<void> {
    if (await this.store.retainAgain(groupId)) await this.reader.eachBelow(groupId, (child) => this.retainTree(child));
  }

  /**
   * Invokes the failed callbacks of a group again.
   * @param source - the entry whose end invoked them; 'g' for the group itself, '' for the group and all of its items
   * @returns how many were invoked; undefined when the group is unknown
   */
  async callbacks(groupId: string, source: string): Promise<number | undefined> {
    let count = 0;
    for (let from: { next: number; stop: number } | undefined; ;) {
      // The callbacks read the group's results and nested groups when they are published.
      const retain = async ({ retains, total }: { retains: boolean; total: number }) =>
        retains ? this.retain(groupId, total) : undefined;
      const reply = await this.commands.retryCallbacks(groupId, source, from, retain);
      if (reply.code === 'missing') return undefined;
      count += reply.fired;
      from = reply.from;
      if (from === undefined) return count;
    }
  }

  /** Keeps the results and nested groups of an ended group from expiring while its callbacks run again. */
  async retain(groupId: string, total: number): Promise<void> {
    await this.store.bindResultLifetimes(groupId, total);
    await this.reader.eachBelow(groupId, (child) => this.retainTree(child));
    await this.commands.retained(groupId);
  }

  private async reopen(child: string, round: number, { groupId, entry }: { groupId: string; entry: string }) {
    await this.commands.reopen(groupId, { entry, child, round });
  }

  private begin(groupId: string, filter: RetryFilter | undefined, whenBegun?: WhenBegun): Promise<Retried> {
    if (!filter) return this.retry(groupId, undefined, whenBegun);
    return this.chosen.retry(groupId, filter, async (reply) => {
      await whenBegun?.(reply);
      await this.retainTree(groupId);
    });
  }

  /** Begins or continues a retry, and repeats the command until all items are retried. */
  private async retry(groupId: string, by?: RetriedBy | 'more', whenBegun?: WhenBegun): Promise<Retried> {
    const { code, items } = await this.commands.retry(groupId, by, async (reply) => {
      await whenBegun?.(reply);
      if (reply.code === 'continue') await this.retainTree(groupId);
    });
    let last = code;
    while (last === 'continue') last = (await this.commands.retry(groupId, 'more')).code;
    return { code: last, items };
  }
}
