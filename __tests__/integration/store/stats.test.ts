// What `mage.stats` counts in the store alone.
import { Redis } from 'ioredis';
import { ConfigurationError, openReader, type StatsOptions } from '../../../src';
import { stats as countAll } from '../../../src/api/stats';
import { field } from '../../../src/store/scripts.generated';
import { CallLog } from '../../helpers/call-log';
import { readingOf } from '../../helpers/doctor-reading';
import { OwnCluster } from '../../helpers/own-cluster';
import { OwnRedis } from '../../helpers/own-redis';
import { failed, StoreFixture } from '../../helpers/store';

let fixture: StoreFixture;
beforeEach(() => (fixture = new StoreFixture()));
afterEach(() => fixture.close());
const stats = (options?: StatsOptions, of = fixture) => countAll(readingOf(of), options);

async function listed(items: number, fields = {}, run?: { message: string }, of = fixture) {
  const group = await of.group(items, { closed: true, ...fields }, run);
  await of.store.topLevelIndex.add(group.id);
  return group;
}

test('an empty store counts nothing', async () => {
  expect(await stats()).toMatchObject({ groups: { total: 0, looked: 0 }, perSecond: 0, sampled: false });
  expect((await stats()).oldestWaiting).toBeUndefined();
});

test('groups are counted by status, and the items that ended in the last minute', async () => {
  await listed(2);
  const going = await listed(30, {}, { message: '{}' });
  for (let n = 0; n < 6; n++) await going.execute(String(n));
  const over = await listed(1, { stopAfterNFailures: 1 }, { message: '{}' });
  await over.execute('0', failed());
  const suspended = await listed(1, {}, { message: '{}' });
  await fixture.store.suspend(suspended.id, true);
  const { groups, perSecond, sampled } = await stats();
  expect(groups).toEqual({
    total: 4,
    looked: 4,
    byStatus: { pending: 1, queued: 0, running: 1, suspended: 1, succeeded: 0, failed: 1, cancelled: 0 },
  });
  expect(perSecond).toBeCloseTo(7 / 60);
  expect(sampled).toBe(false);
  // What ended earlier counts no more.
  const key = fixture.store.keys.state(over.id);
  await fixture.redis.hset(key, field.endedAt, Date.now() - 61_000);
  expect((await stats()).perSecond).toBeCloseTo(6 / 60);
});

test('the oldest group with items that wait for a slot is named, also when it is in another one', async () => {
  const parent = { groupId: (await listed(1)).id, entry: '0' };
  const inner = await fixture.group(3, { name: 'inner', closed: true, maxConcurrency: 1, parent });
  await fixture.store.runNested(inner.id, '{}', parent, {});
  const later = await listed(3, { maxConcurrency: 1, name: 'later' }, { message: '{}' });
  await listed(3, {}, { message: '{}' });
  await fixture.redis.hset(fixture.store.keys.state(inner.id), field.createdAt, 1_700_000_000_000);
  expect((await stats()).oldestWaiting).toEqual({
    id: inner.id,
    name: 'inner',
    createdAt: new Date(1_700_000_000_000),
  });
  await inner.execute('0');
  await inner.execute('1');
  expect((await stats()).oldestWaiting?.id).toBe(later.id);
});

test('memory is given by part: of all keys exactly what Redis says', async () => {
  const group = await listed(300, {}, { message: '{}' });
  await group.execute('0');
  for (const options of [{}, { full: true }]) {
    const { memory } = await stats(options);
    const keys = await fixture.keys();
    const own = keys.filter((key) => key.startsWith(fixture.store.keys.base));
    expect(memory?.keys).toBe(own.length);
    const samples = options.full ? 100 : 5;
    const sizes = await Promise.all(
      own.map((key) => (fixture.redis as Redis).memory('USAGE', key, 'SAMPLES', samples)),
    );
    expect(memory?.bytes).toBe(sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0));
    expect(memory?.parts.map(({ part }) => part)).toEqual(
      expect.arrayContaining([
        'state',
        'specs',
        'bytes',
        'queue',
        'active',
        'leases',
        'ends',
        'results',
        'indexes',
        'other',
      ]),
    );
    expect(memory?.parts.map(({ bytes }) => bytes)).toEqual(
      memory?.parts.map(({ bytes }) => bytes).toSorted((a, b) => b - a),
    );
  }
});

test('without MEMORY the rest is counted', async () => {
  const server = await OwnRedis.open('--appendonly', 'no');
  const admin = new Redis(server.url);
  await admin.acl('SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all', '-memory');
  admin.disconnect();
  const own = new StoreFixture({}, new Redis(server.url.replace('//', '//app:secret@')));
  try {
    await listed(1, {}, undefined, own);
    const found = await stats({}, own);
    expect(found.memory).toBeUndefined();
    expect(found.groups.total).toBe(1);
  } finally {
    await own.close();
    await server.close();
  }
});

test('of many groups and keys a bounded number is read, marked as a sample, and all when asked', async () => {
  const server = await OwnRedis.open('--appendonly', 'no');
  const log = await CallLog.open(server.url);
  const own = new StoreFixture({}, new Redis(server.url));
  try {
    const costs: number[] = [];
    let made = 0;
    for (const groups of [2_200, 4_400]) {
      for (; made < groups; made += 100)
        await Promise.all(Array.from({ length: 100 }, () => listed(2, { maxConcurrency: 1 }, { message: '{}' }, own)));
      costs.push((await log.during(() => stats({}, own))).length);
    }
    const [few = 0, many = 0] = costs;
    expect(many).toBeLessThan(1.2 * few);
    const some = await stats({}, own);
    const all = await stats({ full: true }, own);
    expect(some).toMatchObject({ sampled: true, groups: { total: 4_400, looked: 1_000 }, memory: { sampled: true } });
    expect(all).toMatchObject({
      sampled: false,
      groups: { total: 4_400, looked: 4_400, byStatus: { running: 4_400 } },
      memory: { sampled: false },
    });
    // The keys of one kind of group are alike, so that a sample tells their number and size well.
    const ratio = (some.memory?.bytes ?? 0) / (all.memory?.bytes ?? 1);
    expect(ratio).toBeGreaterThan(0.5);
    expect(ratio).toBeLessThan(2);
  } finally {
    await own.close();
    log.close();
    await server.close();
  }
}, 240_000);

test('on a cluster, the keys of each master count', async () => {
  const cluster = await OwnCluster.open('--appendonly', 'no');
  const own = new StoreFixture({}, cluster.connect());
  try {
    for (let n = 0; n < 12; n++) await listed(2, {}, { message: '{}' }, own);
    const { memory, groups } = await stats({}, own);
    expect(groups.byStatus.running).toBe(12);
    expect(memory?.keys).toBe((await own.keys()).length);
    expect(memory?.parts.find(({ part }) => part === 'state')?.keys).toBe(12);
    // A connection that was just opened knows no nodes yet.
    const fresh = openReader(own.redis, { tenant: 'tenant', namespace: 'namespace', keyPrefix: own.keyPrefix });
    const found = await fresh.stats();
    fresh.close();
    expect(found.memory?.keys).toBe((await own.keys()).length);
  } finally {
    await own.close();
    await cluster.close();
  }
}, 120_000);

test('a wrong option is refused', async () => {
  await expect(stats({ deep: true } as never)).rejects.toThrow(ConfigurationError);
});
