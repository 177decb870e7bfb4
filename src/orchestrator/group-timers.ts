import type { Clock, Timer } from '../utils/clock';

/**
 * The longest timer, in ms. The reconciler handles what is due later when it comes near, so that a process does not hold a
 * timer for each group that it ever started.
 */
const longestTimerMs = 60 * 60 * 1000;

/** Above this number of timers, only what is due soon gets one. The reconciler handles the rest. */
const most = 10_000;
/** What is due soon, in ms. With the default lease, the reconciler checks each group more often than this. */
const soonMs = 60 * 1000;

/** One timer for each of many groups, which the reconciler of any process checks too, in case this process is gone. */
export class GroupTimers {
  private readonly timers = new Map<string, { timer: Timer; at: number }>();
  private closed = false;

  constructor(
    private readonly clock: Clock,
    private readonly ring: (key: string) => void,
  ) {}

  /** Sets the timer of a key, in place of an earlier one. @returns false when it is left to the reconciler */
  set(key: string, inMs: number): boolean {
    this.drop(key);
    if (this.closed || inMs > (this.timers.size < most ? longestTimerMs : soonMs)) return false;
    // Slightly later than asked, because Redis's clock decides.
    const ms = Math.max(0, inMs) + 5;
    const timer = this.clock.timeout(() => {
      this.timers.delete(key);
      this.ring(key);
    }, ms);
    timer.unref();
    this.timers.set(key, { timer, at: this.clock.elapsed() + ms });
    return true;
  }

  /** Drops the timer of a group that has ended. */
  drop(key: string): void {
    this.timers.get(key)?.timer.cancel();
    this.timers.delete(key);
  }

  /** Stops all timers. @returns the keys, with the ms that were left */
  close(): [key: string, leftMs: number][] {
    this.closed = true;
    const left = [...this.timers].map(([key, { timer, at }]): [string, number] => {
      timer.cancel();
      return [key, Math.max(0, at - this.clock.elapsed())];
    });
    this.timers.clear();
    return left;
  }
}
