/** A root task that asks a database what there is to do, and publishes a task for each row. */
import { childResults, returnValue, sign, type Mageflow, type RootSignature } from 'mageflow';
import { Database } from 'node-sqlite3-wasm';
import { z } from 'zod';

const item = z.object({ id: z.number(), shop: z.string(), cents: z.number() });
export type Item = z.output<typeof item>;

const row = z.object({ shop: z.string(), quantity: z.number(), unit_cents: z.number() });

export interface Notification {
  totalItems: number;
  items: Item[];
}

/** Runs a query on an SQLite file. */
function query(file: string, sql: string, values: number[] = []): unknown[] {
  const database = new Database(file, { readOnly: true, fileMustExist: true });
  try {
    return database.all(sql, values);
  } finally {
    database.close();
  }
}

/**
 * @param database - the SQLite file, with a table `orders`
 * @param send - takes what the callback has to say; a real one would send a message to somebody
 */
export function declareTasks(mage: Mageflow, database: string, send: (notification: Notification) => void) {
  const processItem = mage.task({
    name: 'process_item',
    input: z.object({ id: z.number() }),
    fn: ({ id }): Item => {
      const found = query(database, 'SELECT shop, quantity, unit_cents FROM orders WHERE id = ?', [id]);
      const { shop, quantity, unit_cents } = row.parse(found[0]);
      return { id, shop, cents: quantity * unit_cents };
    },
  });

  const processQueryResults = mage.rootTask({
    name: 'process_query_results',
    input: z.object({ query: z.string() }),
    maxConcurrency: 20,
    stopAfterNFailures: 5,
    fn: async (message) => {
      const items = z.array(z.object({ id: z.number() })).parse(query(database, message.query));
      for (const { id } of items) {
        const child = await sign(processItem);
        await child.runNoWait({ id });
      }
      return { totalItems: items.length };
    },
  });

  /** Runs after all children, and gets their outputs beside the root's own. */
  const sendCompletionNotification = mage.task({
    name: 'send_completion_notification',
    input: z.object({
      root: returnValue(z.object({ totalItems: z.number() })),
      items: childResults(z.array(item)),
    }),
    fn: ({ root, items }) => {
      send({ ...root, items });
      return { sent: true };
    },
  });

  return { processItem, processQueryResults, sendCompletionNotification };
}

export async function processQuery(
  mage: Mageflow,
  { processQueryResults, sendCompletionNotification }: ReturnType<typeof declareTasks>,
  query: string,
): Promise<RootSignature<unknown, { totalItems: number }>> {
  const notify = await mage.sign(sendCompletionNotification);
  const root = await mage.sign(processQueryResults, { query }, { successCallbacks: [notify] });
  await root.runNoWait();
  return root;
}
