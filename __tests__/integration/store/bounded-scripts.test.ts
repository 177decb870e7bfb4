// No script may look at all of a large group, however little of it there is to find: Redis does nothing else meanwhile. What one
// call looks at is counted in commands, as Redis counts those inside scripts too.
import { Redis } from 'ioredis';
import type { Effects } from '../../../src/store/replies';
import { OwnRedis } from '../../helpers/own-redis';
import { failed, spec, specs, StoreFixture, type TestGroup } from '../../helpers/store';

const commandsOfOneCall = 4_500;
const readsOfOneCall = 1_010;

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

interface Counted {
  commands: number;
  reads: number;
}

/** How many commands Redis carried out meanwhile, and how many of them read states of items. */
async function counted(effects: () => Promise<unknown>): Promise<Counted> {
  await fixture.redis.call('CONFIG', 'RESETSTAT');
  await effects();
  const info = await fixture.redis.info('commandstats');
  const calls = [...info.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)].map(([, name, n]) => [name, Number(n)] as const);
  const reads = calls.find(([name]) => name === 'getrange')?.[1] ?? 0;
  return { commands: calls.reduce((sum, [, n]) => sum + n, 0), reads };
}

/** Goes on as a publisher does until nothing is left, and gives the most that one call took, and all that was granted in order. */
async function toTheEnd(group: TestGroup, first: () => Promise<{ effects: Effects }>) {
  const granted: number[] = [];
  let most: Counted = { commands: 0, reads: 0 };
  let calls = 0;
  let effects: Effects | undefined;
  const step = async (call: () => Promise<{ effects: Effects }>) => {
    const cost = await counted(async () => ({ effects } = await call()));
    most = { commands: Math.max(most.commands, cost.commands), reads: Math.max(most.reads, cost.reads) };
    granted.push(...(effects?.grants ?? []).map(({ entry }) => Number(entry)));
    calls += 1;
  };
  await step(first);
  while (effects?.more) await step(() => group.store.grant(group.id));
  return { granted, most, calls };
}

async function inSteps(items: number, each: (index: number) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < items; from += 500)
    await Promise.all(Array.from({ length: Math.min(500, items - from) }, (_, i) => each(from + i)));
}

async function swarmOf(items: number, maxConcurrency: number): Promise<TestGroup> {
  const group = await fixture.group(Math.min(items, 1000), { maxConcurrency });
  for (let added = 1000; added < items; added += 1000) {
    const some = specs(Math.min(1000, items - added)).map((packed) => ({ spec: packed, key: '' }));
    await group.store.add(group.id, some, {});
  }
  return group;
}

test('the end of an item passes over 2,500 that were run and cancelled one by one in several short calls', async () => {
  const items = 2_500;
  const group = await swarmOf(items + 2, 1);
  const { store, id } = group;
  await store.runItem(id, 0, '{}');
  await inSteps(items, (index) => store.runItem(id, index + 1, '{}'));
  await inSteps(items, (index) => store.cancelEntry(id, String(index + 1)));
  await store.runItem(id, items + 1, '{}');
  const { granted, most, calls } = await toTheEnd(group, () => group.execute('0'));
  expect(granted).toEqual([items + 1]);
  expect(calls).toBeGreaterThan(1);
  expect(most.commands).toBeLessThan(commandsOfOneCall);
});

test('items that are passed over as each is suspended by itself are passed over in several short calls', async () => {
  const items = 2_500;
  const group = await swarmOf(items + 1, 1);
  await inSteps(items, (index) => group.store.suspendEntry(group.id, String(index), true));
  const { granted, most } = await toTheEnd(group, () => group.store.run(group.id, '{}'));
  expect(granted).toEqual([items]);
  expect(most.commands).toBeLessThan(commandsOfOneCall);
});

/** A group of millions of items of which all but the last have succeeded, as it would be in Redis. */
async function hugeGroup(items: number): Promise<TestGroup> {
  const group = await fixture.group(1, { closed: true }, { message: '{}' });
  await group.execute('0', failed());
  const [state = '', packed = '', bytes = ''] = fixture.store.keys.group(group.id);
  await fixture.redis.hset(state, { tot: items, ok: items - 1, ko: 1, swp: items, rdy: items });
  await fixture.redis.set(bytes, `${'s'.repeat(items - 1)}f`);
  await fixture.redis.hset(packed, String(items - 1), spec);
  return group;
}

test('the retry of one failed item at the end of 3,000,000 looks for it in several short calls', async () => {
  const items = 3_000_000;
  const group = await hugeGroup(items);
  const { store, id } = group;
  let reply = await store.retry(id);
  while (reply.code === 'continue') {
    const before = reply;
    const { commands, reads } = await counted(async () => (reply = await store.retry(id, 'more')));
    expect([before.code, commands < commandsOfOneCall, reads <= readsOfOneCall]).toEqual(['continue', true, true]);
  }
  const { granted, most } = await toTheEnd(group, () => Promise.resolve(reply));
  expect(granted).toEqual([items - 1]);
  expect(most.reads).toBeLessThanOrEqual(readsOfOneCall);
});

test('the retry of one chosen item at the end of 3,000,000 takes several short calls', async () => {
  const items = 3_000_000;
  const group = await hugeGroup(items);
  const { store, id } = group;
  const lease = 'of the test';
  expect((await store.retry(id, undefined, { lease, round: 0 })).code).toBe('continue');
  let from = 0;
  let parts = 0;
  for (; from < items; parts++) {
    const to = Math.min(items, from + 5_000);
    const row = '-'.repeat(to - from - 1) + (to === items ? 'q' : '-');
    const { commands, reads } = await counted(
      async () => ({ from } = await store.retrySome(id, lease, { from, row, changes: [] })),
    );
    expect([commands < 20, reads]).toEqual([true, 1]);
  }
  expect(parts).toBe(items / 5_000);
  let reply = await store.retry(id, 'more', { lease });
  while (reply.code === 'continue') reply = await store.retry(id, 'more', { lease });
  const { granted, most } = await toTheEnd(group, () => Promise.resolve(reply));
  expect(granted).toEqual([items - 1]);
  expect(most.reads).toBeLessThanOrEqual(readsOfOneCall);
});

test('the end of the one item that runs, before millions that have ended, hands its slot on in several short calls', async () => {
  const items = 3_000_000;
  const group = await hugeGroup(items);
  const [state = '', , bytes = '', queue = ''] = fixture.store.keys.group(group.id);
  await fixture.redis.hset(state, { st: 'running', ko: 0, fl: '' });
  await fixture.redis.setrange(bytes, items - 1, 'q');
  await fixture.redis.rpush(queue, `0-${items - 1}`);
  const { granted, most, calls } = await toTheEnd(group, () => group.store.grant(group.id));
  expect(granted).toEqual([items - 1]);
  expect(calls).toBeGreaterThan(2);
  expect(most.reads).toBeLessThanOrEqual(readsOfOneCall);
});

test('resuming a group of 3,000,000 items, of which one was suspended by itself, looks for it in several short calls', async () => {
  const items = 3_000_000;
  const group = await hugeGroup(items);
  const { store, id } = group;
  const [state = '', , bytes = ''] = store.keys.group(id);
  await fixture.redis.hset(state, { st: 'running', ko: 0, fl: 'E' });
  await fixture.redis.setrange(bytes, items - 1, 's');
  await fixture.redis.setrange(bytes, 5, 'h');
  await fixture.redis.hset(store.keys.specs(id), '5', spec);
  await store.suspend(id, true);
  const { granted, most, calls } = await toTheEnd(group, () => store.suspend(id, false));
  expect(granted).toEqual([5]);
  expect(calls).toBeGreaterThan(2);
  // Each of these reads 10,000 states.
  expect(most.reads).toBeLessThanOrEqual(60);
});

test('2,000 items that were suspended by themselves start in their order when their group is resumed, none before all are back', async () => {
  const items = 2_000;
  const group = await swarmOf(items, 10_000);
  const { store, id } = group;
  await inSteps(items, (index) => store.suspendEntry(id, String(index), true));
  expect((await toTheEnd(group, () => store.run(id, '{}'))).granted).toEqual([]);
  await store.suspend(id, true);
  const resumed = await store.suspend(id, false);
  expect([resumed.effects.grants, resumed.effects.more]).toEqual([[], true]);
  // Whoever resumed it has died: the reconciler sees that there is more, and goes on.
  expect((await store.due(id, 0)).more).toBe(true);
  const { granted } = await toTheEnd(group, () => store.grant(id));
  expect(granted).toEqual(Array.from({ length: items }, (_, index) => index));
  expect((await store.due(id, 0)).more).toBe(false);
});

test('a group that is suspended while what was passed over is put back goes on with all of it when it is resumed', async () => {
  const items = 2_000;
  const group = await swarmOf(items, 10_000);
  const { store, id } = group;
  await inSteps(items, (index) => store.suspendEntry(id, String(index), true));
  await toTheEnd(group, () => store.run(id, '{}'));
  await store.suspend(id, true);
  await store.suspend(id, false);
  await store.suspend(id, true);
  expect((await toTheEnd(group, () => store.grant(id))).granted).toEqual([]);
  const { granted } = await toTheEnd(group, () => store.suspend(id, false));
  expect(granted).toEqual(Array.from({ length: items }, (_, index) => index));
});
