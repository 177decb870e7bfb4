import type { Clock } from './clock';

/** Keeps what a read returned. Reads at the same time share one, and a failed one is not kept. */
export class Cached<T> {
  private kept: { at: number; value: Promise<T> } | undefined;

  /** @param ms - for how long a result is used again by default, from the begin of its read */
  constructor(
    private readonly clock: Clock,
    private readonly ms: number,
    private readonly read: () => Promise<T>,
  ) {}

  /** @param ms - how old the result may be */
  get(ms = this.ms): Promise<T> {
    const now = this.clock.elapsed();
    if (this.kept && now - this.kept.at < ms) return this.kept.value;
    const kept = { at: now, value: this.read() };
    this.kept = kept;
    kept.value.catch(() => {
      if (this.kept === kept) this.kept = undefined;
    });
    return kept.value;
  }
}
