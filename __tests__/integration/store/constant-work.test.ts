import { Redis } from 'ioredis';
import { OwnRedis } from '../../helpers/own-redis';
import { failed, specs, StoreFixture, type TestGroup } from '../../helpers/store';

// A Redis of its own: what is counted here would be mixed up with what other suites do.
let server: OwnRedis;
let fixture: StoreFixture;

beforeAll(async () => {
  server = await OwnRedis.open('--appendonly', 'no');
  fixture = new StoreFixture({}, new Redis(server.url));
});
afterAll(async () => {
  await fixture.close();
  await server.close();
});

/** How often Redis carried out each command meanwhile, those inside scripts too. */
async function commandsOf(effects: () => Promise<unknown>): Promise<Record<string, number>> {
  await fixture.redis.call('CONFIG', 'RESETSTAT');
  await effects();
  const info = await fixture.redis.info('commandstats');
  const calls = [...info.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)];
  return Object.fromEntries(
    calls
      .filter(([, name]) => !/^(config|info|script|hello|client|select|evalsha|eval)\b/.test(name ?? ''))
      .map(([, name, count]) => [name, Number(count)]),
  );
}

async function swarmOf(items: number): Promise<TestGroup> {
  const group = await fixture.group(Math.min(items, 1000), { maxConcurrency: 10, stopAfterNFailures: 1 });
  for (let added = 1000; added < items; added += 1000) {
    await group.store.add(
      group.id,
      specs(1000).map((spec) => ({ spec, key: '' })),
      {},
    );
  }
  return group;
}

/** The life of a swarm, step by step; each step moves the same few items however many there are. */
const steps: [string, (group: TestGroup) => Promise<unknown>][] = [
  ['making one of its items ready', ({ store, id }) => store.runItem(id, 3, '{}')],
  ['starting it', ({ store, id }) => store.run(id, '{"a":1}')],
  ['handing on a slot', (group) => group.execute('3')],
  ['closing it', ({ store, id }) => store.close(id)],
  ['stopping it', (group) => group.execute('0', failed())],
  [
    'ending it',
    async (group) => {
      for (const entry of ['1', '2', '4', '5', '6', '7', '8', '9', '10']) await group.execute(entry);
    },
  ],
];

test('50,000 items cost a swarm no more commands than 50, at its start, its closing, its stop and its end', async () => {
  const small = await swarmOf(50);
  const large = await swarmOf(50_000);
  for (const [name, step] of steps) {
    const few = await commandsOf(() => step(small));
    const many = await commandsOf(() => step(large));
    expect(Object.keys(few).length).toBeGreaterThan(2);
    expect([name, many]).toEqual([name, few]);
  }
  expect((await large.snapshot()).status).toBe('failed');
  expect(await large.snapshot()).toMatchObject({ total: 50_000, cancelled: 50_000 - 11, slots: 0 });
});

test('closing a started swarm of 50,000 items that are not ready costs no more commands than one of 50', async () => {
  const [small, large] = [await swarmOf(50), await swarmOf(50_000)];
  for (const group of [small, large]) await group.store.runItem(group.id, 5, '{}');
  const few = await commandsOf(() => small.store.close(small.id));
  expect(await commandsOf(() => large.store.close(large.id))).toEqual(few);
  expect(await large.snapshot()).toMatchObject({ ready: 50_000, slots: 10 });
});

test('an item that never became ready has no state of its own', async () => {
  const group = await swarmOf(2000);
  await group.store.runItem(group.id, 7, '{}');
  await group.store.close(group.id);
  const { keys } = group.store;
  expect(await fixture.redis.strlen(keys.bytes(group.id))).toBeLessThan(20);
  expect(await fixture.redis.llen(`${keys.state(group.id).slice(0, -1)}q`)).toBe(1);
  expect(await fixture.redis.hlen(keys.active(group.id))).toBe(10);
});
