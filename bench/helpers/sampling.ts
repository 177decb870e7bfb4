import { median } from './measure';

/** What one side took in each round, in ms. */
export type Samples = Record<string, number[]>;

/** Runs all sides in turn, so that what the machine does meanwhile hits all of them. */
export async function interleave(
  sides: Record<string, () => Promise<number>>,
  rounds: number,
  log: (line: string) => void,
): Promise<Samples> {
  const samples: Samples = Object.fromEntries(Object.keys(sides).map((name) => [name, []]));
  const names = Object.keys(sides);
  for (let round = 1; round <= rounds; round++) {
    const order = inOrder(names, round);
    for (const name of order) samples[name]?.push((await sides[name]?.()) ?? Number.NaN);
    log(`round ${round}: ${names.map((name) => `${name} ${seconds(samples[name]?.at(-1) ?? 0)}`).join(', ')}`);
  }
  return samples;
}

/**
 * A round's order: from round to round each side follows another one (a Williams design). What the engine has still to write
 * when a quick side is over would otherwise always slow the same next one.
 */
export function inOrder<T extends string | number>(sides: readonly T[], round: number): T[] {
  const count = sides.length;
  const zigzag = sides.map((_, i) => (i % 2 === 1 ? (i + 1) / 2 : (count - i / 2) % count));
  const order = zigzag.flatMap((at) => sides[(at + round) % count] ?? []);
  return count % 2 === 1 && round % 2 === 1 ? order.reverse() : order;
}

/** Median, and how far the lowest and the highest are from it. */
export function summary(values: readonly number[], format: (value: number) => string = seconds): string {
  return `${format(median(values))} (${format(Math.min(...values))} to ${format(Math.max(...values))})`;
}

export const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
