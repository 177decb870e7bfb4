// `mage.doctor` finds faults of Redis itself. Each test brings one about on a server of its own.
import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import type { DoctorCheck, DoctorFinding } from '../../../src';
import { storageFormat } from '../../../src/store/format';
import { RedisConnection } from '../../../src/store/connection';
import { GroupReader } from '../../../src/store/group-reader';
import { GroupStore } from '../../../src/store/group-store';
import { allChecks, findingOf, findings } from '../../helpers/doctor-reading';
import { eventually } from '../../helpers/fixture';
import { OwnCluster } from '../../helpers/own-cluster';
import { closedPort, OwnRedis } from '../../helpers/own-redis';
import { StoreFixture } from '../../helpers/store';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A store on a Redis of its own, with these arguments. */
async function storeOn(...extra: string[]): Promise<StoreFixture & { server: OwnRedis }> {
  const server = await OwnRedis.open(...extra);
  closers.push(() => server.close());
  return Object.assign(open(server.url), { server });
}

function open(url: string): StoreFixture {
  const fixture = new StoreFixture({}, new Redis(url));
  closers.push(() => fixture.close());
  return fixture;
}

/** Another user of the same server, who may not use some commands. */
async function as(
  fixture: { redis: StoreFixture['redis']; server: OwnRedis },
  ...rules: string[]
): Promise<StoreFixture> {
  await (fixture.redis as Redis).acl('SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all', ...rules);
  return open(fixture.server.url.replace('//', '//app:secret@'));
}

async function found(fixture: StoreFixture, check: DoctorCheck): Promise<DoctorFinding> {
  return findingOf(await findings(fixture), check);
}

test('a Redis that is set up well has nothing wrong, and each check says so', async () => {
  const fixture = await storeOn();
  const all = await findings(fixture);
  expect(all.map(({ check }) => check)).toEqual(allChecks);
  expect(Object.fromEntries(all.map(({ check, level }) => [check, level]))).toEqual({
    ...Object.fromEntries(allChecks.map((check) => [check, 'ok'])),
    // Nobody works on it, and there is no engine.
    reconcilers: 'warning',
    engine: 'unchecked',
  });
  expect(findingOf(all, 'persistence').text).toBe('The append-only file is on (appendfsync always).');
  expect(findingOf(all, 'redis').text).toMatch(/^(Redis|Valkey) \d+\.\d+\.\d+ answers\.$/);
});

test('an eviction policy that may delete keys is an error', async () => {
  const fixture = await storeOn('--maxmemory-policy', 'allkeys-lru');
  expect(await found(fixture, 'eviction')).toMatchObject({
    level: 'error',
    text: expect.stringContaining('maxmemory-policy is allkeys-lru') as string,
    todo: 'Set maxmemory-policy to noeviction.',
  });
});

test('a Redis that keeps nothing is an error, and one that only makes snapshots a warning', async () => {
  const nothing = await storeOn('--appendonly', 'no', '--save', '');
  expect(await found(nothing, 'persistence')).toMatchObject({
    level: 'error',
    text: 'Persistence is off, so all groups are lost when Redis is started again.',
    todo: expect.stringContaining('appendonly') as string,
  });
  const snapshots = await storeOn('--appendonly', 'no', '--save', '3600 1');
  expect(await found(snapshots, 'persistence')).toMatchObject({
    level: 'warning',
    text: expect.stringContaining('only makes snapshots') as string,
  });
  const lazy = await storeOn('--appendfsync', 'no');
  expect(await found(lazy, 'persistence')).toMatchObject({
    level: 'warning',
    text: expect.stringContaining('appendfsync is no') as string,
  });
});

test('a Redis that could not write its snapshot is an error', async () => {
  const fixture = await storeOn('--appendonly', 'no', '--save', '3600 1');
  const redis = fixture.redis as Redis;
  const [, folder = ''] = (await redis.config('GET', 'dir')) as string[];
  await rm(folder, { recursive: true });
  await redis.bgsave();
  await eventually('it has failed', async () => (await redis.info('persistence')).includes('last_bgsave_status:err'));
  expect(await found(fixture, 'persistence')).toMatchObject({
    level: 'error',
    text: expect.stringContaining('could not write its last snapshot') as string,
  });
  await redis.config('SET', 'stop-writes-on-bgsave-error', 'no');
});

test('without CONFIG, persistence is checked only if INFO shows it, and nothing is an error', async () => {
  const off = await storeOn('--appendonly', 'no');
  const managed = await as(off, '-config');
  expect(await found(managed, 'persistence')).toMatchObject({
    level: 'unchecked',
    text: expect.stringMatching(/^Could not check: persistence \(.*Redis refuses CONFIG/) as string,
  });
  const on = await as(await storeOn(), '-config');
  expect(await found(on, 'persistence')).toMatchObject({ level: 'ok', text: 'The append-only file is on.' });
  expect((await findings(on)).filter(({ level }) => level === 'error')).toEqual([]);
});

test('without INFO, the checks use CONFIG, and without both nothing is an error', async () => {
  // ioredis warns of each connection whose server refuses INFO.
  const warn = jest.spyOn(console, 'warn').mockReturnValue();
  closers.push(async () => warn.mockRestore());
  const fixture = await storeOn('--maxmemory-policy', 'volatile-ttl');
  const noInfo = await findings(await as(fixture, '-info'));
  expect(findingOf(noInfo, 'eviction').level).toBe('error');
  expect(findingOf(noInfo, 'persistence').level).toBe('ok');
  for (const check of ['redis', 'memory'] as const)
    expect(findingOf(noInfo, check)).toMatchObject({
      level: 'unchecked',
      text: expect.stringContaining('NOPERM') as string,
    });
  const neither = await findings(await as(fixture, '-info', '-config'));
  for (const check of ['redis', 'memory', 'eviction', 'persistence'] as const)
    expect(findingOf(neither, check).level).toBe('unchecked');
});

test('memory that is nearly full is a warning first, and then an error', async () => {
  const fixture = await storeOn('--appendonly', 'no', '--maxmemory', '20mb');
  const { redis } = fixture;
  const part = async () => {
    const info = await redis.info('memory');
    return Number(/^used_memory:(\d+)/m.exec(info)?.[1]) / (20 * 1024 ** 2);
  };
  const fill = async (to: number) => {
    for (let n = 0; (await part()) < to; n++) await redis.set(`filler ${to} ${n}`, 'x'.repeat(100_000));
  };
  expect((await found(fixture, 'memory')).level).toBe('ok');
  await fill(0.85);
  expect(await found(fixture, 'memory')).toMatchObject({
    level: 'warning',
    text: expect.stringMatching(/^Redis uses \d+\.\d MB, 8\d % of its maxmemory/) as string,
    todo: expect.stringContaining('retention.finishedMs') as string,
  });
  await fill(0.97);
  expect((await found(fixture, 'memory')).level).toBe('error');
});

test.each([
  ['6.0.20', 'error'],
  ['5.0.14', 'error'],
  ['6.2.0', 'ok'],
  ['10.0.1', 'ok'],
])('a Redis of version %s: %s', async (version, level) => {
  const fixture = await storeOn();
  // No server of that age is at hand: the only thing here that is made up.
  const client = fixture.connection.client as Redis;
  // A connection that is being made asks for INFO too.
  await fixture.store.beat();
  const info = (await fixture.redis.info()).replace(/^redis_version:.*$/m, `redis_version:${version}\r`);
  jest.spyOn(client, 'info').mockResolvedValue(info);
  const finding = await found(fixture, 'redis');
  expect(finding.level).toBe(level);
  expect(finding.text).toContain(`Redis ${version}`);
  if (level === 'error') expect(finding.todo).toBe('Update Redis.');
});

test.each([
  [5_400_000, /^The clock of this process is (89|90) min ahead of that of Redis\.$/],
  [-7_800_000, /^The clock of this process is 2 h behind that of Redis\.$/],
])(
  'a clock that is off by %d ms is a warning',
  async (shift, text) => {
    const { server } = await storeOn();
    const helpers = join(__dirname, '../../helpers');
    const args = ['--require', join(helpers, 'shifted-clock.cjs'), '--require', 'tsx/cjs'];
    const env = { ...process.env, CLOCK_SHIFT_MS: String(shift), DOCTOR_REDIS: server.url };
    const { stdout } = await promisify(execFile)(process.execPath, [...args, join(helpers, 'doctor-process.ts')], {
      env,
    });
    expect(findingOf(JSON.parse(stdout) as DoctorFinding[], 'clock')).toMatchObject({
      level: 'warning',
      text: expect.stringMatching(text) as string,
      todo: expect.stringContaining('NTP') as string,
    });
  },
  120_000,
);

test('a newer storage format is an error, on a new connection and on an old one, and nothing stored is judged', async () => {
  const fixture = await storeOn();
  const { store, keyPrefix, redis } = fixture;
  expect((await found(fixture, 'format')).level).toBe('ok');
  await redis.set(store.keys.meta(), storageFormat + 1);
  const later = new RedisConnection(redis, store.settings);
  closers.push(async () => later.close());
  const laterStore = new GroupStore(later, { ...store.settings, keyPrefix }, 'tenant', 'namespace_');
  for (const of of [fixture, { store: laterStore, reader: new GroupReader(laterStore) }]) {
    const all = await findings(of);
    expect(findingOf(all, 'format')).toMatchObject({
      level: 'error',
      todo: expect.stringContaining('Update mageflow') as string,
    });
    expect(findingOf(all, 'format').text).toMatch(
      new RegExp(`format.*${storageFormat + 1}|${storageFormat + 1}.*format`),
    );
    for (const check of ['reconcilers', 'leases', 'tasks', 'groups', 'callbacks', 'keys'] as const)
      expect(findingOf(all, check).level).toBe('unchecked');
  }
  await redis.set(store.keys.meta(), storageFormat);
});

test('a Redis that is away is an error, and everything else is not checked', async () => {
  const redis = new Redis({ port: await closedPort(), lazyConnect: true });
  const fixture = new StoreFixture({ commandTimeoutMs: 500 }, redis);
  const all = await findings(fixture);
  fixture.connection.close();
  redis.disconnect();
  expect(findingOf(all, 'redis')).toMatchObject({
    level: 'error',
    text: expect.stringContaining('ECONNREFUSED') as string,
    todo: expect.stringContaining('Start Redis') as string,
  });
  expect(all.map(({ check }) => check)).toEqual(allChecks);
  expect(all.filter(({ check }) => check !== 'redis').map(({ level }) => level)).toEqual(
    allChecks.slice(1).map(() => 'unchecked'),
  );
});

test('on a cluster, each master is looked at, and the one that is wrong is named', async () => {
  const cluster = await OwnCluster.open();
  closers.push(() => cluster.close());
  const client = cluster.connect();
  const fixture = new StoreFixture({}, client);
  closers.push(() => fixture.close());
  for (let n = 0; n < 10; n++) await fixture.group(1);
  const before = await findings(fixture);
  expect(findingOf(before, 'redis').text).toContain('the first of 3 servers');
  expect(before.filter(({ level }) => level === 'error')).toEqual([]);
  expect(findingOf(before, 'keys').text).toMatch(/looked at all \d\d+ keys/);
  // A connection that was just opened knows no nodes yet, and finds it all the same.
  const stray = `${fixture.store.keys.base}:stray`;
  await client.set(stray, 'x');
  expect(await fixture.keyFaults()).toEqual([`${stray} belongs to nothing that is known here`]);
  await client.unlink(stray);
  const [, second] = cluster.nodes;
  const node = new Redis(second!.url);
  await node.config('SET', 'maxmemory-policy', 'allkeys-lfu');
  node.disconnect();
  const eviction = (await findings(fixture)).filter(({ check }) => check === 'eviction');
  expect(eviction).toMatchObject([
    { level: 'error', text: expect.stringContaining(`On 127.0.0.1:${second!.port}:`) as string },
  ]);
}, 120_000);
