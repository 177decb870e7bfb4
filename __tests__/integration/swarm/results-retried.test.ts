import type { ItemResult } from '../../../src';
import { eventually } from '../../helpers/fixture';
import { instant } from '../../helpers/instant';

const { fixture, engine } = instant();
const { mage } = fixture;
let failing = true;
const item = mage.task<{ n: number }, { n: number }>({
  name: 'item',
  fn: ({ n }) => {
    if (failing && n % 2 === 1) throw new Error('no');
    return { n };
  },
});
engine.serve(item);
afterAll(() => fixture.close());
beforeEach(() => (failing = true));

const swarmOf = (total: number, stopAfterNFailures: number | null = null) =>
  mage.swarm({
    tasks: Array.from({ length: total }, (_, n) => [item, { n }] as const),
    isSwarmClosed: true,
    config: { maxConcurrency: 50, stopAfterNFailures },
  });

/** Reads all results, and does something once there are `after` of them. */
async function read<T>(results: AsyncIterable<ItemResult<T>>, after: number, act: () => Promise<unknown>) {
  const received: ItemResult<T>[] = [];
  for await (const one of results) {
    received.push(one);
    if (received.length === after) await act();
  }
  return received;
}

test('a reader of results that outlives the end and a retry receives each item, and finally that it succeeded', async () => {
  const total = 1_000;
  const swarm = await swarmOf(total);
  await swarm.runNoWait({});
  const received = await read(swarm.results(), 400, async () => {
    await eventually('it has ended', async () => (await swarm.status()) === 'succeeded');
    failing = false;
    expect(await swarm.retryFailed()).toBe(total / 2);
    await eventually('it has succeeded', async () => (await swarm.status()) === 'succeeded');
  });
  const last = new Map(received.map(({ index, status }) => [index, status]));
  expect(last.size).toBe(total);
  expect(new Set(last.values())).toEqual(new Set(['succeeded']));
  const succeeded = received.filter(({ status }) => status === 'succeeded');
  expect(succeeded).toHaveLength(total);
});

test('a reader of what a stopped swarm never started goes on when that is tried again', async () => {
  const total = 700;
  const swarm = await swarmOf(total, 3);
  await swarm.runSettled({});
  const ended = (await swarm.progress()).succeeded + (await swarm.progress()).failed;
  const received = await read(swarm.results(), ended + 1, async () => {
    failing = false;
    await swarm.retryFailed();
    await eventually('it has succeeded', async () => (await swarm.status()) === 'succeeded');
  });
  const last = new Map(received.map(({ index, status }) => [index, status]));
  expect(last.size).toBe(total);
  expect(new Set(last.values())).toEqual(new Set(['succeeded']));
});
