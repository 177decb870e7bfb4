import { randomUUID } from 'node:crypto';
import { messageOf } from '../utils/error-message';
import type { GroupStore } from '../store/group-store';
import type { EngineClient } from '../hatchet/client';

/** After how many leases without progress a process counts as stuck. */
const stuckAfterLeases = 6;
/** For how many leases the engine has to be there: who waited for it tries again within half of one. */
const thereForLeases = 2;

export function stuckAfterMs(leaseMs: number): number {
  return stuckAfterLeases * leaseMs;
}

/**
 * Judges the processes that live and publish nothing although they have work. While the engine takes nothing from anybody, that is
 * healthy: another process would do no better. So work is taken from one only after this process has found the engine there for
 * some time, and the other one stuck all the same.
 */
export class Stalls {
  /** Since when each asking found the engine there, and when it was asked last. */
  private reached: { since: number; last: number } | undefined;
  private asking: Promise<void> | undefined;
  private readonly told = new Set<string>();

  constructor(
    private readonly engine: EngineClient,
    private readonly store: GroupStore,
    /** For how long this process has got no further itself, in ms. */
    private readonly ownStuckMs: () => number,
  ) {}

  /** For how long what a process has to publish is still its own, in ms; 0 when another one has to publish it. */
  async ownsFor(process: string): Promise<number> {
    const { aliveMs, stuckMs } = await this.store.life(process);
    const { leaseMs, logger } = this.store.settings;
    const limit = stuckAfterMs(leaseMs);
    if (aliveMs === 0 || stuckMs < limit || this.ownStuckMs() >= limit) return aliveMs;
    if ((await this.engineThereFor()) < thereForLeases * leaseMs) return aliveMs;
    if (!this.told.has(process)) {
      this.told.add(process);
      logger.warn(
        `the process ${process} lives, but has published nothing for ${Math.round(stuckMs / 1000)} s although it has work. This one publishes it instead; look into that process.`,
      );
    }
    return 0;
  }

  /** For how long the engine has been there whenever it was asked, in ms. */
  private async engineThereFor(): Promise<number> {
    this.asking ??= this.ask().finally(() => (this.asking = undefined));
    await this.asking;
    return this.reached ? this.reached.last - this.reached.since : 0;
  }

  private async ask(): Promise<void> {
    const { leaseMs, logger } = this.store.settings;
    const now = performance.now();
    const { reached } = this;
    if (reached && now - reached.last < leaseMs / 3) return;
    try {
      // What it doesn't know, it says as quickly as anything else.
      await this.engine.state(randomUUID());
      const since = reached && now - reached.last < 3 * leaseMs ? reached.since : now;
      this.reached = { since, last: now };
    } catch (error) {
      this.reached = undefined;
      logger.info(`a process publishes nothing, and the engine is not there: ${messageOf(error)}`);
    }
  }
}
