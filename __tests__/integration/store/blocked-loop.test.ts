import type { Redis } from 'ioredis';
import { setImmediate as turn } from 'node:timers/promises';
import { StoreFixture } from '../../helpers/store';

// A body that computes for longer than a time limit: what has come meanwhile is read before anything is taken for missing.
const limitMs = 1_000;
const fixture = new StoreFixture({ commandTimeoutMs: limitMs });
const { connection } = fixture;
afterAll(() => fixture.close());

/** Nothing of this process goes on meanwhile. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

const ask = () => connection.use('hget', (client) => client.hget(`${fixture.keyPrefix}:not`, 'there'));
/** Answered by Redis a moment after it was sent. */
const askSlowly = () => connection.use('blpop', (client) => client.blpop(`${fixture.keyPrefix}:none`, 0.1));

test('a call whose answer comes while the event loop is blocked for longer than the limit gets it', async () => {
  await ask();
  const asked = [askSlowly(), ask()];
  await turn();
  block(1.5 * limitMs);
  expect(await Promise.all(asked)).toEqual([null, null]);
});

test('a connection whose answers wait while the event loop is blocked is kept', async () => {
  await ask();
  const { stream } = connection.client as Redis;
  const asked = askSlowly();
  await turn();
  block(2 * limitMs);
  await asked;
  await ask();
  expect((connection.client as Redis).stream).toBe(stream);
});

test('a call that waits for a connection while the event loop is blocked is carried out', async () => {
  await ask();
  const client = connection.client as Redis;
  client.disconnect(true);
  const asked = ask();
  await turn();
  block(1.5 * limitMs);
  expect(await asked).toBeNull();
});

test('a connection that the event loop has blocked again and again is kept', async () => {
  await ask();
  const { stream } = connection.client as Redis;
  for (let n = 0; n < 3; n++) {
    const asked = askSlowly();
    await turn();
    block(1.2 * limitMs);
    expect(await asked).toBeNull();
  }
  expect((connection.client as Redis).stream).toBe(stream);
});
