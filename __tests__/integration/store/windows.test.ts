// Windows of items by their state, the pace of a group, and messages: what the viewer reads.
import { openReader } from '../../../src';
import { blockSize, countedStates, StateCounts, type CountedState } from '../../../src/store/state-counts';
import { field } from '../../../src/store/scripts.generated';
import { itemId } from '../../../src/store/ids';
import { packSpec } from '../../../src/store/spec';
import { required } from '../../helpers/fixture';
import { failed, StoreFixture } from '../../helpers/store';

const fixture = new StoreFixture();
const { store } = fixture;
const reader = openReader(required('REDIS_URL'), {
  tenant: 'tenant',
  namespace: 'Namespace',
  keyPrefix: fixture.keyPrefix,
});
afterAll(async () => {
  reader.close();
  await fixture.close();
});

const row = packSpec({ task: 'row' });
const marks: Record<CountedState, string> = {
  waiting: '\0',
  queued: 'q',
  running: 'a',
  succeeded: 's',
  failed: 'f',
  cancelled: 'x',
};

/** A group of which only the bytes of its items are there, in many blocks. */
async function largeGroup(states: readonly CountedState[]) {
  const group = await fixture.group([row], { closed: false });
  await store.redis.use('hset', (client) => client.hset(store.keys.state(group.id), field.total, states.length));
  await store.redis.use('set', (client) =>
    client.set(store.keys.bytes(group.id), Buffer.from(states.map((state) => marks[state]).join(''), 'latin1')),
  );
  return group.id;
}

test('items are found by their state, from each position and behind each index, over many blocks', async () => {
  // Of each state some blocks have none, one or many.
  const states = Array.from({ length: 40 * blockSize + 17 }, (_, i): CountedState => {
    const block = Math.floor(i / blockSize);
    if (block % 7 === 3) return 'succeeded';
    if (i % 9_973 === 5) return 'failed';
    return i % 3 === 0 ? 'running' : block < 20 ? 'succeeded' : 'waiting';
  });
  const id = await largeGroup(states);
  const counting = new StateCounts(store);
  const counts = await counting.of(id);
  for (const state of countedStates) {
    const all = states.flatMap((found, i) => (found === state ? [i] : []));
    expect({ state, count: counts!.all[state] }).toEqual({ state, count: all.length });
    for (const at of [0, 1, 17, Math.floor(all.length / 2), all.length - 1, all.length + 5].filter((n) => n >= 0)) {
      const window = await counting.window(id, counts!, state, { start: { at }, limit: 5 });
      expect({ state, at, ...window }).toEqual({
        state,
        at,
        indexes: all.slice(at, at + 5),
        position: Math.min(at, all.length),
      });
    }
    for (const after of [-1, 0, 5, blockSize - 1, blockSize, 12 * blockSize + 3, states.length]) {
      const window = await counting.window(id, counts!, state, { start: { after }, limit: 5 });
      const position = all.filter((index) => index <= after).length;
      expect({ state, after, ...window }).toEqual({
        state,
        after,
        indexes: all.slice(position, position + 5),
        position,
      });
    }
  }
});

test('the counts are those that progress has, for each state that items can be in', async () => {
  const group = await fixture.group(
    Array.from({ length: 12 }, () => row),
    { closed: true, maxConcurrency: 3 },
  );
  const compare = async () => {
    const progress = await reader.progress(group.id);
    const { all } = (await new StateCounts(store).of(group.id))!;
    expect(all).toEqual(Object.fromEntries(countedStates.map((state) => [state, progress[state]])));
  };
  await compare();
  await store.run(group.id, '{}');
  await compare();
  await group.execute('0', failed('no'));
  await group.execute('1');
  await compare();
  await store.cancel(group.id, 'user');
  await compare();
});

test('any number of looks at a group within 2 s read its states once', async () => {
  const id = await largeGroup(Array.from({ length: 3 * blockSize }, () => 'waiting'));
  const counting = new StateCounts(store);
  const [first, second] = await Promise.all([counting.of(id), counting.of(id)]);
  expect(second).toBe(first);
  expect(await counting.of(id)).toBe(first);
});

test('rows are read for indexes that are far apart, each with its own state', async () => {
  const group = await fixture.group(
    Array.from({ length: 60 }, (_, i) => packSpec({ task: 'row', name: `row ${i}` })),
    { closed: true, maxConcurrency: 100 },
  );
  await store.run(group.id, '{}');
  for (const entry of ['3', '4', '30', '59']) await group.execute(entry, failed(`bad ${entry}`));
  await group.execute('10');
  const { items, count } = await reader.items(group.id, { state: 'failed' });
  expect(count).toBe(4);
  expect(items.map(({ index, name, error }) => `${index} ${name} ${error}`)).toEqual([
    '3 row 3 bad 3',
    '4 row 4 bad 4',
    '30 row 30 bad 30',
    '59 row 59 bad 59',
  ]);
  const all = await reader.items(group.id, { at: 8, limit: 4 });
  expect(all).toMatchObject({ position: 8, count: 60 });
  expect(all.items.map(({ index, status }) => `${index} ${status}`)).toEqual([
    '8 queued',
    '9 queued',
    '10 succeeded',
    '11 queued',
  ]);
});

test('items are found by a part of their name, whatever the case, and the search goes on where it has ended', async () => {
  const names = Array.from({ length: 600 }, (_, i) =>
    packSpec({ task: 'row', name: i % 100 === 7 ? `Ärger ${i}` : `row ${i}` }),
  );
  const group = await fixture.group(names, { closed: true, maxConcurrency: 600 });
  const indexes = async (options: Parameters<typeof reader.items>[1]) => {
    const { items, ...rest } = await reader.items(group.id, options);
    return { found: items.map(({ index }) => index), ...rest };
  };
  const whole = { position: 0, count: 600 };
  expect(await indexes({ name: 'ärger' })).toEqual({ found: [7, 107, 207, 307, 407, 507], looked: 600, ...whole });
  const first = await indexes({ name: 'Ärger', limit: 4 });
  expect(first).toEqual({ found: [7, 107, 207, 307], looked: 308, next: 307, ...whole });
  expect(await indexes({ name: 'ärger', after: first.next })).toEqual({
    found: [407, 507],
    looked: 292,
    position: 308,
    count: 600,
  });
  expect(await indexes({ name: 'nobody' })).toEqual({ found: [], looked: 600, ...whole });
  // The last one that is found may be the last one that there is.
  expect(await indexes({ name: 'row 599', limit: 1 })).toEqual({ found: [599], looked: 600, ...whole });
});

test('a search by name looks at those of a state, when one is given', async () => {
  const names = Array.from({ length: 30 }, (_, i) => packSpec({ task: 'row', name: `row ${i % 3}` }));
  const group = await fixture.group(names, { closed: true, maxConcurrency: 30 });
  await group.store.run(group.id, '{}');
  for (const entry of ['2', '4', '5', '8', '9']) await group.execute(entry, failed('no'));
  const { items, ...rest } = await reader.items(group.id, { state: 'failed', name: 'row 2' });
  expect(items.map(({ index, error }) => ({ index, error }))).toEqual(
    [2, 5, 8].map((index) => ({ index, error: 'no' })),
  );
  expect(rest).toEqual({ position: 0, count: 5, looked: 5 });
});

test('a search by name looks at 10,000 items at most', async () => {
  const count = 10_002;
  const id = await largeGroup(Array.from({ length: count }, () => 'succeeded'));
  const specs = Array.from({ length: count }, (_, i) => [
    String(i),
    packSpec({ task: 'row', name: i % 5_000 === 1 ? 'odd' : 'even' }),
  ]).flat();
  await store.redis.use('hset', (client) => client.hset(store.keys.specs(id), ...specs));
  for (const state of [undefined, 'succeeded'] as const) {
    const first = await reader.items(id, { state, name: 'odd' });
    expect(first).toMatchObject({ items: [{ index: 1 }, { index: 5_001 }], looked: 10_000, next: 9_999, count });
    const rest = await reader.items(id, { state, name: 'odd', after: first.next });
    expect(rest).toMatchObject({ items: [{ index: 10_001 }], looked: 2, position: 10_000 });
    expect(rest).not.toHaveProperty('next');
  }
});

test('wrong options and unknown ids are refused', async () => {
  const { id } = await fixture.group(1);
  await expect(reader.items(id, { after: 1, at: 1 })).rejects.toThrow('expected `after` or `at`, got both');
  await expect(reader.items(id, { state: 'odd' as never })).rejects.toThrow('state: expected');
  await expect(reader.items(id, { name: '' })).rejects.toThrow('name: expected');
  await expect(reader.items(id, { name: 'a', at: 1 })).rejects.toThrow('expected `after` with `name`, got `at`');
  await expect(reader.items(id, { limit: 201 })).rejects.toThrow('limit: expected');
  await expect(reader.items(itemId(id, 0))).rejects.toThrow(`Use its group ${id}`);
  await expect(reader.items('nothing')).rejects.toThrow('No signature with the id');
  await expect(reader.timeline(id, { points: 1 })).rejects.toThrow('points: expected');
  await expect(reader.timeline('nothing')).rejects.toThrow('No signature with the id');
  await expect(reader.failures(id, { atMost: 0 })).rejects.toThrow('atMost: expected');
});

test('a timeline has the first end, the last one, and those between at equal distances', async () => {
  const group = await fixture.group(
    Array.from({ length: 30 }, () => row),
    { closed: true, maxConcurrency: 100 },
  );
  expect(await reader.timeline(group.id)).toEqual([]);
  await store.run(group.id, '{}');
  for (let i = 0; i < 30; i++) await group.execute(String(i));
  const ended = async (points?: number) => (await reader.timeline(group.id, { points })).map(({ ended }) => ended);
  expect(await ended()).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
  expect(await ended(2)).toEqual([1, 30]);
  expect(await ended(4)).toEqual([1, 10, 20, 30]);
  const times = (await reader.timeline(group.id)).map(({ at }) => at.getTime());
  expect(times).toEqual(times.toSorted((a, b) => a - b));
});

test('failures are counted up to a number, if one is given', async () => {
  const group = await fixture.group(
    Array.from({ length: 5 }, () => row),
    { closed: true },
  );
  await store.run(group.id, '{}');
  for (let i = 0; i < 5; i++) await group.execute(String(i), failed('bad'));
  expect(await reader.failures(group.id, { atMost: 3 })).toMatchObject([{ count: 3 }]);
  expect(await reader.failures(group.id)).toMatchObject([{ count: 5 }]);
});

test('describe adds the message of a task when it is asked to', async () => {
  const group = await fixture.group([packSpec({ task: 'row', data: '{"n":1,"deep":{"b":2}}' })], { closed: true });
  await store.run(group.id, '{"day":"monday","deep":{"a":1}}');
  const id = itemId(group.id, 0);
  expect(await reader.describe(id)).not.toHaveProperty('message');
  const { message } = await reader.describe(id, { message: true });
  expect(message).toEqual({ day: 'monday', n: 1, deep: { a: 1, b: 2 } });
  await group.execute('0');
  // Its bound data are gone, so a part of it would be wrong.
  expect(await reader.describe(id, { message: true })).not.toHaveProperty('message');
  expect(await reader.describe(group.id, { message: true })).not.toHaveProperty('message');
});
