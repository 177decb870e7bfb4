import type { Clock, Timer } from '../utils/clock';
import type { Canceller } from './canceller';
import type { Repairs } from './repairs';

/**
 * The longest timer, in ms. The reconciler sets a later deadline when it comes near, so that a process does not hold a timer
 * for each group that it ever started.
 */
const longestTimerMs = 60 * 60 * 1000;

/**
 * Above this number of timers, only near deadlines get one. Another process may end the groups, and this one is not
 * notified.
 */
const most = 10_000;
/** Which deadlines are near, in ms. With the default lease, the reconciler checks each group more often than this. */
const nearMs = 60 * 1000;

/** Cancels groups whose time limit is over. The reconciler checks the limit too, in case this process is gone. */
export class Deadlines {
  private readonly timers = new Map<string, Timer>();

  private closed = false;

  constructor(
    private readonly canceller: Canceller,
    private readonly repairs: Repairs,
    private readonly clock: Clock,
  ) {}

  set(groupId: string, inMs: number): void {
    this.drop(groupId);
    if (inMs > (this.timers.size < most ? longestTimerMs : nearMs)) return;
    // Slightly later than asked, because Redis's clock decides.
    const timer = this.clock.timeout(() => this.ring(groupId), Math.max(0, inMs) + 5);
    timer.unref();
    this.timers.set(groupId, timer);
  }

  /** Drops the timer of a group that has ended. */
  drop(groupId: string): void {
    this.timers.get(groupId)?.cancel();
    this.timers.delete(groupId);
  }

  close(): void {
    this.closed = true;
    for (const timer of this.timers.values()) timer.cancel();
    this.timers.clear();
  }

  private ring(groupId: string): void {
    this.timers.delete(groupId);
    void this.end(groupId);
  }

  private async end(groupId: string): Promise<void> {
    try {
      await this.canceller.cancel(groupId, 'timeout');
    } catch (error) {
      if (!this.closed) await this.repairs.reportMissedDeadline(groupId, error);
    }
  }
}
