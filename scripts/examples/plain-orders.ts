import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { dataFolder } from './example';

export interface PlainOrder {
  id: number;
  shop: string;
  date: string;
  product: string;
  quantity: number;
  unitCents: number;
}

const goodLine = /^(\d+),([^,]+),(\d{4}-\d\d-\d\d),("[^"]*"|[^",]+),([1-9]\d*),(\d+)\.(\d\d)$/;

/** The names of the files of orders. */
export function orderFiles(): string[] {
  return readdirSync(dataFolder)
    .filter((name) => name.endsWith('.csv'))
    .sort();
}

/** The good rows of some files, read by a plain loop that shares no code with the examples, and the ids of the bad ones. */
export function plainOrders(files: readonly string[] = orderFiles()): { good: PlainOrder[]; bad: string[] } {
  const good: PlainOrder[] = [];
  const bad: string[] = [];
  for (const file of files) {
    for (const line of readFileSync(path.join(dataFolder, file), 'utf8').trimEnd().split('\n').slice(1)) {
      const match = goodLine.exec(line);
      if (!match) {
        bad.push(line.split(',')[0] ?? '');
        continue;
      }
      const [, id, shop = '', date = '', product = '', quantity, whole, cents] = match;
      good.push({
        id: Number(id),
        shop,
        date,
        product: product.replaceAll('"', ''),
        quantity: Number(quantity),
        unitCents: Number(whole) * 100 + Number(cents),
      });
    }
  }
  return { good, bad };
}

/** Sums by some key, in the order in which the keys first came. */
export function plainSums<T>(rows: readonly T[], key: (row: T) => string, cents: (row: T) => number) {
  const sums = new Map<string, number>();
  for (const row of rows) sums.set(key(row), (sums.get(key(row)) ?? 0) + cents(row));
  return sums;
}
