import { Cached } from './cached';
import type { Clock } from './clock';
import { RecentMap } from './recent-map';

/** Keeps what reads returned, by a key: as {@link Cached} does, of the keys that were asked for last. */
export class SharedReads {
  private entries: RecentMap<Cached<unknown>>;

  /** @param kept - how many keys to keep at least */
  constructor(
    private readonly clock: Clock,
    private readonly kept: number,
  ) {
    this.entries = new RecentMap(kept);
  }

  /**
   * @param ms - how old a result may be
   * @param read - reads what the key stands for; one call of each key is enough to know how
   */
  get<T>(key: string, ms: number, read: () => Promise<T>): Promise<T> {
    const known = this.entries.get(key) as Cached<T> | undefined;
    if (known) return known.get(ms);
    const added = new Cached(this.clock, ms, read);
    this.entries.set(key, added);
    return added.get();
  }

  /** Forgets all results, because something was changed. */
  clear(): void {
    this.entries = new RecentMap(this.kept);
  }
}
