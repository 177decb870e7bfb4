import type { ConfigChange } from '../config/swarm-config';
import type {
  AddFlags,
  CancelledBy,
  ChosenBy,
  ChosenPart,
  Filling,
  GroupStore,
  NewGroup,
  RetriedBy,
} from '../store/group-store';
import { createInParts, type FirstRun } from '../store/parts';
import type { Effects } from '../store/replies';
import { composed } from './unpublishable';

/** Carries out the effects of a script. */
export type CarryOut = (groupId: string, effects: Effects) => Promise<void>;

/** A reply whose effects are carried out: the status of the group is what is left of them. */
type Done<R> = R extends unknown ? Omit<R, 'effects'> & Pick<Effects, 'status'> : never;

/** An action between the script of a command and its effects. */
type WhenStored<R> = (reply: R) => Promise<unknown> | void;

/**
 * Changes groups, and has the effects of each change carried out. A caller gets a code and no effects, so that it can't
 * forget them.
 *
 * Each instance has one policy. The orchestrator awaits the effects. Calls of users await them for a bounded time. What a
 * root's body runs is carried out in the background, and the end of the root waits for it.
 */
export class Commands {
  constructor(
    private readonly store: GroupStore,
    /** Carries out the effects of the scripts that runs call themselves, to claim their entries and to report their ends. */
    readonly carryOut: CarryOut,
  ) {}

  /** Returns the same commands with another policy. */
  with(carryOut: CarryOut): Commands {
    return new Commands(this.store, carryOut);
  }

  /** Creates a group, see `GroupStore.create`. @param whenStored - called before the group's effects are carried out */
  async create(
    group: NewGroup,
    specs: readonly string[],
    whenStored: WhenStored<Awaited<ReturnType<GroupStore['create']>>>,
  ) {
    return this.done(group.id, await this.store.create(group, specs), whenStored);
  }

  /** Creates a group with all of its items, see `createInParts`. @param whenStored - called before it starts */
  async createInParts(
    group: NewGroup,
    items: readonly string[],
    run: FirstRun | undefined,
    whenStored: WhenStored<Awaited<ReturnType<typeof createInParts>>>,
  ) {
    return this.done(group.id, await createInParts(this.store, group, items, run), whenStored);
  }

  /**
   * Creates a nested group that got its slot, and starts it.
   * @param whenStored - called before it starts
   * @throws Unpublishable when it can't be created from what is stored
   */
  async createNested(
    group: NewGroup,
    items: readonly string[],
    message: string,
    whenStored: WhenStored<Awaited<ReturnType<typeof createInParts>>>,
  ) {
    return this.done(group.id, await composed(() => createInParts(this.store, group, items, { message })), whenStored);
  }

  /** Starts a nested group that got its slot, see `GroupStore.runNested`. @param whenStored - called before its items start */
  async runNested(
    ...[id, message, parent, above, whenStored]: [
      ...Parameters<GroupStore['runNested']>,
      WhenStored<Awaited<ReturnType<GroupStore['runNested']>>>,
    ]
  ) {
    return this.done(id, await this.store.runNested(id, message, parent, above), whenStored);
  }

  /** Appends items, see `GroupStore.add`. @param whenStored - called before what was added starts */
  async add(
    id: string,
    items: Parameters<GroupStore['add']>[1],
    flags: AddFlags,
    whenStored?: WhenStored<Extract<Awaited<ReturnType<GroupStore['add']>>, { code: 'added' }>>,
  ) {
    const reply = await this.store.add(id, items, flags);
    return reply.code === 'added' ? this.done(id, reply, whenStored) : reply;
  }

  /** Starts a group for a user, see `GroupStore.run`. @param whenStored - called before its items start */
  async run(
    id: string,
    message: string,
    how?: Parameters<GroupStore['run']>[2],
    whenStored?: WhenStored<Awaited<ReturnType<GroupStore['run']>>>,
  ) {
    return this.done(id, await this.store.run(id, message, how), whenStored);
  }

  /** Makes an item ready that was added before. */
  async runItem(id: string, index: number, message: string) {
    return this.done(id, await this.store.runItem(id, index, message));
  }

  async update(id: string, config: ConfigChange) {
    return this.done(id, await this.store.update(id, config));
  }

  /** Closes a group, see `GroupStore.close`. */
  async close(id: string, round: number | '' = '', filling?: Filling) {
    return this.done(id, await this.store.close(id, round, filling));
  }

  /** Grants free slots to ready items. @param plannedAt - the time for which this process had planned it */
  async grant(id: string, plannedAt?: number) {
    return this.done(id, await this.store.grant(id, plannedAt));
  }

  /** Makes a group start nothing for some ms. */
  async pause(id: string, ms: number) {
    return this.done(id, await this.store.pause(id, ms));
  }

  /** Cancels a group. @param whenStored - called before the effects @returns also whether it was being cancelled before */
  async cancel(
    id: string,
    by: CancelledBy,
    lease: string | undefined,
    whenStored: WhenStored<Awaited<ReturnType<GroupStore['cancel']>>>,
  ) {
    const reply = await this.store.cancel(id, by, lease);
    const { status, statusChange } = reply.effects;
    const done = await this.done(id, reply, whenStored);
    return { ...done, isRepeated: status === 'cancelling' && statusChange === undefined };
  }

  /** Cancels one entry of a group. @param whenStored - called before the effects */
  async cancelEntry(id: string, entry: string, whenStored: WhenStored<Awaited<ReturnType<GroupStore['cancelEntry']>>>) {
    return this.done(id, await this.store.cancelEntry(id, entry), whenStored);
  }

  /** Completes an entry from outside its own run, see `GroupStore.complete`. @param whenStored - called before the effects */
  async complete(
    { groupId, entry, runId }: { groupId: string; entry: string; runId: string },
    end: Parameters<GroupStore['complete']>[3],
    whenStored: WhenStored<Awaited<ReturnType<GroupStore['complete']>>>,
  ) {
    return this.done(groupId, await this.store.complete(groupId, entry, runId, end), whenStored);
  }

  /** Reports that this process could not publish an entry, see `GroupStore.failPublication`. */
  async failPublication(
    { groupId, entry }: { groupId: string; entry: string },
    most: number,
    payload: string,
    whenStored: WhenStored<Awaited<ReturnType<GroupStore['failPublication']>>>,
  ) {
    return this.done(groupId, await this.store.failPublication(groupId, entry, most, payload), whenStored);
  }

  async suspend(id: string, suspended: boolean, version?: string) {
    return this.done(id, await this.store.suspend(id, suspended, version));
  }

  async suspendEntry(id: string, entry: string, suspended: boolean) {
    return this.done(id, await this.store.suspendEntry(id, entry, suspended));
  }

  /** Takes back runs in which no body has begun. */
  async withdraw(id: string, entries: readonly string[]) {
    return this.done(id, await this.store.withdraw(id, entries));
  }

  /** Handles a part of a retry, see `GroupStore.retry`. @param whenStored - called before the retried items start */
  async retry(
    id: string,
    by?: RetriedBy | 'more',
    whenStored?: WhenStored<Awaited<ReturnType<GroupStore['retry']>>>,
    chosen?: ChosenBy,
  ) {
    return this.done(id, await this.store.retry(id, by, chosen), whenStored);
  }

  /** Makes chosen items ready, see `GroupStore.retrySome`. */
  async retrySome(id: string, lease: string, part: ChosenPart) {
    return this.done(id, await this.store.retrySome(id, lease, part));
  }

  /** Makes an ended root wait for its children again. */
  async reopen(id: string, root: Parameters<GroupStore['reopen']>[1]) {
    return this.done(id, await this.store.reopen(id, root));
  }

  /** Fires failed callbacks again, see `GroupStore.retryCallbacks`. @param whenStored - called before they run */
  async retryCallbacks(
    id: string,
    source: string,
    from: Parameters<GroupStore['retryCallbacks']>[2],
    whenStored: (reply: { retains: boolean; total: number }) => Promise<void>,
  ) {
    const reply = await this.store.retryCallbacks(id, source, from);
    return this.done(id, reply, ({ retains, effects }) => whenStored({ retains, total: effects.total }));
  }

  /** Stores that everything to which an ended group refers was kept from expiring. */
  async retained(id: string) {
    return this.done(id, await this.store.retained(id));
  }

  /**
   * Allows a group to expire because its parent has ended or is gone. Cancels it if it was never started.
   * @param retentionMs - for how long its outermost group is kept; without it, its own retention counts
   */
  async release(id: string, retentionMs?: number) {
    return this.done(id, await this.store.release(id, retentionMs));
  }

  /** Stores that the parent was notified of the end of a group. */
  async parentNotified(id: string) {
    return this.done(id, await this.store.parentNotified(id));
  }

  /** Grants an entry again because no worker took its run in time, see `GroupStore.regrantUntaken`. */
  async regrantUntaken(
    id: string,
    of: Parameters<GroupStore['regrantUntaken']>[1],
    waitedMs: number,
    whenStored: WhenStored<Awaited<ReturnType<GroupStore['regrantUntaken']>>>,
  ) {
    return this.done(id, await this.store.regrantUntaken(id, of, waitedMs), whenStored);
  }

  /**
   * Takes over the publication of entries, see `GroupStore.regrantSome`.
   * @param turn - awaited before they are published
   * @returns `published` resolves when they are
   */
  async regrantSome(
    id: string,
    left: Parameters<GroupStore['regrantSome']>[1],
    turn: () => Promise<void> = () => Promise.resolve(),
  ): Promise<{ expected: readonly boolean[]; published: Promise<void> }> {
    const reply = await this.store.regrantSome(id, left);
    return { expected: reply.expected, published: this.done(id, reply, turn).then(() => undefined) };
  }

  private async done<R extends { effects: Effects }>(
    groupId: string,
    reply: R,
    whenStored?: WhenStored<R>,
  ): Promise<Done<R>> {
    await whenStored?.(reply);
    const { effects, ...rest } = reply;
    await this.carryOut(groupId, effects);
    return { ...rest, status: effects.status } as Done<R>;
  }
}
