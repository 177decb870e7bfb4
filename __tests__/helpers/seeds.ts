import { readFileSync } from 'node:fs';
import path from 'node:path';

export const suitesWithSeeds = ['races', 'crash', 'grants', 'rates', 'model', 'redis'] as const;
export type SuiteWithSeeds = (typeof suitesWithSeeds)[number];

// With seeds of each run's own, a change would fail for what it did not do. Others are drawn by `npm run model` and `npm run faults`.
const fixed = JSON.parse(readFileSync(path.join(__dirname, '../seeds.json'), 'utf8')) as Record<
  SuiteWithSeeds,
  number | number[]
>;

/** What a random suite makes its choices by: the seeds of seeds.json, or the one that its variable names, `RACES_SEED` and so on. */
export function seedsOf(suite: SuiteWithSeeds): readonly number[] {
  const variable = seedVariable(suite);
  const given = process.env[variable];
  if (!given) return [fixed[suite]].flat();
  if (!/^-?\d+$/.test(given)) throw new Error(`${variable}: expected a whole number, got ${given}.`);
  return [Number(given)];
}

export function seedVariable(suite: SuiteWithSeeds): string {
  return `${suite.toUpperCase()}_SEED`;
}
