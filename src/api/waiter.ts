import { ClosedError, StoreError } from '../config/errors';
import { onAbort } from '../utils/abort';
import type { GroupStore } from '../store/group-store';
import { EntryWaits } from './entry-waits';
import type { GroupEndMessage, GroupEndChannel } from './group-end-channel';
import { Hints, type Hint } from './hints';
import { notInTime, patienceMs, publishEndsMs, readAgainMs } from './waiting';

export interface WaitFor {
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Reads at the end of each item too, instead of only at the end of the group. */
  items?: boolean;
  /** True if `read` reads the end of the group and nothing else. */
  end?: boolean;
}

/**
 * Wakes the calls that wait for a group. Messages from Redis are hints only: the state is read again at each hint, at each
 * (re)connect and each second, so a lost message costs a second. The end of a group that this process has started is the
 * exception: its message contains the outcome, so it is not read again.
 */
export class Waiter {
  /** The calls that wait for single entries of groups. */
  readonly entries: EntryWaits;
  private readonly hints: Hints;
  private readonly wakers = new Set<() => void>();
  private closed = false;

  constructor(private readonly store: GroupStore) {
    this.hints = new Hints(store);
    this.entries = new EntryWaits(store, this.hints);
  }

  get ends(): GroupEndChannel {
    return this.hints.ends;
  }

  /**
   * Calls `read` until it returns a value, also while Redis is away for a while. `read` receives the end of the group, if
   * this process has received it.
   * @throws what `read` throws, WaitTimeoutError after `timeoutMs`, the signal's reason, ClosedError
   */
  async until<T>(
    groupId: string,
    read: (received?: GroupEndMessage) => Promise<T | undefined>,
    options: WaitFor = {},
  ): Promise<T> {
    const { timeoutMs, signal } = options;
    signal?.throwIfAborted();
    this.refuseClosed();
    const deadline = timeoutMs === undefined ? undefined : this.store.clock.elapsed() + timeoutMs;
    const channel = this.store.keys.state(groupId);
    const receivesEnd = options.end === true && this.ends.isPending(channel);
    let isPending = receivesEnd;
    // Other calls may have the ends of all items published. Without `items`, these hints are left out.
    const hints = this.listen(channel, !receivesEnd, (hint) => options.items === true || hint.entry === undefined);
    let askedAt = -Infinity;
    let answeredAt = -Infinity;
    try {
      for (;;) {
        try {
          if (options.items && this.store.clock.elapsed() - askedAt > publishEndsMs / 2) {
            await this.store.publishEnds(groupId, publishEndsMs);
            askedAt = this.store.clock.elapsed();
          }
          const value = isPending
            ? undefined
            : await read(receivesEnd ? (hints.received() ?? this.ends.endOf(channel)) : undefined);
          if (value !== undefined) return value;
          isPending = false;
          answeredAt = this.store.clock.elapsed();
        } catch (error) {
          this.refuseClosed();
          // Does not throw yet: the work continues, and an error would make the caller take it for lost.
          if (!(error instanceof StoreError) || this.store.clock.elapsed() - answeredAt > patienceMs) throw error;
        }
        this.refuseClosed();
        const left =
          deadline === undefined ? readAgainMs : Math.min(readAgainMs, deadline - this.store.clock.elapsed());
        if (left <= 0) throw notInTime(timeoutMs);
        await hints.next(left, signal);
      }
    } finally {
      hints.end();
    }
  }

  /** Waits for a time. @throws ClosedError when the instance is closed meanwhile, the reason of an aborted signal */
  async rest(ms: number, signal?: AbortSignal): Promise<void> {
    this.refuseClosed();
    signal?.throwIfAborted();
    await new Promise<void>((resolve) => {
      const wake = () => {
        timer.cancel();
        stopWaiting?.();
        this.wakers.delete(wake);
        resolve();
      };
      const timer = this.store.clock.timeout(wake, ms);
      this.wakers.add(wake);
      const stopWaiting = signal && onAbort(signal, wake);
    });
    this.refuseClosed();
    signal?.throwIfAborted();
  }

  /**
   * Makes the calls in this process that wait for a group, or for the signature of this id, read it again after a change.
   */
  changed(id: string): void {
    this.hints.hint(this.store.keys.state(id));
  }

  close(): void {
    this.closed = true;
    this.hints.close();
    for (const wake of [...this.wakers]) wake();
    this.entries.close(closedError());
  }

  private refuseClosed(): void {
    if (this.closed) throw closedError();
  }

  private listen(channel: string, subscribes: boolean, matters: (hint: Hint) => boolean) {
    let hinted = false;
    let received: GroupEndMessage | undefined;
    let wake: (() => void) | undefined;
    const onHint = (hint: Hint) => {
      received ??= hint.end;
      if (!matters(hint)) return;
      hinted = true;
      wake?.();
    };
    const onClose = () => wake?.();
    const stop = this.hints.listen(channel, onHint, subscribes);
    this.wakers.add(onClose);
    return {
      received: () => received,
      next: async (ms: number, signal: AbortSignal | undefined) => {
        if (!hinted) {
          let stopWaiting: (() => void) | undefined;
          await new Promise<void>((resolve) => {
            const timer = this.store.clock.timeout(resolve, ms);
            wake = () => {
              timer.cancel();
              resolve();
            };
            if (signal) stopWaiting = onAbort(signal, wake);
          });
          stopWaiting?.();
          wake = undefined;
        }
        hinted = false;
        signal?.throwIfAborted();
        this.refuseClosed();
      },
      end: () => {
        this.wakers.delete(onClose);
        stop();
      },
    };
  }
}

function closedError(): ClosedError {
  return new ClosedError(
    'This Mageflow was closed while a call waited for a result. The work continues in other processes.',
  );
}
