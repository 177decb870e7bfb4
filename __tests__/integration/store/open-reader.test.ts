import { ConfigurationError, NotFoundError, openReader, StoreFormatError, type Progress } from '../../../src';
import { itemId } from '../../../src/store/ids';
import { packSpec } from '../../../src/store/spec';
import { required } from '../../helpers/fixture';
import { failed, StoreFixture } from '../../helpers/store';

const fixture = new StoreFixture();
const { keyPrefix } = fixture;
const options = { tenant: 'tenant', namespace: 'Namespace', keyPrefix };
const reader = openReader(required('REDIS_URL'), options);
afterAll(async () => {
  reader.close();
  await fixture.close();
});

const row = packSpec({ task: 'row' });

async function started(items: number) {
  const group = await fixture.group(
    Array.from({ length: items }, () => row),
    { name: 'import', closed: true },
  );
  await fixture.store.topLevelIndex.add(group.id);
  await group.store.run(group.id, '{}');
  return group;
}

test('a reader lists, describes and follows groups with Redis alone', async () => {
  const group = await started(3);
  await group.execute('0', failed('no such file'));
  expect((await reader.list({ name: 'import' })).items).toMatchObject([{ id: group.id, status: 'running' }]);
  expect(await reader.describe(group.id)).toMatchObject({ name: 'import', progress: { total: 3, failed: 1 } });
  expect(await reader.progress(group.id)).toMatchObject({ total: 3, failed: 1, running: 2 });
  expect(await reader.failures(group.id)).toMatchObject([{ text: 'no such file', count: 1 }]);
  expect(await reader.explain(group.id)).toMatchObject({ kind: 'swarm', status: 'running' });
  const now = reader.results(group.id, { follow: false });
  const endedByNow: number[] = [];
  for await (const { index } of now) endedByNow.push(index);
  expect(endedByNow).toEqual([0]);
  const seen: Progress[] = [];
  const watching = (async () => {
    for await (const progress of reader.watch(group.id, { intervalMs: 20 })) seen.push(progress);
  })();
  const received: string[] = [];
  const following = (async () => {
    for await (const { index, status } of reader.results(group.id)) received.push(`${index} ${status}`);
  })();
  await group.execute('2');
  await group.execute('1');
  await Promise.all([watching, following]);
  expect(received).toEqual(['0 failed', '2 succeeded', '1 succeeded']);
  expect(seen.at(-1)).toMatchObject({ succeeded: 2, failed: 1, status: 'succeeded' });
});

test('a reader looks for faults and counts with Redis alone, and leaves no key behind where nothing is', async () => {
  await started(1);
  const levels = async (of: typeof reader) =>
    Object.fromEntries((await of.doctor()).map(({ check, level }) => [check, level]));
  expect(await levels(reader)).toMatchObject({ format: 'ok', engine: 'unchecked', reconcilers: 'error', keys: 'ok' });
  expect((await reader.stats()).groups.byStatus.running).toBeGreaterThan(0);
  const nowhere = openReader(required('REDIS_URL'), { ...options, keyPrefix: `${keyPrefix}-nowhere` });
  expect(await nowhere.stats()).toMatchObject({ groups: { total: 0 }, memory: { keys: 0 } });
  expect(await levels(nowhere)).toMatchObject({ format: 'ok', reconcilers: 'warning', keys: 'ok' });
  nowhere.close();
  expect(await fixture.redis.keys(`${keyPrefix}-nowhere:*`)).toEqual([]);
});

test('the error for the id of an item names its group, and an unknown id is refused', async () => {
  const group = await started(1);
  await expect(reader.progress(itemId(group.id, 0))).rejects.toThrow(`Use its group ${group.id}`);
  await expect(reader.progress('no-such-id')).rejects.toThrow(NotFoundError);
  await expect(reader.results('no-such-id')[Symbol.asyncIterator]().next()).rejects.toThrow(NotFoundError);
});

test('reading where nothing is stored leaves no key behind, and finds what is stored elsewhere', async () => {
  await started(1);
  const elsewhere = openReader(required('REDIS_URL'), { ...options, tenant: 'another tenant' });
  try {
    expect((await elsewhere.list()).items).toEqual([]);
    expect(await fixture.redis.exists(`${keyPrefix}:another%20tenant:namespace_:meta`)).toBe(0);
    const { stores, complete } = await elsewhere.stores();
    expect(complete).toBe(true);
    expect(stores.filter((one) => one.keyPrefix === keyPrefix)).toEqual([
      { keyPrefix, tenant: 'tenant', namespace: 'namespace_' },
    ]);
  } finally {
    elsewhere.close();
  }
});

test('a store of a newer format is refused', async () => {
  const base = `${keyPrefix}:newer:namespace_`;
  await fixture.redis.set(`${base}:meta`, '99');
  const newer = openReader(required('REDIS_URL'), { ...options, tenant: 'newer' });
  try {
    await expect(newer.list()).rejects.toThrow(StoreFormatError);
  } finally {
    newer.close();
  }
});

test('wrong options are refused', () => {
  expect(() => openReader('redis://x', { tenant: '' })).toThrow('tenant: expected the id of a Hatchet tenant');
  expect(() => openReader('redis://x', { tenant: 'a', keyPrefix: '{' })).toThrow(ConfigurationError);
  expect(() => reader.watch('id', { intervalMs: 0 })).toThrow('intervalMs');
});
