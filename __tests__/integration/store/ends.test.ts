import { packSpec, unpackCallback } from '../../../src/store/spec';
import { eventually } from '../../helpers/fixture';
import { execution, failed, spec, specs, StoreFixture, succeeded, type TestGroup } from '../../helpers/store';

const finishedMs = 60_000;
const abandonedMs = 600_000;
const fixture = new StoreFixture({ retention: { finishedMs, abandonedMs } });
afterAll(() => fixture.close());

const onSuccess = [packSpec({ task: 'good', id: 'good' })];
const onError = [packSpec({ task: 'bad', id: 'bad' })];
const both = { successCallbacks: onSuccess, errorCallbacks: onError };

/** What was fired, as "task kind source". */
function fired({ callbacks }: { callbacks: { packed: string }[] }): string[] {
  return callbacks.map(({ packed }) => {
    const { kind, source, spec: callback } = unpackCallback(packed);
    return `${callback.task} ${kind} ${source}`;
  });
}

/** How long each key of a group has to live; -1: for ever. */
async function timesToLive({ store, id }: TestGroup): Promise<Record<string, number>> {
  const keys = (await fixture.keys()).filter((key) => key.startsWith(store.keys.state(id).slice(0, -1)));
  const times = await Promise.all(keys.map((key) => fixture.redis.pttl(key)));
  return Object.fromEntries(keys.map((key, i) => [key.slice(key.lastIndexOf(':') + 1), times[i] ?? -2]));
}

describe('the end of a group', () => {
  test('comes with the last item when it is closed, and fires its success callbacks once', async () => {
    const group = await fixture.group(2, { ...both, closed: true }, { message: '{}' });
    expect(fired((await group.execute('0')).effects)).toEqual([]);
    expect((await group.snapshot()).status).toBe('running');
    const { effects } = await group.execute('1');
    expect([effects.status, fired(effects)]).toEqual(['succeeded', ['good success g']]);
    for (const call of ['close', 'grant'] as const)
      expect(fired((await group.store[call](group.id)).effects)).toEqual([]);
    expect(fired((await group.finish('1')).effects)).toEqual([]);
    expect(await fixture.redis.hlen(group.store.keys.active(group.id))).toBe(1);
  });

  test('waits for the closing when all items are terminal before', async () => {
    const group = await fixture.group(2, both, { message: '{}' });
    await group.execute('0');
    await group.execute('1');
    expect((await group.snapshot()).status).toBe('running');
    const { effects } = await group.store.close(group.id);
    expect([effects.status, fired(effects)]).toEqual(['succeeded', ['good success g']]);
    expect(fired((await group.store.close(group.id)).effects)).toEqual([]);
  });

  test('is a success when all items failed and no limit was reached', async () => {
    const group = await fixture.group(2, { ...both, closed: true }, { message: '{}' });
    await group.execute('0', failed());
    const { effects } = await group.execute('1', failed());
    expect([effects.status, fired(effects)]).toEqual(['succeeded', ['good success g']]);
  });

  test('of a closed empty group comes with its run', async () => {
    const group = await fixture.group(0, { ...both, closed: true });
    expect((await group.snapshot()).status).toBe('pending');
    const { effects } = await group.store.run(group.id, '{}');
    expect([effects.status, fired(effects)]).toEqual(['succeeded', ['good success g']]);
    expect(fired((await group.store.grant(group.id)).effects)).toEqual([]);
  });

  test('of a started empty group comes with its closing', async () => {
    const group = await fixture.group(0, both);
    expect(fired((await group.store.run(group.id, '{}')).effects)).toEqual([]);
    expect(fired((await group.store.close(group.id)).effects)).toEqual(['good success g']);
  });

  test('does not come by closing a group that nobody started', async () => {
    const group = await fixture.group(0, both);
    await group.store.close(group.id);
    expect((await group.snapshot()).status).toBe('pending');
  });

  test('fires one of the two lists, when an item fails too', async () => {
    const item = packSpec({ task: 'task', successCallbacks: onSuccess, errorCallbacks: onError });
    const group = await fixture.group([item, item], { ...both, closed: true }, { message: '{}' });
    expect(fired((await group.execute('0', failed())).effects)).toEqual(['bad error 0']);
    expect(fired((await group.execute('1')).effects)).toEqual(['good success 1', 'good success g']);
  });
});

describe('closing a started group', () => {
  test('makes the rest ready', async () => {
    const group = await fixture.group(3);
    await group.store.runItem(group.id, 1, '{}');
    const { effects } = await group.store.close(group.id);
    expect(effects.grants.map(({ entry }) => entry)).toEqual(['0', '2']);
  });

  test('with its last items makes those ready too', async () => {
    const group = await fixture.group(1, {}, { message: '{}' });
    const reply = await group.store.add(group.id, [{ spec, key: '' }], { close: true });
    expect(reply.effects?.grants.map(({ entry }) => entry)).toEqual(['1']);
    await group.execute('0');
    expect((await group.execute('1')).effects.status).toBe('succeeded');
  });

  test('lets nothing be added any more, and leaves nothing of what was tried', async () => {
    const group = await fixture.group(1, { closed: true });
    const before = await fixture.redis.hgetall(group.store.keys.specs(group.id));
    expect((await group.store.add(group.id, [{ spec, key: 'k' }], {})).code).toBe('closed');
    expect(await fixture.redis.hgetall(group.store.keys.specs(group.id))).toEqual(before);
    expect((await group.snapshot()).total).toBe(1);
  });
});

describe('the limit of failures', () => {
  test('stops at the n-th failure: nothing starts, what runs finishes, then the error callbacks fire once', async () => {
    const group = await fixture.group(10, { ...both, maxConcurrency: 3, stopAfterNFailures: 2 }, { message: '{}' });
    for (const entry of ['0', '1', '2']) await group.start(entry);
    expect((await group.finish('0', failed())).effects.status).toBe('running');
    const stop = await group.finish('1', failed());
    expect([stop.effects.status, stop.effects.grants, fired(stop.effects)]).toEqual(['stopping', [], []]);
    expect((await group.snapshot()).slots).toBe(2);
    expect((await group.store.add(group.id, [{ spec, key: '' }], { run: true })).code).toBe('finished');
    expect((await group.store.runItem(group.id, 9, '{}')).code).not.toBe('started');
    expect(fired((await group.finish('2')).effects)).toEqual([]);
    const { effects } = await group.execute('3', failed());
    expect([effects.status, fired(effects)]).toEqual(['failed', ['bad error g']]);
    expect(await group.snapshot()).toMatchObject({ succeeded: 1, failed: 3, cancelled: 6, slots: 0, closed: true });
    expect(await group.state('9')).toBe('cancelled');
  });

  test('reached with the last item is still a failure', async () => {
    const group = await fixture.group(1, { ...both, closed: true, stopAfterNFailures: 1 }, { message: '{}' });
    const { effects } = await group.execute('0', failed());
    expect([effects.status, fired(effects)]).toEqual(['failed', ['bad error g']]);
  });

  test('is not reached by throws that are tried again, nor by what mageflow cancelled', async () => {
    const group = await fixture.group(3, { stopAfterNFailures: 1 }, { message: '{}' });
    await group.start('0');
    await group.finish('0', { outcome: 'threw', payload: '{}', retries: 1 });
    await group.store.complete(group.id, '1', '', { outcome: 'cancelled', payload: '' });
    expect(await group.snapshot()).toMatchObject({ status: 'running', cancelled: 1, failed: 0 });
  });

  test('a run of a stopped group that has not started learns that it is cancelled', async () => {
    const group = await fixture.group(3, { maxConcurrency: 1, stopAfterNFailures: 1 }, { message: '{}' });
    await group.execute('0', failed());
    expect(await group.start('1')).toEqual({ code: 'cancelled' });
  });
});

describe('the time that keys live', () => {
  test('every key of a finished group expires after its retention, and its last callback was waited for', async () => {
    const item = packSpec({ task: 'task', successCallbacks: onSuccess });
    const group = await fixture.group([item, ...specs(199)], { ...both, closed: true }, { message: '{}' });
    for (let i = 0; i < 200; i++) {
      await group.execute(String(i));
      const free = (await group.snapshot()).slots < 30;
      if (free && i + 30 < 200) throw new Error('A slot was not handed on.');
    }
    expect((await group.snapshot()).status).toBe('succeeded');
    expect(Object.values(await timesToLive(group)).filter((time) => time !== -1)).toEqual([]);
    await group.execute('c0');
    expect(Object.values(await timesToLive(group)).filter((time) => time !== -1)).toEqual([]);
    await group.execute('c1');
    await group.store.expireResults(group.id, 200);
    const times = await timesToLive(group);
    expect(Object.keys(times)).toEqual(expect.arrayContaining(['b', 'c', 'e', 'g', 'r0', 'r1', 's']));
    expect(Object.keys(times)).not.toContain('q');
    for (const [key, time] of Object.entries(times)) {
      expect([key, time > finishedMs - 10_000 && time <= finishedMs + 2_000]).toEqual([key, true]);
    }
  });

  test('no key of a live group expires, however it was started', async () => {
    for (const start of ['run', 'item', 'add', 'create'] as const) {
      const group = await fixture.group(2, { maxConcurrency: 1 }, start === 'create' ? { message: '{}' } : undefined);
      if (start === 'run') await group.store.run(group.id, '{}');
      if (start === 'item') await group.store.runItem(group.id, 0, '{"a":1}');
      if (start === 'add') await group.store.add(group.id, [{ spec, key: 'k' }], { run: true });
      const first = start === 'add' ? '2' : '0';
      await group.start(first);
      await group.finish(first, { outcome: 'threw', payload: '{}', retries: 1 });
      await group.start(first, execution(`run-${first}`, 1));
      await group.finish(first, succeeded(), execution(`run-${first}`, 1));
      expect([start, Object.values(await timesToLive(group)).filter((time) => time !== -1)]).toEqual([start, []]);
    }
  });

  test('a group that nobody started is kept for as long as abandoned ones are, from the last thing added', async () => {
    const group = await fixture.group(2);
    await fixture.redis.pexpire(group.store.keys.state(group.id), 1000);
    await group.store.add(group.id, [{ spec, key: '' }], {});
    const times = Object.values(await timesToLive(group));
    expect(times.length).toBeGreaterThan(1);
    for (const time of times) expect(time).toBeGreaterThan(abandonedMs - 10_000);
  });

  test('nothing is left of a group once its retention is over', async () => {
    const short = new StoreFixture({ retention: { finishedMs: 300 } });
    try {
      const group = await short.group(3, { closed: true }, { message: '{}' });
      for (const entry of ['0', '1', '2']) await group.execute(entry);
      // These are for the reconciler to clear.
      await short.redis.del(group.store.keys.dueIndexOf(group.id), group.store.keys.topLevelIndex());
      await eventually('no key is left', async () => (await short.keys()).every((key) => key.endsWith(':meta')));
    } finally {
      await short.close();
    }
  });
});

test('all keys of a group share one hash tag, and no other group has it', async () => {
  const one = await fixture.group(300, { ...both, closed: true }, { message: '{}' });
  const two = await fixture.group(1, {}, { message: '{}' });
  const tags = new Map<string, Set<string>>();
  for (const { store, id } of [one, two]) {
    const keys = [...store.keys.group(id), ...store.keys.group(id, '299'), ...store.keys.group(id, 'c7')];
    tags.set(id, new Set(keys.map((key) => /\{([^}]+)\}/.exec(key)?.[1] ?? key)));
  }
  expect([...tags].map(([id, found]) => [...found].join() === id)).toEqual([true, true]);
});

test('what an item has left that is cancelled before its group starts goes with the group, and stays once that has started', async () => {
  const group = await fixture.group(2, { successCallbacks: onSuccess });
  await group.store.cancelEntry(group.id, '0');
  const before = Object.entries(await timesToLive(group));
  expect(before.map(([key]) => key).sort()).toEqual(['b', 'e', 'g', 's']);
  for (const [, time] of before) expect(time).toBeGreaterThan(abandonedMs / 2);
  await group.store.run(group.id, '{}');
  for (const time of Object.values(await timesToLive(group))) expect(time).toBe(-1);
});

test('a status change contains the whole name of a group, whatever is in it', async () => {
  const name = 'a|b c\nd|e';
  const group = await fixture.group(1, { name, closed: true }, { message: '{}' });
  expect(group.effects).toMatchObject({ status: 'running', statusChange: { kind: 'swarm', name } });
  const { effects } = await group.execute('0');
  expect(effects).toMatchObject({ status: 'succeeded', outcome: 'succeeded', statusChange: { kind: 'swarm', name } });
});
