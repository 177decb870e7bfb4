/** An agent that waits for a person: a durable root task that looks at the sales, proposes discounts, and sets them once somebody has approved. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { parse } from 'csv-parse/sync';
import { Or } from '@hatchet-dev/typescript-sdk';
import { returnValue, sign, type Handle, type Mageflow } from 'mageflow';
import { z } from 'zod';

const order = z.object({
  shop: z.string(),
  date: z.iso.date(),
  product: z.string(),
  quantity: z.coerce.number().int().positive(),
  unit_price: z.coerce.number().positive(),
});

const offer = z.object({ shop: z.string(), product: z.string(), percent: z.number() });
export type Offer = z.output<typeof offer>;

/** What the agent asks a person. */
export interface Question {
  id: string;
  offers: Offer[];
}

const hourMs = 3_600_000;

/** The event that a person's answer is, with the id of the agent as its scope. */
export const decided = 'discounts:decided';
const answer = z.object({ id: z.string(), approved: z.boolean() });
export type Answer = z.output<typeof answer>;

const report = z.object({
  id: z.string(),
  outcome: z.enum(['approved', 'rejected', 'nobody answered']),
  offers: z.number(),
  /** How often the body has begun: once more after each eviction. */
  invocations: z.number(),
});
export type Report = z.output<typeof report>;

/** The world outside: what the tools of the agent do there. */
export interface World {
  /** A real one would send a message with two buttons. */
  ask(question: Question): void;
  setDiscount(offer: Offer): void;
  send(report: Report): void;
}

/** The revenue of each product in a shop, in cents; rows that are broken are left out. */
async function revenues(folder: string, shop: string): Promise<Map<string, number>> {
  const totals = new Map<string, number>();
  for (const name of (await readdir(folder)).filter((name) => name.endsWith('.csv'))) {
    const text = await readFile(path.join(folder, name), 'utf8');
    for (const row of parse(text, { columns: true, relax_column_count: true }) as unknown[]) {
      const { data } = order.safeParse(row);
      if (data?.shop !== shop) continue;
      const { product, quantity, unit_price } = data;
      totals.set(product, (totals.get(product) ?? 0) + quantity * Math.round(unit_price * 100));
    }
  }
  return totals;
}

/** The planner. A language model would go here; this one gives more off where less was sold. */
function plan(slowest: readonly { shop: string; product: string; cents: number }[]): Offer[] {
  return slowest.map(({ shop, product, cents }) => ({ shop, product, percent: cents < 250_000 ? 20 : 10 }));
}

export function declareTasks(mage: Mageflow, world: World) {
  const findSlowest = mage.task({
    name: 'find_slowest',
    input: z.object({ folder: z.string(), shop: z.string() }),
    fn: async ({ folder, shop }) => {
      const [[product, cents] = ['nothing', 0]] = [...(await revenues(folder, shop))].sort(([, a], [, b]) => a - b);
      return { shop, product, cents };
    },
  });

  const askPerson = mage.task({
    name: 'ask_person',
    input: z.object({ id: z.string(), offers: z.array(offer) }),
    fn: (question) => world.ask(question),
  });

  const setDiscount = mage.task({ name: 'set_discount', input: offer, fn: (input) => world.setDiscount(input) });

  const discountAgent = mage.durableRootTask({
    name: 'discount_agent',
    input: z.object({ id: z.string(), folder: z.string(), shops: z.array(z.string()), patienceMs: z.number() }),
    maxConcurrency: 3,
    // While it waits, it leaves its worker after this time: 30 s by default, and here at once, for you to see it.
    evictionPolicy: { ttl: '1s' },
    fn: async ({ id, folder, shops, patienceMs }, ctx): Promise<Report> => {
      // After the wait the body runs again from the top. It finds these children with their outputs; none runs again.
      const slowest = await Promise.all(shops.map(async (shop) => (await sign(findSlowest, { folder, shop })).run()));
      const offers = plan(slowest);
      // The same time in each invocation. An answer counts from then on, also if it comes before the wait begins. The hour is
      // for clocks that differ: the id keeps out the answers to others.
      const since = new Date((await ctx.now()).getTime() - hourMs).toISOString();
      await (await sign(askPerson, { id, offers })).run();
      const matches = await ctx.waitFor(
        Or({ eventKey: decided, scope: id, considerEventsSince: since }, { sleepFor: patienceMs }),
      );
      const [given] =
        z.object({ CREATE: z.record(z.string(), z.array(z.unknown())) }).parse(matches).CREATE[decided] ?? [];
      const { data } = answer.safeParse(given);
      if (data?.approved) for (const each of offers) await (await sign(setDiscount, each)).runNoWait();
      const outcome = data === undefined ? 'nobody answered' : data.approved ? 'approved' : 'rejected';
      return { id, outcome, offers: offers.length, invocations: ctx.invocationCount };
    },
  });

  /** Runs once, after the body and all children. */
  const giveReport = mage.task({
    name: 'give_report',
    input: z.object({ report: returnValue(report) }),
    fn: (input) => world.send(input.report),
  });

  return { findSlowest, askPerson, setDiscount, discountAgent, giveReport };
}

/** Starts an agent. */
export async function propose(
  mage: Mageflow,
  { discountAgent, giveReport }: ReturnType<typeof declareTasks>,
  message: { id: string; folder: string; shops: string[]; patienceMs: number },
): Promise<Handle<Report>> {
  const agent = await mage.sign(discountAgent, message, { successCallbacks: [giveReport] });
  return agent.runNoWait();
}

/** Answers an agent: what the buttons of the message do. */
export async function answerAgent(mage: Mageflow, given: Answer): Promise<void> {
  await mage.hatchet.events.push(decided, given, { scope: given.id });
}
