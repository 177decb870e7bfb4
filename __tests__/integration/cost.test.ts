// What an item costs, counted instead of timed: a guard for what bench/ measures. Each limit is a little above what it takes now.
import { Redis } from 'ioredis';
import { CallLog, isScript, sums, type Sums } from '../helpers/call-log';
import { eventually, Fixture, gate, newHatchet } from '../helpers/fixture';
import { OwnRedis } from '../helpers/own-redis';

// Nothing of it depends on how fast the machine is: calls that begin or end together share a script or not as they happen to
// come, so that what is counted is each script's own cost, and what the clock drives is left out.
const limits = {
  /** Commands inside the scripts by which an item begins and ends, at most: those that share a script cost fewer. */
  commandsPerItem: 7,
  /** As Redis keeps a few hundred items: in one piece. */
  queuedBytesPerItem: 35,
  finishedBytesPerItem: 68,
  /** Of the scripts of one small swarm; one of them reads the message that bodies find in their context. */
  commandsPerSmallSwarm: 66,
};
/** Called now and then, however much there is to do. */
const byTheClock = ['confirm', 'takeDue', 'due', 'renew', 'seen', 'announce', 'notePass', 'served', 'lifetimes'];
/** Scripts that only read count as the commands in whose place they stand. */
const reading = ['heads', 'someResults'];
const items = 400;
const maxConcurrency = 100;
const waves = items / maxConcurrency;

let server: OwnRedis;
let redis: Redis;
let log: CallLog;
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
  log = await CallLog.open(server.url);
  const hatchet = newHatchet();
  const publish = hatchet.admin.runWorkflows.bind(hatchet.admin);
  hatchet.admin.runWorkflows = ((runs: Parameters<typeof publish>[0]) => {
    calls.push(runs.length);
    return publish(runs);
  }) as typeof publish;
  fixture = new Fixture({}, hatchet, server.url);
});
afterAll(async () => {
  log.close();
  redis.disconnect();
  await fixture.close();
  await server.close();
});

/** What was called meanwhile: scripts apart from those that the clock drives, and how many commands besides, which it drives too. */
async function called(work: () => Promise<unknown>): Promise<{ scripts: Sums; plain: number }> {
  const made = await log.during(work);
  const scripts = made.filter(({ name }) => isScript(name) && !reading.includes(name));
  return {
    scripts: sums(scripts.filter(({ name }) => !byTheClock.includes(name))),
    plain: made.length - scripts.length,
  };
}

/** What Redis keeps of a swarm, in bytes. */
async function bytesOf({ id }: { id: string }): Promise<number> {
  const keys = (await fixture.keys()).filter((key) => key.includes(`{${id}}`));
  const sizes = await Promise.all(keys.map((key) => redis.memory('USAGE', key, 'SAMPLES', 0)));
  return sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
}

/** Lets all bodies that may run begin, and then end together, until the swarm is through. */
async function endInWaves(): Promise<void> {
  for (let n = 0; n < waves; n++) {
    // Asks no Redis: what is counted meanwhile is the library's own.
    await eventually('all that may run has begun', () => running === maxConcurrency);
    const { open } = wave;
    wave = gate();
    running = 0;
    open();
  }
}

test('an item costs two calls of few commands, few bytes, one run and its share of a call to the engine', async () => {
  const { mage } = fixture;
  const reported = gate();
  const item = mage.task({
    name: 'item',
    fn: async ({ n }: { n: number }) => {
      running += 1;
      await wave.opened;
      return { n };
    },
  });
  const report = mage.task({ name: 'report', fn: () => reported.open() });
  await fixture.worker([item, report], { slots: maxConcurrency + 10 });
  const swarm = await mage.swarm({
    tasks: Array.from({ length: items }, (_, n) => [item, { n }] as const),
    successCallbacks: [report],
    config: { maxConcurrency },
    isSwarmClosed: true,
  });
  const queued = await bytesOf(swarm);
  calls.length = 0;
  const { scripts, plain } = await called(async () => {
    await swarm.runNoWait();
    await endInWaves();
    await reported.opened;
  });
  const finished = await bytesOf(swarm);
  // The swarm itself is entered among those that are looked after, at its start and at its end.
  const { start, finish, run, register, ...others } = scripts;
  expect(others).toEqual({});
  // Items that begin at once share a call as far as the engine hands them out at once: at most each has its own.
  expect(start?.calls).toBeLessThanOrEqual(items + 1);
  // Those that end at once share one, 50 each.
  expect(finish?.calls).toBeLessThanOrEqual(3 * waves);
  expect((run?.calls ?? 0) + (register?.calls ?? 0)).toBeLessThanOrEqual(waves);
  expect(plain).toBeLessThan(items / 2);
  expect(((start?.commands ?? 0) + (finish?.commands ?? 0)) / items).toBeLessThan(limits.commandsPerItem);
  expect(queued / items).toBeLessThan(limits.queuedBytesPerItem);
  expect(finished / items).toBeLessThan(limits.finishedBytesPerItem);
  // What the items that end together make room for is published together.
  expect(calls.length).toBeLessThanOrEqual((finish?.calls ?? 0) + 1);
  expect(calls.reduce((sum, runs) => sum + runs, 0)).toBe(items + 1);
});

test('swarms that are made at once are entered in one call', async () => {
  const swarms = 50;
  const options = { tasks: ['anything'], isSwarmClosed: true };
  const made = await called(() => Promise.all(Array.from({ length: swarms }, () => fixture.mage.swarm(options))));
  expect([made.scripts['indexGroup']?.calls, made.scripts['create']?.calls]).toEqual([1, swarms]);
});

test('a small swarm that is run and awaited costs six calls of scripts', async () => {
  const { mage } = fixture;
  const small = mage.task({ name: 'small', fn: () => ({}) });
  await fixture.worker([small]);
  const run = async () => (await mage.swarm({ tasks: [small], isSwarmClosed: true })).run({});
  // From the first wait on, the process subscribes to ends.
  await run();
  const swarms = 30;
  const found = await called(async () => {
    for (let n = 0; n < swarms; n++) await run();
  });
  // It is entered in two indexes, created, run, claimed and finished; a confirmation is sent only when a run is slow to claim it.
  expect(Object.entries(found.scripts).map(([name, { calls: made }]) => [name, made / swarms])).toEqual(
    ['indexGroup', 'create', 'register', 'run', 'start', 'finish'].map((name) => [name, 1]),
  );
  const commands = Object.values(found.scripts).reduce((sum, of) => sum + of.commands, 0);
  expect(commands / swarms).toBeLessThan(limits.commandsPerSmallSwarm);
});
