// What an item costs, counted instead of timed: a guard for what bench/ measures. Each limit is a little above what it takes now.
import { Redis } from 'ioredis';
import type { Swarm } from '../../src';
import { eventually, Fixture, gate, newHatchet } from '../helpers/fixture';
import { OwnRedis } from '../helpers/own-redis';

const limits = {
  /** Calls of scripts, from the start to the end of all. Those that begin or end together share one. */
  scriptsPerItem: 1.6,
  /** Commands of Redis, those inside scripts included. */
  commandsPerItem: 9,
  /** As Redis keeps a few hundred items: in one piece. */
  queuedBytesPerItem: 35,
  finishedBytesPerItem: 52,
  callsToTheEnginePer100Items: 12,
  scriptsPerSmallSwarm: 7.6,
};
const items = 400;
const maxConcurrency = 100;

let server: OwnRedis;
let redis: Redis;
let fixture: Fixture;
/** How many runs each call to the engine held. */
const calls: number[] = [];
/** What the bodies that begin now wait for. */
let wave = gate();
let running = 0;

beforeAll(async () => {
  // A Redis of its own: what is counted here would be mixed up with what other suites do.
  server = await OwnRedis.open('--appendonly', 'no');
  redis = new Redis(server.url);
  const hatchet = newHatchet();
  const publish = hatchet.admin.runWorkflows.bind(hatchet.admin);
  hatchet.admin.runWorkflows = ((runs: Parameters<typeof publish>[0]) => {
    calls.push(runs.length);
    return publish(runs);
  }) as typeof publish;
  fixture = new Fixture({}, hatchet, server.url);
});
afterAll(async () => {
  redis.disconnect();
  await fixture.close();
  await server.close();
});

async function counted(): Promise<{ scripts: number; commands: number }> {
  const found = [...(await redis.info('commandstats')).matchAll(/cmdstat_(\w+)\S*?:calls=(\d+)/g)];
  const sum = (names: (name: string) => boolean) =>
    found.reduce((total, [, name = '', count]) => total + (names(name) ? Number(count) : 0), 0);
  return { scripts: sum((name) => name.startsWith('eval')), commands: sum((name) => name !== 'info') };
}

/** What Redis keeps of a swarm, in bytes. */
async function bytesOf({ id }: { id: string }): Promise<number> {
  const keys = (await fixture.keys()).filter((key) => key.includes(`{${id}}`));
  const sizes = await Promise.all(keys.map((key) => redis.memory('USAGE', key, 'SAMPLES', 0)));
  return sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
}

/** Lets all bodies that may run begin, and then end together, until the swarm is through. */
async function endInWaves(swarm: Swarm<unknown>): Promise<void> {
  for (let done = 0; done < items; done += maxConcurrency) {
    await eventually('all that may run has begun', () => running === maxConcurrency);
    const { open } = wave;
    wave = gate();
    running = 0;
    open();
    await eventually('they have ended', async () => (await swarm.progress()).succeeded >= done + maxConcurrency);
  }
}

test('an item costs few scripts, few commands and bytes, one run and its share of a call to the engine', async () => {
  const { mage } = fixture;
  const item = mage.task({
    name: 'item',
    fn: async ({ n }: { n: number }) => {
      running += 1;
      await wave.opened;
      return { n };
    },
  });
  const report = mage.task({ name: 'report', fn: () => ({}) });
  await fixture.worker([item, report], { slots: maxConcurrency + 10 });
  const swarm = await mage.swarm({
    tasks: Array.from({ length: items }, (_, n) => [item, { n }] as const),
    successCallbacks: [report],
    config: { maxConcurrency },
    isSwarmClosed: true,
  });
  const queued = await bytesOf(swarm);
  calls.length = 0;
  await redis.call('CONFIG', 'RESETSTAT');
  const { output } = await swarm.runNoWait();
  await endInWaves(swarm);
  const { scripts, commands } = await counted();
  await output;
  const finished = await bytesOf(swarm);
  const perItem = {
    scriptsPerItem: scripts / items,
    commandsPerItem: commands / items,
    queuedBytesPerItem: queued / items,
    finishedBytesPerItem: finished / items,
    callsToTheEnginePer100Items: (calls.length / items) * 100,
  };
  const over = Object.entries(perItem).filter(([name, value]) => value > limits[name as keyof typeof limits]);
  expect(over).toEqual([]);
  await eventually('the callback was published', () => calls.reduce((sum, runs) => sum + runs, 0) > items);
  expect(calls.reduce((sum, runs) => sum + runs, 0)).toBe(items + 1);
});

test('swarms that are made at once are entered in few calls', async () => {
  const swarms = 50;
  await redis.call('CONFIG', 'RESETSTAT');
  const options = { tasks: ['anything'], isSwarmClosed: true };
  await Promise.all(Array.from({ length: swarms }, () => fixture.mage.swarm(options)));
  // One for each that writes it, and for all together what enters them.
  expect((await counted()).scripts).toBeLessThan(swarms + 10);
});

test('a small swarm that is run and awaited costs few calls of scripts', async () => {
  const { mage } = fixture;
  const small = mage.task({ name: 'small', fn: () => ({}) });
  await fixture.worker([small]);
  const run = async () => (await mage.swarm({ tasks: [small], isSwarmClosed: true })).run({});
  // From the first wait on, the process hears of ends; and what is sent now and then has been sent.
  await run();
  const swarms = 30;
  await redis.call('CONFIG', 'RESETSTAT');
  for (let n = 0; n < swarms; n++) await run();
  const { scripts } = await counted();
  // It is created, run, claimed and finished; entered in two indexes, which those that are made at once are together; and
  // confirmed when its run is slow to claim it.
  expect(scripts / swarms).toBeLessThan(limits.scriptsPerSmallSwarm);
});
