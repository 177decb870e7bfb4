const compactedFrom = 1024;

/** First in, first out. To take one costs the same however many wait, which `Array.shift` doesn't promise. */
export class Queue<T> {
  private items: (T | undefined)[] = [];
  private head = 0;

  get length(): number {
    return this.items.length - this.head;
  }

  push(item: T): void {
    this.items.push(item);
  }

  first(): T | undefined {
    return this.items[this.head];
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.items[this.head];
    // What has been taken must not be kept by its place.
    this.items[this.head] = undefined;
    this.head += 1;
    if (this.head >= compactedFrom && this.head * 2 >= this.items.length) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
    return item;
  }
}
