/** The entries that are granted to this process and not yet published, in the order in which they came. */
export class PendingPublications {
  private readonly arrivals = new Map<string, number>();
  /** Which one was the oldest when that was last asked, and since when it is. */
  private oldest = { key: '', arrival: 0, since: 0 };

  get size(): number {
    return this.arrivals.size;
  }

  /** The oldest one, as when it was last asked for how long nothing has moved on. */
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

  /** When the oldest one came. */
  oldestArrival(): number | undefined {
    return this.first()?.[1];
  }

  /**
   * For how long the same one has been the oldest, in ms: however many wait, that one moves on as long as anything does. Counts from
   * when it was first asked about this one.
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
