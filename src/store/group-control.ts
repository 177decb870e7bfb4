import type { ConfigChange } from '../config/swarm-config';
import { encodeChange } from './stored-config';
import { GroupScripts } from './group-scripts';
import type { Reply } from './connection';

/** How a parent retries a nested group. */
export interface RetriedBy {
  /** How often the parent was retried. */
  round: number;
  /** True if items can be added again, because a root's body runs again. */
  reopen?: boolean;
  /** The groups above it from now on. */
  above?: object;
}

/** Typed calls of the scripts that suspend, change, retry and remove groups. */
export class GroupControl extends GroupScripts {
  /**
   * Suspends or resumes a group.
   *
   * @param version - the version of a suspend or resume that is propagated from a group above; '' for a new one
   */
  async suspend(id: string, suspended: boolean, version = '') {
    const reply = await this.call('suspend', id, [suspended ? 1 : 0, version]);
    return suspension(this.expectCode(reply, ['suspended', 'resumed', 'ended', 'older', 'missing'] as const), reply);
  }

  /** Suspends or resumes one entry of a group. */
  async suspendEntry(id: string, entry: string, suspended: boolean) {
    const reply = await this.call('suspendEntry', id, [entry, suspended ? 1 : 0], entry);
    return suspension(this.expectCode(reply, ['suspended', 'resumed', 'ended', 'missing'] as const), reply);
  }

  /**
   * Stores that the groups below a group have followed its suspensions.
   *
   * @param words - the epoch of suspensions that they have followed; the call has no effect if the epoch has changed since
   */
  async suspensionPropagated(id: string, words: string): Promise<void> {
    await this.call('suspensionPropagated', id, [words]);
  }

  /** Takes back runs in which no body has begun. */
  async withdraw(id: string, entries: readonly string[]) {
    return this.expectCode(await this.call('withdraw', id, entries), ['withdrawn', 'missing'] as const);
  }

  /** Changes how a group runs its items. An undefined value stays as it is; null removes a limit. */
  async update(id: string, config: ConfigChange) {
    const reply = await this.call('update', id, encodeChange(config));
    return this.expectCode(reply, ['updated', 'finished', 'missing'] as const);
  }

  /**
   * Prepares the retry of an ended group: makes items ready that failed, were cancelled or never started. Each call handles
   * a part; repeat it until it no longer returns 'continue'.
   *
   * @param by - the parent that retries it; undefined for a user; 'more' to continue a retry
   */
  async retry(id: string, by?: RetriedBy | 'more') {
    await this.register(id);
    const parent = by === 'more' ? undefined : by;
    const { round = '', reopen = false, above } = parent ?? {};
    const who = by === 'more' ? by : parent ? 'parent' : 'user';
    const reply = await this.call('retry', id, [who, round, reopen ? 1 : 0, above ? JSON.stringify(above) : '']);
    const codes = ['continue', 'retried', 'nested', 'unfinished', 'none', 'missing'] as const;
    return { ...this.expectCode(reply, codes), items: Number(reply[6] ?? 0), round: Number(reply[7] ?? 0) };
  }

  /** Makes an ended root wait for its children again. @param round - the round in which these are retried */
  async reopen(id: string, { entry, child, round }: { entry: string; child: string; round: number }) {
    await this.register(id);
    const codes = ['reopened', 'nested', 'unfinished', 'missing'] as const;
    return this.expectCode(await this.call('reopen', id, [entry, child, round], entry), codes);
  }

  /**
   * Fires failed callbacks of a group again. Each call handles a part; repeat it until `from` is undefined.
   *
   * @param source - the entry that fired them, 'g' for the group itself, '' for all
   * @param from - the first number to look at and the number to stop before, as the previous call returned them
   */
  async retryCallbacks(id: string, source: string, from?: { next: number; stop: number }) {
    await this.register(id);
    const reply = await this.call('retryCallbacks', id, [source, from?.next ?? 0, from?.stop ?? '']);
    const next = String(reply[7] ?? '');
    return {
      ...this.expectCode(reply, ['fired', 'missing'] as const),
      fired: Number(reply[6] ?? 0),
      from: next === '' ? undefined : { next: Number(next), stop: Number(reply[8]) },
      retains: reply[9] === 1,
    };
  }

  /** Stores that everything to which an ended group refers was kept from expiring, for as long as its callbacks run. */
  async retained(id: string) {
    return this.expectCode(await this.call('retentionDone', id, []), ['retained', 'missing'] as const);
  }

  /** Removes a group that has ended or was never started. The names of the groups below it are kept for the caller. */
  async remove(id: string, by: 'user' | 'parent') {
    const reply = await this.call('remove', id, [by]);
    const code = reply[0] as 'removed' | 'missing' | 'started' | 'nested';
    if (code === 'removed') await this.redis.use('zrem', (client) => client.zrem(this.keys.catalog(), id));
    return { code, total: Number(reply[1]) || 0 };
  }

  /**
   * Keeps an ended group again that had begun to expire, because a group that refers to it is retried.
   *
   * @returns whether it is kept
   */
  async retainAgain(id: string): Promise<boolean> {
    const [code, , total] = await this.call('retain', id, ['retain']);
    if (code !== 'kept') return false;
    await this.bindLifetimes(id, this.buckets(id, Number(total)));
    return true;
  }

  /** Makes the results of a group live as long as the group. */
  async keepResults(id: string, total: number): Promise<void> {
    await this.bindLifetimes(id, this.buckets(id, total));
  }
}

/** Adds the version of the suspension to a reply, and whether groups below have to follow it. */
function suspension<C>(reply: C, raw: readonly Reply[]) {
  return { ...reply, version: String(raw[6] ?? ''), nested: raw[7] === '1' };
}
