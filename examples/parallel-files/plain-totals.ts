import { readFileSync } from 'node:fs';
import path from 'node:path';
import { dataFolder } from './run-batch';
import type { TotalsByShop } from './orders';

const goodLine = /^\d+,([^,]+),\d{4}-\d\d-\d\d,(?:"[^"]*"|[^",]+),([1-9]\d*),(\d+)\.(\d\d)$/;

/** The totals of some files by a plain loop that shares no code with the tasks: what the batch's result is checked against. */
export function plainTotals(files: readonly string[]): TotalsByShop {
  const totals: TotalsByShop = {};
  for (const file of files) {
    const [, ...lines] = readFileSync(path.join(dataFolder, file), 'utf8').trimEnd().split('\n');
    for (const line of lines) {
      const [, shop = '', quantity = '', euros = '', cents = ''] = goodLine.exec(line) ?? [];
      const sums = (totals[shop || (line.split(',')[1] ?? '')] ??= { orders: 0, cents: 0, rejected: 0 });
      if (shop) {
        sums.orders += 1;
        sums.cents += Number(quantity) * (Number(euros) * 100 + Number(cents));
      } else {
        sums.rejected += 1;
      }
    }
  }
  return totals;
}
