import { randomUUID } from 'node:crypto';
import { messageOf } from '../utils/error-message';
import type { GroupStore } from '../store/group-store';
import type { EngineClient } from '../hatchet/client';

/** After how many leases without progress a process counts as stuck. */
const stuckAfterLeases = 6;
/** For how many leases the engine must have been reachable. A process that waited for it tries again within half a lease. */
const thereForLeases = 2;

export function stuckAfterMs(leaseMs: number): number {
  return stuckAfterLeases * leaseMs;
}

/**
 * Judges processes that are alive and publish nothing although they have work. While the engine accepts nothing from
 * anybody, that is healthy: another process would do no better. Work is taken over only after this process has reached the
 * engine for some time while the other one remained stuck.
 */
export class Stalls {
  /** Since when every check has reached the engine, and when the last check was. */
  private reached: { since: number; last: number } | undefined;
  private asking: Promise<void> | undefined;
  private readonly warned = new Set<string>();

  constructor(
    private readonly engine: EngineClient,
    private readonly store: GroupStore,
    /** For how long this process itself has made no progress, in ms. */
    private readonly ownStuckMs: () => number,
  ) {}

  /** For how long a process still owns its publications, in ms; 0 when another process has to publish them. */
  async leaseLeftOf(process: string): Promise<number> {
    const { aliveMs, stuckMs } = await this.store.readHeartbeat(process);
    const { leaseMs, logger } = this.store.settings;
    const limit = stuckAfterMs(leaseMs);
    if (aliveMs === 0 || stuckMs < limit || this.ownStuckMs() >= limit) return aliveMs;
    if ((await this.engineThereFor()) < thereForLeases * leaseMs) return aliveMs;
    if (!this.warned.has(process)) {
      this.warned.add(process);
      logger.warn(
        `process ${process} is alive, but has published nothing for ${Math.round(stuckMs / 1000)} s although work is waiting. This process publishes it instead. Check process ${process}.`,
      );
    }
    return 0;
  }

  /** For how long every check has reached the engine, in ms. */
  private async engineThereFor(): Promise<number> {
    this.asking ??= this.ask().finally(() => (this.asking = undefined));
    await this.asking;
    return this.reached ? this.reached.last - this.reached.since : 0;
  }

  private async ask(): Promise<void> {
    const { leaseMs, logger } = this.store.settings;
    const now = this.store.clock.elapsed();
    const { reached } = this;
    if (reached && now - reached.last < leaseMs / 3) return;
    try {
      // The engine answers for an unknown run as quickly as for a known one.
      await this.engine.state(randomUUID());
      const since = reached && now - reached.last < 3 * leaseMs ? reached.since : now;
      this.reached = { since, last: now };
    } catch (error) {
      this.reached = undefined;
      logger.info(`a process publishes nothing, and this one can't reach the engine: ${messageOf(error)}`);
    }
  }
}
