import { ChosenRetry, type RetryFilter } from '../../../src/orchestrator/chosen-retry';
import { Commands } from '../../../src/orchestrator/commands';
import { GroupLeases } from '../../../src/orchestrator/group-leases';
import { NameReader } from '../../../src/orchestrator/name-reader';
import { RunInputs } from '../../../src/orchestrator/run-inputs';
import type { Effects } from '../../../src/store/replies';
import { packSpec, unpackMessage } from '../../../src/store/spec';
import { eventually } from '../../helpers/fixture';
import { endLog, execution, failed, specs, StoreFixture, succeeded, type TestGroup } from '../../helpers/store';

const fixture = new StoreFixture({ leaseMs: 3_000 });
const { store, reader } = fixture;
/** What was granted and which callbacks were invoked by retries, in order. */
const carried: { groupId: string; effects: Effects }[] = [];
const commands = new Commands(store, async (groupId, effects) => void carried.push({ groupId, effects }));
const leases = new GroupLeases(store, new NameReader(reader));
const inputs = new RunInputs(reader, store.settings);
const retrier = new ChosenRetry(store, reader, commands, leases, inputs);
afterAll(() => {
  leases.close();
  return fixture.close();
});

const retry = (group: TestGroup, filter: RetryFilter) => retrier.retry(group.id, filter, async () => undefined);
const callback = packSpec({ task: 'callback' });

interface Ended {
  fields?: object;
  items?: readonly string[];
  /** How item n failed; undefined for one that succeeded. */
  error: (index: number) => string | undefined;
}

/** A group whose items ended one after another. */
async function ended(total: number, { fields = {}, items = specs(Math.min(total, 1_000)), error }: Ended) {
  const group = await fixture.group(items, { maxConcurrency: total, ...fields });
  for (let added = items.length; added < total; added += 1_000)
    await store.add(
      group.id,
      specs(Math.min(1_000, total - added)).map((spec) => ({ spec, key: '' })),
      {},
    );
  await store.run(group.id, '{"of":"group"}');
  for (let reply = await store.grant(group.id); reply.effects.more;) reply = await store.grant(group.id);
  await store.close(group.id);
  const end = (index: number) => {
    const message = error(index);
    return group.execute(String(index), message === undefined ? succeeded() : failed(message));
  };
  if (total <= 1_000) {
    for (let index = 0; index < total; index++) if ((await end(index)).effects.status === 'failed') break;
  } else {
    for (let from = 0; from < total; from += 500)
      await Promise.all(Array.from({ length: Math.min(500, total - from) }, (_, i) => end(from + i)));
  }
  return group;
}

/** Executes items again, as runs of their own. */
async function again(group: TestGroup, indexes: readonly number[], end: typeof succeeded | typeof failed) {
  for (const index of indexes) {
    const by = execution(`again-${index}`);
    await group.start(String(index), by);
    await group.finish(String(index), end(), by);
  }
}

/** The items that the last retry of a group has granted. */
function granted({ id }: TestGroup): number[] {
  const effects = carried.filter(({ groupId }) => groupId === id).flatMap((one) => one.effects.grants);
  return effects.map(({ entry }) => Number(entry));
}

/** All that Redis holds of a group, but for times. */
async function dump({ id }: TestGroup): Promise<unknown> {
  const { keys } = store;
  const { redis } = fixture;
  const [state, texts, bytes, ends] = await Promise.all([
    redis.hgetall(keys.state(id)),
    redis.hgetall(keys.specs(id)),
    redis.get(keys.bytes(id)),
    redis.lrange(keys.ends(id), 0, -1),
  ]);
  return { state, texts, bytes, ends };
}

const indexesOf = async ({ id }: TestGroup) => (await reader.failures(id)).failures.map(({ index }) => index);

test.each<[what: string, filter: RetryFilter, chosen: number[]]>([
  ['with these indexes', { indexes: [5, 1, 1, 4, 99] }, [1, 5]],
  ['that a function accepts', { accepts: ({ error = '' }) => error.includes('late') }, [3, 5]],
  ['with these indexes that a function accepts', { indexes: [1, 3], accepts: ({ index }) => index > 1 }, [3]],
])('only the failed items %s run again; the others stay as they ended', async (_, filter, chosen) => {
  const errors: Record<number, string> = { 1: 'bad input', 3: 'too late', 5: 'late' };
  const group = await ended(7, { error: (index) => errors[index], fields: { successCallbacks: [callback] } });
  const left = [1, 3, 5].filter((index) => !chosen.includes(index));
  expect(await retry(group, filter)).toEqual({ code: 'retried', items: chosen.length });
  expect(granted(group)).toEqual(chosen);
  expect(await group.snapshot()).toMatchObject({
    status: 'running',
    succeeded: 4,
    failed: left.length,
    cancelled: 0,
    slots: chosen.length,
  });
  expect(await indexesOf(group)).toEqual(left);
  await again(group, chosen, succeeded);
  expect(await group.snapshot()).toMatchObject({ status: 'succeeded', succeeded: 7 - left.length, slots: 0 });
  const log = await endLog(store, group.id, 0, 100);
  expect(log).toEqual([...[0, 1, 2, 3, 4, 5, 6].filter((index) => !chosen.includes(index)), ...chosen]);
  expect((await store.retry(group.id)).items).toBe(left.length);
});

test('when nothing matches, nothing changes', async () => {
  const group = await ended(4, { error: (index) => (index === 2 ? 'no' : undefined) });
  const before = await dump(group);
  for (const filter of [{ indexes: [] }, { indexes: [0, 9] }, { accepts: () => false }])
    expect(await retry(group, filter)).toEqual({ code: 'none', items: 0 });
  expect(await dump(group)).toEqual(before);
});

test('items that have never started and are not chosen are cancelled, and say since when', async () => {
  const fields = { stopAfterNFailures: 1, maxConcurrency: 1 };
  const group = await ended(5, { error: (index) => (index === 1 ? 'no' : undefined), fields });
  expect(await reader.times(group.id, ['2'])).toEqual([undefined]);
  expect(await retry(group, { indexes: [1] })).toEqual({ code: 'retried', items: 1 });
  expect(await group.snapshot()).toMatchObject({ status: 'running', succeeded: 1, cancelled: 3, slots: 1 });
  for (const times of await reader.times(group.id, ['2', '3', '4']))
    expect(times).toEqual({ startedAt: undefined, endedAt: expect.any(Number) as number, attempts: 0 });
});

test('of a large group the chosen items become ready in parts, of which none starts anything before the last', async () => {
  const total = 12_000;
  const group = await ended(total, { error: (index) => (index % 10 === 3 ? 'no' : undefined) });
  const chosen = [3, 5_003, 5_013, 11_993];
  const parts: [grants: number, round: number][] = [];
  const { retrySome } = store;
  const spy = jest.spyOn(store, 'retrySome').mockImplementation(async (...args) => {
    const reply = await retrySome.apply(store, args);
    parts.push([reply.effects.grants.length, (await store.grant(group.id)).effects.grants.length]);
    return reply;
  });
  expect(await retry(group, { indexes: chosen })).toEqual({ code: 'retried', items: 4 });
  spy.mockRestore();
  expect(parts.length).toBeGreaterThan(2);
  expect(parts.flat()).toEqual(parts.flatMap(() => [0, 0]));
  expect(granted(group)).toEqual(chosen);
  expect(await group.snapshot()).toMatchObject({ succeeded: 10_800, failed: 1_196, slots: 4 });
  expect((await indexesOf(group)).slice(0, 3)).toEqual([13, 23, 33]);
  await again(group, chosen, succeeded);
  const log: number[] = [];
  for (let from = 0; from < total; from += 1_000) log.push(...(await endLog(store, group.id, from, 1_000)));
  expect([log.length, new Set(log).size]).toEqual([total, total]);
  expect(await group.snapshot()).toMatchObject({ status: 'succeeded', succeeded: 10_804, failed: 1_196 });
});

test('two callers at once retry each item once', async () => {
  const group = await ended(6, { error: (index) => (index > 0 ? 'no' : undefined) });
  const all = await Promise.all([1, 2, 3].map(() => retry(group, { accepts: () => true })));
  expect(all.map(({ items }) => items).sort()).toEqual([0, 0, 5]);
  expect(all.filter(({ code }) => code === 'retried')).toHaveLength(1);
  expect(granted(group)).toEqual([1, 2, 3, 4, 5]);
});

test('a choice that was made before another retry is refused, and made again', async () => {
  const group = await ended(3, { error: () => 'no' });
  const begin = (round: number) => store.retry(group.id, undefined, { lease: 'mine', round });
  let reply = await store.retry(group.id);
  while (reply.code === 'continue') reply = await store.retry(group.id, 'more');
  await again(group, [0], succeeded);
  await again(group, [1, 2], failed);
  const before = await dump(group);
  expect((await begin(0)).code).toBe('changed');
  expect(await dump(group)).toEqual(before);
  const { retry: real } = store;
  // The first attempt says that it has chosen in an older round.
  const spy = jest
    .spyOn(store, 'retry')
    .mockImplementationOnce((id, by, chosen) => real.call(store, id, by, { lease: chosen?.lease ?? '', round: 0 }));
  expect(await retry(group, { indexes: [0, 1] })).toEqual({ code: 'retried', items: 1 });
  spy.mockRestore();
  expect(granted(group)).toEqual([1]);
});

test('what a retry refers to may take long to retain: meanwhile its lease is extended, and nobody else completes it', async () => {
  const group = await ended(3, { error: () => 'no' });
  const lease = () => fixture.redis.hget(store.keys.state(group.id), 'lun');
  const whenBegun = async () => {
    const first = await lease();
    await eventually('its lease was extended', async () => (await lease()) !== first);
    expect((await store.retry(group.id, 'more')).code).toBe('leased');
  };
  expect(await retrier.retry(group.id, { indexes: [1] }, whenBegun)).toEqual({ code: 'retried', items: 1 });
  expect(granted(group)).toEqual([1]);
});

describe('when the process dies that chooses', () => {
  const over = ({ id }: TestGroup) => fixture.redis.hset(store.keys.state(id), 'lun', 1);
  const row = (chosen: readonly number[], total: number) =>
    Array.from({ length: total }, (_, i) => (chosen.includes(i) ? 'q' : '-')).join('');

  test('nobody goes on before its lease is over; then what it has reached runs, and the rest stays as it ended', async () => {
    const group = await ended(6, { error: () => 'no', fields: { successCallbacks: [callback] } });
    expect((await store.retry(group.id, undefined, { lease: 'dead', round: 0 })).code).toBe('continue');
    const part = { from: 0, row: row([0, 2], 3), changes: [] };
    expect(await store.retrySome(group.id, 'dead', part)).toMatchObject({ code: 'continue', from: 3, items: 2 });
    for (const by of ['more', undefined] as const) expect((await store.retry(group.id, by)).code).toBe('leased');
    expect(await store.due(group.id, 10)).toMatchObject({ retrying: true, leaseLeft: expect.any(Number) });
    await over(group);
    expect((await store.due(group.id, 10)).leaseLeft).toBeLessThan(0);
    const { code, items, effects } = await store.retry(group.id, 'more');
    expect([code, items, effects.grants.map(({ entry }) => entry)]).toEqual(['retried', 2, ['0', '2']]);
    expect(await store.retrySome(group.id, 'dead', { ...part, from: 3 })).toMatchObject({ code: 'lost' });
    expect(await store.extendLease(group.id, 'dead')).toBe(false);
    await again(group, [0, 2], succeeded);
    expect(await group.snapshot()).toMatchObject({ status: 'succeeded', succeeded: 2, failed: 4 });
    expect((await store.due(group.id, 10)).leaseLeft).toBeUndefined();
  });

  test('before it has reached any item, the group ends again as it was', async () => {
    const group = await ended(2, { error: () => 'no', fields: { successCallbacks: [callback] } });
    await store.retry(group.id, undefined, { lease: 'dead', round: 0 });
    await over(group);
    const { code, effects } = await store.retry(group.id, 'more');
    expect([code, effects.status, effects.grants]).toEqual(['retried', 'succeeded', []]);
    expect(effects.callbacks).toHaveLength(1);
    expect(await group.snapshot()).toMatchObject({ succeeded: 0, failed: 2 });
  });

  test('a part that is sent twice counts once, and a lease that is extended is not over', async () => {
    const group = await ended(4, { error: () => 'no' });
    await store.retry(group.id, undefined, { lease: 'mine', round: 0 });
    const part = { from: 0, row: row([1], 2), changes: [] };
    for (const _ of [1, 2])
      expect(await store.retrySome(group.id, 'mine', part)).toMatchObject({ code: 'continue', from: 2, items: 1 });
    await over(group);
    expect(await store.extendLease(group.id, 'mine')).toBe(true);
    expect((await store.retry(group.id, 'more')).code).toBe('leased');
    expect((await store.retry(group.id, 'more', { lease: 'mine' })).code).toBe('retried');
    expect((await group.snapshot()).slots).toBe(1);
  });
});

describe('a group that was stopped', () => {
  const stopped = (fields: object = {}) =>
    ended(5, { error: (index) => `no ${index}`, fields: { maxConcurrency: 1, stopAfterNFailures: 2, ...fields } });

  test('ends as cancelled when items that were cut off are not retried: its error callbacks run', async () => {
    const group = await stopped({ errorCallbacks: [callback], successCallbacks: [callback, callback] });
    expect(await group.snapshot()).toMatchObject({ status: 'failed', failed: 2, cancelled: 3 });
    expect(await retry(group, { indexes: [0, 4] })).toEqual({ code: 'retried', items: 2 });
    expect(await group.snapshot()).toMatchObject({ status: 'running', failed: 1, cancelled: 2, slots: 1 });
    await again(group, [0, 4], succeeded);
    expect(await group.snapshot()).toMatchObject({ status: 'cancelled', reason: 'left', succeeded: 2, failed: 1 });
    expect((await group.snapshot()).callbacks.pending).toBe(2);
    expect((await endLog(store, group.id, 0, 10)).sort()).toEqual([0, 1, 2, 3, 4]);
  });

  test('succeeds when all that was cut off is retried', async () => {
    const group = await stopped();
    await retry(group, { indexes: [0, 2, 3, 4] });
    await again(group, [0, 2, 3, 4], succeeded);
    expect(await group.snapshot()).toMatchObject({ status: 'succeeded', succeeded: 4, failed: 1, reason: undefined });
  });

  test('is not stopped by the failures that stay, but by the next one', async () => {
    const group = await stopped();
    await retry(group, { indexes: [2, 3, 4] });
    await again(group, [2], succeeded);
    expect(await group.snapshot()).toMatchObject({ status: 'running', failed: 2 });
    await again(group, [3], failed);
    expect(await group.snapshot()).toMatchObject({ status: 'failed', failed: 3, cancelled: 1 });
  });

  test('fails when the failures that stay reach the limit', async () => {
    const group = await stopped();
    await retry(group, { indexes: [2, 3, 4] });
    await again(group, [2, 3, 4], succeeded);
    expect(await group.snapshot()).toMatchObject({ status: 'failed', succeeded: 3, failed: 2 });
    // A whole retry starts counting over.
    await store.retry(group.id);
    expect((await store.retry(group.id, 'more')).code).toBe('retried');
    await again(group, [0, 1], succeeded);
    expect((await group.snapshot()).status).toBe('succeeded');
  });
});

test('a message is merged into the bound data of a task, and into the own message of a group', async () => {
  const task = packSpec({ task: 'task', data: '{"a":{"x":1,"y":1},"b":[1]}', successCallbacks: [callback] });
  const chain = packSpec({ task: 'chain', group: 'chain', data: '{"items":[]}' });
  const group = await ended(3, { items: [task, chain, chain], error: () => 'no' });
  const own = `*{"priority":2}\n{"a":{"x":0}}`;
  await fixture.redis.hset(store.keys.specs(group.id), 'm1', own, 'm2', '-');
  const message = { a: { y: 2 }, b: [], c: 'ü' };
  const seen: unknown[] = [];
  const check: RetryFilter['check'] = ({ index }, whole) => void seen.push([index, whole]);
  expect((await retry(group, { message, check })).items).toBe(3);
  // Groups have no schema of their own.
  expect(seen).toEqual([[0, { of: 'group', a: { x: 1, y: 2 }, b: [], c: 'ü' }]]);
  const [first, second, third] = (await Promise.all(['0', '1', '2'].map((entry) => reader.item(group.id, entry)))).map(
    (item) => item ?? { spec: { task: '' }, message: '' },
  );
  const spec = first?.spec;
  expect(JSON.parse(spec?.data ?? '')).toEqual({ a: { x: 1, y: 2 }, b: [], c: 'ü' });
  expect(spec?.successCallbacks).toEqual([callback]);
  expect(first?.message).toBe('');
  expect(second?.spec).toEqual({ task: 'chain', group: 'chain', data: '{"items":[]}' });
  const { message: merged, ...rest } = unpackMessage(second?.message ?? '');
  expect(JSON.parse(merged)).toEqual({ a: { x: 0, y: 2 }, b: [], c: 'ü' });
  expect(rest).toEqual({ options: { priority: 2 }, isReplaced: true });
  expect(JSON.parse(unpackMessage(third?.message ?? '').message)).toEqual(message);
});

test('a check that throws keeps everything as it was', async () => {
  const group = await ended(300, { error: () => 'no' });
  const before = await dump(group);
  const check: RetryFilter['check'] = ({ index }) => {
    if (index === 299) throw new Error('the last one is wrong');
  };
  await expect(retry(group, { message: { a: 1 }, check })).rejects.toThrow('the last one is wrong');
  expect(await dump(group)).toEqual(before);
});

test('large items are changed in several parts, each of them whole', async () => {
  const large = 'x'.repeat(600_000);
  const items = Array.from({ length: 12 }, (_, n) => packSpec({ task: 'task', data: JSON.stringify({ n, large }) }));
  const group = await ended(12, { items, error: () => 'no' });
  const sizes: number[] = [];
  const { retrySome } = store;
  const spy = jest.spyOn(store, 'retrySome').mockImplementation((id, lease, part) => {
    sizes.push(part.changes.reduce((sum, { spec = '' }) => sum + spec.length, 0));
    return retrySome.call(store, id, lease, part);
  });
  expect((await retry(group, { message: { more: true } })).items).toBe(12);
  spy.mockRestore();
  expect(Math.max(...sizes)).toBeLessThan(2_000_000);
  for (const n of [0, 11]) {
    const item = await reader.item(group.id, String(n));
    expect(JSON.parse(item?.spec.data ?? '')).toEqual({ n, large, more: true });
  }
});

test('a group that is cancelled while items are chosen ends as cancelled, and nothing starts', async () => {
  const group = await ended(3, { error: (index) => (index > 0 ? 'no' : undefined) });
  await store.retry(group.id, undefined, { lease: 'mine', round: 0 });
  await store.retrySome(group.id, 'mine', { from: 0, row: '-q', changes: [] });
  await store.cancel(group.id, 'user');
  const { code, effects } = await store.retry(group.id, 'more', { lease: 'mine' });
  expect([code, effects.status, effects.grants]).toEqual(['retried', 'cancelled', []]);
  expect(await group.snapshot()).toMatchObject({ succeeded: 1, failed: 1, cancelled: 1 });
});

test('what has not ended, is nested or unknown is refused', async () => {
  const running = await fixture.group(1, {}, { message: '{}' });
  const parent = { groupId: 'another', entry: '0' };
  const nested = await fixture.group(1, { closed: true, parent }, { message: '{}' });
  await nested.execute('0', failed());
  const gone = await ended(1, { error: () => 'no' });
  await fixture.redis.unlink(store.keys.state(gone.id));
  const codes = await Promise.all([running, nested, gone].map(async (group) => (await retry(group, {})).code));
  expect(codes).toEqual(['unfinished', 'nested', 'missing']);
});
