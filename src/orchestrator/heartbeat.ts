import { messageOf } from '../utils/error-message';
import type { GroupReader } from '../store/group-reader';
import type { GroupStore } from '../store/group-store';
import { NameReader } from './name-reader';
import type { PendingPublications } from './pending-publications';
import type { Publication } from './sender';
import { stuckAfterMs } from './stalls';

const warnEveryMs = 60_000;

/**
 * Stores that this process is alive and for how long it has published nothing, and finds out which publications others took
 * over.
 */
export class Heartbeat {
  /** When a heartbeat last allowed other processes to take over the publications of this one. */
  private offeredAt: number | undefined;
  private loggedAt = -Infinity;
  private readonly names: NameReader;

  constructor(
    private readonly pending: PendingPublications,
    private readonly store: GroupStore,
    private readonly reader: GroupReader,
  ) {
    this.names = new NameReader(reader);
  }

  stuckMs(): number {
    return this.pending.stuckMs(this.store.clock.elapsed());
  }

  async beat(): Promise<void> {
    const stuckMs = this.stuckMs();
    if (stuckMs >= stuckAfterMs(this.store.settings.leaseMs)) this.offer(stuckMs);
    await this.store.beat(stuckMs);
  }

  /**
   * The publications of a batch that no other process has taken over. The others are published already, and must not be
   * published twice.
   */
  owned(batch: readonly Publication[]): readonly Publication[] | Promise<readonly Publication[]> {
    const { offeredAt } = this;
    if (offeredAt === undefined) return batch;
    if ((this.pending.oldestArrival() ?? Infinity) > offeredAt) this.offeredAt = undefined;
    return this.ownedSince(batch, offeredAt);
  }

  private async ownedSince(batch: readonly Publication[], offeredAt: number): Promise<readonly Publication[]> {
    const owned = await Promise.all(batch.map((one) => this.isOwn(one, offeredAt)));
    batch.forEach((one, i) => {
      if (!owned[i]) one.done(one);
    });
    return batch.filter((_, i) => owned[i]);
  }

  private async isOwn({ groupId, entry }: Publication, offeredAt: number): Promise<boolean> {
    if ((this.pending.arrivalOf(`${groupId} ${entry}`) ?? 0) > offeredAt) return true;
    try {
      const active = await this.reader.activeEntry(groupId, entry);
      return active?.state === 'granted' && active.process === this.store.process;
    } catch (error) {
      // A second run is only a duplicate. An entry that is never published would be worse.
      const { logger } = this.store.settings;
      void this.names.entry(groupId, entry).then((who) => logger.info(`${who} can't be read: ${messageOf(error)}`));
      return true;
    }
  }

  private offer(stuckMs: number): void {
    const now = this.store.clock.elapsed();
    this.offeredAt = now;
    if (now - this.loggedAt < warnEveryMs) return;
    this.loggedAt = now;
    const [groupId = '', entry = ''] = this.pending.stuckKey.split(' ');
    void this.warnOfStuck(stuckMs, this.pending.size, this.names.entry(groupId, entry));
  }

  private async warnOfStuck(stuckMs: number, waiting: number, longest: Promise<string>): Promise<void> {
    const who = await longest;
    this.store.settings.logger.warn(
      `this process (${this.store.process}) has published nothing for ${Math.round(stuckMs / 1000)} s: ${waiting} publications wait, ${who} the longest. Another process with a reconciler publishes them if it can reach the engine. Restart this process if it doesn't recover.`,
    );
  }
}
