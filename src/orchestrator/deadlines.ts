import { runOutsideContext } from '../utils/outside-context';

/** What is farther away, the reconciler sets when it comes near: a process doesn't hold a timer for each group that it ever started. */
const longestTimerMs = 60 * 60 * 1000;

/** How many timers are held of groups whose end is not near. Another process may end them, of which this one doesn't hear. */
const most = 10_000;
/** With the default lease, the reconciler looks after each group more often than this. */
const nearMs = 60 * 1000;

/** Says in this process when a group's time is over. The reconciler says so too, for when this process is gone. */
export class Deadlines {
  private readonly timers = new Map<string, NodeJS.Timeout>();

  constructor(private readonly over: (groupId: string) => void) {}

  set(groupId: string, inMs: number): void {
    this.drop(groupId);
    if (inMs > (this.timers.size < most ? longestTimerMs : nearMs)) return;
    // A moment later, as Redis's clock decides.
    const timer = runOutsideContext(() => setTimeout(() => this.ring(groupId), Math.max(0, inMs) + 5));
    timer.unref();
    this.timers.set(groupId, timer);
  }

  /** Its group has ended. */
  drop(groupId: string): void {
    clearTimeout(this.timers.get(groupId));
    this.timers.delete(groupId);
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
