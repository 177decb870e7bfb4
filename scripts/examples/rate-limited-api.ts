import { declareTasks, fetchPrices, type Price } from '../../examples/rate-limited-api';
import { withWorker } from '../with-worker';
import { differences, type Example } from './example';
import { PriceApi, type Answers } from './price-api';

const products = Array.from({ length: 200 }, (_, i) => `product ${i + 1}`);
/** The API gives 300 answers in each 10 s. The swarm asks for a little less, because calls take different times on their way. */
const limit = 300;
const windowMs = 10_000;
const rateLimit = { limit: 280, perMs: windowMs, burst: 10 };
/** A second batch asks for twice as much as the API gives, with a smaller window, so that it has to back off. */
const small = { limit: 40, windowMs: 1_000 };
const tooFast = { limit: 80, perMs: 1_000, burst: 80 };

interface Batch extends Answers {
  prices: Price[];
  seconds: number;
}

export interface RateLimitedResult {
  careful: Batch;
  hasty: Batch;
}

function centsOf(product: string): number {
  return 100 + [...product].reduce((sum, character) => sum + character.charCodeAt(0), 0);
}

export const rateLimitedApi: Example<RateLimitedResult> = {
  name: 'rate-limited-api',
  shows: 'a swarm that calls an API at its rate limit, and backs off when it answers 429',
  async run(mage, signal) {
    const batch = async (name: string, api: PriceApi, rate: typeof rateLimit): Promise<Batch> => {
      const tasks = declareTasks(mage, await api.listen());
      try {
        return await withWorker(mage, name, Object.values(tasks), signal, async () => {
          const began = performance.now();
          const prices = await fetchPrices(mage, tasks, products, rate);
          return { prices, ...api.answers, seconds: (performance.now() - began) / 1_000 };
        });
      } finally {
        await api.close();
      }
    };
    const careful = await batch('careful', new PriceApi(limit, windowMs, centsOf), rateLimit);
    const hasty = await batch('hasty', new PriceApi(small.limit, small.windowMs, centsOf), tooFast);
    return { careful, hasty };
  },
  describe({ careful, hasty }) {
    const line = (what: string, { given, refused, seconds }: Batch) =>
      `${what}: ${given} prices in ${seconds.toFixed(1)} s, and the API answered 429 ${refused} times.`;
    return [
      line(`At ${rateLimit.limit} calls in ${windowMs / 1_000} s, where the API allows ${limit}`, careful),
      line(`At ${tooFast.limit} calls in a second, where it allows ${small.limit}`, hasty),
    ].join('\n');
  },
  problems({ careful, hasty }) {
    const prices = products.map((product) => ({ product, cents: centsOf(product) }));
    const right = { prices, given: products.length };
    const found = [...differences(careful, { ...right, refused: 0 }), ...differences(hasty, right)];
    // The bucket allows ten calls at once, and the rest at the limit.
    const shortest = ((products.length - rateLimit.burst) / rateLimit.limit) * (windowMs / 1_000);
    if (careful.seconds < shortest - 0.01)
      found.push(`seconds: expected at least ${shortest.toFixed(1)}, got ${careful.seconds.toFixed(1)}.`);
    if (hasty.refused === 0) found.push('refused: expected at least one answer with 429, got none.');
    return found;
  },
};
