import { execution, StoreFixture, type TestGroup } from '../../helpers/store';
import { packSpec } from '../../../src/store/spec';

const fixture = new StoreFixture();
afterAll(() => fixture.close());

const callback = packSpec({ task: 'task' });

/** Everything that is stored of a group. */
async function stored({ store, id }: TestGroup): Promise<unknown> {
  const { keys } = store;
  const [state, active, callbacks] = await Promise.all(
    [keys.state(id), keys.active(id), keys.callbacks(id)].map((key) => fixture.redis.hgetall(key)),
  );
  return { state, active, callbacks };
}

test('a group that a forged state would take where no group can go is refused, and stays as it is', async () => {
  const group = await fixture.group(1, { kind: 'task', closed: true }, { message: '{}' });
  await group.start('0');
  // No script leaves a group that is being cancelled with an item that has succeeded and nothing that runs.
  await fixture.redis.hset(group.store.keys.state(group.id), { st: 'cancelling', ok: '1', sl: '0' });
  const before = await stored(group);
  await expect(group.store.grant(group.id)).rejects.toThrow('a group that is cancelling cannot become succeeded');
  expect(await stored(group)).toEqual(before);
});

test('a callback that is held back can be run by nobody', async () => {
  const group = await fixture.group(1, { successCallbacks: [callback], closed: true }, { message: '{}' });
  await group.execute('0');
  const [active] = Object.values(await fixture.redis.hgetall(group.store.keys.active(group.id)));
  const held = String(active).replace('granted', 'deferred');
  await fixture.redis.hset(group.store.keys.active(group.id), 'c0', held);
  const before = await stored(group);
  await expect(group.start('c0', execution('run'))).rejects.toThrow('entry c0 is deferred and cannot become running');
  expect(await stored(group)).toEqual(before);
});

test('a callback that is held back is cancelled by itself, and the others are let go', async () => {
  const group = await fixture.group(1, { successCallbacks: [callback, callback] }, { message: '{}' });
  await group.start('0');
  await group.store.suspend(group.id, true);
  await group.store.close(group.id);
  await group.finish('0');
  expect([await group.state('c0'), (await group.snapshot()).status]).toEqual([undefined, 'running']);

  const own = packSpec({ task: 'task', successCallbacks: [callback, callback] });
  const other = await fixture.group([own], {}, { message: '{}' });
  await other.start('0');
  await other.store.suspend(other.id, true);
  await other.finish('0');
  expect([await other.state('c0'), await other.state('c1')]).toEqual(['deferred', 'deferred']);
  expect((await other.store.cancelEntry(other.id, 'c0')).code).toBe('cancelled');
  expect([await other.state('c0'), await other.state('c1')]).toEqual(['cancelled', 'deferred']);
  const { effects } = await other.store.suspend(other.id, false);
  expect(effects.callbacks.map(({ entry }) => entry)).toEqual(['c1']);
  expect(await other.state('c1')).toBe('granted');
});
