import { StoreError } from '../../src';
import { eventually } from '../helpers/fixture';
import { Faults } from '../helpers/faults';
import { HalfOpenProxy } from '../helpers/half-open-proxy';
import { OwnRedis } from '../helpers/own-redis';
import { RedisBatch } from '../helpers/redis-batch';
import { thrownBy } from '../helpers/refusals';

let server: OwnRedis;
let proxy: HalfOpenProxy;
let faults: Faults;
let batch: RedisBatch;

beforeEach(async () => {
  server = await OwnRedis.open();
  proxy = await HalfOpenProxy.open(server.port);
  faults = new Faults({ leaseMs: 1_000, reconcileIntervalMs: 300, commandTimeoutMs: 1_000 }, proxy.url);
  batch = new RedisBatch(faults);
  await faults.worker(batch.tasks);
});
afterEach(async () => {
  // The test's own client has to find out as well, before it removes its keys.
  faults.redis.disconnect(true);
  await faults.close();
  await proxy.close();
  await server.close();
});

test('a batch has exactly the expected results when its connections to Redis are silently lost', async () => {
  await batch.start();
  for (const begun of [10, 40]) {
    await batch.begun(begun);
    proxy.swallow();
  }
  await batch.check();
});

test('a batch has exactly the expected results when new connections are silently lost too', async () => {
  await batch.start();
  await batch.begun(10);
  proxy.swallow(true);
  const before = proxy.accepted;
  await eventually('it has retried more than once', () => proxy.accepted >= before + 3);
  proxy.letNewThrough();
  await batch.check();
});

test('a call is refused with a StoreError, and the next ones go through a new connection', async () => {
  const { mage } = faults;
  const item = await mage.sign('work', { n: 1 });
  expect(await item.status()).toBe('pending');
  proxy.swallow();
  // Longer than the whole test for whatever waits for the lost connection to say something.
  expect(await thrownBy(() => item.status())).toBeInstanceOf(StoreError);
  await eventually('calls are answered again', async () => (await item.status()) === 'pending');
});

test('a caller that waits for an end gets it although the hints are lost', async () => {
  const swarm = await faults.mage.swarm({ tasks: [['work', { n: 1, hold: 'end' }]], isSwarmClosed: true });
  const output = swarm.run();
  await batch.begun(1);
  proxy.swallow();
  batch.open('end');
  expect(await output).toEqual([{ n: 1 }]);
});
