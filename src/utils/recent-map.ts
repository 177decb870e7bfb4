/**
 * Keeps the values that were set last: at least `atLeast` of them, and at most twice as many. With `weigh`, both limits are
 * weights.
 *
 * A Map whose oldest entry is deleted for each new one walks over all entries that were deleted before, so this one drops
 * whole halves.
 */
export class RecentMap<V> {
  private young = new Map<string, V>();
  private old = new Map<string, V>();
  private weight = 0;

  /**
   * @param atLeast - the number, or weight, of values to keep
   * @param weigh - returns the weight of a value; 1 by default
   */
  constructor(
    private readonly atLeast: number,
    private readonly weigh: (value: V) => number = () => 1,
  ) {}

  get(key: string): V | undefined {
    return this.young.get(key) ?? this.old.get(key);
  }

  set(key: string, value: V): void {
    this.lighten(key);
    this.young.set(key, value);
    this.weight += this.weigh(value);
    if (this.weight < this.atLeast) return;
    this.old = this.young;
    this.young = new Map();
    this.weight = 0;
  }

  delete(key: string): void {
    this.lighten(key);
    this.young.delete(key);
    this.old.delete(key);
  }

  private lighten(key: string): void {
    const before = this.young.get(key);
    if (before !== undefined) this.weight -= this.weigh(before);
  }
}
