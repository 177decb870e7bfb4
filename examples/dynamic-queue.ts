/** A queue that grows while it is worked on: orders become tasks as they come in from a stream. */
import { createReadStream } from 'node:fs';
import { parse } from 'csv-parse';
import { mageContext, returnValue, type Mageflow, type Swarm } from 'mageflow';
import { z } from 'zod';

const order = z.object({
  id: z.string(),
  shop: z.string(),
  quantity: z
    .string()
    .regex(/^[1-9]\d*$/)
    .transform(Number),
  unit_price: z
    .string()
    .regex(/^\d+\.\d\d$/)
    .transform((price) => Number(price.replace('.', ''))),
});
const row = z.record(z.string(), z.string());
/** One order as it comes in: text, and not always what it should be. */
export type Order = z.output<typeof row>;

const invoice = z.object({ order: z.string(), shop: z.string(), cents: z.number() });
export type Invoice = z.output<typeof invoice>;

export interface Notice {
  invoices: Invoice[];
  /** The names of the orders that could not be processed. */
  refused: string[];
}

/** @param send - takes what the callback has to say; a real one would send a message to somebody */
export function declareTasks(mage: Mageflow, send: (notice: Notice) => void) {
  /**
   * The order is bound to each item, the tax comes with the swarm's message. It is read in the body, so that a bad one fails its
   * item: with its columns in the input, binding it would throw here.
   */
  const processItem = mage.task({
    name: 'process-item',
    input: z.object({ row, taxPercent: z.number() }),
    fn: ({ row, taxPercent }): Invoice => {
      const { id, shop, quantity, unit_price } = order.parse(row);
      const net = quantity * unit_price;
      return { order: id, shop, cents: net + Math.round((net * taxPercent) / 100) };
    },
  });

  const notifyCompletion = mage.task({
    name: 'notify-completion',
    input: z.object({ invoices: returnValue(z.array(invoice)) }),
    fn: ({ invoices }) => {
      const refused = (mageContext()?.failures ?? []).map(({ name }) => name);
      send({ invoices, refused });
      return { sent: invoices.length };
    },
  });

  return { processItem, notifyCompletion };
}

/** The orders of a file, read as a stream: whatever is an async iterable will do, a socket or a message queue too. */
export function readOrders(file: string): AsyncIterable<Order> {
  return createReadStream(file).pipe(parse({ columns: true, relax_column_count: true }));
}

/** Starts with the orders that are there already, and takes in the others until their stream ends. */
export async function processOrders(
  mage: Mageflow,
  { processItem, notifyCompletion }: ReturnType<typeof declareTasks>,
  backlog: readonly Order[],
  incoming: AsyncIterable<Order>,
): Promise<Swarm<Invoice>> {
  const swarm = await mage.swarm({
    name: 'orders',
    tasks: backlog.map((row) => [processItem, { row }, { name: `order ${row['id']}` }] as const),
    successCallbacks: [notifyCompletion],
    config: { maxConcurrency: 10 },
  });
  await swarm.runNoWait({ taxPercent: 20 });

  for await (const row of incoming) {
    const item = await swarm.addTask(processItem, { row }, { name: `order ${row['id']}` });
    await item.runNoWait(); // starts as soon as one of the ten slots is free
  }

  await swarm.closeSwarm(); // nothing more comes: the callback runs when the last order is done
  return swarm;
}
