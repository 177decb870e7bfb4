import { Redis } from 'ioredis';
import { ClosedError, StoreError, WaitTimeoutError } from '../../../src';
import { Waiter } from '../../../src/api/waiter';
import { eventually } from '../../helpers/fixture';
import { OwnRedis } from '../../helpers/own-redis';
import { thrownBy } from '../../helpers/refusals';
import { failed, StoreFixture, type TestGroup } from '../../helpers/store';

// Many who wait for items of one group, each for another one.
let server: OwnRedis;
let fixture: StoreFixture;
let waiter: Waiter;

beforeEach(async () => {
  server = await OwnRedis.open('--appendfsync', 'no');
  fixture = new StoreFixture({}, new Redis(server.url));
  waiter = new Waiter(fixture.store);
});
afterEach(async () => {
  waiter.close();
  await fixture.close();
  await server.close();
});

const running = (items: number, fields: object = {}) =>
  fixture.group(items, { maxConcurrency: items, closed: true, ...fields }, { message: '{}' });
const indexes = (n: number) => Array.from({ length: n }, (_, index) => String(index));
const waitForEach = (group: TestGroup, n: number) =>
  Promise.all(indexes(n).map(async (entry) => (await waiter.entries.wait(group.id, entry))?.end));

/** How many commands this process sends while something is done. */
async function sentDuring(action: () => Promise<unknown>): Promise<number> {
  const sent = jest.spyOn(fixture.connection.client as Redis, 'sendCommand');
  await action();
  const { length } = sent.mock.calls;
  sent.mockRestore();
  return length;
}

test.each([100, 1_000])('%i waits for as many items cost two readings an item at most', async (n) => {
  const group = await running(n);
  const sent = await sentDuring(async () => {
    const ends = waitForEach(group, n);
    // One after another: those that end at once are read at once.
    for (const entry of indexes(n)) await group.execute(entry);
    expect(new Set(await ends)).toEqual(new Set(['succeeded']));
  });
  // Two calls are its own life. A reading is two commands, and one a second is made whatever messages arrive.
  expect((sent - 2 * n) / n).toBeLessThan(6);
});

test('what is waited for by many is read once for all of them', async () => {
  const group = await running(1);
  const sent = await sentDuring(async () => {
    const ends = Promise.all(indexes(1_000).map(() => waiter.entries.wait(group.id, '0')));
    await group.execute('0');
    expect((await ends).every((found) => found?.end === 'succeeded')).toBe(true);
  });
  expect(sent).toBeLessThan(30);
});

test('items far apart in a large group are read without what lies between them', async () => {
  const group = await running(1);
  await fixture.redis.hset(fixture.store.keys.state(group.id), 'tot', 10_000_000);
  await fixture.redis.setrange(fixture.store.keys.bytes(group.id), 9_999_999, 's');
  const read = jest.spyOn(fixture.connection.client as Redis, 'getrange');
  void waiter.entries.wait(group.id, '0').catch(() => undefined);
  expect(await waiter.entries.wait(group.id, '9999999')).toMatchObject({ end: 'succeeded' });
  for (const [, from, to] of read.mock.calls) expect(Number(to) - Number(from)).toBeLessThan(65_536);
});

test('each end is reported as it was, also to callers that wait afterwards', async () => {
  const group = await running(3, { stopAfterNFailures: 1, maxConcurrency: 2 });
  const ends = waitForEach(group, 3);
  await group.execute('0');
  await group.start('1');
  await group.start('2');
  await group.finish('1', failed());
  await group.finish('2');
  expect(await ends).toEqual(['succeeded', 'failed', 'succeeded']);
  expect(await waitForEach(group, 3)).toEqual(['succeeded', 'failed', 'succeeded']);
});

test('what never starts because its group has stopped is cancelled, and what is unknown is reported as unknown', async () => {
  const group = await running(3, { stopAfterNFailures: 1, maxConcurrency: 1 });
  const ends = waitForEach(group, 4);
  await group.execute('0', failed());
  expect(await ends).toEqual(['failed', 'cancelled', 'cancelled', undefined]);
});

test('no end is missed when the subscribing connection is lost', async () => {
  const group = await running(2);
  const ends = waitForEach(group, 2);
  const channel = fixture.store.keys.state(group.id);
  await eventually('it listens', async () => (await (fixture.redis as Redis).pubsub('NUMSUB', channel))[1] === 1);
  await (fixture.redis as Redis).call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  await group.execute('0');
  await group.execute('1');
  expect(await ends).toEqual(['succeeded', 'succeeded']);
});

test('a wait goes on while Redis is away, and one that can not begin is refused', async () => {
  const group = await running(1);
  const read = jest.spyOn(fixture.connection.client as Redis, 'getrange');
  const end = waiter.entries.wait(group.id, '0');
  await eventually('it has been read, and is read again', () => read.mock.calls.length > 1);
  await server.stop();
  const other = new Waiter(fixture.store);
  expect(await thrownBy(() => other.entries.wait(group.id, '0'))).toBeInstanceOf(StoreError);
  other.close();
  await server.start();
  await eventually('it ends', () => group.execute('0'));
  expect(await end).toMatchObject({ end: 'succeeded' });
});

test('a wait whose time is over, that is aborted or closed leaves the others waiting', async () => {
  const group = await running(1);
  const stop = new AbortController();
  const stays = waiter.entries.wait(group.id, '0');
  const aborted = thrownBy(() => waiter.entries.wait(group.id, '0', { signal: stop.signal }));
  const late = await thrownBy(() => waiter.entries.wait(group.id, '0', { timeoutMs: 20 }));
  expect(late).toBeInstanceOf(WaitTimeoutError);
  expect(late).toMatchObject({ code: 'TIMEOUT', message: 'Not finished within 20 ms; the work continues.' });
  const reason = new Error('enough');
  stop.abort(reason);
  expect(await aborted).toBe(reason);
  expect(await thrownBy(() => waiter.entries.wait(group.id, '0', { signal: stop.signal }))).toBe(reason);
  await group.execute('0');
  expect(await stays).toMatchObject({ end: 'succeeded' });
});

test('what waits on an instance that is closed is refused, and what begins to', async () => {
  const group = await running(1);
  const waiting = thrownBy(() => waiter.entries.wait(group.id, '0'));
  const ofGroup = thrownBy(() => waiter.until(group.id, () => Promise.resolve(undefined)));
  waiter.close();
  expect(await waiting).toBeInstanceOf(ClosedError);
  expect(await ofGroup).toMatchObject({ code: 'CLOSED' });
  expect(await thrownBy(() => waiter.entries.wait(group.id, '0'))).toBeInstanceOf(ClosedError);
  expect(await thrownBy(() => waiter.until(group.id, () => Promise.resolve(1)))).toBeInstanceOf(ClosedError);
});

test('the ends of items wake nobody who waits for the end of their group', async () => {
  const group = await running(100);
  let reads = 0;
  const end = waiter.until(
    group.id,
    async () => {
      reads += 1;
      return (await group.snapshot()).status === 'succeeded' || undefined;
    },
    { end: true },
  );
  const ends = waitForEach(group, 100);
  for (const entry of indexes(100)) await group.execute(entry);
  await Promise.all([end, ends]);
  // The first, the last, and one a second.
  expect(reads).toBeLessThan(50);
});
