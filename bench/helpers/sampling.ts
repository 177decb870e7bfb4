import { median } from './measure';

/** What one side took in each round, in ms. */
export type Samples = Record<string, number[]>;

/** Runs all sides in turn, so that what the machine does meanwhile hits all of them. */
export async function interleave(
  sides: Record<string, () => Promise<number>>,
  rounds: number,
  tell: (line: string) => void,
): Promise<Samples> {
  const samples: Samples = Object.fromEntries(Object.keys(sides).map((name) => [name, []]));
  for (let round = 1; round <= rounds; round++) {
    // Each round begins with another side: none always runs in the wake of the same one.
    const names = Object.keys(sides);
    const order = names.map((_, i) => names[(i + round) % names.length] ?? '');
    for (const name of order) samples[name]?.push((await sides[name]?.()) ?? Number.NaN);
    tell(`round ${round}: ${names.map((name) => `${name} ${seconds(samples[name]?.at(-1) ?? 0)}`).join(', ')}`);
  }
  return samples;
}

/** Median, and how far the lowest and the highest are from it. */
export function summary(values: readonly number[]): string {
  return `${seconds(median(values))} (${seconds(Math.min(...values))} to ${seconds(Math.max(...values))})`;
}

export const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
