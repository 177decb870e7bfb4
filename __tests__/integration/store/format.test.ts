import type { Redis } from 'ioredis';
import { StoreFormatError } from '../../../src';
import { composed } from '../../../src/orchestrator/unpublishable';
import { checkFormat, storageFormat } from '../../../src/store/format';
import { GroupReader } from '../../../src/store/group-reader';
import { GroupStore } from '../../../src/store/group-store';
import { StoreFixture } from '../../helpers/store';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
let fixture: StoreFixture;
let meta: string;

beforeEach(() => {
  fixture = new StoreFixture();
  meta = fixture.store.keys.meta();
});
afterEach(() => fixture.close());

/** Ends the connection. The next command uses a new one. */
async function reconnect(): Promise<void> {
  const { client } = fixture.connection;
  const again = new Promise((resolve) => client.once('ready', resolve));
  client.disconnect(true);
  await again;
}

test('the first command writes the number of the format, which never expires', async () => {
  await fixture.group(1);
  expect(await fixture.redis.get(meta)).toBe(String(storageFormat));
  expect(await fixture.redis.pttl(meta)).toBe(-1);
  expect(await fixture.keyFaults()).toEqual([]);
});

test('a number that expires is found by the check of keys', async () => {
  await fixture.group(1);
  await fixture.redis.pexpire(meta, 60_000);
  expect(await fixture.keyFaults()).toEqual([expect.stringMatching(/:meta expires in \d+ ms, and has to stay$/)]);
});

test('a newer format refuses every call before anything is written, and names what to do', async () => {
  await fixture.redis.set(meta, storageFormat + 1);
  await expect(fixture.group(1)).rejects.toThrow(StoreFormatError);
  await expect(fixture.reader.snapshot('any')).rejects.toThrow(
    `${meta}: expected a storage format up to ${storageFormat}, which this version of mageflow reads, got ${storageFormat + 1}. Update mageflow in this process, or use another keyPrefix.`,
  );
  expect(await fixture.keys()).toEqual([meta]);
});

test.each(['', '0', '-1', '1.5', ' 1', '1e9', 'one', '9'.repeat(30)])(
  'the value %p is no number of a format, and refuses every call',
  async (value) => {
    await fixture.redis.set(meta, value);
    await expect(fixture.group(1)).rejects.toThrow(/expected the number of a storage format, got ".*keyPrefix/);
    expect(await fixture.redis.get(meta)).toBe(value);
  },
);

test('a key of another type in place of the number refuses every call', async () => {
  await fixture.redis.hset(meta, 'format', '1');
  await expect(fixture.group(1)).rejects.toThrow('got "a value of another type"');
});

test('a format that was raised is noticed when the reconciler checks again, and when it is gone', async () => {
  const group = await fixture.group(1);
  await fixture.redis.set(meta, storageFormat + 1);
  // No command asks for the number.
  expect((await group.snapshot()).total).toBe(1);
  await expect(fixture.connection.recheck()).rejects.toThrow(StoreFormatError);
  await expect(group.snapshot()).rejects.toThrow(StoreFormatError);
  await fixture.redis.set(meta, storageFormat);
  await fixture.connection.recheck();
  expect((await group.snapshot()).total).toBe(1);
});

test('a format that was raised is noticed at the next connection', async () => {
  const group = await fixture.group(1);
  await fixture.redis.set(meta, storageFormat + 1);
  await reconnect();
  await expect(group.snapshot()).rejects.toThrow(StoreFormatError);
});

test('the number is written again after Redis was flushed', async () => {
  await fixture.group(1);
  await fixture.redis.unlink(meta);
  await reconnect();
  await fixture.group(1);
  expect(await fixture.redis.get(meta)).toBe(String(storageFormat));
  await fixture.redis.unlink(meta);
  await fixture.connection.recheck();
  expect(await fixture.redis.get(meta)).toBe(String(storageFormat));
});

test('a newer version raises the number, and the older one is refused from then on', async () => {
  const group = await fixture.group(1);
  await checkFormat(fixture.connection.client, meta, silent, storageFormat + 1);
  expect(await fixture.redis.get(meta)).toBe(String(storageFormat + 1));
  await expect(fixture.connection.recheck()).rejects.toThrow(StoreFormatError);
  await expect(group.snapshot()).rejects.toThrow(StoreFormatError);
  // An older version never lowers it.
  await expect(checkFormat(fixture.connection.client, meta, silent)).rejects.toThrow(StoreFormatError);
  expect(await fixture.redis.get(meta)).toBe(String(storageFormat + 1));
});

test('a second store on a connection has its own format checked', async () => {
  const group = await fixture.group(1);
  await fixture.redis.set(meta, storageFormat + 1);
  const second = new GroupStore(fixture.connection, fixture.store.settings, 'tenant', 'namespace_');
  await expect(new GroupReader(second).snapshot(group.id)).rejects.toThrow(StoreFormatError);
});

test('a publication is not counted as failed because the format is newer', async () => {
  const refusal = new StoreFormatError('newer');
  await expect(composed(() => Promise.reject(refusal))).rejects.toBe(refusal);
});

test('of several processes that start at once, one writes the number and none is refused', async () => {
  const clients = Array.from({ length: 5 }, () => (fixture.redis as Redis).duplicate());
  try {
    await Promise.all(clients.map((client) => checkFormat(client, meta, silent)));
    expect(await fixture.redis.get(meta)).toBe(String(storageFormat));
  } finally {
    for (const client of clients) client.disconnect();
  }
});

test('commands after the first ask for no number', async () => {
  await fixture.group(1);
  const sent = jest.spyOn(fixture.connection.client, 'sendCommand');
  const group = await fixture.group(3, {}, { message: '{}' });
  await group.execute('0');
  const asked = sent.mock.calls.map(([{ args }]) => args.flat());
  expect(asked.length).toBeGreaterThan(2);
  expect(asked.filter((args) => args.includes(meta))).toEqual([]);
  await fixture.connection.recheck();
  expect(sent.mock.calls.some(([{ args }]) => args.includes(meta))).toBe(true);
});
