import { ConfigurationError, NotFoundError } from '../../../src';
import { describe as describeSignature } from '../../../src/api/describe';
import { list } from '../../../src/api/list';
import type { Reading } from '../../../src/api/reading';
import { latestInvocation, resolve } from '../../../src/api/resolve';
import { RunIds } from '../../../src/api/run-ids';
import { itemId } from '../../../src/store/ids';
import { SignatureIndex } from '../../../src/store/signature-index';
import { packSpec } from '../../../src/store/spec';
import { eventually } from '../../helpers/fixture';
import { failed, StoreFixture } from '../../helpers/store';

const fixture = new StoreFixture();
const { store, reader } = fixture;
// No engine, as in a tool that has only an address of Redis.
const reading: Reading = { store, reader, signatureIndex: new SignatureIndex(store), runIds: new RunIds() };
afterAll(() => fixture.close());

/** The time of Redis in ms. */
async function now(): Promise<number> {
  const [seconds = 0, micros = 0] = await fixture.redis.time();
  return Number(seconds) * 1_000 + Number(micros) / 1_000;
}

test('groups are listed and described without an engine', async () => {
  const group = await fixture.group([packSpec({ task: 'row' }), packSpec({ task: 'row' })], {
    name: 'import',
    closed: true,
    successCallbacks: [packSpec({ task: 'report' })],
  });
  await store.topLevelIndex.add(group.id);
  await group.store.run(group.id, '{}');
  await group.execute('0', failed('no such file'));
  await group.execute('1');
  expect((await list(reading, { status: 'succeeded' })).items).toMatchObject([
    { id: group.id, kind: 'swarm', name: 'import', status: 'succeeded' },
  ]);
  expect(await describeSignature(reading, group.id)).toMatchObject({
    name: 'import',
    status: 'succeeded',
    progress: { total: 2, succeeded: 1, failed: 1 },
    callbacks: [{ name: 'report', status: 'queued' }],
    children: [
      { id: itemId(group.id, 0), status: 'failed', error: 'no such file' },
      { id: itemId(group.id, 1), status: 'succeeded' },
    ],
  });
  expect(await describeSignature(reading, itemId(group.id, 0))).toMatchObject({ kind: 'task', status: 'failed' });
});

test('an id stands for a group, an item, a callback, or the latest invocation of one', async () => {
  const [callbackId, itemOfOwnId] = ['AAAAAAAAAAAA.1', 'AAAAAAAAAAAA.2'];
  const callback = { id: callbackId, task: 'report' };
  const item = { id: itemOfOwnId, task: 'row' };
  const group = await fixture.group([packSpec(item)], { closed: true, successCallbacks: [packSpec(callback)] });
  const { id } = group;
  await reading.signatureIndex.recordItems(id, [{ spec: item, index: 0 }]);
  await reading.signatureIndex.record(id, [{ id: callbackId }]);
  expect(await resolve(reading, id)).toMatchObject({ is: 'group', id, snapshot: { total: 1 } });
  expect(await resolve(reading, itemId(id, 0))).toEqual({ is: 'item', groupId: id, index: 0 });
  expect(await resolve(reading, itemOfOwnId)).toEqual({ is: 'item', groupId: id, index: 0 });
  expect(await resolve(reading, callbackId)).toEqual({ is: 'callback', groupId: id, spec: callback });
  expect(await latestInvocation(reading, callbackId)).toBeUndefined();
  await group.store.run(id, '{}');
  await group.execute('0');
  const invoked = { is: 'invocation', groupId: id, entry: 'c0', spec: callback };
  expect(await resolve(reading, callbackId)).toEqual(invoked);
  expect(await resolve(reading, `${id}~c0`)).toEqual(invoked);
  expect(await latestInvocation(reading, callbackId)).toEqual(invoked);
  expect(await latestInvocation(reading, itemOfOwnId)).toBeUndefined();
  for (const nothing of ['', `${id}~c9`, 'AAAAAAAAAAAA.9', 'no id', undefined])
    expect(await resolve(reading, nothing)).toBeUndefined();
});

test('groups are listed by the time of their creation', async () => {
  const ids: string[] = [];
  const times: number[] = [];
  for (let n = 0; n < 4; n++) {
    const group = await fixture.group(1, { name: 'timed' });
    await store.topLevelIndex.add(group.id);
    ids.push(group.id);
    times.push((await list(reading, { name: 'timed', limit: 1 })).items[0]?.createdAt.getTime() ?? 0);
    await eventually('the next one is created later', async () => Number(await now()) > (times[n] ?? 0) + 1);
  }
  const [first = 0, second = 0, third = 0] = times;
  const listed = async (options: object) =>
    (await list(reading, { name: 'timed', ...options })).items.map(({ id }) => ids.indexOf(id));
  expect(await listed({})).toEqual([3, 2, 1, 0]);
  expect(await listed({ since: new Date(second) })).toEqual([3, 2, 1]);
  expect(await listed({ until: third })).toEqual([1, 0]);
  expect(await listed({ since: second, until: third })).toEqual([1]);
  expect(await listed({ since: third, until: first })).toEqual([]);
  // A page ends where the times do.
  const page = await list(reading, { name: 'timed', since: second, limit: 2 });
  expect(page.items.map(({ id }) => ids.indexOf(id))).toEqual([3, 2]);
  const last = await list(reading, {
    name: 'timed',
    since: second,
    limit: 2,
    ...(page.cursor ? { cursor: page.cursor } : {}),
  });
  expect([last.items.map(({ id }) => ids.indexOf(id)), last.cursor]).toEqual([[1], undefined]);
  for (const since of ['2h', NaN, new Date('x')])
    await expect(list(reading, { since: since as never })).rejects.toThrow('since: expected a Date or ms since 1970');
});

test('a group has the times at which it was created, started and ended', async () => {
  const group = await fixture.group(1, { closed: true });
  const created = await describeSignature(reading, group.id);
  expect(created).toMatchObject({ createdAt: expect.any(Date), config: { maxConcurrency: 30, keepResults: true } });
  expect([created.startedAt, created.endedAt]).toEqual([undefined, undefined]);
  await store.run(group.id, '{}');
  expect((await describeSignature(reading, group.id)).startedAt).toBeInstanceOf(Date);
  await group.execute('0', failed());
  const ended = await describeSignature(reading, group.id);
  expect(ended.endedAt?.getTime()).toBeGreaterThanOrEqual(ended.startedAt?.getTime() ?? Infinity);
  await store.retry(group.id);
  expect((await describeSignature(reading, group.id)).endedAt).toBeUndefined();
});

test('errors for a wrong id or option are the same without an engine', async () => {
  await expect(describeSignature(reading, 'no such id')).rejects.toThrow(NotFoundError);
  await expect(list(reading, { kind: 'group' as never })).rejects.toThrow(ConfigurationError);
});
