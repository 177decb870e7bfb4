// `mage.doctor` finds faults of groups, leases, callbacks, reconcilers and keys in the store alone, without an engine.
import { Redis } from 'ioredis';
import { ConfigurationError, type DoctorCheck } from '../../../src';
import { activeFields } from '../../../src/store/schema';
import { field } from '../../../src/store/scripts.generated';
import { packSpec } from '../../../src/store/spec';
import { CallLog } from '../../helpers/call-log';
import { findingOf, findings } from '../../helpers/doctor-reading';
import { eventually } from '../../helpers/fixture';
import { OwnRedis } from '../../helpers/own-redis';
import { failed, specs, StoreFixture, type TestGroup } from '../../helpers/store';

const hour = 3_600_000;
const startedAt = activeFields.findIndex(({ name }) => name === 'startedAt');
let fixture: StoreFixture;
beforeEach(() => (fixture = new StoreFixture()));
afterEach(() => fixture.close());

/** Counts what nobody has looked after for 25 ms as left alone. */
function hasty(): void {
  fixture.connection.close();
  fixture.redis.disconnect();
  fixture = new StoreFixture({ leaseMs: 5, reconcileIntervalMs: 5 });
}

const found = async (check: DoctorCheck, options = {}) => findingOf(await findings(fixture, options), check);
const running = (items = 1, fields = {}) => fixture.group(items, { closed: true, ...fields }, { message: '{}' });

/** Makes a group look as if it had been made and started so long ago. */
async function age({ id }: TestGroup, ms: number): Promise<void> {
  const { redis, store } = fixture;
  const at = Date.now() - ms;
  await redis.hset(store.keys.state(id), { [field.createdAt]: at, [field.startedAt]: at, [field.progressAt]: at });
}

/** Makes its first item look as if it had begun so long ago. */
async function ageItem({ id }: TestGroup, ms: number): Promise<void> {
  const active = fixture.store.keys.active(id);
  const record = ((await fixture.redis.hget(active, '0')) ?? '').split('|');
  record[startedAt] = String(Date.now() - ms);
  await fixture.redis.hset(active, '0', record.join('|'));
}

test('a store that nobody reconciles is a warning while it is empty, and an error with work in it', async () => {
  expect(await found('reconcilers')).toMatchObject({
    level: 'warning',
    text: expect.stringContaining('No process reconciles (none is known)') as string,
    todo: expect.stringContaining('mage.startReconciler()') as string,
  });
  await running();
  expect((await found('reconcilers')).level).toBe('error');
});

test('a process counts as one that reconciles for as long as its own settings say', async () => {
  const { store } = fixture;
  await running();
  await store.notePass(hour);
  expect(await found('reconcilers')).toMatchObject({
    level: 'ok',
    text: expect.stringContaining('1 process reconciles, the last pass began less than 1 s ago') as string,
    ids: [store.process],
  });
});

test('a process whose last pass is long over is named while it lives, and gone afterwards', async () => {
  const { store } = fixture;
  await running();
  await store.notePass(1);
  await store.beat();
  const alive = await eventually('its pass is over', async () => {
    const finding = await found('reconcilers');
    return finding.level !== 'ok' && finding;
  });
  expect(alive).toMatchObject({ level: 'warning', ids: [store.process] });
  await fixture.redis.unlink(store.keys.process(store.process));
  expect(await found('reconcilers')).toMatchObject({
    level: 'error',
    text: expect.stringContaining('the last pass began') as string,
  });
});

test('the list of reconcilers holds the last pass of each, a bounded number, and expires', async () => {
  const { store, redis } = fixture;
  const key = store.keys.reconcilers();
  await redis.zadd(key, '1', 'very-old 5');
  await store.notePass(2);
  await store.notePass(2);
  expect(await redis.zrange(key, '0', '-1')).toEqual([`${store.process} 2`]);
  const old = Array.from({ length: 1_200 }, (_, n) => [String(Date.now() - 100_000 + n), `old-${n} 5`]);
  await redis.zadd(key, ...old.flat());
  await store.notePass(2);
  expect(await redis.zcard(key)).toBe(1_000);
  expect(await redis.pttl(key)).toBeGreaterThan(0);
  expect(await fixture.keyFaults()).toEqual([]);
});

test('leases that have run out for long, and groups that nobody has looked at, are an error', async () => {
  hasty();
  const group = await running(2);
  const { text, level, ids, todo } = await eventually('they are left alone', async () => {
    const finding = await found('leases');
    return finding.text.includes('leases') && finding.text.includes('reconciled') && finding;
  });
  expect({ level, ids }).toEqual({ level: 'error', ids: [group.id] });
  expect(text).toMatch(
    /^1 group should have been reconciled, and the leases of at least 2 tasks in 1 group have run out, the first .* ago/,
  );
  expect(todo).toContain('mage.startReconciler()');
  // A process that comes more seldom than this one has its own time.
  await fixture.store.notePass(hour);
  expect((await found('leases')).level).toBe('ok');
});

test('a group in which nothing has begun or ended for an hour is named, and none that moves or waits on purpose', async () => {
  const group = await running(3, { name: 'import' });
  await group.start('0');
  expect((await found('groups')).level).toBe('ok');
  await age(group, 2 * hour);
  // Its item has begun just now.
  expect((await found('groups')).level).toBe('ok');
  await ageItem(group, 2 * hour);
  const still = await found('groups');
  expect(still).toMatchObject({
    level: 'warning',
    ids: [group.id],
    todo: `Ask why: mage.explain("${group.id}").`,
  });
  expect(still.text).toMatch(/^1 group in progress has stood still .* for 2 h in the swarm "import"/);
  expect((await found('groups', { stillAfterMs: 3 * hour })).level).toBe('ok');
  await fixture.store.suspend(group.id, true);
  await age(group, 2 * hour);
  expect((await found('groups')).level).toBe('ok');
  await fixture.store.suspend(group.id, false);
  await age(group, 2 * hour);
  expect((await found('groups')).level).toBe('warning');
  await group.finish('0');
  expect((await found('groups')).level).toBe('ok');
});

test('a group that waits for its rate limit does not stand still, and a nested one is named in place of its parent', async () => {
  const limited = await fixture.group(
    2,
    { closed: true, rateLimit: { limit: 1, perMs: 10 * hour, burst: 1 } },
    { message: '{}' },
  );
  await limited.execute('0');
  await age(limited, 2 * hour);
  const nested = packSpec({ task: 'inner', id: 'AAAAAAAAAAAC.1', group: 'swarm-ref' });
  const outer = await fixture.group([nested], { closed: true }, { message: '{}' });
  const parent = { groupId: outer.id, entry: '0' };
  const inner = await fixture.group(1, { id: 'AAAAAAAAAAAC.1', closed: true, parent });
  await fixture.store.confirm(outer.id, ['0', `g:${inner.id}`]);
  await fixture.store.runNested(inner.id, '{}', parent, {});
  await age(outer, 2 * hour);
  await ageItem(outer, 2 * hour);
  await age(inner, 2 * hour);
  expect(await found('groups')).toMatchObject({ level: 'warning', ids: [inner.id] });
});

test('failed callbacks are a warning that says how to repeat them', async () => {
  const group = await running(1, { successCallbacks: [packSpec({ task: 'report' })] });
  await group.execute('0');
  await fixture.store.topLevelIndex.add(group.id);
  expect((await found('callbacks')).level).toBe('ok');
  await group.execute('c0', failed('no such table'));
  expect(await found('callbacks')).toMatchObject({
    level: 'warning',
    text: expect.stringContaining('1 callback of 1 group has failed') as string,
    todo: expect.stringContaining('retryCallbacks()') as string,
    ids: [group.id],
  });
});

test('callbacks that should have been published long ago are an error, also when a process renews their leases', async () => {
  const fields = { closed: true, successCallbacks: [packSpec({ task: 'report' })] };
  const group = await running(1, fields);
  await group.execute('0');
  expect((await found('callbacks')).level).toBe('ok');
  await fixture.redis.hset(fixture.store.keys.state(group.id), field.endedAt, Date.now() - hour);
  const unpublished = { level: 'error', ids: [group.id], todo: expect.stringContaining('mage.explain(') as string };
  expect(await found('callbacks')).toMatchObject(unpublished);
  await fixture.store.confirm(group.id, ['c0', 'run-c0']);
  expect((await found('callbacks')).level).toBe('ok');
  hasty();
  const left = await fixture.group(2, fields, { message: '{}' });
  const itemCallback = packSpec({ task: 'item', successCallbacks: [packSpec({ task: 'report' })] });
  const single = await fixture.group([itemCallback, ...specs(1)], { closed: true }, { message: '{}' });
  await single.execute('0');
  await eventually('nobody publishes it', async () => {
    const finding = await found('callbacks');
    return finding.level === 'error' && finding.ids?.includes(single.id) && !finding.ids.includes(left.id);
  });
});

test('keys that stay without an owner are a warning, and keys of a living group that expire an error', async () => {
  const group = await running(2);
  expect(await found('keys')).toMatchObject({ level: 'ok', text: expect.stringContaining('looked at all') as string });
  const stray = `${fixture.store.keys.base}:stray`;
  await fixture.redis.set(stray, 'x');
  expect(await found('keys')).toMatchObject({
    level: 'warning',
    text: expect.stringContaining(`${stray}, which belongs to nothing that is known here`) as string,
    ids: [stray],
  });
  const specsKey = fixture.store.keys.specs(group.id);
  await fixture.redis.pexpire(specsKey, hour);
  const both = await found('keys');
  expect(both.level).toBe('error');
  expect(both.ids?.toSorted()).toEqual([specsKey, stray].sort());
});

test('without an engine, workers are not checked, and the announced tasks are counted', async () => {
  await running(2);
  const { store } = fixture;
  await store.redis.call('announce', [store.keys.served()], [hour, hour, 'task', 'task', '', 'other', 'task', '']);
  await store.redis.call('announce', [store.keys.served()], [1, hour, 'late', 'task', '']);
  await fixture.group([packSpec({ task: 'late' }), packSpec({ task: 'Task' })], { closed: true }, { message: '{}' });
  await eventually('an announcement is over', async () =>
    (await found('tasks')).text.includes('have announced 2 of the 3 task names in progress'),
  );
  expect(await found('tasks')).toMatchObject({
    level: 'unchecked',
    text: expect.stringMatching(
      /^Could not check: whether workers serve .*there is no connection to the engine/,
    ) as string,
  });
});

test('a wrong option is refused', async () => {
  await expect(findings(fixture, { deep: true } as never)).rejects.toThrow(ConfigurationError);
  await expect(findings(fixture, { full: 'yes' as never })).rejects.toThrow('full: expected true or false');
  await expect(findings(fixture, { stillAfterMs: -1 })).rejects.toThrow('stillAfterMs');
});

test('twice as many groups cost no more commands, unless all are wanted, and the findings say what was looked at', async () => {
  const server = await OwnRedis.open('--appendonly', 'no');
  const log = await CallLog.open(server.url);
  const own = new StoreFixture({}, new Redis(server.url));
  try {
    const costs: number[] = [];
    for (const n of [1, 2]) {
      for (let part = 0; part < 11; part++)
        await Promise.all(Array.from({ length: 100 }, () => own.group(1, { closed: true }, { message: '{}' })));
      // More keys than are looked at; those of processes are the cheapest to make.
      const heartbeats = own.redis.pipeline();
      for (let i = 0; i < 12_000; i++) heartbeats.set(own.store.keys.process(`${n}-${i}`), '0', 'PX', hour);
      await heartbeats.exec();
      costs.push((await log.during(() => findings(own))).length);
    }
    const [few = 0, many = 0] = costs;
    expect(many).toBeLessThan(1.3 * few);
    const some = await findings(own);
    expect(findingOf(some, 'groups').text).toMatch(/looked at \d+ groups: of 2200, those that are due first/);
    expect(findingOf(some, 'keys').text).toContain('{ full: true } looks at all');
    const all = await findings(own, { full: true });
    expect(findingOf(all, 'groups').text).toContain('looked at all 2200 groups');
    expect(findingOf(all, 'keys').text).toContain('looked at all');
  } finally {
    await own.close();
    log.close();
    await server.close();
  }
}, 240_000);
