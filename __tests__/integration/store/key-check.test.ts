import { failed, StoreFixture, type TestGroup } from '../../helpers/store';

let fixture: StoreFixture;
beforeEach(() => (fixture = new StoreFixture()));
afterEach(() => fixture.close());

const faults = async () => (await fixture.keyFaults()).map((line) => line.replace(/^\S*:(\S+) /, '$1 '));
const running = (items = 2) => fixture.group(items, { closed: true }, { message: '{}' });

async function ended(items = 2): Promise<TestGroup> {
  const group = await running(items);
  for (let n = 0; n < items; n++) await group.execute(String(n));
  return group;
}

const keyOf = ({ store, id }: TestGroup, name: string) => `${store.keys.state(id).slice(0, -1)}${name}`;

test('finds nothing wrong with groups that wait, run and have ended', async () => {
  await fixture.group(3);
  const cancelled = await fixture.group(3);
  await cancelled.store.cancelEntry(cancelled.id, '1');
  await (await running()).execute('0');
  await ended();
  const inner = await fixture.group(1);
  const { id } = await running();
  await inner.store.adopt(inner.id, { id, name: 'outer' }, '0');
  await inner.store.retain(inner.id);
  expect(await faults()).toEqual([]);
});

test('finds a key of a living group that expires', async () => {
  const group = await running();
  await group.execute('0');
  await fixture.redis.pexpire(keyOf(group, 'r0'), 100_000);
  expect(await faults()).toEqual([expect.stringMatching(/^r0 expires in \d+ ms, and its group goes on \(running\)/)]);
});

test('finds a key of an ended group that stays', async () => {
  const group = await ended();
  await fixture.redis.rpush(keyOf(group, 'q'), '1');
  await fixture.redis.persist(keyOf(group, 'e'));
  expect(await faults()).toEqual([
    expect.stringContaining('e stays, and its group is over (succeeded)'),
    expect.stringContaining('q stays, and its group is over (succeeded)'),
  ]);
});

test('finds a key whose group is gone', async () => {
  const group = await running();
  await fixture.redis.unlink(keyOf(group, 'g'));
  const found = await faults();
  expect(found.length).toBeGreaterThan(1);
  for (const line of found) expect(line).toContain('stays, and its group is gone');
});

test('finds what nobody has started and stays, and what stays while its group expires', async () => {
  const one = await fixture.group(1);
  const two = await fixture.group(1);
  await fixture.redis.persist(keyOf(one, 'g'));
  await fixture.redis.persist(keyOf(one, 's'));
  await fixture.redis.persist(keyOf(two, 's'));
  expect((await faults()).sort()).toEqual([
    expect.stringContaining('g stays, and nobody has started its group'),
    expect.stringContaining('s stays, and its group, which has not been started, expires'),
    expect.stringContaining('s stays, and nobody has started its group'),
  ]);
});

test('finds what is kept for a group that is gone', async () => {
  const inner = await fixture.group(1);
  await inner.store.adopt(inner.id, { id: 'gone', name: 'outer' }, '0');
  await inner.store.retain(inner.id);
  const found = await faults();
  expect(found.length).toBeGreaterThan(0);
  for (const line of found) expect(line).toContain('the group that its group sits in is gone (gone)');
});

test('finds keys that belong to nothing, and those of a process that stay', async () => {
  const { keys } = fixture.store;
  await fixture.redis.set(`${keys.base}:odd`, '1');
  await fixture.redis.set(keys.process('p'), '1');
  expect(await faults()).toEqual([
    expect.stringContaining('belongs to nothing that is known here'),
    expect.stringContaining('stays, and is only for a time'),
  ]);
});

test('leaves to the reconciler what the reconciler will let expire, as long as it looks after the group', async () => {
  const group = await ended(200);
  // Whoever ended it died before it let the other results expire.
  expect(await faults()).toEqual([]);
  await fixture.redis.zrem(group.store.keys.dueIndexOf(group.id), group.id);
  expect(await faults()).toEqual([expect.stringMatching(/^r[01] stays, and its group is over/)]);
});

test('leaves to the reconciler what a removal that broke off has left', async () => {
  const group = await ended(200);
  const { store, id } = group;
  await store.register(id);
  await store.remove(id, 'user');
  expect(await faults()).toEqual([]);
  await store.forgetRest(id, 200);
  expect((await fixture.keys()).filter((key) => key.includes(id))).toEqual([]);
});

test('takes a prefix for nothing but itself', async () => {
  const other = new StoreFixture();
  try {
    await other.redis.set(`${other.store.keys.base}:odd`, '1');
    expect(await faults()).toEqual([]);
  } finally {
    await other.close();
  }
});

test('reads a store of many keys a page at a time, and nothing by KEYS', async () => {
  for (let n = 0; n < 20; n++) await running(1);
  const failing = await running(1);
  await failing.execute('0', failed());
  await fixture.redis.call('CONFIG', 'RESETSTAT');
  expect(await faults()).toEqual([]);
  const info = await fixture.redis.info('commandstats');
  expect(info).not.toContain('cmdstat_keys:');
  expect(info).toContain('cmdstat_scan:');
});
