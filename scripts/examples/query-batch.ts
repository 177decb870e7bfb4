import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Database } from 'node-sqlite3-wasm';
import type { Progress } from 'mageflow';
import { declareTasks, processQuery, type Item, type Notification } from '../../examples/query-batch';
import { withWorker } from '../with-worker';
import { differences, euros, Mailbox, table, type Example } from './example';
import { plainOrders, plainSums } from './plain-orders';

const query = "SELECT id FROM orders WHERE product = 'Kettle' AND quantity >= 8 ORDER BY id";

export interface QueryResult {
  totalItems: number;
  items: Item[];
  counts: Pick<Progress, 'total' | 'succeeded' | 'closed'>;
}

/** A table of the good orders of all files. */
function makeDatabase(file: string): void {
  const database = new Database(file);
  try {
    database.exec(
      'CREATE TABLE orders (id INTEGER PRIMARY KEY, shop TEXT, day TEXT, product TEXT, quantity INTEGER, unit_cents INTEGER)',
    );
    database.exec('BEGIN');
    const insert = database.prepare('INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?)');
    for (const { id, shop, date, product, quantity, unitCents } of plainOrders().good)
      insert.run([id, shop, date, product, quantity, unitCents]);
    insert.finalize();
    database.exec('COMMIT');
  } finally {
    database.close();
  }
}

export function expected(): QueryResult {
  const chosen = plainOrders().good.filter(({ product, quantity }) => product === 'Kettle' && quantity >= 8);
  const items = chosen.map(({ id, shop, quantity, unitCents }) => ({ id, shop, cents: quantity * unitCents }));
  items.sort((a, b) => a.id - b.id);
  return {
    totalItems: items.length,
    items,
    counts: { total: items.length, succeeded: items.length, closed: true },
  };
}

export const queryBatch: Example<QueryResult> = {
  name: 'query-batch',
  shows: 'a root task that publishes a task for each row of a query on an SQLite table',
  async run(mage, signal) {
    const folder = mkdtempSync(path.join(tmpdir(), 'mageflow-example-'));
    try {
      const file = path.join(folder, 'orders.sqlite');
      makeDatabase(file);
      const mailbox = new Mailbox<Notification>();
      const tasks = declareTasks(mage, file, mailbox.put);
      return await withWorker(mage, 'query-batch', Object.values(tasks), signal, async () => {
        const root = await processQuery(mage, tasks, query);
        const notification = await mailbox.next();
        const { total, succeeded, closed } = await (await root.children()).progress();
        return { ...notification, counts: { total, succeeded, closed } };
      });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
  describe({ totalItems, items }) {
    const count = plainSums(
      items,
      ({ shop }) => shop,
      () => 1,
    );
    const sums = plainSums(
      items,
      ({ shop }) => shop,
      ({ cents }) => cents,
    );
    const shops = [...sums.keys()].sort();
    return [
      query,
      `gave ${totalItems} rows. The callback got the outputs of ${items.length} children:`,
      table(
        ['shop', 'orders', 'revenue'],
        shops.map((shop) => [shop, count.get(shop) ?? 0, euros(sums.get(shop) ?? 0)]),
      ),
    ].join('\n');
  },
  problems: (result) => differences(result, expected()),
};
