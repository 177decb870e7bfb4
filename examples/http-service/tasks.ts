/** The work behind the service: it adds up files of orders. */
import { createReadStream } from 'node:fs';
import path from 'node:path';
import { parse } from 'csv-parse';
import type { Mageflow } from 'mageflow';
import { z } from 'zod';

const row = z.object({
  quantity: z.string().regex(/^[1-9]\d*$/),
  unit_price: z.string().regex(/^\d+\.\d\d$/),
});

/** @param folder - where the files are that a client may name */
export function declareTasks(mage: Mageflow, folder: string) {
  const totalFile = mage.task({
    name: 'total-file',
    input: z.object({ file: z.string().regex(/^[\w-]+\.csv$/) }),
    fn: async ({ file }) => {
      let orders = 0;
      let cents = 0;
      const rows = createReadStream(path.join(folder, file)).on('error', (error) => lines.destroy(error));
      const lines = rows.pipe(parse({ columns: true, relax_column_count: true }));
      for await (const line of lines) {
        const order = row.safeParse(line);
        if (!order.success) continue;
        orders += 1;
        cents += Number(order.data.quantity) * Number(order.data.unit_price.replace('.', ''));
      }
      return { file, orders, cents };
    },
  });
  return { totalFile };
}

export type Tasks = ReturnType<typeof declareTasks>;
