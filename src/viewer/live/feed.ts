import type { Clock, Timer } from '../../utils/clock';
import type { Fields } from './fields';
import { Subscriber, tellDifferences, type Latest, type Telling } from './subscriber';

const keepAliveMs = 15_000;
/** A stream ends after that time. The browser connects again, so that its rights are looked at again. */
const longestMs = 600_000;

/** How a page follows a feed. */
export interface Following {
  /** Default: differences. */
  telling?: Telling;
  /** Ends the stream after so many ms, if that is sooner. */
  forMs?: number;
}

/** What a feed reads. */
export interface FeedSource {
  /** Reads everything that pages are shown. @throws what `onError` then judges */
  read(): Promise<Fields>;
  /** How long to wait until the next read. */
  pauseMs(): number;
  /** Returns what the pages are told of an error; undefined when there is nothing to look at any more. */
  onError(error: unknown): string | undefined;
}

/** Reads something again and again for all pages that look at it, as long as there is one. */
export class Feed {
  /** With the time at which each ends. */
  private readonly subscribers = new Map<Subscriber, number>();
  private latest: Latest = { fields: undefined, problem: undefined };
  private timer: Timer | undefined;
  private isReading = false;
  private readAt = -Infinity;
  private isOver = false;

  /** @param onIdle - is called when the last page has gone */
  constructor(
    private readonly clock: Clock,
    private readonly source: FeedSource,
    private readonly onIdle: () => void,
  ) {}

  subscribe({ telling = tellDifferences, forMs = longestMs }: Following = {}): ReadableStream<Uint8Array> {
    const subscriber: Subscriber = new Subscriber(
      () => this.latest,
      () => this.leave(subscriber),
      () => this.clock.elapsed(),
      telling,
    );
    this.subscribers.set(subscriber, this.clock.elapsed() + Math.min(forMs, longestMs));
    if (!this.timer && !this.isReading) void this.read();
    return subscriber.stream;
  }

  /** Reads again soon, because something was changed; at most once a second. */
  hurry(): void {
    if (this.isOver || this.isReading) return;
    this.plan(Math.max(0, 1_000 - (this.clock.elapsed() - this.readAt)));
  }

  /** Ends all streams. */
  close(event?: 'gone'): void {
    this.isOver = true;
    this.timer?.cancel();
    for (const subscriber of [...this.subscribers.keys()]) subscriber.end(event);
  }

  private async read(): Promise<void> {
    this.isReading = true;
    this.timer = undefined;
    this.readAt = this.clock.elapsed();
    try {
      this.latest = { fields: await this.source.read(), problem: undefined };
    } catch (error) {
      const problem = this.source.onError(error);
      if (problem === undefined) return this.close('gone');
      this.latest = { ...this.latest, problem };
    } finally {
      this.isReading = false;
    }
    if (this.isOver) return;
    for (const [subscriber, until] of [...this.subscribers]) {
      subscriber.tell();
      subscriber.keepAlive(keepAliveMs);
      if (this.clock.elapsed() >= until) subscriber.end();
    }
    if (this.subscribers.size > 0) this.plan(this.source.pauseMs());
  }

  private plan(ms: number): void {
    this.timer?.cancel();
    this.timer = this.clock.timeout(() => void this.read(), ms);
    this.timer.unref();
  }

  private leave(subscriber: Subscriber): void {
    this.subscribers.delete(subscriber);
    if (this.subscribers.size > 0) return;
    this.isOver = true;
    this.timer?.cancel();
    this.onIdle();
  }
}
