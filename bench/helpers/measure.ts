import type { HatchetClient } from '@hatchet-dev/typescript-sdk';
import type { Redis } from 'ioredis';

/** Bytes that Redis has allocated for data. */
export async function usedMemory(redis: Redis): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1] ?? 0);
}

/** How many runs the engine has that carry some metadata. Its REST interface lags behind: the count is final when it stays. */
export async function engineRuns(hatchet: HatchetClient, additionalMetadata: Record<string, string>): Promise<number> {
  let last = -1;
  for (;;) {
    let count = 0;
    for (;;) {
      const page = await hatchet.runs.list({
        additionalMetadata,
        onlyTasks: true,
        limit: 500,
        offset: count,
        includePayloads: false,
      });
      count += page.rows.length;
      if (page.rows.length < 500) break;
    }
    if (count === last) return count;
    last = count;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

export const perSecond = (count: number, ms: number) => Math.round((count / ms) * 1000).toLocaleString('en');
