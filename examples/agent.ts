/** An agent: a root task that looks around, makes a plan for its goal, and publishes a task or a chain for each step. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { parse } from 'csv-parse/sync';
import {
  chain,
  childResults,
  returnValue,
  sign,
  withoutRootSwarm,
  type Mageflow,
  type RootSignature,
  type Signature,
} from 'mageflow';
import { z } from 'zod';

const order = z.object({
  shop: z.string(),
  date: z.iso.date(),
  product: z.string(),
  quantity: z.coerce.number().int().positive(),
  unit_price: z.coerce.number().positive(),
});

const sale = z.object({ shop: z.string(), date: z.string(), product: z.string(), cents: z.number() });
type Sale = z.output<typeof sale>;

const finding = z.object({ about: z.string(), subject: z.string(), cents: z.number() });
export type Finding = z.output<typeof finding>;

export interface Answer {
  goal: string;
  stepsSpawned: number;
  findings: Finding[];
}

type Step = { tool: 'shop revenue'; shop: string } | { tool: 'best product' } | { tool: 'best week' };

/** The planner. A language model would go here; this one looks for words that it knows. */
function generateExecutionPlan(goal: string, shops: readonly string[]): Step[] {
  const plan: Step[] = [];
  if (/revenue/i.test(goal)) {
    const named = shops.filter((shop) => goal.includes(shop));
    for (const shop of named.length > 0 ? named : shops) plan.push({ tool: 'shop revenue', shop });
  }
  if (/product/i.test(goal)) plan.push({ tool: 'best product' });
  if (/week/i.test(goal)) plan.push({ tool: 'best week' });
  return plan;
}

/** The sales of all files in a folder; rows that are broken are left out. */
async function readSales(folder: string): Promise<Sale[]> {
  const sales: Sale[] = [];
  for (const name of (await readdir(folder)).filter((name) => name.endsWith('.csv'))) {
    const text = await readFile(path.join(folder, name), 'utf8');
    for (const row of parse(text, { columns: true, relax_column_count: true }) as unknown[]) {
      const { data } = order.safeParse(row);
      if (!data) continue;
      const { shop, date, product, quantity, unit_price } = data;
      sales.push({ shop, date, product, cents: quantity * Math.round(unit_price * 100) });
    }
  }
  return sales;
}

function totalsBy(sales: readonly Sale[], group: (sale: Sale) => string): Record<string, number> {
  const totals: Record<string, number> = {};
  for (const sale of sales) totals[group(sale)] = (totals[group(sale)] ?? 0) + sale.cents;
  return totals;
}

function highest(totals: Record<string, number>): { subject: string; cents: number } {
  const [subject = 'none', cents = 0] = Object.entries(totals).sort(([, a], [, b]) => b - a)[0] ?? [];
  return { subject, cents };
}

/** The Monday of a day's week. */
function mondayOf(date: string): string {
  const day = new Date(date);
  day.setUTCDate(day.getUTCDate() - ((day.getUTCDay() + 6) % 7));
  return day.toISOString().slice(0, 10);
}

/** @param send - takes the answer; a real one would show it to whoever has set the goal */
export function declareTasks(mage: Mageflow, send: (answer: Answer) => void) {
  const listShops = mage.task({
    name: 'list_shops',
    input: z.object({ folder: z.string() }),
    fn: async ({ folder }) => ({ shops: [...new Set((await readSales(folder)).map(({ shop }) => shop))].sort() }),
  });

  const loadSales = mage.task({
    name: 'load_sales',
    input: z.object({ folder: z.string(), shop: z.string().optional() }),
    fn: async ({ folder, shop }) => {
      const sales = await readSales(folder);
      return { sales: shop === undefined ? sales : sales.filter((sale) => sale.shop === shop) };
    },
  });

  const sumUp = mage.task({
    name: 'sum_up',
    input: z.object({ shop: z.string(), loaded: returnValue(z.object({ sales: z.array(sale) })) }),
    fn: ({ shop, loaded }): Finding => {
      const cents = loaded.sales.reduce((sum, sale) => sum + sale.cents, 0);
      return { about: 'shop revenue', subject: shop, cents };
    },
  });

  const totalByWeek = mage.task({
    name: 'total_by_week',
    input: z.object({ loaded: returnValue(z.object({ sales: z.array(sale) })) }),
    fn: ({ loaded }) => ({ totals: totalsBy(loaded.sales, ({ date }) => mondayOf(date)) }),
  });

  const pickBest = mage.task({
    name: 'pick_best',
    input: z.object({ about: z.string(), from: returnValue(z.object({ totals: z.record(z.string(), z.number()) })) }),
    fn: ({ about, from }): Finding => ({ about, ...highest(from.totals) }),
  });

  const rankProducts = mage.task({
    name: 'rank_products',
    input: z.object({ folder: z.string() }),
    fn: async ({ folder }): Promise<Finding> => {
      const totals = totalsBy(await readSales(folder), ({ product }) => product);
      return { about: 'best product', ...highest(totals) };
    },
  });

  /** What does a step: one task, or a chain of tasks each of which gets the output of the one before. */
  async function signStep(step: Step, folder: string): Promise<Signature<unknown, Finding>> {
    switch (step.tool) {
      case 'shop revenue': {
        const { shop } = step;
        return chain([await sign(loadSales, { folder, shop }), await sign(sumUp, { shop })]);
      }
      case 'best product':
        return sign(rankProducts, { folder });
      case 'best week':
        return chain([await sign(loadSales, { folder }), totalByWeek, await sign(pickBest, { about: step.tool })]);
    }
  }

  const agentExecutor = mage.rootTask({
    name: 'agent_executor',
    input: z.object({ goal: z.string(), folder: z.string() }),
    maxConcurrency: 5,
    fn: async ({ goal, folder }) => {
      // The look around is no step of the plan, so its output is not to be among the findings.
      const { shops } = await withoutRootSwarm(async () => (await sign(listShops, { folder })).run());
      const plan = generateExecutionPlan(goal, shops);
      for (const step of plan) {
        const child = await signStep(step, folder);
        await child.runNoWait();
      }
      return { goal, stepsSpawned: plan.length };
    },
  });

  const giveAnswer = mage.task({
    name: 'give_answer',
    input: z.object({
      root: returnValue(z.object({ goal: z.string(), stepsSpawned: z.number() })),
      findings: childResults(z.array(finding)),
    }),
    fn: ({ root, findings }) => {
      send({ ...root, findings });
      return { findings: findings.length };
    },
  });

  return { listShops, loadSales, sumUp, totalByWeek, pickBest, rankProducts, agentExecutor, giveAnswer };
}

export async function pursue(
  mage: Mageflow,
  { agentExecutor, giveAnswer }: ReturnType<typeof declareTasks>,
  goal: string,
  folder: string,
): Promise<RootSignature<unknown, { stepsSpawned: number }>> {
  const root = await mage.sign(agentExecutor, { goal, folder }, { successCallbacks: [await mage.sign(giveAnswer)] });
  await root.runNoWait();
  return root;
}
