import type { Redis } from 'ioredis';
import { StoreFixture } from '../../helpers/store';

// How calls share the connection to Redis.
const fixture = new StoreFixture();
const { connection } = fixture;
afterAll(() => fixture.close());

test('gives an answer when it has come, also when others that were sent with it have not', async () => {
  const key = `${fixture.keyPrefix}:slow`;
  const quick = connection.use('hget', (client) => client.hget(`${key}:not`, 'there'));
  const slow = connection.use('blpop', (client) => client.blpop(key, 3));
  expect(await quick).toBeNull();
  // Sent while the slow one is still under way: it is the connection's, not Redis's, turn to wait for it.
  const later = connection.use('hget', (client) => client.hget(`${key}:not`, 'there'));
  await fixture.redis.rpush(key, 'released');
  expect(await slow).toEqual([key, 'released']);
  expect(await later).toBeNull();
});

test('sends what is asked for in one turn in one piece', async () => {
  const ask = () => connection.use('hget', (client) => client.hget(`${fixture.keyPrefix}:not`, 'there'));
  await ask();
  const { stream } = connection.client as Redis;
  const asked = [ask(), ask(), ask()];
  expect([stream.writableCorked, stream.writableLength > 0]).toEqual([1, true]);
  await Promise.all(asked);
  expect([stream.writableCorked, stream.writableLength]).toEqual([0, 0]);
});
