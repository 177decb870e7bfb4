import { Table } from 'console-table-printer';
import { add, type ShopTotals, type TotalsByShop } from '../../examples/parallel-files/orders';
import { maxConcurrency, stopAfterNFailures, type Outcome } from '../../examples/parallel-files/run-batch';

const money = new Intl.NumberFormat('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const TOTAL = 'in total';

/** Revenue, orders and rejected rows of each shop, and of all. */
function totalsTable(totals: TotalsByShop): string {
  const sum: TotalsByShop = {};
  for (const shop of Object.values(totals)) add(sum, TOTAL, shop);
  const table = new Table({
    shouldDisableColors: true,
    columns: [
      { name: 'shop', alignment: 'left' },
      { name: 'orders', alignment: 'right' },
      { name: 'revenue', alignment: 'right' },
      { name: 'rejected rows', alignment: 'right' },
    ],
  });
  const row = ([shop, { orders, cents, rejected }]: [string, ShopTotals]): void => {
    table.addRow({ shop, orders, revenue: money.format(cents / 100), 'rejected rows': rejected });
  };
  Object.entries(totals).sort().forEach(row);
  Object.entries(sum).forEach(row);
  return table.render();
}

/** The files that did not make it, and why. */
function failuresTable(items: Outcome['items']): string {
  const table = new Table({
    shouldDisableColors: true,
    columns: [
      { name: 'file', alignment: 'left' },
      { name: 'status', alignment: 'left' },
      { name: 'why', alignment: 'left', maxLen: 70 },
    ],
  });
  for (const { name, status, error } of items)
    if (status !== 'succeeded') table.addRow({ file: name, status, why: error ?? '' });
  return table.render();
}

/** What came of the batch: which callback ran, what it got, and how many tasks ran at once. */
export function describeOutcome({ items, progress, consolidated, failure, highestConcurrency }: Outcome): string {
  const lines: string[] = [''];
  if (consolidated) {
    lines.push(`The success callback got the results of ${consolidated.files} files and made this of them:`);
    lines.push(totalsTable(consolidated.totals));
  }
  if (failure) {
    const { succeeded, failed, cancelled } = progress;
    lines.push(`The error callback was told: ${failure.message} (the limit: ${stopAfterNFailures}).`);
    lines.push(`${succeeded} files succeeded, ${failed} failed, ${cancelled} were cancelled before they started:`);
    lines.push(failuresTable(items));
  }
  lines.push(`At most ${highestConcurrency} tasks ran at once (the limit: ${maxConcurrency}).`);
  return lines.join('\n');
}
