/** A set of item indexes, with one bit for each, because a group may have millions of items. */
export class IndexSet {
  private bits = new Uint8Array(0);

  has(index: number): boolean {
    return ((this.bits[index >> 3] ?? 0) & (1 << (index & 7))) !== 0;
  }

  add(index: number): void {
    const at = index >> 3;
    if (at >= this.bits.length) {
      const grown = new Uint8Array(Math.max(64, 2 * this.bits.length, at + 1));
      grown.set(this.bits);
      this.bits = grown;
    }
    this.bits[at] = (this.bits[at] ?? 0) | (1 << (index & 7));
  }
}
