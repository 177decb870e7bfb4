import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Swarm } from '../../src';
import { resolveOptions } from '../../src/config/options';
import { eventually, Log } from '../helpers/fixture';
import { Faults } from '../helpers/faults';
import { closedPort } from '../helpers/own-redis';

// The promise is one of the default settings.
const faults = new Faults({});
const { mage, recorder } = faults;
const promisedMs = 30_000;

beforeAll(() => faults.worker(recorder.tasks(mage)));
afterAll(() => faults.close());

/** Redis's own time, by which leases run. */
async function now(redis: Redis): Promise<number> {
  const [seconds, micros] = await redis.time();
  return Number(seconds) * 1000 + Number(micros) / 1000;
}

test('a lease and the time between two looks are well below what is promised', () => {
  const { leaseMs, reconcileIntervalMs } = resolveOptions({}, new Log());
  expect(2 * leaseMs + reconcileIntervalMs).toBeLessThan(promisedMs);
});

test('what a dead process was granted, and what the engine lost, begins within half a minute', async () => {
  const unreachable = { HATCHET_CLIENT_HOST_PORT: `127.0.0.1:${await closedPort()}` };
  const client = await faults.process({ role: 'client', items: 3, maxConcurrency: 3 }, unreachable);
  const { id } = await client.lineOf('swarm');
  const granted = await mage.load<Swarm<{ n: number }>>(String(id));
  await eventually('the client holds its grants', async () => (await granted.progress()).running === 3);

  const lost = await mage.swarm({ tasks: [['stamp', { n: 100 }]], isSwarmClosed: true });
  const { store } = faults.deadProcess();
  await store.run(lost.id, '{}');
  await store.confirm(lost.id, ['0', randomUUID()]);
  // One that has said just before its death that it is alive.
  const left = await mage.swarm({ tasks: [['stamp', { n: 101 }]], isSwarmClosed: true });
  const recent = faults.deadProcess().store;
  await recent.run(left.id, '{}');
  await recent.beat();
  await client.kill();
  const from = await now(faults.redis);

  expect(await faults.ended(granted)).toBe('succeeded');
  expect(await faults.ended(lost)).toBe('succeeded');
  expect(await faults.ended(left)).toBe('succeeded');
  // What follows from the settings is half of it: the rest is for a slow machine.
  expect((await now(faults.redis)) - from).toBeLessThan(promisedMs);
  expect((await recorder.started()).sort((a, b) => a - b)).toEqual([0, 1, 2, 100, 101]);
});
