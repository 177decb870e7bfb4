// When items began and ended, how many attempts they took, what that costs, and how many have ended lately.
import type { ItemTimes } from '../../../src/store/item-times';
import { claimToken } from '../../../src/store/executions';
import { TreeReader } from '../../../src/store/tree-reader';
import { execution, failed, specs, StoreFixture, succeeded, threw, type TestGroup } from '../../helpers/store';

const fixture = new StoreFixture();
const { store, reader, redis } = fixture;
afterAll(() => fixture.close());

const run = { message: '{}' };

/** The time of Redis in ms. */
async function now(): Promise<number> {
  const [seconds = 0, micros = 0] = await redis.time();
  return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
}

async function timesOf({ id }: TestGroup, entry: string): Promise<ItemTimes | undefined> {
  return (await reader.times(id, [entry]))[0];
}

/** The record of an active item, with its fields by their places in schema.json. */
async function activeFields({ id }: TestGroup, entry: string): Promise<string[]> {
  return ((await redis.hget(store.keys.active(id), entry)) ?? '').split('|');
}

/** Lets a group be made, and its first items end, so much earlier. */
async function shift({ id }: TestGroup, ms: number): Promise<void> {
  for (const field of ['cr', 'sa']) await redis.hincrby(store.keys.state(id), field, -ms);
}

const hasTimesKey = async ({ id }: TestGroup) => (await redis.exists(store.keys.times(id))) === 1;

describe('the times of an item', () => {
  test('are those of its first attempt and of its end, and its attempts are counted', async () => {
    const group = await fixture.group(2, {}, run);
    const before = await now();
    await group.start('0', execution('run-0', 0));
    const [began] = (await activeFields(group, '0')).slice(12);
    await group.finish('0', threw(2), execution('run-0', 0));
    // A claim whose answer was lost is repeated, and a durable task goes on after an eviction: neither is an attempt.
    for (const by of [execution('run-0', 1), execution('run-0', 1), execution('run-0', 1, 2, 'later')])
      expect((await group.start('0', by)).code).toBe('run');
    expect(await timesOf(group, '0')).toBeUndefined();
    await group.finish('0', succeeded(), execution('run-0', 1, 2, 'later'));
    const after = await now();
    const times = await timesOf(group, '0');
    expect(times).toEqual({ startedAt: Number(began), endedAt: expect.any(Number) as number, attempts: 2 });
    expect(Number(times?.startedAt)).toBeGreaterThanOrEqual(before);
    expect(Number(times?.endedAt)).toBeGreaterThanOrEqual(Number(times?.startedAt));
    expect(Number(times?.endedAt)).toBeLessThanOrEqual(after);
    expect(await timesOf(group, '1')).toBeUndefined();
  });

  test('have no begin and no attempt when it was cancelled before it started', async () => {
    const group = await fixture.group(3);
    await store.cancelEntry(group.id, '1');
    await store.run(group.id, '{}');
    await group.start('0');
    await store.cancelEntry(group.id, '0');
    expect(await timesOf(group, '1')).toEqual({
      startedAt: undefined,
      endedAt: expect.any(Number) as number,
      attempts: 0,
    });
    expect(await timesOf(group, '0')).toBeUndefined();
    await store.complete(group.id, '0', 'run-0', { outcome: 'cancelled', payload: '' });
    expect(await timesOf(group, '0')).toMatchObject({ startedAt: expect.any(Number) as number, attempts: 1 });
  });

  test('have no begin when nobody has claimed its run, and one attempt when the engine says that it ran', async () => {
    const group = await fixture.group(2, {}, run);
    await store.confirm(group.id, ['0', 'plain-0', '1', 'plain-1']);
    await store.complete(group.id, '0', 'plain-0', { outcome: 'succeeded', payload: '1', began: true });
    await store.complete(group.id, '1', 'plain-1', { outcome: 'failed', payload: '{"message":"no worker"}' });
    const [ran, untaken] = await reader.ended(group.id, [0, 1]);
    expect(ran).toMatchObject({ startedAt: undefined, endedAt: expect.any(Date) as Date, attempts: 1 });
    expect(untaken).toMatchObject({ startedAt: undefined, endedAt: expect.any(Date) as Date, attempts: 0 });
  });

  test('go on when it was taken back between two attempts', async () => {
    const group = await fixture.group(1, { closed: true }, run);
    await group.start('0', execution('former'));
    const [began] = (await activeFields(group, '0')).slice(12);
    await group.finish('0', threw(3), execution('former'));
    await store.suspend(group.id, true);
    const token = claimToken(group.group.secret, '0');
    const back = await store.start(group.id, '0', execution('former', 1), { token, handBack: true });
    expect(back.code).toBe('requeued');
    await store.suspend(group.id, false);
    await group.start('0', execution('later'));
    await group.finish('0', succeeded(), execution('later'));
    expect(await timesOf(group, '0')).toMatchObject({ startedAt: Number(began), attempts: 2 });
  });

  test('count an attempt of a second run whose owner is gone', async () => {
    const group = await fixture.group(1, {}, run);
    await group.start('0', execution('first'));
    await group.start('0', execution('second'), 'first');
    await group.finish('0', succeeded(), execution('second'));
    expect(await timesOf(group, '0')).toMatchObject({ attempts: 2 });
  });

  test('are those of the latest round of a retried group; what did not start in it has none', async () => {
    const group = await fixture.group(3, { closed: true, maxConcurrency: 1, stopAfterNFailures: 1 }, run);
    const { id } = group;
    await group.execute('0');
    await group.start('1', execution('run-1', 0));
    await group.finish('1', threw(1), execution('run-1', 0));
    await group.start('1', execution('run-1', 1));
    await group.finish('1', failed(), execution('run-1', 1));
    const [first, second] = await reader.times(id, ['0', '1']);
    expect(second).toMatchObject({ attempts: 2 });
    while ((await store.retry(id)).code === 'continue') await store.retry(id, 'more');
    // While it is retried, its last end is known.
    expect((await reader.ended(id, [1]))[0]).toMatchObject({ status: 'failed', attempts: 2 });
    await group.start('1', execution('again-1'));
    await group.finish('1', failed(), execution('again-1'));
    const [same, again] = await reader.times(id, ['0', '1']);
    expect(same).toEqual(first);
    expect(again).toMatchObject({ attempts: 1 });
    expect(Number(again?.startedAt)).toBeGreaterThanOrEqual(Number(second?.endedAt));
    while ((await store.retry(id)).code === 'continue') await store.retry(id, 'more');
    await store.cancel(id, 'user');
    await store.complete(id, '1', '', { outcome: 'cancelled', payload: '' });
    const [, , never] = await reader.ended(id, [0, 1, 2]);
    expect(never).toMatchObject({ status: 'cancelled', startedAt: undefined, endedAt: undefined, attempts: 0 });
  });

  test('of a nested group begin when it is published', async () => {
    const group = await fixture.group(1, {}, run);
    await store.confirm(group.id, ['0', 'g:below']);
    await store.confirm(group.id, ['0', 'g:below']);
    await store.complete(group.id, '0', 'g:below', { outcome: 'succeeded', payload: '[]', round: 0 });
    const known = { startedAt: expect.any(Number) as number, attempts: 1 };
    expect(await timesOf(group, '0')).toMatchObject(known);
    // Its end may be stored before its publication is.
    const fast = await fixture.group(1, {}, run);
    await store.complete(fast.id, '0', 'g:fast', { outcome: 'succeeded', payload: '[]', round: 0, began: true });
    expect(await timesOf(fast, '0')).toMatchObject(known);
  });

  test('of a root end with its children, and start over when these are retried', async () => {
    const group = await fixture.group(1, { kind: 'task', closed: true }, run);
    const { id } = group;
    await store.confirm(id, ['0', 'run-0']);
    const token = claimToken(group.group.secret, '0');
    await store.start(id, '0', execution('run-0'), { token, child: 'children' });
    await group.finish('0');
    expect(await timesOf(group, '0')).toBeUndefined();
    await store.complete(id, '0', 'g:children', { outcome: 'failed', payload: '{"message":"child"}', round: 0 });
    const first = await timesOf(group, '0');
    expect(first).toMatchObject({ startedAt: expect.any(Number) as number, attempts: 1 });
    await store.reopen(id, { entry: '0', child: 'children', round: 1 });
    await store.complete(id, '0', 'g:children', { outcome: 'succeeded', payload: '', round: 1 });
    const second = await timesOf(group, '0');
    expect(Number(second?.startedAt)).toBeGreaterThanOrEqual(Number(first?.endedAt));
    expect(second).toMatchObject({ attempts: 1 });
  });

  test('are kept for callbacks too', async () => {
    const group = await fixture.group(1, { closed: true, successCallbacks: specs(1) }, run);
    await group.execute('0');
    await group.execute('c0');
    expect(await timesOf(group, 'c0')).toMatchObject({ startedAt: expect.any(Number) as number, attempts: 1 });
  });

  test('stay in order when the clock of Redis was set back meanwhile', async () => {
    const group = await fixture.group(1, {}, run);
    const hour = 3_600_000;
    await group.start('0');
    const fields = await activeFields(group, '0');
    fields[12] = String((await now()) + hour);
    await redis.hset(store.keys.active(group.id), '0', fields.join('|'));
    await redis.hincrby(store.keys.state(group.id), 'cr', hour);
    await group.finish('0');
    const times = await timesOf(group, '0');
    expect(times?.startedAt).toBe(times?.endedAt);
    expect(await reader.ended(group.id, [0])).toMatchObject([{ status: 'succeeded' }]);
  });
});

describe('the times of many items', () => {
  test('are each its own, in whatever order they end, and read at once', async () => {
    const items = 300;
    const group = await fixture.group(items, { maxConcurrency: items }, run);
    // The last one leaves a gap in front of it.
    const order = Array.from({ length: items - 1 }, (_, i) => (i * 7) % (items - 1)).map(String);
    await group.execute(String(items - 1));
    await Promise.all(order.slice(0, 200).map((entry) => group.execute(entry)));
    for (const entry of order.slice(200)) if (entry !== '5') await group.execute(entry);
    const all = await reader.times(
      group.id,
      Array.from({ length: items }, (_, index) => String(index)),
    );
    const active = new Set(['5']);
    expect(all.flatMap((times, index) => (times ? [] : [String(index)]))).toEqual([...active]);
    expect(
      all.every((times) => !times || (times.attempts === 1 && Number(times.startedAt) <= Number(times.endedAt))),
    ).toBe(true);
    const log = await redis.lrange(store.keys.ends(group.id), 0, -1);
    const ends = log.map((entry) => Number(all[Number(entry)]?.endedAt));
    expect(ends).toEqual([...ends].sort((a, b) => a - b));
    const page = await new TreeReader(store, reader).items(group.id, 0, items);
    expect(page?.items.map(({ times }) => times?.endedAt)).toEqual(all.map((times) => times?.endedAt));
    expect(page?.items[5]?.times).toEqual({ startedAt: undefined, endedAt: undefined, attempts: 0 });
  });

  test('are in the state of a small group, and in a key of their own from the fifth or so on, with the lifetime of the group', async () => {
    const group = await fixture.group(3, { closed: true }, run);
    for (const entry of ['0', '1', '2']) await group.execute(entry);
    expect(await hasTimesKey(group)).toBe(false);
    expect((await reader.ended(group.id, [0, 1, 2])).map(({ attempts }) => attempts)).toEqual([1, 1, 1]);
    const larger = await fixture.group(30, { closed: true }, run);
    for (let index = 0; index < 29; index++) await larger.execute(String(index));
    expect(await hasTimesKey(larger)).toBe(true);
    expect(await redis.pttl(store.keys.times(larger.id))).toBe(-1);
    await larger.execute('29');
    expect(await redis.pttl(store.keys.times(larger.id))).toBeGreaterThan(0);
    expect(await fixture.keyFaults()).toEqual([]);
    await store.remove(larger.id, 'user');
    expect(await hasTimesKey(larger)).toBe(false);
  });

  test('expire with a group that nobody starts, and stay when it is started or retried', async () => {
    const group = await fixture.group(12, { closed: true });
    for (let index = 0; index < 10; index++) await store.cancelEntry(group.id, String(index));
    expect(await redis.pttl(store.keys.times(group.id))).toBeGreaterThan(0);
    expect(await fixture.keyFaults()).toEqual([]);
    await store.run(group.id, '{}');
    expect(await redis.pttl(store.keys.times(group.id))).toBe(-1);
    for (const entry of ['10', '11']) await group.execute(entry);
    expect(await redis.pttl(store.keys.times(group.id))).toBeGreaterThan(0);
    await store.retry(group.id);
    expect(await redis.pttl(store.keys.times(group.id))).toBe(-1);
    await store.retry(group.id, 'more');
    expect(await fixture.keyFaults()).toEqual([]);
  });

  test('may be lost without the results', async () => {
    const group = await fixture.group(20, { closed: true }, run);
    for (let index = 0; index < 20; index++) await group.execute(String(index));
    await redis.unlink(store.keys.times(group.id));
    await redis.hdel(store.keys.state(group.id), 'tm');
    expect(await reader.ended(group.id, [0])).toMatchObject([
      { status: 'succeeded', output: 1, startedAt: undefined, endedAt: undefined, attempts: 0 },
    ]);
    expect(await reader.recentEnds(group.id)).toMatchObject({ items: 0 });
  });
});

describe('the cost of times', () => {
  test.each([
    ['in their order', (index: number) => index],
    ['in the opposite order', (index: number, items: number) => items - 1 - index],
  ])('is at most 16 bytes for each item of a swarm whose items end %s', async (_, nth) => {
    const items = 3_000;
    const group = await fixture.group(1_000, { maxConcurrency: items });
    for (let added = 1_000; added < items; added += 1_000)
      await group.store.add(
        group.id,
        specs(1_000).map((spec) => ({ spec, key: '' })),
        {},
      );
    await group.store.run(group.id, '{}');
    for (let granted = 1_000; granted < items; granted += 1_000) await group.store.grant(group.id);
    for (let from = 0; from < items; from += 100)
      await Promise.all(Array.from({ length: 100 }, (_, i) => group.execute(String(nth(from + i, items)))));
    const bytes = await redis.memory('USAGE', group.store.keys.times(group.id), 'SAMPLES', 0);
    expect(Number(bytes) / items).toBeLessThanOrEqual(16);
    expect(Number(bytes) / items).toBeGreaterThan(12);
  });

  test('is nothing for an item that has not started', async () => {
    const group = await fixture.group(1_000, { closed: true });
    await group.store.run(group.id, '{}');
    expect(await redis.exists(group.store.keys.times(group.id))).toBe(0);
    expect(await redis.hexists(group.store.keys.state(group.id), 'tm')).toBe(0);
  });
});

describe('the number of items that have ended lately', () => {
  test('is that of the last minute, or since the start', async () => {
    const group = await fixture.group(40, {}, run);
    for (let index = 0; index < 10; index++) await group.execute(String(index));
    const young = await reader.recentEnds(group.id);
    expect(young.items).toBe(10);
    expect(young.ms).toBeLessThan(60_000);
    await shift(group, 30_000);
    for (let index = 10; index < 25; index++) await group.execute(String(index));
    const older = await reader.recentEnds(group.id);
    expect(older.items).toBe(25);
    expect(older.ms).toBeGreaterThanOrEqual(30_000);
    await shift(group, 45_000);
    expect(await reader.recentEnds(group.id)).toEqual({ items: 15, ms: 60_000 });
    for (let index = 25; index < 28; index++) await group.execute(String(index));
    expect(await reader.recentEnds(group.id)).toEqual({ items: 18, ms: 60_000 });
    await shift(group, 600_000);
    expect(await reader.recentEnds(group.id)).toEqual({ items: 0, ms: 60_000 });
  });

  test('of a group that has ended is that of the minute before its end, and stays', async () => {
    const group = await fixture.group(10, { closed: true }, run);
    for (let index = 0; index < 4; index++) await group.execute(String(index));
    await shift(group, 120_000);
    for (let index = 4; index < 10; index++) await group.execute(String(index));
    expect(await reader.recentEnds(group.id)).toEqual({ items: 6, ms: 60_000 });
    const { keys } = store;
    await shift(group, 3_600_000);
    await redis.hincrby(keys.state(group.id), 'en', -3_600_000);
    expect(await reader.recentEnds(group.id)).toEqual({ items: 6, ms: 60_000 });
  });

  test('is none before the start, and of an unknown group', async () => {
    const group = await fixture.group(2);
    await store.cancelEntry(group.id, '0');
    expect(await reader.recentEnds(group.id)).toEqual({ items: 0, ms: 0 });
    expect(await reader.recentEnds('unknown')).toEqual({ items: 0, ms: 0 });
  });

  test('counts those since the retry of a retried group', async () => {
    const group = await fixture.group(3, { closed: true }, run);
    await group.execute('0');
    await group.execute('1');
    await group.execute('2', failed());
    await shift(group, 50_000);
    while ((await store.retry(group.id)).code === 'continue') await store.retry(group.id, 'more');
    expect((await reader.recentEnds(group.id)).items).toBe(0);
    await group.start('2', execution('again-2'));
    await group.finish('2', succeeded(), execution('again-2'));
    expect((await reader.recentEnds(group.id)).items).toBe(1);
  });
});
