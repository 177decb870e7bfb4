import { claimToken } from '../../../src/store/executions';
import { packSpec } from '../../../src/store/spec';
import { failed, spec, specs, StoreFixture, succeeded, type TestGroup } from '../../helpers/store';

const fixture = new StoreFixture();
afterAll(() => fixture.close());

const callback = packSpec({ task: 'callback' });
const withCallbacks = (successCallbacks: string[], errorCallbacks: string[] = []) =>
  packSpec({ task: 'task', successCallbacks, errorCallbacks });

/** How long each key of a group lives, by its name within the group. */
async function lives({ store, id }: TestGroup): Promise<Record<string, number>> {
  const keys = (await fixture.keys()).filter((key) => key.startsWith(store.keys.state(id).slice(0, -1)));
  const found = await Promise.all(keys.map(async (key) => [key.replace(/.*:/, ''), await fixture.redis.pttl(key)]));
  return Object.fromEntries(found) as Record<string, number>;
}

async function endAll(group: TestGroup, entries: readonly string[], end = succeeded()): Promise<void> {
  for (const entry of entries) await group.execute(entry, end);
}

test('a suspended item that is resumed in a group that has ended leaves no queue behind, nor any key without expiry', async () => {
  const group = await fixture.group([withCallbacks([], [callback, callback]), spec], {
    maxConcurrency: 2,
    stopAfterNFailures: 1,
    errorCallbacks: [callback],
  });
  const { store, id } = group;
  await store.suspendEntry(id, '1', true);
  await store.suspendEntry(id, '0', true);
  await store.run(id, '{}');
  await store.suspendEntry(id, '0', false);
  await store.run(id, '{}');
  await group.start('0');
  await store.suspendEntry(id, '0', true);
  await group.finish('0', failed());
  expect((await group.snapshot()).status).toBe('failed');
  await store.suspendEntry(id, '1', false);
  await store.suspendEntry(id, '0', false);
  await endAll(group, ['c0', 'c1', 'c2']);
  expect(await fixture.redis.exists(store.keys.group(id)[3] ?? '')).toBe(0);
  expect(await fixture.keyFaults()).toEqual([]);
});

test('an item that is cancelled before its swarm is run takes no results of its neighbours with it', async () => {
  const group = await fixture.group(300, { maxConcurrency: 300, closed: true });
  const { store, id } = group;
  await store.cancelEntry(id, '200');
  await store.run(id, '{}');
  await endAll(group, ['190', '210', '3']);
  expect(Object.entries(await lives(group)).filter(([, life]) => life !== -1)).toEqual([]);
  expect(await group.reader.results(id, [190, 200, 210, 3])).toEqual(['s1', undefined, 's1', 's1']);
  expect(await fixture.keyFaults()).toEqual([]);
});

const expectExpiring = async (group: TestGroup) => {
  expect((await group.snapshot()).status).toBe('pending');
  expect(Object.entries(await lives(group)).filter(([, life]) => life === -1)).toEqual([]);
  expect(await fixture.keyFaults()).toEqual([]);
};

test('a callback that is repeated in a swarm that is never run leaves no key without expiry', async () => {
  const group = await fixture.group([withCallbacks([], [callback])]);
  const { store, id } = group;
  await store.cancelEntry(id, '0');
  await group.execute('c0', failed());
  expect((await store.retryCallbacks(id, '')).code).toBe('fired');
  await expectExpiring(group);
});

test('a callback of a callback in a swarm that is never run leaves no key without expiry', async () => {
  const group = await fixture.group([withCallbacks([], [withCallbacks([], [callback])])]);
  await group.store.cancelEntry(group.id, '0');
  await group.execute('c0', failed());
  expect(await group.state('c1')).toBe('granted');
  await expectExpiring(group);
});

test('an item that is made ready in a swarm whose chain is never run leaves no key without expiry', async () => {
  const group = await fixture.group(1);
  const { store, id } = group;
  await store.adopt(id, { id: 'chain', name: 'chain' }, '0');
  expect((await store.runItem(id, 0, '{}')).code).toBe('started');
  await store.add(id, [{ spec, key: '' }], { run: true });
  expect((await group.snapshot()).status).toBe('pending');
  const found = await lives(group);
  expect(Object.keys(found).sort()).toEqual(['b', 'g', 'q', 's']);
  for (const life of Object.values(found)) expect(life).toBeGreaterThan(0);
});

describe('the results of a group of several buckets', () => {
  const ended = async () => {
    const group = await fixture.group(300, { maxConcurrency: 300, closed: true }, { message: '{}' });
    for (let n = 1; n < 300; n++) void group.start(String(n));
    await group.start('0');
    await Promise.all(Array.from({ length: 299 }, (_, n) => group.finish(String(n))));
    await group.finish('299', failed());
    return group;
  };

  test('expire with it, and stay when it is tried again', async () => {
    const group = await ended();
    const { store, id } = group;
    await store.expireResults(id, 300);
    expect(Object.values(await lives(group)).filter((life) => life <= 0)).toEqual([]);
    await store.retry(id);
    await store.retainAgain(id);
    await store.retry(id, 'more');
    expect(Object.entries(await lives(group)).filter(([, life]) => life !== -1)).toEqual([]);
  });

  test('stay when whoever wanted to let them expire comes late, and had found it ended', async () => {
    const group = await ended();
    const { store, id } = group;
    await store.retry(id);
    await store.retainAgain(id);
    await store.retry(id, 'more');
    // Nothing that it would have to take back afterwards: it may be killed at any moment.
    const calls: string[] = [];
    const { redis } = store;
    const call = redis.call.bind(redis);
    jest.spyOn(redis, 'call').mockImplementation((name, ...rest) => {
      calls.push(name);
      return call(name, ...rest);
    });
    try {
      await store.expireResults(id, 300);
    } finally {
      jest.restoreAllMocks();
    }
    expect(calls).toEqual(['lifetimes']);
    expect(Object.entries(await lives(group)).filter(([, life]) => life !== -1)).toEqual([]);
  });

  test('go with it when it is gone', async () => {
    const group = await ended();
    const { store, id } = group;
    await fixture.redis.unlink(store.keys.state(id));
    await store.expireResults(id, 300);
    expect(Object.keys(await lives(group)).filter((name) => name.startsWith('r'))).toEqual([]);
    await fixture.redis.unlink(...store.keys.group(id).slice(1, 8));
  });
});

describe('a group whose retention is over', () => {
  const over = async () => {
    const group = await fixture.group(2, { closed: true }, { message: '{}' });
    await endAll(group, ['0']);
    await group.execute('1', failed());
    await fixture.redis.hset(group.store.keys.state(group.id), 'rt', '1');
    return group;
  };

  test('is forgotten, and no key of it is left', async () => {
    const group = await over();
    expect(await group.store.forget(group.id, 2)).toBe(true);
    expect(await lives(group)).toEqual({});
  });

  test('is not forgotten by one who found it over before somebody tried it again', async () => {
    const group = await over();
    const { store, id } = group;
    await store.retry(id);
    expect(await store.forget(id, 2)).toBe(false);
    expect(await group.reader.results(id, [0])).toEqual(['s1']);
    expect((await group.snapshot()).status).toBe('running');
  });
});

describe('the bytes of a list of results', () => {
  const bytesOf = async ({ reader, id }: TestGroup) => (await reader.record(id))?.resultBytes;

  test('are those of what succeeded, however often the rest has failed', async () => {
    const group = await fixture.group(3, { closed: true }, { message: '{}' });
    const { store, id } = group;
    await endAll(group, ['0', '2'], succeeded('"four"'));
    for (let round = 0; round < 5; round++) {
      const by = runOf(`failing-${round}`);
      await group.start('1', by);
      await group.finish('1', failed('x'.repeat(5_000)), by);
      expect(await bytesOf(group)).toBe(12);
      await store.retry(id);
      await store.retry(id, 'more');
    }
    await group.execute('1', succeeded('"four"'));
    expect(await bytesOf(group)).toBe(18);
  });

  test('of a root that ends are those of its own output, and not of its children', async () => {
    const group = await fixture.group([packSpec({ task: 'root', group: 'root' })], { closed: true }, { message: '{}' });
    const { store, id } = group;
    await store.start(id, '0', runOf('run-0'), { token: tokenOf(group), child: 'children' });
    await group.finish('0', succeeded('"own"'));
    await store.complete(id, '0', 'g:children', {
      outcome: 'succeeded',
      payload: '@children',
      size: 1_000_000,
      round: 0,
    });
    expect(await group.snapshot()).toMatchObject({ status: 'succeeded', succeeded: 1 });
    expect(await bytesOf(group)).toBe(5);
  });

  test('of a root that waits for its children again are counted once', async () => {
    const group = await fixture.group(
      [packSpec({ task: 'root', group: 'root' })],
      { kind: 'task', closed: true },
      { message: '{}' },
    );
    const { store, id } = group;
    await store.start(id, '0', runOf('run-0'), { token: tokenOf(group), child: 'children' });
    await group.finish('0', succeeded('"own"'));
    await store.complete(id, '0', 'g:children', { outcome: 'succeeded', payload: '@children', size: 10, round: 0 });
    expect(await bytesOf(group)).toBe(5);
    await store.reopen(id, { entry: '0', child: 'children', round: 1 });
    await store.complete(id, '0', 'g:children', { outcome: 'succeeded', payload: '@children', size: 10, round: 1 });
    expect(await bytesOf(group)).toBe(5);
  });
});

describe('callbacks that were held back, more of them than one call hands out', () => {
  const many = 1_100;
  const heldBack = async () => {
    const group = await fixture.group(
      [withCallbacks(Array.from({ length: many }, () => callback)), ...specs(1)],
      {},
      { message: '{}' },
    );
    await group.start('0');
    await group.store.suspendEntry(group.id, '0', true);
    await group.finish('0');
    return group;
  };
  const held = async ({ store, id }: TestGroup) => {
    const active = await fixture.redis.hgetall(store.keys.active(id));
    return Object.values(active).filter((packed) => packed.startsWith('deferred')).length;
  };

  test('go on when their group is cancelled, also those of an item that was suspended by itself', async () => {
    const group = await heldBack();
    const { store, id } = group;
    expect(await held(group)).toBe(many);
    const { effects } = await store.cancel(id, 'user');
    expect(effects.more).toBe(true);
    expect((await store.grant(id)).effects.more).toBe(false);
    expect(await held(group)).toBe(0);
  });

  test('are left to the reconciler by one who dies after the first of them', async () => {
    const group = await heldBack();
    const { store, id } = group;
    const { effects } = await store.suspendEntry(id, '0', false);
    expect(effects).toMatchObject({ more: true });
    expect((await store.due(id, 0)).more).toBe(true);
    await store.grant(id);
    expect(await held(group)).toBe(0);
    expect((await store.due(id, 0)).more).toBe(false);
  });
});

function tokenOf({ group }: TestGroup): string {
  return claimToken(group.secret, '0');
}

function runOf(runId: string) {
  return { runId, retryCount: 0, invocation: 1, nonce: 'n' };
}
