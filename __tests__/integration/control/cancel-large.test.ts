import type { Redis } from 'ioredis';
import { SwarmFinishedError, type Swarm } from '../../../src';
import { Fixture } from '../../helpers/fixture';
import { OwnRedis } from '../../helpers/own-redis';
import { TaskSet } from '../../helpers/task-set';
import { rejection, statusOf } from '../../helpers/outcomes';

const large = 100_000;

// A Redis of its own: what other suites do there would count as well.
let server: OwnRedis;
let fixture: Fixture;
let taskSet: TaskSet;

beforeAll(async () => {
  server = await OwnRedis.open('--appendonly', 'no');
  // The reconciler looks once, at its start: it would count as well.
  fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 3_600_000 }, undefined, server.url);
  taskSet = new TaskSet(fixture);
  await fixture.worker(taskSet.tasks);
});
afterAll(async () => {
  await fixture.close();
  await server.close();
});

/** How many commands Redis carried out meanwhile, those inside scripts too. */
async function commandsOf(redis: Redis, work: () => Promise<unknown>): Promise<number> {
  await redis.call('CONFIG', 'RESETSTAT');
  await work();
  const info = await redis.info('commandstats');
  return [...info.matchAll(/^cmdstat_[^:]+:calls=(\d+)/gm)].reduce((sum, [, calls]) => sum + Number(calls), 0);
}

/** A swarm with this many items that wait, and one that runs. */
async function swarmOf(label: string, waiting: number): Promise<Swarm<unknown>> {
  const swarm = await fixture.mage.swarm({
    tasks: [[taskSet.work, { label, untilCancelled: true }]],
    errorCallbacks: [await fixture.mage.sign(taskSet.callback, { label: `${label} told` })],
    successCallbacks: [await fixture.mage.sign(taskSet.callback, { label: `${label} never` })],
    config: { maxConcurrency: 1 },
  });
  const entries = Array.from({ length: waiting }, () => [taskSet.work, { label: `${label} never` }] as const);
  expect(await swarm.addTasks(entries)).toBe(waiting);
  await swarm.runNoWait({});
  await taskSet.started(label);
  return swarm;
}

test('100,000 waiting items are cancelled by one call, with as few commands as ten', async () => {
  const { redis } = fixture;
  const few = await swarmOf('few', 10);
  const many = await swarmOf('many', large);
  expect(await many.progress()).toMatchObject({ running: 1, queued: large, cancelled: 0 });

  const small = await commandsOf(redis, () => few.cancel());
  expect(small).toBeGreaterThan(0);
  // Bodies end, and are waited for, meanwhile.
  expect(await commandsOf(redis, () => many.cancel())).toBeLessThan(small + 200);
  expect(await many.progress()).toMatchObject({ total: large + 1, queued: 0, waiting: 0 });
  await statusOf(many, 'cancelled');
  expect(await many.progress()).toMatchObject({ cancelled: large + 1, running: 0, succeeded: 0, closed: true });

  const { input } = await taskSet.onlyExecution('many told', many);
  expect(input['error']).toMatchObject({ message: expect.stringContaining('was cancelled') as string });
  expect(taskSet.executions('many never')).toEqual([]);
  expect(await rejection(many.addTask(taskSet.work))).toBeInstanceOf(SwarmFinishedError);

  const seen = new Uint8Array(large + 1);
  let others = 0;
  for await (const { index, status, output } of many.results()) {
    seen[index] = (seen[index] ?? 0) + 1;
    if (status !== 'cancelled' || output !== undefined) others += 1;
  }
  expect(others).toBe(0);
  expect(seen.every((times) => times === 1)).toBe(true);
  await many.remove();
}, 600_000);
