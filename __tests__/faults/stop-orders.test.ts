import type { Worker } from '@hatchet-dev/typescript-sdk';
import type { Mageflow, Swarm } from '../../src';
import { eventually, Fixture, gate, newHatchet } from '../helpers/fixture';

/** Two processes' worth of instances on one store: the first one is stopped, the second one stays. */
class Pair {
  readonly first = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 300 });
  readonly second = new Fixture(
    { keyPrefix: this.first.keyPrefix, leaseMs: 1_000, reconcileIntervalMs: 300 },
    newHatchet(this.first.hatchet.config.namespace),
  );
  readonly ran: string[] = [];
  readonly end = gate();

  declare(mage: Mageflow, where: string) {
    return mage.task({
      name: 'work',
      fn: async ({ n }: { n: number }) => {
        this.ran.push(`${n} ${where}`);
        if (n < 2) await this.end.opened;
        return { n };
      },
    });
  }

  async close(): Promise<void> {
    this.end.open();
    await this.second.close();
    await this.first.close();
  }
}

interface Stopped {
  worker: Worker;
  mage: Mageflow;
  /** Lets the bodies end that run. */
  release: () => void;
}

const orders: [string, (all: Stopped) => Promise<unknown>][] = [
  [
    'the worker is stopped, then the instance is closed',
    async ({ worker, mage, release }) => {
      const stopped = worker.stop();
      release();
      await stopped;
      await mage.close();
    },
  ],
  [
    'the instance is closed under its bodies, then the worker is stopped',
    async ({ worker, mage, release }) => {
      await mage.close();
      release();
      await worker.stop();
    },
  ],
  [
    'both at once, and twice',
    async ({ worker, mage, release }) => {
      const all = [worker.stop(), mage.close(), worker.stop(), mage.close()];
      release();
      await Promise.all(all);
    },
  ],
];

test.each(orders)('nothing is lost and nothing runs twice when %s', async (_, stop) => {
  const pair = new Pair();
  const { first, second } = pair;
  try {
    const worker = await first.worker([pair.declare(first.mage, 'first')]);
    const swarm = await first.mage.swarm({
      tasks: [0, 1, 2, 3, 4].map((n) => ['work', { n }] as const),
      config: { maxConcurrency: 2 },
      isSwarmClosed: true,
    });
    await swarm.runNoWait();
    await eventually('two have begun', () => pair.ran.length === 2);
    await second.worker([pair.declare(second.mage, 'second')]);
    await stop({ worker, mage: first.mage, release: pair.end.open });
    const loaded = await second.mage.load<Swarm<{ n: number }>>(swarm.id);
    await eventually('the swarm has ended', async () => (await loaded.status()) === 'succeeded');
    const outputs = new Map<number, unknown>();
    for await (const { index, output } of loaded.results()) outputs.set(index, output);
    expect([0, 1, 2, 3, 4].map((n) => outputs.get(n))).toEqual([0, 1, 2, 3, 4].map((n) => ({ n })));
    expect(pair.ran.map((one) => one[0]).sort()).toEqual(['0', '1', '2', '3', '4']);
    expect(pair.ran.slice(0, 2).sort()).toEqual(['0 first', '1 first']);
  } finally {
    await pair.close();
  }
});
