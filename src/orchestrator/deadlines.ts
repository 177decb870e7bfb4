import type { Clock } from '../utils/clock';
import type { Canceller } from './canceller';
import { GroupTimers } from './group-timers';
import type { Repairs } from './repairs';

/** Cancels groups whose time limit is over. The reconciler checks the limit too, in case this process is gone. */
export class Deadlines {
  private readonly timers: GroupTimers;

  private closed = false;

  constructor(
    private readonly canceller: Canceller,
    private readonly repairs: Repairs,
    clock: Clock,
  ) {
    this.timers = new GroupTimers(clock, (groupId) => void this.end(groupId));
  }

  set(groupId: string, inMs: number): void {
    this.timers.set(groupId, inMs);
  }

  /** Drops the timer of a group that has ended. */
  drop(groupId: string): void {
    this.timers.drop(groupId);
  }

  close(): void {
    this.closed = true;
    this.timers.close();
  }

  private async end(groupId: string): Promise<void> {
    try {
      await this.canceller.cancel(groupId, 'timeout');
    } catch (error) {
      if (!this.closed) await this.repairs.reportMissedDeadline(groupId, error);
    }
  }
}
