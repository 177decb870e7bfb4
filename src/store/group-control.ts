import { encodeChange, type ConfigChange } from '../config/swarm-config';
import { GroupScripts } from './group-scripts';
import type { Reply } from './connection';

/** The group that has one tried again which sits in it. */
export interface RetriedBy {
  /** How often that one has been tried again. */
  round: number;
  /** Whether items can be added again, as a root's body begins again. */
  reopen?: boolean;
  /** What it is below from now on. */
  above?: object;
}

/** Typed calls of the scripts with which people hold, change, repair and forget groups. */
export class GroupControl extends GroupScripts {
  /** Suspends a group, or lets it go on. @param version - of the word that came from above; else a new one */
  async suspend(id: string, suspended: boolean, version = '') {
    const reply = await this.call('suspend', id, [suspended ? 1 : 0, version]);
    return suspension(this.expectCode(reply, ['suspended', 'resumed', 'ended', 'older', 'missing'] as const), reply);
  }

  /** Suspends one entry of a group, or lets it go on. */
  async suspendEntry(id: string, entry: string, suspended: boolean) {
    const reply = await this.call('suspendEntry', id, [entry, suspended ? 1 : 0], entry);
    return suspension(this.expectCode(reply, ['suspended', 'resumed', 'ended', 'missing'] as const), reply);
  }

  /** Notes that the groups below one have heard which of them are suspended. @param words - how often something had been said */
  async suspensionPropagated(id: string, words: string): Promise<void> {
    await this.call('suspensionPropagated', id, [words]);
  }

  /** Takes back runs that no body has begun in. */
  async withdraw(id: string, entries: readonly string[]) {
    return this.expectCode(await this.call('withdraw', id, entries), ['withdrawn', 'missing'] as const);
  }

  /** Changes how a group runs its items; what is undefined stays, null takes a limit away. */
  async update(id: string, config: ConfigChange) {
    const reply = await this.call('update', id, encodeChange(config));
    return this.expectCode(reply, ['updated', 'finished', 'missing'] as const);
  }

  /**
   * Makes what failed, was cancelled or never started in an ended group ready again, some of it: until it no longer answers 'continue'.
   * @param by - the parent that asks for it; a user when it isn't given; 'more' to go on with what was begun
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

  /** Lets a root that has ended wait for its children again. @param round - in which those are tried again */
  async reopen(id: string, { entry, child, round }: { entry: string; child: string; round: number }) {
    await this.register(id);
    const codes = ['reopened', 'nested', 'unfinished', 'missing'] as const;
    return this.expectCode(await this.call('reopen', id, [entry, child, round], entry), codes);
  }

  /**
   * Fires failed callbacks of a group anew, some of them: until `next` is undefined.
   * @param source - the entry for which they were fired, 'g' for the group itself, '' for all
   * @param from - the number of the first one to look at, and the one to stop before, as an earlier call gave them
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

  /** Notes that what an ended group refers to has been kept from expiring, as long as its callbacks run. */
  async retained(id: string) {
    return this.expectCode(await this.call('retentionDone', id, []), ['retained', 'missing'] as const);
  }

  /** Forgets a group that has ended or was never started, but for the names of the groups below it. */
  async remove(id: string, by: 'user' | 'parent') {
    const reply = await this.call('remove', id, [by]);
    const code = reply[0] as 'removed' | 'missing' | 'started' | 'nested';
    if (code === 'removed') await this.redis.use('zrem', (client) => client.zrem(this.keys.catalog(), id));
    return { code, total: Number(reply[1]) || 0 };
  }

  /** Keeps a group again that had been let expire, as what refers to it is tried again. Whether it is kept. */
  async retainAgain(id: string): Promise<boolean> {
    const [code, , total] = await this.call('retain', id, ['retain']);
    if (code !== 'kept') return false;
    await this.bindLifetimes(id, this.buckets(id, Number(total)));
    return true;
  }

  /** Has the results of a group live as long as the group does. */
  async keepResults(id: string, total: number): Promise<void> {
    await this.bindLifetimes(id, this.buckets(id, total));
  }
}

/** What a suspended or resumed group says besides: the version of the word, and whether groups below have to hear it. */
function suspension<C>(reply: C, raw: readonly Reply[]) {
  return { ...reply, version: String(raw[6] ?? ''), nested: raw[7] === '1' };
}
