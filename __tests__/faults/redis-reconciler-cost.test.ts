import { Redis } from 'ioredis';
import { eventually, Fixture, newHatchet } from '../helpers/fixture';
import { OwnRedis } from '../helpers/own-redis';

const leaseMs = 1_000;
const reconcileIntervalMs = 500;
const swarms = 200;
const processes = 3;
/** Of one look at a group in which nothing is under way, and of one pass of a process, those inside of scripts included. */
const commandsOf = { look: 9, pass: 40 };

let server: OwnRedis;
let admin: Redis;
let fixture: Fixture;

beforeAll(async () => {
  server = await OwnRedis.open();
  admin = new Redis(server.url);
  fixture = new Fixture({ leaseMs, reconcileIntervalMs }, newHatchet(), server.url);
});
afterAll(async () => {
  admin.disconnect();
  await fixture.close();
  await server.close();
});

async function commands(): Promise<number> {
  const info = await admin.info('commandstats');
  return [...info.matchAll(/:calls=(\d+)/g)].reduce((sum, [, calls]) => sum + Number(calls), 0);
}

async function redisTime(): Promise<number> {
  const [seconds, micros] = await admin.time();
  return Number(seconds) * 1000 + Number(micros) / 1000;
}

test('reconciling groups that wait for something costs a bounded number of commands, whoever looks after them', async () => {
  const { mage } = fixture;
  for (let n = 0; n < swarms; n++) {
    const swarm = await mage.swarm({ name: `waits ${n}` });
    await swarm.runNoWait();
    if (n % 2 === 1) await swarm.suspend();
  }
  const instances = [
    mage,
    ...Array.from({ length: processes - 1 }, () => fixture.another({ leaseMs, reconcileIntervalMs })),
  ];
  for (const instance of instances) instance.startReconciler();
  const settled = await redisTime();
  await eventually('each group was looked at', async () => (await redisTime()) - settled > 3 * leaseMs);

  const [before, from] = [await commands(), await redisTime()];
  await eventually('some more looks', async () => (await redisTime()) - from > 6 * leaseMs);
  const [after, elapsed] = [await commands(), (await redisTime()) - from];
  const looks = swarms * (elapsed / (2 * leaseMs) + 1);
  const passes = processes * (elapsed / (0.75 * reconcileIntervalMs) + 1);
  const asked = elapsed / 20;
  expect(after - before).toBeLessThan(looks * commandsOf.look + passes * commandsOf.pass + asked);
  // They are looked at all the same.
  expect(after - before).toBeGreaterThan(swarms);
});
