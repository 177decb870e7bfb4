import { messageOf } from '../utils/error-message';
import type { Timer } from '../utils/clock';
import type { GroupStore } from '../store/group-store';
import type { NameReader } from './name-reader';

/**
 * Extends the leases of calls of this process that change a group in several steps. When the process dies, its leases run
 * out, and the reconciler completes what the calls have begun.
 */
export class GroupLeases {
  private readonly timers = new Set<Timer>();

  constructor(
    private readonly store: GroupStore,
    private readonly names: NameReader,
  ) {}

  /**
   * Extends a lease until the returned function is called, or the lease is lost.
   * @param lease - its name
   */
  keep(groupId: string, lease: string): () => void {
    const { clock, settings } = this.store;
    const timer = clock.interval(() => void this.extend(groupId, lease, stop), settings.leaseMs / 3);
    // The work that the lease is for keeps the process alive, not the lease.
    timer.unref();
    const stop = () => {
      timer.cancel();
      this.timers.delete(timer);
    };
    this.timers.add(timer);
    return stop;
  }

  close(): void {
    for (const timer of this.timers) timer.cancel();
    this.timers.clear();
  }

  private async extend(groupId: string, lease: string, stop: () => void): Promise<void> {
    try {
      if (!(await this.store.extendLease(groupId, lease))) stop();
    } catch (error) {
      const { logger, leaseMs } = this.store.settings;
      // The name is not awaited before, because Redis may be unavailable.
      void this.names
        .group(groupId)
        .then((who) =>
          logger.warn(
            `could not extend the lease on ${who}; after ${leaseMs} ms without it, another process ends what this one has begun: ${messageOf(error)}`,
          ),
        );
    }
  }
}
