import { detached } from '../detached';

/** What is farther away, upkeep sets when it comes near: a process doesn't hold a timer for each group that it ever started. */
const longestTimerMs = 60 * 60 * 1000;

/** Says in this process when a group's time is over. Upkeep says so too, for when this process is gone. */
export class Deadlines {
  private readonly timers = new Map<string, NodeJS.Timeout>();

  constructor(private readonly over: (groupId: string) => void) {}

  set(groupId: string, inMs: number): void {
    clearTimeout(this.timers.get(groupId));
    this.timers.delete(groupId);
    if (inMs > longestTimerMs) return;
    // A moment later, as Redis's clock decides.
    const timer = detached(() => setTimeout(() => this.ring(groupId), Math.max(0, inMs) + 5));
    timer.unref();
    this.timers.set(groupId, timer);
  }

  close(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
  }

  private ring(groupId: string): void {
    this.timers.delete(groupId);
    this.over(groupId);
  }
}
