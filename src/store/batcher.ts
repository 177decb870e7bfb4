import { runOutsideContext } from '../utils/outside-context';

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
 * Makes one call of those that are asked for in one turn of the event loop: what a script needs before it begins costs more than
 * what it then does for one of them.
 */
export class Batcher<A, R> {
  private readonly waiting = new Map<string, Batch<A, R>>();

  /**
   * @param send - makes the calls of one key as one, and gives a result for each
   * @param maxBatchSize - how many are made as one at most
   * @param retryIndividually - whether each is made by itself when they can't be made as one
   */
  constructor(
    private readonly send: (calls: readonly A[]) => Promise<readonly R[]>,
    private readonly maxBatchSize: number,
    private readonly retryIndividually = true,
  ) {}

  /**
   * Joins those that are asked for with the same key.
   * @param weight - of this one; those that are made as one weigh one or little more
   * @throws what `send` throws, when it makes this one by itself unless they are not made apart
   */
  add(key: string, call: A, weight = 0): Promise<R> {
    return new Promise((resolve, reject) => {
      let batch = this.waiting.get(key);
      if (!batch) {
        const begun = { all: [], weight: 0 };
        this.waiting.set(key, (batch = begun));
        runOutsideContext(() => setImmediate(() => this.flush(key, begun)));
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
      // One that can't be made must not take the others with it.
      for (const one of all) void this.deliver([one]);
    }
  }
}
