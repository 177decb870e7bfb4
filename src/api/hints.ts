import { runOutsideContext } from '../utils/outside-context';
import { messageOf } from '../utils/error-message';
import type { GroupStore } from '../store/group-store';
import { GroupEndChannel, type GroupEndMessage } from './group-end-channel';

/** What was heard of a group: an entry that has ended, or the group's own end; of neither, anything may have happened. */
export interface Hint {
  entry?: string;
  end?: GroupEndMessage;
}

type Listener = (hint: Hint) => void;

/** What Redis publishes of groups: hints only, as those that come while a connection is lost are lost with it. */
export class Hints {
  readonly ends: GroupEndChannel;
  /** Those who are told of a group, by its channel. */
  private readonly listeners = new Map<string, Set<Listener>>();
  /** How many of them have subscribed to it. */
  private readonly subscriptions = new Map<string, number>();
  private subscribed = false;
  private closed = false;

  constructor(private readonly store: GroupStore) {
    this.ends = new GroupEndChannel(store.keys.endsHeardBy(store.process));
  }

  /**
   * @param subscribes - whether hints come on the channel itself; else only the group's end is heard
   * @returns what stops it
   */
  listen(channel: string, heard: Listener, subscribes = true): () => void {
    const listeners = this.listeners.get(channel) ?? new Set();
    this.listeners.set(channel, listeners.add(heard));
    if (subscribes) this.subscribe(channel);
    return () => {
      listeners.delete(heard);
      if (listeners.size === 0) this.listeners.delete(channel);
      if (subscribes) this.unsubscribe(channel);
    };
  }

  /** Tells those who listen to a channel in this process that something has changed. */
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
      this.store.redis.hear(channel).catch((error: unknown) => this.missing(error));
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
    // Waiting goes on by reading each second.
    if (!this.closed) this.store.settings.logger.warn(`no hints from Redis: ${messageOf(error)}`);
  }

  private deliver(channel: string, hint: Hint): void {
    for (const listener of [...(this.listeners.get(channel) ?? [])]) listener(hint);
  }
}
