import type { Clock } from '../utils/clock';
import { RecentMap } from '../utils/recent-map';

const kept = 500;

interface Entry {
  readAt: number;
  value: Promise<unknown>;
}

/** Reads of which several pages want the same: one is under way at a time, and its result serves all for a while. */
export class SharedReads {
  private entries = new RecentMap<Entry>(kept);

  constructor(private readonly clock: Clock) {}

  /** @param forMs - how old a result may be */
  get<T>(key: string, forMs: number, read: () => Promise<T>): Promise<T> {
    const now = this.clock.elapsed();
    const known = this.entries.get(key);
    if (known && now - known.readAt < forMs) return known.value as Promise<T>;
    const value = read();
    this.entries.set(key, { readAt: now, value });
    // A failed read is no answer for the next one.
    value.catch(() => this.entries.delete(key));
    return value;
  }

  /** Forgets all results, because something was changed. */
  clear(): void {
    this.entries = new RecentMap<Entry>(kept);
  }
}
