import type { Fixture } from './fixture';

/** Declares one task of each kind that a root's body can start. Each returns its number in its own way, or fails. */
export function declareNumbers({ mage, hatchet }: Fixture) {
  const double = mage.task({ name: 'double', fn: ({ n }: { n: number }) => ({ n: n * 2 }) });
  const wrapped = mage.wrap(hatchet.task({ name: 'wrapped', fn: ({ n }: { n: number }) => ({ n: n * 3 }) }));
  const unwrapped = hatchet.task({ name: 'unwrapped', fn: ({ n }: { n: number }) => ({ n: n * 4 }) });
  const durable = mage.durableTask({ name: 'durable', fn: ({ n }: { n: number }) => ({ n: n * 5 }) });
  const pipeline = mage.workflow<{ n: number }, { first: { n: number }; second: { n: number } }>({ name: 'pipeline' });
  const first = pipeline.task({ name: 'first', fn: ({ n }: { n: number }) => ({ n }) });
  pipeline.task({
    name: 'second',
    parents: [first],
    fn: async (_: unknown, ctx) => ({ n: ((await ctx.parentOutput(first)) as { n: number }).n + 1 }),
  });
  const failing = mage.task({
    name: 'failing',
    fn: (): { n: number } => {
      throw new Error('it failed');
    },
  });
  return { double, wrapped, unwrapped, durable, pipeline, failing };
}
