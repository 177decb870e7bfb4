/** Calls an API that answers 429 above its limit: a swarm with a rate limit, whose items back off when it answers so all the same. */
import { BackOffError, type Mageflow, type RateLimit } from 'mageflow';
import { z } from 'zod';

const price = z.object({ product: z.string(), cents: z.number() });
export type Price = z.output<typeof price>;

/** @param address - of the API, which gives the price of a product at `/prices/PRODUCT` */
export function declareTasks(mage: Mageflow, address: string) {
  const fetchPrice = mage.task({
    name: 'fetch_price',
    input: z.object({ product: z.string() }),
    fn: async ({ product }): Promise<Price> => {
      const response = await fetch(`${address}/prices/${encodeURIComponent(product)}`);
      if (response.status === 429) {
        // The item goes back to the front of the swarm, and the whole swarm waits. This is no failed attempt.
        const seconds = Number(response.headers.get('retry-after') ?? 1);
        throw new BackOffError({ ms: 1_000 * seconds, reason: `the API answered 429 for ${product}` });
      }
      if (!response.ok) throw new Error(`The API answered ${response.status} for ${product}.`);
      return price.parse(await response.json());
    },
  });
  return { fetchPrice };
}

export async function fetchPrices(
  mage: Mageflow,
  { fetchPrice }: ReturnType<typeof declareTasks>,
  products: readonly string[],
  rateLimit: RateLimit,
): Promise<Price[]> {
  const swarm = await mage.swarm({
    name: 'prices',
    tags: ['prices'],
    tasks: products.map((product) => [fetchPrice, { product }] as const),
    config: { rateLimit, maxConcurrency: 20 },
    isSwarmClosed: true,
  });
  return await swarm.run();
}
