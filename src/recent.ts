/**
 * The latest of what was set: as many as asked for, and at most twice as many.
 *
 * A Map whose oldest entry is deleted for each new one walks over all that were deleted before; here whole halves go.
 */
export class Recent<V> {
  private young = new Map<string, V>();
  private old = new Map<string, V>();

  constructor(private readonly atLeast: number) {}

  get(key: string): V | undefined {
    return this.young.get(key) ?? this.old.get(key);
  }

  set(key: string, value: V): void {
    this.young.set(key, value);
    if (this.young.size < this.atLeast) return;
    this.old = this.young;
    this.young = new Map();
  }
}
