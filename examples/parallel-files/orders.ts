import { parse } from 'csv-parse/sync';
import { z } from 'zod';

const columns = ['id', 'shop', 'date', 'product', 'quantity', 'unit_price'];

/** What one row must look like to count. */
const order = z.object({
  id: z.string().regex(/^\d+$/),
  shop: z.string().min(1),
  date: z.iso.date(),
  product: z.string().min(1),
  quantity: z
    .string()
    .regex(/^[1-9]\d*$/)
    .transform(Number),
  unit_price: z
    .string()
    .regex(/^\d+\.\d\d$/)
    .transform(toCents),
});

/** Money in cents: sums of floating-point numbers would depend on their order. */
export const shopTotals = z.object({ orders: z.number(), cents: z.number(), rejected: z.number() });
export type ShopTotals = z.output<typeof shopTotals>;

export const totalsByShop = z.record(z.string(), shopTotals);
export type TotalsByShop = z.output<typeof totalsByShop>;

function toCents(price: string): number {
  return Number(price.replace('.', ''));
}

function checkHeader(name: string, header: string[]): string[] {
  if (header.join() !== columns.join()) {
    const got = header.join().slice(0, 60);
    throw new Error(`${name}: expected the header "${columns.join()}", got "${got}". Export the file again.`);
  }
  return columns;
}

/** Adds `more` to the totals of `shop`. */
export function add(totals: TotalsByShop, shop: string, more: ShopTotals): void {
  const old = totals[shop] ?? { orders: 0, cents: 0, rejected: 0 };
  totals[shop] = {
    orders: old.orders + more.orders,
    cents: old.cents + more.cents,
    rejected: old.rejected + more.rejected,
  };
}

/**
 * Sums up one file of orders. A broken row is counted as rejected.
 * @throws Error when the file has another header, as nothing in it can be trusted then
 */
export function summarise(name: string, text: string): TotalsByShop {
  if (text === '') checkHeader(name, []); // the parser asks about a header only when there is one
  const rows: Record<string, string>[] = parse(text, {
    columns: (header: string[]) => checkHeader(name, header),
    relax_column_count: true,
  });
  const totals: TotalsByShop = {};
  for (const row of rows) {
    const { success, data } = order.safeParse(row);
    if (success) add(totals, data.shop, { orders: 1, cents: data.quantity * data.unit_price, rejected: 0 });
    else add(totals, row['shop'] ?? '(unknown)', { orders: 0, cents: 0, rejected: 1 });
  }
  return totals;
}
