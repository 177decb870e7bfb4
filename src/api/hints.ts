import { runOutsideContext } from '../utils/outside-context';
import { messageOf } from '../utils/error-message';
import type { GroupStore } from '../store/group-store';
import { GroupEndChannel, type GroupEndMessage } from './group-end-channel';

/** A hint about a group: an entry has ended, or the group has. Without both, anything may have happened. */
export interface Hint {
  entry?: string;
  end?: GroupEndMessage;
}

type Listener = (hint: Hint) => void;

/**
 * The messages from Redis about groups. They are hints only, because those that are sent while a connection is lost are
 * lost with it.
 */
export class Hints {
  readonly ends: GroupEndChannel;
  /** The listeners of a group, by its channel. */
  private readonly listeners = new Map<string, Set<Listener>>();
  /** The number of subscribed listeners, by channel. */
  private readonly subscriptions = new Map<string, number>();
  private subscribed = false;
  private closed = false;

  constructor(private readonly store: GroupStore) {
    this.ends = new GroupEndChannel(store.keys.endChannelOf(store.process));
  }

  /**
   * @param subscribes - whether to subscribe to the group's channel; else only the group's end arrives
   * @returns a function that removes the listener
   */
  listen(channel: string, listener: Listener, subscribes = true): () => void {
    const listeners = this.listeners.get(channel) ?? new Set();
    this.listeners.set(channel, listeners.add(listener));
    if (subscribes) this.subscribe(channel);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.listeners.delete(channel);
      if (subscribes) this.unsubscribe(channel);
    };
  }

  /** Notifies the listeners of a channel in this process of a change. */
  hint(channel: string): void {
    this.deliver(channel, {});
  }

  close(): void {
    this.closed = true;
  }

  private subscribe(channel: string): void {
    const count = this.subscriptions.get(channel) ?? 0;
    this.subscriptions.set(channel, count + 1);
    if (count > 0 || this.closed) return;
    runOutsideContext(() => {
      this.connect();
      this.store.redis.subscribe(channel).catch((error: unknown) => this.missing(error));
    });
  }

  private connect(): void {
    if (this.subscribed) return;
    this.subscribed = true;
    const client = this.store.redis.subscription();
    client.on('message', (from: string, entry: string) => this.deliver(from, entry === 'end' ? {} : { entry }));
    client.on('ready', () => {
      for (const known of [...this.listeners.keys()]) this.deliver(known, {});
    });
    this.ends.listen(
      client,
      (ended, end) => this.deliver(ended, { end }),
      (error) => this.missing(error),
    );
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
    // The waits continue, because they read each second.
    if (!this.closed)
      this.store.settings.logger.warn(
        `no notifications from Redis, so waiting calls poll once a second: ${messageOf(error)}`,
      );
  }

  private deliver(channel: string, hint: Hint): void {
    for (const listener of [...(this.listeners.get(channel) ?? [])]) listener(hint);
  }
}
