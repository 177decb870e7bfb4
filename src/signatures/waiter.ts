import { messageOf, StoreError } from '../errors';
import type { GroupStore } from '../store/group-store';
import { detached } from '../detached';
import { HeardEnds, type HeardEnd } from './heard-ends';

const readAgainMs = 1_000;
const publishEndsMs = 60_000;
/** For how long Redis may be away while something is waited for, before that is an error. */
const patienceMs = 60_000;

export interface WaitFor {
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Whether the ends of items matter, or only the group's. */
  items?: boolean;
  /** Whether it is a group's end that is read, and nothing else. */
  end?: boolean;
}

/**
 * Wakes those who wait for a group or for its items. What Redis publishes is a hint only: the state is read again at
 * each hint, at each (re)connect and each second, so that a lost message costs a second. Only the end of a group that this
 * process has started itself need not be read again: the message says how it ended.
 */
export class Waiter {
  readonly ends: HeardEnds;
  /** Those who are woken by what is said of a group, by its channel. */
  private readonly listeners = new Map<string, Set<(end?: HeardEnd) => void>>();
  /** How many of them have subscribed to it. */
  private readonly subscriptions = new Map<string, number>();
  private readonly resting = new Set<() => void>();
  private subscribed = false;
  private closed = false;

  constructor(private readonly store: GroupStore) {
    this.ends = new HeardEnds(store.keys.endsHeardBy(store.process));
  }

  /**
   * Reads until `read` gives something, also while Redis is away for a while. It is handed the end of the group that was heard.
   * @throws what `read` throws, TimeoutError after `timeoutMs`, the signal's reason
   */
  async until<T>(
    groupId: string,
    read: (heard?: HeardEnd) => Promise<T | undefined>,
    options: WaitFor = {},
  ): Promise<T> {
    const { timeoutMs, signal } = options;
    signal?.throwIfAborted();
    const deadline = timeoutMs === undefined ? undefined : Date.now() + timeoutMs;
    const channel = this.store.keys.state(groupId);
    const hears = options.end === true && this.ends.isToCome(channel);
    let isToCome = hears;
    const hints = this.listen(channel, !hears);
    let askedAt = 0;
    let answeredAt = 0;
    try {
      for (;;) {
        try {
          if (options.items && Date.now() - askedAt > publishEndsMs / 2) {
            await this.store.publishEnds(groupId, publishEndsMs);
            askedAt = Date.now();
          }
          const value = isToCome
            ? undefined
            : await read(hears ? (hints.heard() ?? this.ends.endOf(channel)) : undefined);
          if (value !== undefined) return value;
          isToCome = false;
          answeredAt = Date.now();
        } catch (error) {
          // The work goes on meanwhile; who hears an error would take it for lost.
          if (!(error instanceof StoreError) || Date.now() - answeredAt > patienceMs) throw error;
        }
        this.refuseClosed();
        const left = deadline === undefined ? readAgainMs : Math.min(readAgainMs, deadline - Date.now());
        if (left <= 0) throw new DOMException(`Not finished within ${timeoutMs} ms; the work goes on.`, 'TimeoutError');
        await hints.next(left, signal);
      }
    } finally {
      hints.end();
    }
  }

  /** Does nothing for a while. @throws when the instance is closed meanwhile */
  async rest(ms: number): Promise<void> {
    let wake = () => undefined as void;
    await new Promise<void>((resolve) => {
      const timer = detached(() => setTimeout(resolve, ms));
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
      this.resting.add(wake);
    });
    this.resting.delete(wake);
    this.refuseClosed();
  }

  close(): void {
    this.closed = true;
    for (const wake of this.resting) wake();
    for (const wake of [...this.listeners.values()].flatMap((listeners) => [...listeners])) wake();
  }

  private refuseClosed(): void {
    if (this.closed) throw new Error('This Mageflow was closed while something waited on it.');
  }

  /** @param subscribes - whether hints come on the channel itself; else the end is heard without */
  private listen(channel: string, subscribes: boolean) {
    let hinted = false;
    let heard: HeardEnd | undefined;
    let wake: (() => void) | undefined;
    const onHint = (end?: HeardEnd) => {
      hinted = true;
      heard ??= end;
      wake?.();
    };
    const listeners = this.listeners.get(channel) ?? new Set();
    this.listeners.set(channel, listeners.add(onHint));
    if (subscribes) this.subscribe(channel);
    return {
      heard: () => heard,
      next: async (ms: number, signal: AbortSignal | undefined) => {
        if (!hinted) {
          await new Promise<void>((resolve) => {
            const timer = detached(() => setTimeout(resolve, ms));
            wake = () => {
              clearTimeout(timer);
              resolve();
            };
            signal?.addEventListener('abort', wake, { once: true });
          });
          if (wake) signal?.removeEventListener('abort', wake);
          wake = undefined;
        }
        hinted = false;
        signal?.throwIfAborted();
      },
      end: () => {
        listeners.delete(onHint);
        if (listeners.size === 0) this.listeners.delete(channel);
        if (subscribes) this.unsubscribe(channel);
      },
    };
  }

  private subscribe(channel: string): void {
    const count = this.subscriptions.get(channel) ?? 0;
    this.subscriptions.set(channel, count + 1);
    if (count > 0) return;
    detached(() => {
      const client = this.store.redis.subscription();
      if (!this.subscribed) {
        this.subscribed = true;
        client.on('message', (from: string) => this.wakeUp(from));
        client.on('ready', () => {
          for (const known of this.listeners.keys()) this.wakeUp(known);
        });
        this.ends.listen(
          client,
          (ended, end) => this.wakeUp(ended, end),
          (error) => this.missing(error),
        );
      }
      client.subscribe(channel).catch((error: unknown) => this.missing(error));
    });
  }

  private unsubscribe(channel: string): void {
    const count = this.subscriptions.get(channel) ?? 0;
    if (count > 1) return void this.subscriptions.set(channel, count - 1);
    this.subscriptions.delete(channel);
    if (this.closed) return;
    this.store.redis
      .subscription()
      .unsubscribe(channel)
      .catch((error: unknown) => this.missing(error));
  }

  private missing(error: unknown): void {
    // Waiting goes on by reading each second.
    if (!this.closed) this.store.settings.logger.warn(`mageflow: no hints from Redis: ${messageOf(error)}`);
  }

  private wakeUp(channel: string, end?: HeardEnd): void {
    for (const listener of this.listeners.get(channel) ?? []) listener(end);
  }
}
