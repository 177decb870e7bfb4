import type { Redis } from 'ioredis';
import { DeadConnections } from '../../../src/store/dead-connections';
import { systemClock } from '../../../src/utils/clock';
import { StoreFixture } from '../../helpers/store';

const limitMs = 60_000;
const fixture = new StoreFixture();
const { redis } = fixture;
const dead = new DeadConnections(limitMs, systemClock);
let client: Redis;

beforeAll(async () => {
  client = (redis as Redis).duplicate();
  // ioredis reports the break to whoever listens.
  client.on('error', () => undefined);
  dead.watch(client);
  await client.ping();
});
afterAll(async () => {
  client.disconnect();
  await fixture.close();
});

test('a command that has waited for most of its time limit does not break a new connection under the others', async () => {
  const { stream } = client;
  const sentAt = systemClock.elapsed();
  const owed = client.blpop(`${fixture.keyPrefix}:none`, 0.2);
  dead.breakSince(sentAt, client);
  expect(stream.destroyed).toBe(false);
  expect(await owed).toBeNull();
  expect(client.stream).toBe(stream);
});

test('a connection that has owed a reply for the whole limit is broken, and replaced', async () => {
  const { stream } = client;
  const owed = client.blpop(`${fixture.keyPrefix}:none`, 60);
  owed.catch(() => undefined);
  // As if nothing had come since long before the command was sent.
  (dead as unknown as { receivedAt: WeakMap<object, number> }).receivedAt.set(stream, -3 * limitMs);
  dead.breakSince(systemClock.elapsed() - limitMs, client);
  expect(stream.destroyed).toBe(true);
  await new Promise((resolve) => client.once('ready', resolve));
  expect(client.stream).not.toBe(stream);
});
