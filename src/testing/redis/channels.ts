import type { Bytes } from './bytes';

export type Subscriber = (channel: Bytes, message: Bytes) => void;

/** The channels of one Redis with their subscribers. */
export class Channels {
  private readonly subscribers = new Map<Bytes, Set<Subscriber>>();

  add(channel: Bytes, subscriber: Subscriber): void {
    this.subscribers.set(channel, (this.subscribers.get(channel) ?? new Set()).add(subscriber));
  }

  remove(channel: Bytes, subscriber: Subscriber): void {
    const all = this.subscribers.get(channel);
    all?.delete(subscriber);
    if (all?.size === 0) this.subscribers.delete(channel);
  }

  /** Calls the subscribers of a channel; returns their number. */
  publish(channel: Bytes, message: Bytes): number {
    const all = [...(this.subscribers.get(channel) ?? [])];
    for (const subscriber of all) subscriber(channel, message);
    return all.length;
  }
}
