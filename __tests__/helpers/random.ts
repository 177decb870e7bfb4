import { seedsOf } from './seeds';

/** Random choices that a seed repeats. */
export class Random {
  constructor(private state: number) {}

  /** From 0 to below 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number, both ends included. */
  int(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.int(0, list.length - 1)] as T;
  }

  /** Waits up to this long, so that what follows meets whatever is going on then. */
  async moment(maxMs: number): Promise<void> {
    const ms = this.next() * maxMs;
    if (ms < 1) return new Promise((resolve) => setImmediate(resolve));
    return new Promise((resolve) => setTimeout(resolve, ms));
  }
}

/**
 * Runs many rounds of a race, some at once. Each has random choices of its own; what fails names the seed with which
 * `RACES_SEED=... npx jest ...` makes the same choices again.
 */
export async function rounds(
  count: number,
  atOnce: number,
  round: (random: Random, n: number) => Promise<void>,
): Promise<void> {
  const [seed = 0] = seedsOf('races');
  let next = 0;
  const lane = async () => {
    while (next < count) {
      const n = next++;
      try {
        await round(new Random(seed + n * 7919), n);
      } catch (error) {
        next = count;
        throw new Error(`RACES_SEED=${seed}, round ${n}: ${error instanceof Error ? error.stack : String(error)}`, {
          cause: error,
        });
      }
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: atOnce }, lane));
  for (const end of ends) if (end.status === 'rejected') throw end.reason as Error;
}
