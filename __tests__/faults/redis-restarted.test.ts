import { Redis } from 'ioredis';
import { Faults } from '../helpers/faults';
import { OwnRedis } from '../helpers/own-redis';
import { RedisBatch } from '../helpers/redis-batch';

// Redis writes each command to its disk before it answers: whatever happens to it, what was answered is not lost.
let server: OwnRedis;
let admin: Redis;
let faults: Faults;
let batch: RedisBatch;

beforeEach(async () => {
  server = await OwnRedis.open();
  admin = new Redis(server.url);
  admin.on('error', () => undefined);
  faults = new Faults({ leaseMs: 1_000, reconcileIntervalMs: 300, commandTimeoutMs: 2_000 }, server.url);
  batch = new RedisBatch(faults);
  await faults.worker(batch.tasks);
});
afterEach(async () => {
  admin.disconnect();
  await faults.close();
  await server.close();
});

/** Upsets Redis each time that some more bodies have begun. */
async function upset(upsetting: () => Promise<unknown>): Promise<void> {
  await batch.start();
  for (const begun of [8, 25, 45, 65]) {
    await batch.begun(begun);
    await upsetting();
  }
  await batch.check();
  expect(batch.gauge.max).toBe(batch.limit);
}

test('nothing is lost, stuck or done twice when Redis is killed and started again with its data', async () => {
  await upset(async () => {
    await server.stop();
    await server.start();
  });
});

test('nothing is lost, stuck or done twice when Redis loses all its scripts', async () => {
  await upset(() => admin.script('FLUSH'));
});

test('nothing is lost, stuck or done twice when Redis cuts all connections', async () => {
  await upset(() => admin.call('CLIENT', 'KILL', 'TYPE', 'normal'));
});

test('nothing is lost, stuck or done twice when Redis is away for 20 seconds in the middle', async () => {
  await batch.start();
  await batch.begun(20);
  await server.stop();
  // The fault itself lasts that long.
  await new Promise((resolve) => setTimeout(resolve, 20_000));
  await server.start();
  await batch.check();
});
