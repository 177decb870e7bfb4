import { newHatchet, Fixture } from '../../helpers/fixture';
import { OwnRedis } from '../../helpers/own-redis';

// A body that waits for each of its children: what one of them costs must not grow with their number.
let server: OwnRedis;
let fixture: Fixture;

beforeAll(async () => {
  server = await OwnRedis.open('--appendfsync', 'no');
  fixture = new Fixture({}, newHatchet(), server.url);
  const { mage } = fixture;
  const child = mage.task({ name: 'child', fn: ({ n }: { n: number }) => n });
  const numbers = (n: number) => Array.from({ length: n }, (_, i) => i);
  const config = { executionTimeout: '600s', maxConcurrency: 100 } as const;
  const root = (name: string, one: (n: number) => Promise<unknown>) =>
    mage.rootTask({
      ...config,
      name,
      fn: async ({ n }: { n: number }) => ({ outputs: await Promise.all(numbers(n).map(one)) }),
    });
  const roots = [
    root('signs', async (n) => (await mage.sign(child, { n })).run()),
    root('declares', (n) => child.run({ n })),
  ];
  await fixture.worker([child, ...roots]);
});
afterAll(async () => {
  await fixture.close();
  await server.close();
});

/** All commands that Redis has carried out, those of scripts too. */
async function commands(): Promise<number> {
  const stats = await fixture.redis.info('commandstats');
  return [...stats.matchAll(/calls=(\d+)/g)].reduce((sum, [, calls]) => sum + Number(calls), 0);
}

async function commandsEach(n: number, act: () => Promise<unknown>): Promise<number> {
  const before = await commands();
  expect(await act()).toEqual(Array.from({ length: n }, (_, i) => i));
  return ((await commands()) - before) / n;
}

const byRoot = (name: string) => async (n: number) => {
  const output = await (await fixture.mage.sign(name, { n })).run();
  return (output as { outputs: number[] }).outputs;
};

async function byItems(n: number): Promise<unknown[]> {
  const swarm = await fixture.mage.swarm({ config: { maxConcurrency: 100 } });
  const items = await Promise.all(Array.from({ length: n }, (_, i) => swarm.addTask('child', { n: i })));
  const outputs = await Promise.all(items.map((item) => item.run()));
  await swarm.closeSwarm();
  return outputs.sort((a, b) => Number(a) - Number(b));
}

test.each<[string, (n: number) => Promise<unknown[]>]>([
  ['signatures that are run in a body', byRoot('signs')],
  ['declarations that are run in a body', byRoot('declares')],
  ['items of an open swarm', byItems],
])('waiting for each of %s costs the same a child, however many there are', async (_, run) => {
  const few = await commandsEach(100, () => run(100));
  const many = await commandsEach(1_000, () => run(1_000));
  expect(few).toBeLessThan(80);
  expect(many).toBeLessThan(few * 1.25);
});
