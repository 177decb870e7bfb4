import { onAbort } from './abort';

/** Yields items in sequence. Each of its waits must end when the signal is aborted. */
type Read<T> = (signal: AbortSignal) => AsyncGenerator<T, void, undefined>;

/**
 * An iterable that starts from the beginning for each loop over it. A loop can be left at once, also while it waits for an item.
 * @param signal - ends the loops with its reason
 */
export function iterable<T>(read: Read<T>, signal: AbortSignal | undefined): AsyncIterable<T> {
  return { [Symbol.asyncIterator]: () => new Iteration(read, signal) };
}

/** Wraps a generator, because a plain generator's `return()` resolves only after its current wait. */
class Iteration<T> implements AsyncIterableIterator<T, undefined> {
  private readonly stop = new AbortController();
  private readonly source: AsyncGenerator<T, void, undefined>;
  /** The pending calls of `next()`. Each is notified of the end, with or without an error. */
  private readonly waiting = new Set<(end: { reason: unknown } | undefined) => void>();
  private stopListening: (() => void) | undefined;
  private isOver = false;

  constructor(
    read: Read<T>,
    private readonly signal: AbortSignal | undefined,
  ) {
    this.source = read(this.stop.signal);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.isOver) return Promise.resolve(over());
    return new Promise((resolve, reject) => {
      const ended = (end: { reason: unknown } | undefined) => {
        if (end) reject(end.reason as Error);
        else resolve(over());
      };
      this.waiting.add(ended);
      if (!this.listen()) return;
      this.source.next().then(
        (step) => {
          if (!this.waiting.delete(ended)) return;
          if (step.done) this.end();
          resolve(step.done ? over() : step);
        },
        (error: unknown) => {
          if (!this.waiting.delete(ended)) return;
          this.end();
          reject(error as Error);
        },
      );
    });
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.end();
    return Promise.resolve(over());
  }

  /** @returns false when the signal has already ended the loop */
  private listen(): boolean {
    const { signal } = this;
    if (signal && !this.stopListening) {
      const stopListening = onAbort(signal, () => this.end({ reason: signal.reason }));
      this.stopListening = stopListening;
    }
    return !this.isOver;
  }

  /** @param why - the error for the first pending call; the others end without one, as after any error of a generator */
  private end(why?: { reason: unknown }): void {
    if (this.isOver) return;
    this.isOver = true;
    this.stopListening?.();
    this.stop.abort();
    let error = why;
    for (const ended of this.waiting) {
      ended(error);
      error = undefined;
    }
    this.waiting.clear();
    // The generator's current wait fails now, and no caller is left for that error.
    this.source.return().catch(() => undefined);
  }
}

function over(): IteratorReturnResult<undefined> {
  return { done: true, value: undefined };
}
