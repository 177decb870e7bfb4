import { faultPoints } from '../../src/utils/fault-points';
import { eventually, Fixture, gate } from '../helpers/fixture';

// How a process learns of the ends that it waits for.
const fixture = new Fixture();
const { mage } = fixture;
let held = gate();
fixture.onRelease(() => held.open());
const item = mage.task({
  name: 'waited-for',
  fn: async ({ n, hold = false }: { n: number; hold?: boolean }) => {
    if (hold) await held.opened;
    if (n < 0) throw new Error('negative');
    return n;
  },
});
const texts = mage.task({ name: 'texts', fn: ({ text }: { text: string }) => text });

beforeAll(() => fixture.worker([item, texts]));
beforeEach(async () => {
  held = gate();
  // From the first wait on, the process subscribes to ends.
  await (await mage.swarm({ tasks: [[item, { n: 0 }]], isSwarmClosed: true })).run({});
  await eventually('the channel is there', async () => (await channels()).length > 0);
});
afterEach(() => delete faultPoints.hook);
afterAll(() => fixture.close());

/** What anybody listens to. */
async function channels(): Promise<string[]> {
  return (await fixture.redis.pubsub('CHANNELS', `${fixture.keyPrefix}:*`)) as string[];
}

/** The calls to Redis that read results, from now on. */
function readings(): string[] {
  const made: string[] = [];
  faultPoints.hook = (point) => {
    if (/^before redis (hmget|hget)$/.test(point)) made.push(point);
  };
  return made;
}

const holding = () => mage.swarm({ tasks: [[item, { n: 1, hold: true }]], isSwarmClosed: true });

test('waits for all that it has started on one channel', async () => {
  const swarms = [await holding(), await holding()];
  const outputs = swarms.map((swarm) => swarm.run({}));
  const task = (await mage.sign(item, { n: 2, hold: true })).run();
  await eventually('all run', async () =>
    (await Promise.all(swarms.map((swarm) => swarm.progress()))).every(({ running }) => running === 1),
  );
  expect(await channels()).toEqual([expect.stringMatching(/:ends:[\w-]+$/)]);
  held.open();
  expect(await Promise.all([...outputs, task])).toEqual([[1], [1], 2]);
});

test('a handle gives the output of a swarm that ended before anybody waited', async () => {
  const swarm = await holding();
  const handle = await swarm.runNoWait({});
  held.open();
  await eventually('it has ended', async () => (await swarm.status()) === 'succeeded');
  expect(await handle.output).toEqual([1]);
});

test('results of a swarm that another instance has started end when it ends', async () => {
  const swarm = await holding();
  await swarm.runNoWait({});
  const loaded = await fixture.another().load<typeof swarm>(swarm.id);
  const ended = (async () => {
    const seen = [];
    for await (const result of loaded.results()) seen.push(result.output);
    return seen;
  })();
  held.open();
  expect(await ended).toEqual([1]);
});

test('loses no end when the connection breaks meanwhile', async () => {
  const swarm = await holding();
  const output = swarm.run({});
  await eventually('it runs', async () => (await swarm.progress()).running === 1);
  await fixture.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  held.open();
  expect(await output).toEqual([1]);
});

test('run receives the outputs of a small swarm with the message about its end', async () => {
  const swarm = await mage.swarm({
    tasks: [
      [item, { n: 1, hold: true }],
      [item, { n: 2 }],
    ],
    isSwarmClosed: true,
  });
  const output = swarm.run({});
  await eventually('one waits for its end', async () => (await swarm.progress()).succeeded === 1);
  const made = readings();
  held.open();
  expect(await output).toEqual([1, 2]);
  expect(made).toEqual([]);
});

test('run reads the outputs of a swarm that are too many for the message about its end', async () => {
  const ns = Array.from({ length: 101 }, (_, n) => n);
  const swarm = await mage.swarm({ tasks: ns.map((n) => [item, { n }] as const), isSwarmClosed: true });
  const made = readings();
  expect(await swarm.run({})).toEqual(ns);
  expect(made.length).toBeGreaterThan(0);
});

test('reads the outputs of a swarm that are too large for the message of its end', async () => {
  const text = 'x'.repeat(5_000);
  const large = await mage.swarm({ tasks: [[texts, { text }]], isSwarmClosed: true });
  expect(await large.run({})).toEqual([text]);
  // A list in a list is only named in there.
  const small = await mage.swarm({ tasks: [[item, { n: 1 }]], isSwarmClosed: true });
  expect(await (await mage.swarm({ tasks: [small], isSwarmClosed: true })).run({})).toEqual([[1]]);
});

test('run returns no outputs that a swarm does not keep, and none of failed items', async () => {
  const options = { isSwarmClosed: true, config: { keepResults: false } };
  expect(await (await mage.swarm({ tasks: [[item, { n: 1 }]], ...options })).run({})).toEqual([]);
  const some = await mage.swarm({
    tasks: [
      [item, { n: 1 }],
      [item, { n: -1 }],
      [item, { n: 2 }],
    ],
    isSwarmClosed: true,
  });
  expect(await some.run({})).toEqual([1, 2]);
});
