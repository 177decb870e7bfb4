import path from 'node:path';
import type { Progress } from 'mageflow';
import {
  declareTasks,
  processOrders,
  readOrders,
  type Invoice,
  type Notice,
  type Order,
} from '../../examples/dynamic-queue';
import { withWorker } from '../with-worker';
import { dataFolder, differences, euros, Mailbox, table, type Example } from './example';
import { plainOrders, plainSums } from './plain-orders';

const files = { backlog: 'orders-2026-w01.csv', incoming: 'orders-2026-w02.csv' };
const taxPercent = 20;
/** How many orders of the first file are still to be done when the queue opens. */
const leftOver = 25;

export interface QueueResult {
  invoices: Invoice[];
  refused: string[];
  counts: Pick<Progress, 'total' | 'succeeded' | 'failed' | 'cancelled' | 'closed'>;
}

export function expected(): QueueResult {
  const earlier = plainOrders([files.backlog]);
  const later = plainOrders([files.incoming]);
  const of = (id: string | number) => Number(id);
  const ids = [...earlier.good.map(({ id }) => id), ...earlier.bad.map(of)].sort((a, b) => a - b);
  const backlog = ids.slice(-leftOver);
  const good = [...earlier.good.filter(({ id }) => backlog.includes(id)), ...later.good];
  const bad = [...earlier.bad.filter((id) => backlog.includes(of(id))), ...later.bad];
  const invoices = good.map(({ id, shop, quantity, unitCents }) => {
    const net = quantity * unitCents;
    return { order: String(id), shop, cents: Math.round((net * (100 + taxPercent)) / 100) };
  });
  const counts = { total: good.length + bad.length, succeeded: good.length, failed: bad.length };
  return {
    invoices,
    refused: bad.map((id) => `order ${id}`).sort(),
    counts: { ...counts, cancelled: 0, closed: true },
  };
}

export const dynamicQueue: Example<QueueResult> = {
  name: 'dynamic-queue',
  shows: 'orders become tasks as they come in from a stream, while the swarm runs',
  async run(mage, signal) {
    const mailbox = new Mailbox<Notice>();
    const tasks = declareTasks(mage, mailbox.put);
    const backlog: Order[] = [];
    for await (const order of readOrders(path.join(dataFolder, files.backlog))) backlog.push(order);
    return withWorker(mage, 'dynamic-queue', Object.values(tasks), signal, async () => {
      const incoming = readOrders(path.join(dataFolder, files.incoming));
      const swarm = await processOrders(mage, tasks, backlog.slice(-leftOver), incoming);
      const { invoices, refused } = await mailbox.next();
      const { total, succeeded, failed, cancelled, closed } = await swarm.progress();
      return { invoices, refused, counts: { total, succeeded, failed, cancelled, closed } };
    });
  },
  describe({ invoices, refused, counts }) {
    const sums = plainSums(
      invoices,
      ({ shop }) => shop,
      ({ cents }) => cents,
    );
    const rows = [...sums].sort(([a], [b]) => (a < b ? -1 : 1)).map(([shop, cents]) => [shop, euros(cents)]);
    return [
      `${counts.total} orders: ${leftOver} at the start, the others while the swarm ran.`,
      `The callback got ${invoices.length} invoices, and ${refused.length} refused orders: ${refused.join(', ')}.`,
      table(['shop', 'invoiced'], rows),
    ].join('\n');
  },
  // Failures come in the order in which they happened.
  problems: (result) => differences({ ...result, refused: result.refused.toSorted() }, expected()),
};
