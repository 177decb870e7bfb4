/** The entries that are granted to this process and not yet published, in the order of their arrival. */
export class PendingPublications {
  private readonly arrivals = new Map<string, number>();
  /** The oldest entry at the last call of `stuckMs`, and since when it is the oldest. */
  private oldest = { key: '', arrival: 0, since: 0 };

  get size(): number {
    return this.arrivals.size;
  }

  /** The oldest entry at the last call of `stuckMs`. */
  get stuckKey(): string {
    return this.oldest.key;
  }

  add(key: string, now: number): void {
    if (!this.arrivals.has(key)) this.arrivals.set(key, now);
  }

  has(key: string): boolean {
    return this.arrivals.has(key);
  }

  arrivalOf(key: string): number | undefined {
    return this.arrivals.get(key);
  }

  delete(key: string): void {
    this.arrivals.delete(key);
  }

  /** When the oldest entry arrived. */
  oldestArrival(): number | undefined {
    return this.first()?.[1];
  }

  /**
   * For how long the same entry has been the oldest, in ms. The oldest entry changes as long as anything is published,
   * however many wait. Counts from the first call that found this entry.
   */
  stuckMs(now: number): number {
    const [key, arrival] = this.first() ?? ['', 0];
    if (key !== this.oldest.key || arrival !== this.oldest.arrival) this.oldest = { key, arrival, since: now };
    return key === '' ? 0 : now - this.oldest.since;
  }

  private first(): [string, number] | undefined {
    for (const first of this.arrivals) return first;
    return undefined;
  }
}
