import { eventually, Fixture, gate } from '../helpers/fixture';
import { cancelByHand } from '../helpers/runs';

// Workers of the plain SDK that come late, wait, or whose runs end quickly. Killed ones are in python-tasks.long.test.ts: what a
// plain worker is written in makes no difference to the events about it.
const fixture = new Fixture({ leaseMs: 3_600_000 });
const { mage, hatchet } = fixture;
const open = gate();
let begun = 0;

const quick = hatchet.task({ name: 'quick', fn: async ({ n }: { n: number }) => ({ n }) });
const held = hatchet.task({
  name: 'held',
  fn: async ({ n }: { n: number }) => {
    begun += 1;
    await open.opened;
    return { n };
  },
});
const sleeper = hatchet.durableTask({
  name: 'sleeper',
  fn: async ({ n }: { n: number }, ctx) => {
    await ctx.sleepFor('1s');
    return { n };
  },
});
const workflows = [quick, held, sleeper];
const closed = { isSwarmClosed: true } as const;

async function serve() {
  const worker = await hatchet.worker('plain-worker', { workflows, handleKill: false });
  const running = worker.start();
  await worker.waitUntilReady(120_000);
  return async () => {
    await worker.stop();
    await running;
  };
}

beforeAll(async () => {
  const stop = await serve();
  await stop();
});
afterAll(() => fixture.close());

test('an item that is published while no plain worker is there runs when one comes', async () => {
  const swarm = await mage.swarm({ tasks: [[quick, { n: 1 }]], ...closed });
  const { output } = await swarm.runNoWait();
  fixture.onClose(await serve());
  expect(await output).toEqual([{ n: 1 }]);
});

test('the end of an unwrapped item is noticed at once, not when it is certain that an unknown run will never be', async () => {
  const { watcher } = (mage as unknown as { kernel: { watcher: { after: () => Promise<void> } } }).kernel;
  const after = watcher.after;
  watcher.after = () => new Promise(() => undefined);
  const tasks = [1, 2, 3].map((n) => [quick, { n }] as const);
  const swarm = await mage.swarm({ tasks, config: { maxConcurrency: 1 }, ...closed });
  expect(await swarm.run()).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  watcher.after = after;
});

test('an unwrapped durable item is waited for while it sleeps', async () => {
  const swarm = await mage.swarm({ tasks: [[sleeper, { n: 1 }]], ...closed });
  expect(await swarm.run()).toEqual([{ n: 1 }]);
});

test('an unwrapped item that a person cancels while it runs fails, and its slot is handed on', async () => {
  const swarm = await mage.swarm({
    tasks: [
      [held, { n: 1 }],
      [quick, { n: 2 }],
    ],
    config: { maxConcurrency: 1 },
    ...closed,
  });
  const { output } = await swarm.runNoWait();
  await eventually('it runs', () => begun === 1);
  const runId = await eventually('the engine lists it', async () => {
    const { rows } = await hatchet.runs.list({ additionalMetadata: { 'mageflow.swarm': swarm.id } });
    return rows?.[0]?.metadata.id;
  });
  await cancelByHand(hatchet, runId);
  expect(await output).toEqual([{ n: 2 }]);
  open.open();
  expect(await swarm.progress()).toMatchObject({ succeeded: 1, failed: 1 });
});
