const compactedFrom = 1024;

/** A first-in, first-out queue. Taking an item has a constant cost, which `Array.shift` does not guarantee. */
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
    // Clears the place, so that the taken item can be garbage-collected.
    this.items[this.head] = undefined;
    this.head += 1;
    if (this.head >= compactedFrom && this.head * 2 >= this.items.length) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
    return item;
  }
}
