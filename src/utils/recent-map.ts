/**
 * The latest of what was set: as many as asked for, and at most twice as many. Or, where they are weighed, of as much weight.
 *
 * A Map whose oldest entry is deleted for each new one walks over all that were deleted before; here whole halves go.
 */
export class RecentMap<V> {
  private young = new Map<string, V>();
  private old = new Map<string, V>();
  private weight = 0;

  /** @param weigh - what one counts */
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
