import type { Clock } from '../../utils/clock';
import { Feed, type FeedSource, type Following } from './feed';

/** The feeds that pages look at: one for each group and each filter of the list, whatever the number of pages. */
export class Feeds {
  private readonly feeds = new Map<string, Feed>();

  constructor(private readonly clock: Clock) {}

  /** @param make - makes what the feed reads, if no page looks at it yet */
  subscribe(key: string, make: () => FeedSource, following?: Following): ReadableStream<Uint8Array> {
    let feed = this.feeds.get(key);
    if (!feed) {
      const added: Feed = new Feed(this.clock, make(), () => {
        if (this.feeds.get(key) === added) this.feeds.delete(key);
      });
      feed = added;
      this.feeds.set(key, added);
    }
    return feed.subscribe(following);
  }

  hurry(): void {
    for (const feed of this.feeds.values()) feed.hurry();
  }

  close(): void {
    for (const feed of [...this.feeds.values()]) feed.close();
    this.feeds.clear();
  }
}
