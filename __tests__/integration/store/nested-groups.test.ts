import { newSecret } from '../../../src/store/group-store';
import { newId } from '../../../src/store/ids';
import type { Effects } from '../../../src/store/replies';
import { packSpec } from '../../../src/store/spec';
import { failed, spec, StoreFixture, type TestGroup } from '../../helpers/store';

const fixture = new StoreFixture({ retention: { finishedMs: 60_000, abandonedMs: 600_000 } });
const { store, reader } = fixture;
afterAll(() => fixture.close());

const onSuccess = [packSpec({ task: 'good' })];
const onError = [packSpec({ task: 'bad' })];
const both = { successCallbacks: onSuccess, errorCallbacks: onError };

const granted = (effects: Effects | undefined) => effects?.grants.map(({ entry }) => entry);
/** What is fired: the lists' tasks, and 'p' for telling the parent. */
const fired = (effects: Effects | undefined) =>
  effects?.callbacks.map(({ entry, packed }) =>
    (entry === 'p' ? 'p' : (JSON.parse(packed.slice(packed.indexOf('\n') + 1)) as string[])).toString(),
  );
const ttl = ({ id }: { id: string }) => fixture.redis.pttl(store.keys.state(id));
const madeSwarm = (id: string) => packSpec({ task: 'inner', id, name: 'inner', group: 'swarm-ref', below: [id] });
const named = ({ id, group: { name } }: TestGroup) => ({ id, name });

/** A group that is the first item of another one, as a swarm that was handed in is. */
async function nested(items = 1, fields: Parameters<StoreFixture['group']>[1] = {}, outerFields: typeof fields = {}) {
  const inner = await fixture.group(items, fields);
  const outer = await fixture.group([madeSwarm(inner.id), spec], { name: 'outer', ...outerFields });
  await store.adopt(inner.id, named(outer));
  await store.adopt(inner.id, named(outer), '0');
  const parent = { groupId: outer.id, entry: '0' };
  const start = (message = '{}') => store.runNested(inner.id, message, parent, { swarm: outer.id });
  return { inner, outer, parent, start };
}

test('a nested group is kept as long as its outermost group, whose retention may be another one', async () => {
  const { inner, start } = await nested();
  await start();
  await store.close(inner.id);
  await inner.execute('0');
  await store.parentNotified(inner.id);
  await store.release(inner.id, 3_600_000);
  expect(await ttl(inner)).toBeGreaterThan(3_000_000);
});

describe('a group that is put into another one', () => {
  test('is taken once, and named with its parent to others', async () => {
    const inner = await fixture.group(1);
    const [first, second] = [await fixture.group(0, { name: 'first' }), await fixture.group(0, { name: 'second' })];
    expect((await store.adopt(inner.id, named(first))).code).toBe('adopted');
    expect((await store.adopt(inner.id, named(first))).code).toBe('already-member');
    expect((await store.adopt(inner.id, named(first), '0')).code).toBe('adopted');
    expect(await store.adopt(inner.id, named(second))).toEqual({ code: 'started', in: first.id, name: 'first' });
  });

  test('is not taken when it has been started, or is unknown', async () => {
    const started = await fixture.group(1, {}, { message: '{}' });
    const outer = await fixture.group(0);
    expect(await store.adopt(started.id, named(outer))).toEqual({ code: 'started', in: '', name: '' });
    expect((await store.adopt(newId(), named(outer))).code).toBe('missing');
    expect(await fixture.redis.exists(...store.keys.group('nobody').slice(0, 1))).toBe(0);
  });

  test('is given back by its parent only, and only before it starts', async () => {
    const inner = await fixture.group(1);
    const [first, second] = [await fixture.group(0), await fixture.group(0)];
    await store.adopt(inner.id, named(first));
    await store.disown(inner.id, second.id);
    expect((await store.adopt(inner.id, named(second))).code).toBe('started');
    await store.disown(inner.id, first.id);
    expect((await store.adopt(inner.id, named(second))).code).toBe('adopted');
    const begun = await nested();
    await begun.start();
    await store.disown(begun.inner.id, begun.outer.id);
    expect((await begun.inner.stateHash())['pg']).toBe(begun.outer.id);
  });

  test('is not started by a user: the reply names its place', async () => {
    const { inner, outer } = await nested();
    const reply = await store.run(inner.id, '{"a":1}');
    expect(reply).toMatchObject({ code: 'nested', parent: { groupId: outer.id, entry: '0' } });
    expect((await inner.snapshot()).status).toBe('pending');
  });

  test('keeps items that are made ready until it gets its slot', async () => {
    const { inner, start } = await nested(2);
    expect((await store.runItem(inner.id, 1, '{"own":1}')).effects).toMatchObject({ status: 'pending', grants: [] });
    expect((await store.add(inner.id, [{ spec, key: '' }], { run: true })).effects?.grants).toEqual([]);
    expect((await inner.snapshot()).status).toBe('pending');
    const { effects } = await start('');
    expect(granted(effects)).toEqual(['1', '2']);
    expect((await inner.snapshot()).status).toBe('running');
  });
});

describe('a group that gets its slot', () => {
  test('is started once, however often it is tried', async () => {
    const { start } = await nested(2);
    expect(granted((await start('{"m":1}')).effects)).toEqual(['0', '1']);
    const again = await start('{"m":2}');
    expect([again.code, granted(again.effects)]).toEqual(['started', []]);
  });

  test('keeps the message that it was given first', async () => {
    const { inner, start } = await nested();
    await start('{"m":1}');
    await start('{"m":2}');
    expect((await reader.record(inner.id))?.message).toBe('{"m":1}');
  });

  test('is refused in another place, and says so when it has ended', async () => {
    const { inner, outer, start } = await nested(0, { closed: true });
    await start();
    const other = await fixture.group(1);
    const elsewhere = await store.runNested(inner.id, '{}', { groupId: other.id, entry: '0' }, {});
    expect(elsewhere.code).toBe('already-started');
    expect((await store.runNested(inner.id, '{}', { groupId: outer.id, entry: '1' }, {})).code).toBe('already-started');
    expect(await start()).toMatchObject({ code: 'finished', effects: { status: 'succeeded' } });
  });
});

describe('the end of a nested group', () => {
  test('is reported to its parent, in addition to its own callbacks, once', async () => {
    const { inner, start } = await nested(1, { ...both, closed: true });
    await start();
    const { effects } = await inner.execute('0');
    expect(fired(effects)).toEqual(['good', 'p']);
    expect(await reader.activeEntry(inner.id, 'p')).toMatchObject({ state: 'granted' });
    expect(fired((await store.grant(inner.id)).effects)).toEqual([]);
    await store.parentNotified(inner.id);
    expect(await reader.activeEntry(inner.id, 'p')).toBeUndefined();
    expect((await store.parentNotified(newId())).code).toBe('missing');
  });

  test('settles its entry, known or not yet known as started, once', async () => {
    for (const confirmed of [true, false]) {
      const { inner, outer } = await nested(1, {}, { maxConcurrency: 1 });
      expect(granted((await store.run(outer.id, '{}')).effects)).toEqual(['0']);
      if (confirmed) await store.confirm(outer.id, ['0', `g:${inner.id}`]);
      const settle = () =>
        store.complete(outer.id, '0', `g:${inner.id}`, { outcome: 'succeeded', payload: `@${inner.id}`, size: 10 });
      const first = await settle();
      expect([first.code, granted(first.effects)]).toEqual(['ended', ['1']]);
      expect((await settle()).code).toBe('refused');
      // A late confirmation changes nothing.
      await store.confirm(outer.id, ['0', `g:${inner.id}`]);
      expect(await outer.snapshot()).toMatchObject({ succeeded: 1, slots: 1 });
      expect(await reader.result(outer.id, '0')).toBe(`s@${inner.id}`);
    }
  });

  test('is refused from a group that is not this entry', async () => {
    const { inner, outer } = await nested();
    await store.run(outer.id, '{}');
    await store.confirm(outer.id, ['0', `g:${inner.id}`]);
    expect((await store.complete(outer.id, '0', `g:${newId()}`, { outcome: 'failed', payload: '{}' })).code).toBe(
      'refused',
    );
    expect((await store.complete(newId(), '0', `g:${inner.id}`, { outcome: 'failed', payload: '{}' })).code).toBe(
      'unknown',
    );
  });
});

describe('how long a nested group is kept', () => {
  test('while it waits for its turn, from when its parent runs', async () => {
    const { inner, outer } = await nested();
    expect(await ttl(inner)).toBeGreaterThan(600_000);
    await store.run(outer.id, '{}');
    expect((await store.due(outer.id, 10)).hold).toBe(true);
    expect(await store.retain(inner.id)).toBe(false);
    expect(await ttl(inner)).toBe(-1);
    // What is added then doesn't give it a time again.
    await store.add(inner.id, [{ spec, key: '' }], {});
    expect(await ttl(inner)).toBe(-1);
    await store.markChildrenRetained(outer.id);
    expect((await store.due(outer.id, 10)).hold).toBe(false);
    expect(await store.retain(outer.id)).toBe(true);
  });

  test('after its end until its parent releases it, then for its retention', async () => {
    const { inner, start } = await nested(1, { closed: true });
    await start();
    expect((await inner.execute('0')).effects.expiring).toBe(false);
    expect((await store.parentNotified(inner.id)).effects.expiring).toBe(false);
    expect(await ttl(inner)).toBe(-1);
    expect((await store.release(inner.id)).effects.expiring).toBe(true);
    expect(await ttl(inner)).toBeGreaterThan(0);
    expect(await ttl(inner)).toBeLessThanOrEqual(61_000);
    // Nobody keeps it any more.
    await store.retain(inner.id);
    expect(await ttl(inner)).toBeGreaterThan(0);
  });

  test('a nested group that runs when its parent is gone is kept to its end, and then for its retention', async () => {
    const { inner, start } = await nested(1, { ...both, closed: true });
    await start();
    expect((await store.release(inner.id)).effects).toMatchObject({ status: 'running', expiring: false });
    expect(await ttl(inner)).toBe(-1);
    expect(fired((await inner.execute('0')).effects)).toContain('good');
    expect((await inner.snapshot()).status).toBe('succeeded');
  });

  test('a nested group that was never started ends as cancelled when it is released, without callbacks', async () => {
    const { inner } = await nested(1, both);
    const { effects } = await store.release(inner.id);
    expect([effects.status, fired(effects), effects.expiring]).toEqual(['cancelled', [], true]);
    expect(await ttl(inner)).toBeGreaterThan(0);
    expect((await store.release(newId())).code).toBe('missing');
  });

  test('a group with groups below it expires only after the reconciler has passed that on to them', async () => {
    const { inner, outer, start } = await nested(0, { closed: true }, { closed: true });
    await store.run(outer.id, '{}');
    await start();
    await store.complete(outer.id, '0', `g:${inner.id}`, { outcome: 'succeeded', payload: `@${inner.id}`, size: 0 });
    const { effects } = await outer.execute('1');
    expect(effects).toMatchObject({ status: 'succeeded', expiring: false });
    expect((await store.due(outer.id, 1)).forgetAt).toBeGreaterThan(0);
    expect(await ttl(outer)).toBe(-1);
    await store.expire(outer.id);
    expect(await ttl(outer)).toBeGreaterThan(0);
    expect((await store.due(outer.id, 1)).nested).toBe(false);
  });

  test('nothing that has not ended gets a time to go', async () => {
    const running = await fixture.group(1, { closed: true }, { message: '{}' });
    await store.expire(running.id);
    expect(await ttl(running)).toBe(-1);
    await store.expire(newId());
    await store.markChildrenRetained(newId());
    expect(await store.retain(newId())).toBe(false);
  });
});

describe('cancelling', () => {
  test('a group that nobody started ends it: by a user with its callbacks, by its parent without', async () => {
    for (const [by, callbacks] of [
      ['user', ['bad', 'p']],
      ['parent', ['p']],
      ['stop', ['p']],
    ] as const) {
      const { inner } = await nested(2, both);
      const { code, effects } = await store.cancel(inner.id, by);
      expect([code, effects.status, fired(effects)]).toEqual(['cancelled', 'cancelled', callbacks]);
      expect(await inner.snapshot()).toMatchObject({ cancelled: 2, closed: true });
      expect((await store.cancel(inner.id, 'user')).code).toBe('ended');
      expect((await store.add(inner.id, [{ spec, key: '' }], {})).code).toBe('finished');
    }
    expect((await store.cancel(newId(), 'user')).code).toBe('missing');
  });

  test('a running one starts nothing more, and ends when what runs has, whatever that gives', async () => {
    const { inner, start } = await nested(5, { ...both, maxConcurrency: 3 });
    await start();
    for (const entry of ['0', '1']) await inner.start(entry);
    const { effects } = await store.cancel(inner.id, 'user');
    expect([effects.status, granted(effects), fired(effects)]).toEqual(['cancelling', [], []]);
    expect((await inner.start('2')).code).toBe('cancelled');
    expect((await inner.finish('0')).effects).toMatchObject({ status: 'cancelling', grants: [] });
    expect((await inner.finish('1', failed())).effects.status).toBe('cancelling');
    const last = await store.complete(inner.id, '2', '', { outcome: 'cancelled', payload: '' });
    expect([last.effects.status, fired(last.effects)]).toEqual(['cancelled', ['bad', 'p']]);
    expect(await inner.snapshot()).toMatchObject({ succeeded: 0, failed: 0, cancelled: 5, slots: 0 });
  });

  test('by a parent that stops leaves a running one alone', async () => {
    const { inner, start } = await nested(2, { maxConcurrency: 1 });
    await start();
    expect((await store.cancel(inner.id, 'stop')).effects.status).toBe('running');
    expect(granted((await inner.execute('0')).effects)).toEqual(['1']);
  });

  test('an entry that ends as cancelled is no failure for a swarm, and ends a chain', async () => {
    const swarm = await fixture.group(2, { stopAfterNFailures: 1, closed: true }, { message: '{}' });
    await store.complete(swarm.id, '0', '', { outcome: 'cancelled', payload: '' });
    expect((await swarm.execute('1')).effects.status).toBe('succeeded');
    const chain = await fixture.group(
      3,
      { kind: 'chain', maxConcurrency: 1, stopAfterNFailures: 1, closed: true, ...both },
      { message: '{}' },
    );
    const { effects } = await store.complete(chain.id, '0', '', { outcome: 'cancelled', payload: '' });
    expect([effects.status, granted(effects), fired(effects)]).toEqual(['cancelled', [], ['bad']]);
  });
});

test('a group that was created twice for one entry is one: only its own creator receives effects', async () => {
  const outer = await fixture.group(1);
  const group = {
    id: newId(),
    kind: 'chain' as const,
    name: 'chain',
    secret: newSecret(),
    closed: true,
    maxConcurrency: 1,
    stopAfterNFailures: 1,
    keepResults: true,
    successCallbacks: [],
    errorCallbacks: [],
    parent: { groupId: outer.id, entry: '0' },
  };
  const first = await store.create(group, [spec, spec], { message: '{}' });
  expect([first.created, granted(first.effects)]).toEqual([true, ['0']]);
  const second = await store.create({ ...group, secret: newSecret() }, [spec, spec], { message: '{}' });
  expect([second.created, granted(second.effects)]).toEqual([false, []]);
  expect((await reader.record(group.id))?.secret).toBe(group.secret);
});

test('the groups in a chain that is to be created are known to the group that it waits in, as is the chain', async () => {
  const [one, two] = [newId(), newId()];
  const chain = packSpec({ task: 'chain', id: newId(), group: 'chain', data: '{}', below: [one, two] });
  const outer = await fixture.group([spec, chain], { maxConcurrency: 2 }, { message: '{}' });
  await store.confirm(outer.id, ['1', 'g:the chain']);
  const below: string[][] = [];
  await reader.eachBelow(outer.id, async (child, entry) => void below.push([entry, child]));
  expect(below.sort()).toEqual(
    [
      ['1', one],
      ['1', two],
      ['1', 'the chain'],
    ].sort(),
  );
  expect(await reader.groupAt(outer.id, '1')).toBe('the chain');
});
