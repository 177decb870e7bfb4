// What the store does with an entry whose run ended before any worker took it.
import { packSpec } from '../../../src/store/spec';
import { failed, specs, StoreFixture, type TestGroup } from '../../helpers/store';

const fixture = new StoreFixture({ retention: { abandonedMs: 60_000 } });
const { store } = fixture;
afterAll(() => fixture.close());

/** The run of an entry waited in vain for so long. */
async function untaken({ id }: TestGroup, entry: string, run: string, waitedMs = 2_000) {
  return store.regrantUntaken(id, { entry, run, process: store.process }, waitedMs);
}

const waits = ({ id }: TestGroup) =>
  store.redis.use('hgetall', (client) => client.hgetall(store.keys.callbacks(id))).then((all) => Object.keys(all));

async function published(items = 1, fields = {}) {
  const group = await fixture.group(specs(items), { closed: true, ...fields }, { message: '{"a":1}' });
  await store.confirm(group.id, Array.from({ length: items }, (_, i) => [String(i), `run-${i}`]).flat());
  return group;
}

test('an item that no worker took is handed out again however often, and says for how long it has waited in all', async () => {
  const group = await published();
  for (let round = 1; round <= 5; round++) {
    const run = round === 1 ? 'run-0' : `run-0.${round}`;
    const { code, effects, waitedMs } = await untaken(group, '0', run);
    expect([code, effects.grants.map(({ entry }) => entry)]).toEqual(['granted', ['0']]);
    expect(waitedMs).toBeGreaterThanOrEqual(2_000);
    expect(waitedMs).toBeLessThan(60_000);
    await store.confirm(group.id, ['0', `run-0.${round + 1}`]);
  }
  const packed = await fixture.redis.hget(store.keys.active(group.id), '0');
  // Those that never came to be are counted: of them only three are tried.
  expect(packed?.split('|')[8]).toBe('1');
  expect((await group.snapshot()).slots).toBe(1);
});

test('what is noted of a wait goes with the end of the item', async () => {
  const group = await published();
  await untaken(group, '0', 'run-0');
  expect(await waits(group)).toEqual(['u:0']);
  await group.execute('0');
  expect(await waits(group)).toEqual([]);
});

test('what is noted of a wait goes when the item is suspended, as it waits for nobody then', async () => {
  const group = await published();
  await untaken(group, '0', 'run-0');
  await store.confirm(group.id, ['0', 'again']);
  await store.suspend(group.id, true);
  await store.withdraw(group.id, ['0']);
  expect(await waits(group)).not.toContain('u:0');
});

test('nothing happens twice, nor to an item whose body has begun', async () => {
  const group = await published(2);
  expect((await untaken(group, '0', 'run-0')).code).toBe('granted');
  expect((await untaken(group, '0', 'run-0')).code).toBe('refused');
  await group.start('1');
  expect((await untaken(group, '1', 'run-1')).code).toBe('refused');
});

test('an item that no worker took is taken back, and not handed out, while its group is suspended', async () => {
  const group = await published();
  await store.suspend(group.id, true);
  const { code, effects, waitedMs } = await untaken(group, '0', 'run-0');
  expect([code, effects.grants, waitedMs]).toEqual(['granted', [], 0]);
  expect((await store.suspend(group.id, false)).effects.grants).toHaveLength(1);
});

test('an item of a group that has stopped is not handed out again', async () => {
  const group = await published(2, { stopAfterNFailures: 1 });
  await group.execute('0', failed());
  expect((await untaken(group, '1', 'run-1')).code).toBe('stopped');
});

test('a callback is handed out again, though its group has ended', async () => {
  const group = await published(1, { successCallbacks: [packSpec({ task: 'callback' })] });
  await group.execute('0');
  await store.confirm(group.id, ['c0', 'run-c0']);
  const { code, effects } = await untaken(group, 'c0', 'run-c0');
  expect([code, effects.callbacks.map(({ entry }) => entry)]).toEqual(['granted', ['c0']]);
});

test('what has waited for longer than an abandoned group is kept is not handed out again', async () => {
  const group = await published();
  const { code, waitedMs } = await untaken(group, '0', 'run-0', 61_000);
  expect(code).toBe('over');
  expect(waitedMs).toBeGreaterThanOrEqual(61_000);
});
