import { closeBench } from '../helpers/bench-mage';
import { InstantSwarms } from '../helpers/instant-swarm';
import { perSecond } from '../helpers/measure';
import type { Measured, Part } from '../part';

const mib = 1024 * 1024;
const rss = () => process.memoryUsage().rss / mib;
/** How long the slow Redis is deaf, and how often, in ms. */
const [deafMs, everyMs] = [200, 250];

/** A stream of items into a swarm, and one into a Redis that is slow. */
export const adding: Part = {
  name: 'adding',
  about: '100,000 items through addTasks from an async iterable, also while Redis is slow.',
  needs: 'redis',
  async run({ scale }, say): Promise<Measured> {
    const items = Math.round(100_000 * scale);
    const swarms = new InstantSwarms();
    const { redis } = swarms.bench;
    const measure = async (count: number) => {
      let ahead = 0;
      let taken = 0;
      let peak = rss();
      const began = performance.now();
      const before = rss();
      const swarm = await swarms.swarm(1);
      async function* source() {
        for (let n = 0; n < count; n++) {
          taken += 1;
          // The last one before each step is taken: that many wait in this process.
          if ((n + 1) % 1_000 === 0) {
            peak = Math.max(peak, rss());
            const { total } = await swarm.progress();
            ahead = Math.max(ahead, taken - total);
          }
          yield [swarms.item, { n, text: 'x'.repeat(100) }] as never;
        }
      }
      const added = await swarm.addTasks(source());
      return { added, ms: performance.now() - began, growth: peak - before, ahead };
    };
    await measure(Math.min(20_000, items));
    const fast = await measure(items);
    say(`${perSecond(fast.added, fast.ms)} items a second`);
    const other = redis.duplicate();
    let pause: Promise<unknown> = Promise.resolve();
    const slowly = setInterval(() => {
      pause = other.call('CLIENT', 'PAUSE', String(deafMs), 'ALL');
    }, everyMs);
    const slow = await measure(items);
    clearInterval(slowly);
    // One that is still unanswered would be an error of the connection that closes.
    await pause;
    say(`${perSecond(slow.added, slow.ms)} items a second while Redis is slow`);
    other.disconnect();
    await closeBench(swarms.bench);
    const row = (what: string, { added, ms, growth, ahead }: typeof fast) => [
      what,
      perSecond(added, ms),
      `${growth.toFixed(0)} MiB`,
      ahead.toLocaleString('en'),
    ];
    const columns = [
      'Redis',
      'items a second',
      'growth of Node at most',
      'items taken from the source ahead of Redis at most',
    ];
    return {
      tables: [
        {
          title: `${items.toLocaleString('en')} items through addTasks`,
          columns,
          rows: [row('as it is', fast), row('deaf for 200 ms out of 250', slow)],
        },
      ],
      targets: [
        {
          what: 'items taken from the source ahead of a slow Redis',
          must: 2_000,
          got: slow.ahead,
          more: false,
          unit: 'items',
        },
        { what: 'growth of Node while Redis is slow', must: 50, got: slow.growth, more: false, unit: 'MiB' },
      ],
      raw: { fast, slow },
    };
  },
};
