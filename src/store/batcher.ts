import type { Clock } from '../utils/clock';

interface Waiting<A, R> {
  call: A;
  resolve: (result: R) => void;
  reject: (error: unknown) => void;
}

interface Batch<A, R> {
  all: Waiting<A, R>[];
  weight: number;
}

/**
 * Combines calls that are requested in one turn of the event loop into one: the fixed cost of a script exceeds the cost of
 * one more call in it.
 */
export class Batcher<A, R> {
  private readonly waiting = new Map<string, Batch<A, R>>();

  /**
   * @param clock - whose turns of the event loop make the batches
   * @param send - makes the calls of one key as one, and returns a result for each of them in the same order
   * @param maxBatchSize - the maximum number of calls made as one
   * @param retryIndividually - whether each call is made separately if the combined call fails
   */
  constructor(
    private readonly clock: Clock,
    private readonly send: (calls: readonly A[]) => Promise<readonly R[]>,
    private readonly maxBatchSize: number,
    private readonly retryIndividually = true,
  ) {}

  /**
   * Adds a call to the batch of its key.
   *
   * @param weight - the share of a batch that this call takes; a batch is sent when its weight reaches 1
   * @throws the error of `send`: for this call alone, or for the whole batch without `retryIndividually`
   */
  add(key: string, call: A, weight = 0): Promise<R> {
    return new Promise((resolve, reject) => {
      let batch = this.waiting.get(key);
      if (!batch) {
        const begun = { all: [], weight: 0 };
        this.waiting.set(key, (batch = begun));
        this.clock.immediate(() => this.flush(key, begun));
      }
      batch.all.push({ call, resolve, reject });
      batch.weight += weight;
      if (batch.all.length >= this.maxBatchSize || batch.weight >= 1) this.flush(key, batch);
    });
  }

  private flush(key: string, batch: Batch<A, R>): void {
    if (this.waiting.get(key) !== batch) return;
    this.waiting.delete(key);
    void this.deliver(batch.all);
  }

  private async deliver(all: readonly Waiting<A, R>[]): Promise<void> {
    try {
      const results = await this.send(all.map(({ call }) => call));
      all.forEach(({ resolve }, i) => resolve(results[i] as R));
    } catch (error) {
      if (all.length === 1 || !this.retryIndividually) return all.forEach(({ reject }) => reject(error));
      // A call that fails must not make the other calls fail.
      for (const one of all) void this.deliver([one]);
    }
  }
}
