/** Counts how many bodies run at once in this process. */
export class Gauge {
  private now = 0;
  highest = 0;

  async during<T>(work: () => Promise<T>): Promise<T> {
    this.now += 1;
    this.highest = Math.max(this.highest, this.now);
    try {
      return await work();
    } finally {
      this.now -= 1;
    }
  }
}
