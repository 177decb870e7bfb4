import { Redis } from 'ioredis';
import { eventually } from '../helpers/fixture';
import { Faults } from '../helpers/faults';
import { OwnRedis } from '../helpers/own-redis';

let server: OwnRedis;
let faults: Faults;
let admin: Redis;

beforeAll(async () => {
  server = await OwnRedis.open();
  faults = new Faults({ leaseMs: 1_000, reconcileIntervalMs: 300, commandTimeoutMs: 500 }, server.url);
  admin = new Redis(server.url);
  await faults.worker(faults.recorder.tasks(faults.mage));
});
afterAll(async () => {
  admin.disconnect();
  await faults.close();
  await server.close();
});

const items = 60;
const limit = 5;
let first = 0;

/** Runs a swarm and upsets Redis each time that some more items have begun. */
async function upset(upsetting: () => Promise<unknown>) {
  const from = first;
  first += items;
  const callbacks = (await faults.recorder.stamps('callback')).length;
  const swarm = await faults.mage.swarm({
    tasks: Array.from(
      { length: items },
      (_, i) => ['stamp', { n: from + i, ms: 20, ...(i < limit ? { gate: `from ${from}` } : {}) }] as const,
    ),
    successCallbacks: ['done'],
    config: { maxConcurrency: limit },
    isSwarmClosed: true,
  });
  await swarm.runNoWait();
  for (const begun of [limit, 15, 25, 35, 45]) {
    await eventually(`${begun} items have begun`, async () => (await faults.recorder.started()).length >= from + begun);
    await upsetting();
    await faults.recorder.open(`from ${from}`);
  }
  await eventually('the swarm has ended', async () => (await swarm.status().catch(() => '')) === 'succeeded');
  expect(await swarm.progress()).toMatchObject({ total: items, succeeded: items, failed: 0, running: 0 });
  const started = (await faults.recorder.started()).slice(from).sort((a, b) => a - b);
  expect(started).toEqual(Array.from({ length: items }, (_, i) => from + i));
  expect(await faults.recorder.mostAtOnce(from)).toBe(limit);
  await eventually('the callback ran', async () => (await faults.recorder.stamps('callback')).length > callbacks);
  expect((await faults.recorder.stamps('callback')).length).toBe(callbacks + 1);
}

test('a swarm goes on when Redis forgets all scripts', () => upset(() => admin.script('FLUSH')));

test('a swarm goes on when all its connections are cut', () =>
  upset(() => admin.call('CLIENT', 'KILL', 'TYPE', 'normal')));

test('a swarm goes on when Redis answers too late, and what took effect meanwhile does so once', () =>
  upset(() => admin.call('CLIENT', 'PAUSE', '700', 'ALL')));

test('a swarm goes on when Redis is killed and started again with its data', () =>
  upset(async () => {
    await server.stop();
    await server.start();
  }));
