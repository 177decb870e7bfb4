import { Redis, type RedisOptions } from 'ioredis';
import { Mageflow, StoreError, type MageflowOptions } from '../../src';
import { eventually, Fixture, Log, newHatchet } from '../helpers/fixture';
import { closedPort, OwnRedis } from '../helpers/own-redis';
import { thrownBy } from '../helpers/refusals';

const hatchet = newHatchet();
const fixture = new Fixture({}, hatchet);
const task = fixture.mage.task({ name: 'item', fn: () => ({ ok: true }) });
const opened: { close: () => Promise<void> }[] = [];

beforeAll(() => fixture.worker([task]));
afterAll(async () => {
  await fixture.close();
  for (const redis of opened) await redis.close();
});

const options: MageflowOptions = { commandTimeoutMs: 1_000, logger: new Log() };

async function openRedis(port: number, ...args: string[]) {
  const redis = await OwnRedis.openAt(port, ...args);
  opened.push(redis);
  return { client: new Redis(redis.url) };
}

async function within<T>(ms: number, call: () => Promise<T>): Promise<T> {
  const before = Date.now();
  try {
    return await call();
  } finally {
    // Some room for a busy machine: the failure that this is about takes ten seconds and more, or never ends.
    expect(Date.now() - before).toBeLessThan(ms + 3_000);
  }
}

describe('an unreachable Redis', () => {
  test.each<[string, Omit<RedisOptions, 'replyMapping'>]>([
    ['the defaults', {}],
    ['no limit of any kind', { maxRetriesPerRequest: null, commandTimeout: 60_000, connectTimeout: 60_000 }],
    ['an offline queue that nobody empties', { enableOfflineQueue: true, maxRetriesPerRequest: null }],
    ['lazyConnect', { lazyConnect: true, maxRetriesPerRequest: null }],
    ['no reconnection', { retryStrategy: () => null, maxRetriesPerRequest: null }],
    ['waits of minutes between reconnections', { retryStrategy: () => 120_000, maxRetriesPerRequest: null }],
    ['a key prefix and auto-pipelining', { keyPrefix: 'own:', enableAutoPipelining: true, maxRetriesPerRequest: null }],
  ])('is a StoreError within commandTimeoutMs with %s, and nothing takes effect later', async (_, given) => {
    const port = await closedPort();
    // ioredis holds the process that long when `disconnect` is called while it has no connection.
    const redis = new Redis({ host: '127.0.0.1', port, disconnectTimeout: 50, ...given });
    redis.on('error', () => undefined);
    const mage = new Mageflow(hatchet, redis, options);
    try {
      const item = await mage.sign(task);
      const calls = [
        () => mage.swarm({ tasks: [task], key: 'lost', isSwarmClosed: true }),
        () => item.runNoWait({}),
        () => mage.load('k.nothing'),
      ];
      const errors = await Promise.all(calls.map((call) => within(1_000, () => thrownBy(call))));
      for (const error of errors) {
        expect(error).toBeInstanceOf(StoreError);
        expect(error.message).toContain('Redis did not carry out');
        expect((error.cause as Error).message).toBeTruthy();
      }
      const { client } = await openRedis(port);
      // The instance works as soon as Redis does, and only what is asked of it from then on is done.
      await eventually('the instance works again', () => mage.swarm({ key: 'later' }));
      const keys = await client.keys('*');
      expect(keys.filter((key) => key.endsWith('}:g'))).toHaveLength(1);
      await expect(item.status()).resolves.toBe('pending');
      await expect(item.run({})).resolves.toEqual({ ok: true });
      client.disconnect();
    } finally {
      await mage.close();
      redis.disconnect();
    }
  });

  test('handed in as a URL', async () => {
    const mage = new Mageflow(hatchet, `redis://127.0.0.1:${await closedPort()}`, options);
    try {
      expect(await within(1_000, () => thrownBy(() => mage.swarm()))).toBeInstanceOf(StoreError);
    } finally {
      await mage.close();
    }
  });
});

describe('a Redis without scripting', () => {
  test('is a StoreError that says so, and nothing is written', async () => {
    const { client } = await openRedis(
      await closedPort(),
      '--rename-command',
      'EVALSHA',
      '',
      '--rename-command',
      'EVAL',
      '',
    );
    const mage = new Mageflow(hatchet, client, options);
    try {
      const item = await mage.sign(task);
      for (const call of [
        () => mage.swarm({ tasks: [task, item] }),
        () => item.runNoWait({}),
        () => mage.swarm({ key: 'x' }),
      ]) {
        const error = await thrownBy(call);
        expect(error).toBeInstanceOf(StoreError);
        expect(error.message).toMatch(/unknown command/i);
        expect(error.message).toContain('scripts');
      }
      // The number of the storage format is written without a script.
      expect(await client.keys('*')).toEqual([expect.stringMatching(/:meta$/)]);
    } finally {
      await mage.close();
      client.disconnect();
    }
  });
});

describe('a Redis that takes no writes', () => {
  test('is a StoreError with its reason, and nothing is left', async () => {
    const { client } = await openRedis(await closedPort(), '--maxmemory', '1', '--maxmemory-policy', 'noeviction');
    const mage = new Mageflow(hatchet, client, options);
    try {
      const error = await thrownBy(() => mage.swarm({ tasks: [task] }));
      expect(error).toBeInstanceOf(StoreError);
      expect(error.message).toContain('OOM');
      expect(await client.keys('*')).toEqual([]);
    } finally {
      await mage.close();
      client.disconnect();
    }
  });
});
